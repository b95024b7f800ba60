"""What a client sends and accepts (PS3.18 8.7, RFC 9110 12.5.1)."""

from collections.abc import Iterator

from cauce.api.dicomweb.negotiation import accepted
from cauce.api.raw.multipart import parse_options
from cauce.api.raw.problems import NotAcceptable, UnsupportedMediaType
from cauce.api.raw.request import Request

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"

_RELATED = "multipart/related"
_JSON_RANGES = frozenset({DICOM_JSON, "application/json", "application/*", "*/*"})


def require_json_accepted(request: Request) -> None:
    """Return if the client takes DICOM JSON; the query parameter `accept` goes before the header (PS3.18 8.3.3.1).

    Raises:
        NotAcceptable: it does not.
    """
    accept = accepted(request)
    if accept.strip() and _JSON_RANGES.isdisjoint(_ranges(accept)):
        raise NotAcceptable(f"Answers are {DICOM_JSON}.")


def _ranges(accept: str) -> Iterator[str]:
    """Yield the media types and ranges of an Accept header that are not ruled out."""
    for part in accept.split(","):
        kind, parameters = parse_options(part)
        try:
            is_wanted = float(parameters.get("q", "1")) > 0
        except ValueError:
            is_wanted = True
        if kind and is_wanted:
            yield kind


def is_json_stored(request: Request) -> bool:
    """Tell whether the body is metadata as JSON, with bulk data in parts of their own."""
    kind, parameters = parse_options(request.headers.get("content-type", ""))
    return kind == _RELATED and parameters.get("type", "").lower() == DICOM_JSON


def stored_boundary(request: Request) -> str | None:
    """Return the boundary of a multipart body of instances or of JSON, `None` where the body is one bare instance.

    Raises:
        UnsupportedMediaType: the body is of another kind.
    """
    kind, parameters = parse_options(request.headers.get("content-type", ""))
    if kind == DICOM:
        return None
    # Senders in the field leave the `type` out; then the parts say what they are.
    if kind != _RELATED or parameters.get("type", DICOM).lower() not in {DICOM, DICOM_JSON}:
        raise UnsupportedMediaType(
            f'Instances come as {_RELATED}; type="{DICOM}" or "{DICOM_JSON}", or as one {DICOM}.'
        )
    return parameters.get("boundary", "")


def is_instance(content_type: str) -> bool:
    """Tell whether a part may be an instance; one that does not say what it is may."""
    return not content_type or parse_options(content_type)[0] in {DICOM, "application/octet-stream"}
