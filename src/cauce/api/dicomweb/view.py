"""How a picture is wanted: the query parameters of rendered resources (PS3.18 8.3.5)."""

import math
from dataclasses import dataclass
from typing import Final

from cauce.api.raw.request import Request
from cauce.core.errors import InvalidRequest

FUNCTIONS: Final = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
SIZE_MAX_PX: Final = 16_384
"""Longest side of a picture that is drawn."""

_WINDOW_VALUES: Final = (2, 3)
_VIEWPORT_VALUES: Final = (2, 6)
_QUALITY_MAX: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """`window` is centre, width and function; `viewport` is width and height in pixels, and the rectangle of the source
    that is shown in it as left, top, width and height, `None` for the whole of it; `quality` is from 1 to 100.
    """

    window: tuple[float, float, str] | None = None
    viewport: tuple[int, int] | None = None
    source: tuple[float, float, float | None, float | None] | None = None
    quality: int | None = None


def view_of(request: Request) -> View:
    """Return what the query asks for.

    `annotation`, `charset` and `iccprofile` are left unheeded, as the standard lets a server do.

    Raises:
        InvalidRequest: a parameter is malformed.
    """
    query = request.query
    viewport, source = _viewport(query.get("viewport", ""))
    return View(
        window=_window(query.get("window", "")),
        viewport=viewport,
        source=source,
        quality=_quality(query.get("quality", "")),
    )


def _window(text: str) -> tuple[float, float, str] | None:
    if not text:
        return None
    parts = text.split(",")
    if len(parts) not in _WINDOW_VALUES:
        raise InvalidRequest("`window` wants a centre, a width and a function, with commas.", field="window")
    centre, width = (_number(part, "window") for part in parts[:2])
    function = FUNCTIONS.get(parts[2].strip().lower()) if len(parts) > _WINDOW_VALUES[0] else "LINEAR"
    if function is None:
        raise InvalidRequest(f"The function of `window` is one of {', '.join(FUNCTIONS)}.", field="window")
    if width <= 0 or (function == "LINEAR" and width < 1):
        raise InvalidRequest("The width of `window` is too small.", field="window")
    return centre, width, function


def _viewport(
    text: str,
) -> tuple[tuple[int, int] | None, tuple[float, float, float | None, float | None] | None]:
    if not text:
        return None, None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in _VIEWPORT_VALUES:
        raise InvalidRequest("`viewport` wants width and height, and no or four more numbers.", field="viewport")
    width, height = (_number(part, "viewport") for part in parts[:2])
    if not (1 <= width <= SIZE_MAX_PX and 1 <= height <= SIZE_MAX_PX):
        raise InvalidRequest(f"`viewport` wants sides from 1 to {SIZE_MAX_PX} pixels.", field="viewport")
    size = (int(width), int(height))
    if len(parts) == _VIEWPORT_VALUES[0]:
        return size, None
    left, top, across, down = (_number(part, "viewport") if part else None for part in parts[2:])
    if across == 0 or down == 0:
        raise InvalidRequest("`viewport` wants a part of the image that is not empty.", field="viewport")
    return size, (left or 0.0, top or 0.0, across, down)


def _quality(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:4]) <= _QUALITY_MAX:
        raise InvalidRequest("`quality` wants a number from 1 to 100.", field="quality")
    return int(text)


def _number(text: str, field: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidRequest(f"`{field}` wants numbers.", field=field)
    return number
