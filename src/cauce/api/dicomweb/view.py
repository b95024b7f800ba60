"""How a picture is wanted: the query parameters of rendered resources (PS3.18 8.3.5)."""

from dataclasses import dataclass

from cauce.api.raw.request import Request
from cauce.core.errors import InvalidRequest
from cauce.stages.process import Viewport, parsed_viewport, parsed_window

_QUALITY_MAX = 100
_DIGITS_MAX = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What was asked for; `None` where it was left open. `window` is centre, width and function, `quality` 1 to 100."""

    window: tuple[float, float, str] | None = None
    viewport: Viewport | None = None
    quality: int | None = None


def view_of(request: Request) -> View:
    """Return what the query asks for.

    `annotation`, `charset` and `iccprofile` are left unheeded, as the standard lets a server do.

    Raises:
        InvalidRequest: a parameter is malformed.
    """
    window, viewport = request.query.get("window", ""), request.query.get("viewport", "")
    return View(
        window=parsed_window(window) if window else None,
        viewport=parsed_viewport(viewport) if viewport else None,
        quality=quality_of(request.query.get("quality", ""), field="quality"),
    )


def quality_of(text: str, *, field: str) -> int | None:
    """Return a quality; `None` where none is given.

    Raises:
        InvalidRequest: it is none.
    """
    if not text:
        return None
    is_number = text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX
    if not is_number or not 1 <= int(text) <= _QUALITY_MAX:
        raise InvalidRequest(f"`{field}` wants a number from 1 to {_QUALITY_MAX}.", field=field)
    return int(text)
