"""Bodies of the worklist service: one data set in the DICOM JSON model."""

from typing import Any, Final

from cauce.api.dicomweb.media_types import DICOM_JSON
from cauce.api.raw.body import Body
from cauce.api.raw.intake import Intake
from cauce.api.raw.multipart import parse_options
from cauce.api.raw.problems import BodyTooLong, UnsupportedMediaType
from cauce.api.raw.request import Request
from cauce.core.limits import MIB
from cauce.readings.work_items.checks import parsed

BODY_BYTES_MAX: Final = 4 * MIB
ACCEPTED: Final = (DICOM_JSON, "application/json")

_TOO_LONG: Final = f"A work item is longer than the {BODY_BYTES_MAX // MIB} MiB that are taken."


def require_json(request: Request, *, may_be_empty: bool = False) -> None:
    """Return if the body is one that is read; it is not looked at.

    Raises:
        UnsupportedMediaType: it is of another kind, such as XML, or compressed as a whole.
        BodyTooLong: its announced length is more than is taken.
    """
    kind, _ = parse_options(request.headers.get("content-type", ""))
    is_empty = may_be_empty and request.content_length in {0, None} and not kind
    if kind not in ACCEPTED and not is_empty:
        raise UnsupportedMediaType(f"Work items are taken as {DICOM_JSON}.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("A body with a Content-Encoding is not taken.")
    if (request.content_length or 0) > BODY_BYTES_MAX:
        raise BodyTooLong(_TOO_LONG)


async def read_dataset(request: Request, intake: Intake, *, may_be_empty: bool = False) -> dict[str, Any]:
    """Return the data set of the body; an empty one where that may be.

    Raises:
        InvalidRequest: it is none.
        BodyTooLong: it is longer than is taken.
    """
    body = bytearray()
    async for chunk in Body(request, limits=intake.limits).chunks():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLong(_TOO_LONG)
    if may_be_empty and not body.strip():
        return {}
    return await intake.ask(parsed, bytes(body))
