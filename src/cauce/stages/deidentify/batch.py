"""De-identify a batch: each instance under its patient's pseudonym, everything committed at once.

What is written before the commit is taken back when something fails on the way; what a crash leaves behind is an object
that no row names, which the sweep removes. Running twice, or two at once, leaves one output an instance.
"""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from cauce.core.errors import CauceError, Refused, StorageFull, StorageUnavailable, Unavailable, told_defect
from cauce.core.identifiers import (
    ObjectId,
    SeriesInstanceUid,
    SopInstanceUid,
    StudyInstanceUid,
    new_object_id,
)
from cauce.core.limits import MIB, Limits
from cauce.core.messages import Deidentified, Header, ProjectRef, Pseudonym, Ruling
from cauce.core.statuses import AttentionCause, Space
from cauce.ports.catalogue import BatchMember, WrittenInstance
from cauce.ports.services import Services
from cauce.stages.deidentify.deidentification import deidentify_instance
from cauce.stages.deidentify.pixels import PixelCleaner
from cauce.stages.deidentify.profile import Profile

if TYPE_CHECKING:
    import hashlib

_CHUNK = 1 * MIB
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class ReadHeader(Protocol):
    """Parses the header of an instance, as validation does."""

    def __call__(self, source: BinaryIO, *, size_bytes: int, limits: Limits) -> Header:
        """Parse the `size_bytes` of a Part 10 file in `source`.

        Raises:
            Refused: it is none that could be taken in.
        """


def deidentify_batch(
    services: Services,
    *,
    batch_pk: int,
    study_pk: int,
    profile: Profile,
    read_header: ReadHeader,
    key: str | None = None,
    pixels: PixelCleaner | None = None,
) -> None:
    """De-identify what of a batch has no output under `profile` yet; what is not proven clean is held back.

    `key` tells these outputs from those under other profiles; without one the profile's name does. `pixels` cleans
    pixels where the profile asks for it.

    Raises:
        IntegrityError: an original is not what was stored. Nothing of the batch is committed.
        Unavailable: a store, the database or the vault does not answer; the same call may succeed later.
    """
    key = key or profile.name
    members = services.work.batch_members(batch_pk, profile=key)
    if not members:
        return
    work = _Batch(services, services.work.project_of(study_pk), profile, read_header, pixels)
    with ExitStack() as undo:
        written = [work.deidentified(member, undo) for member in members]
        try:
            unused = services.work.write_deidentified(written, profile=key)
        except Unavailable:
            undo.pop_all()  # it may have committed all the same: the sweep will know, we do not
            raise
        undo.pop_all()
    for object_id in unused:
        _delete(services, object_id)


class _Batch:
    """What all instances of one call share."""

    def __init__(
        self,
        services: Services,
        project: ProjectRef,
        profile: Profile,
        read_header: ReadHeader,
        pixels: PixelCleaner | None,
    ) -> None:
        self._services = services
        self._project = project
        self._profile = profile
        self._read_header = read_header
        self._pixels = pixels
        self._pseudonyms: dict[tuple[str, str, str], Pseudonym] = {}

    def deidentified(self, member: BatchMember, undo: ExitStack) -> WrittenInstance:
        """Make the output of one instance and store it; `undo` takes it back."""
        if member.ruling is not None and member.ruling.is_rejected:
            return WrittenInstance(version_pk=member.version_pk, outcome=_kept_out(member.ruling))
        pseudonym = self._pseudonym(member)
        services = self._services
        with (
            services.objects.open(Space.ORIGINALS, member.object_id) as original,
            spool_file(services) as made,
        ):
            outcome, header = self._made(original, made, pseudonym, member.ruling)
            if header is None:
                return WrittenInstance(version_pk=member.version_pk, outcome=outcome)
            object_id = new_object_id()
            undo.callback(_delete, services, object_id)
            about = {"version": str(member.version_pk), "profile": self._profile.name}
            made.seek(0)
            digest = sha256()
            services.objects.write(Space.DEIDENTIFIED, object_id, _chunks(made, digest), about=about)
        return WrittenInstance(
            version_pk=member.version_pk,
            outcome=outcome,
            object_id=object_id,
            header=header,
            file_sha256=digest.digest(),
        )

    def _made(
        self, original: BinaryIO, made: BinaryIO, pseudonym: Pseudonym, ruling: Ruling | None
    ) -> tuple[Deidentified, Header | None]:
        """Write the output into `made` and read it back; there is no header where the instance is held back."""
        limits = self._services.limits
        try:
            outcome = deidentify_instance(
                original,
                made,
                pseudonym=pseudonym,
                profile=self._profile,
                limits=limits,
                spool=self._services.spool,
                ruling=ruling,
                pixels=self._pixels,
            )
        except Refused as error:
            return failed(error.detail), None
        except (CauceError, OSError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - a defect that one object meets holds that object, not its batch
            return failed(told_defect(error)), None
        if outcome.cause is not None:
            return outcome, None
        try:
            return outcome, self._read_header(made, size_bytes=outcome.size_bytes, limits=limits)
        except Refused as error:
            return failed(f"What was made of it cannot be read back: {error.detail}"), None

    def _pseudonym(self, member: BatchMember) -> Pseudonym:
        """Return the patient's pseudonym, which the vault has committed before anything is written under it."""
        patient = (member.patient_id, member.issuer_of_patient_id, member.study_instance_uid)
        found = self._pseudonyms.get(patient)
        if found is None:
            found = self._services.vault.pseudonym(
                self._project,
                patient_id=member.patient_id,
                issuer_of_patient_id=member.issuer_of_patient_id,
                study_instance_uid=member.study_instance_uid,
            )
            self._pseudonyms[patient] = found
        return found


def failed(detail: str) -> Deidentified:
    """Return the outcome of what cannot be followed, or not be read back."""
    return _held(AttentionCause.DEIDENTIFICATION_FAILED, detail)


def _kept_out(ruling: Ruling) -> Deidentified:
    """Return the outcome of what a person has rejected: why it was held back at that time."""
    return _held(AttentionCause(ruling.cause), ruling.detail)


def _held(cause: AttentionCause, detail: str) -> Deidentified:
    return Deidentified(
        sop_instance_uid=SopInstanceUid(""),
        series_instance_uid=SeriesInstanceUid(""),
        study_instance_uid=StudyInstanceUid(""),
        cause=cause,
        detail=detail,
    )


@contextmanager
def spool_file(services: Services) -> Iterator[BinaryIO]:
    """Open a temporary file: in memory while small, then without a name in the spool folder."""
    try:
        with tempfile.SpooledTemporaryFile(
            max_size=services.limits.memory_instance_bytes_max, dir=str(services.spool)
        ) as file:
            yield cast("BinaryIO", file)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageFull("The spool folder has no room left.") from error
        raise StorageUnavailable("The spool folder cannot be written.") from error


def _chunks(file: BinaryIO, digest: "hashlib._Hash") -> Iterator[bytes]:
    """Yield what is left of a file, and note it in `digest`."""
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        yield chunk


def _delete(services: Services, object_id: ObjectId) -> None:
    with suppress(Unavailable):  # then it is the sweep's
        services.objects.delete(Space.DEIDENTIFIED, object_id)
