"""Try a profile on one original: what would become of it. Nothing is kept, and its patient gets no pseudonym."""

import secrets
from dataclasses import dataclass
from typing import Final

from cauce.core.errors import Refused
from cauce.core.identifiers import ObjectId
from cauce.core.messages import Deidentified, Pseudonym
from cauce.core.statuses import Space
from cauce.ports.services import Services
from cauce.stages.deidentify.batch import ReadHeader, failed, spool_file
from cauce.stages.deidentify.deidentification import deidentify_instance
from cauce.stages.deidentify.pixels import PixelCleaner
from cauce.stages.deidentify.profile import Profile

_NAME: Final = "TRIAL"
_DAYS_MAX: Final = 3650


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What would become of one original: the outcome, and both headers in the DICOM JSON model.

    `after` is empty where the instance would be held back.
    """

    outcome: Deidentified
    before: bytes
    after: bytes = b""


def tried(
    services: Services,
    *,
    object_id: ObjectId,
    profile: Profile,
    read_header: ReadHeader,
    pixels: PixelCleaner | None = None,
) -> Trial:
    """De-identify an original under a pseudonym of the moment, and forget the output.

    Raises:
        NotFound, IntegrityError: the original is gone or damaged.
        Unavailable: the object store does not answer.
    """
    limits = services.limits
    days = (1 + secrets.randbelow(_DAYS_MAX)) * secrets.choice((-1, 1))
    pseudonym = Pseudonym(name=_NAME, uid_secret=secrets.token_bytes(32), date_offset_days=days)
    with services.objects.open(Space.ORIGINALS, object_id) as original, spool_file(services) as made:
        size_bytes = original.seek(0, 2)
        original.seek(0)
        before = read_header(original, size_bytes=size_bytes, limits=limits).dicom_json
        original.seek(0)
        try:
            outcome = deidentify_instance(
                original,
                made,
                pseudonym=pseudonym,
                profile=profile,
                limits=limits,
                spool=services.spool,
                pixels=pixels,
            )
            if outcome.cause is not None:
                return Trial(outcome=outcome, before=before)
            after = read_header(made, size_bytes=outcome.size_bytes, limits=limits).dicom_json
        except Refused as error:
            return Trial(outcome=failed(error.detail), before=before)
    return Trial(outcome=outcome, before=before, after=after)
