"""Rendered frames, as web services ask for them: window, viewport, quality, media type (PS3.18 section 8.3.5).

Each is made from the stored values of one frame, by the same display pipeline as previews. Burned-in annotation of the
picture with patient or technique is not offered; whoever asks for it gets the picture without, as PS3.18 allows.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import imagecodecs
import numpy as np
from numpy.typing import NDArray

from cauce.core.errors import InvalidRequest
from cauce.stages.process.display import Window, pixel_aspect, window_around
from cauce.stages.process.reader import FrameReader
from cauce.stages.process.render import pictured, png, render

Image = NDArray[np.uint8]

QUALITY_USUAL: Final = 90
THUMBNAIL_PX: Final = 128

_SIDE_MAX, _AREA_MAX = 8192, 32_000_000
"""Largest viewport, in pixels."""
_FULL_COLOUR_FROM: Final = 90
"""From this quality on chrominance is not subsampled."""
_COLOUR: Final = 3
_STEPS: Final = np.array([6, 7, 6], np.uint16)
_DITHER: Final = np.array([[8, 136, 40, 168], [200, 72, 232, 104], [56, 184, 24, 152], [246, 120, 216, 88]], np.uint16)
"""Thresholds in Bayer's order, of 255."""
_FUNCTIONS: Final = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewport:
    """The area that a picture has to fit into, and the part of the frame that is shown, all in pixels.

    A negative source width or height turns the picture over, left to right or top to bottom; `None` means the rest of
    the frame from `x` or `y` on.
    """

    width: int
    height: int
    x: float = 0.0
    y: float = 0.0
    source_width: float | None = None
    source_height: float | None = None


def rendered(
    reader: FrameReader,
    *,
    frame: int,
    media_type: str = "image/jpeg",
    window: tuple[float, float, str] | None = None,
    viewport: Viewport | None = None,
    quality: int = QUALITY_USUAL,
) -> bytes:
    """Return frame `frame` (0-based) as a picture of one of `MEDIA_TYPES`.

    `window` is centre, width and `linear`, `linear-exact` or `sigmoid`; without one the object's own holds. Without
    `viewport` the picture has a pixel for each of the frame's; with one, pixels are square. `quality` is 1 to 100, and
    matters to JPEG alone.

    Raises:
        InvalidRequest: a parameter is out of its range, or the part asked for lies outside of the frame.
        NotFound: the object has no pixels, or no such frame.
        Undecodable: the pixels cannot be decoded.
    """
    encode = _encoder_of(media_type, quality)
    image = pictured(reader, frame, window=None if window is None else _window(*window))
    if viewport is not None:
        image = _fitted(image, viewport, aspect=pixel_aspect(reader.ds, frame=frame))
    return encode(image, quality)


def thumbnail(
    reader: FrameReader, *, frame: int | None = None, media_type: str = "image/jpeg", size_px: int = THUMBNAIL_PX
) -> bytes:
    """Return a small picture of one frame, its longer side `size_px`; without `frame` the one that stands for all.

    Raises:
        InvalidRequest, NotFound, Undecodable: as `rendered`.
    """
    encode = _encoder_of(media_type, QUALITY_USUAL)
    if not 0 < size_px <= _SIDE_MAX:
        raise InvalidRequest(f"a thumbnail has 1 to {_SIDE_MAX} pixels", field="viewport")
    return encode(render(reader, frame=frame, size_px=size_px), QUALITY_USUAL)


def parsed_window(text: str) -> tuple[float, float, str]:
    """Read the value of the parameter `window`: centre, width, function (PS3.18 section 8.3.5.1.4).

    Raises:
        InvalidRequest: it is none.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3:  # noqa: PLR2004 - as below
        raise InvalidRequest("a window is a centre, a width and a function: 40,400,linear", field="window")
    found = _number(parts[0], "window"), _number(parts[1], "window"), parts[2].lower()
    _window(*found)
    return found


def parsed_viewport(text: str) -> Viewport:
    """Read the value of the parameter `viewport`: width, height, and optionally x, y, width, height of the source.

    PS3.18 section 8.3.5.1.3; one that is left empty has its default.

    Raises:
        InvalidRequest: it is none.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in {2, 6}:
        raise InvalidRequest(
            "a viewport is a width and a height, and optionally x, y, width and height of the source: 512,512",
            field="viewport",
        )
    values = [None if part == "" else _number(part, "viewport") for part in parts] + [None] * (6 - len(parts))
    width, height, x, y, source_width, source_height = values
    if width is None or height is None:
        raise InvalidRequest("a viewport has a width and a height", field="viewport")
    return Viewport(
        width=int(width), height=int(height), x=x or 0.0, y=y or 0.0,
        source_width=source_width, source_height=source_height,
    )  # fmt: skip


def _number(text: str, field: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidRequest("this is not a number", field=field)
    return value


def _window(centre: float, width: float, function: str) -> Window:
    name = _FUNCTIONS.get(function.lower())
    if name is None:
        raise InvalidRequest("a window's function is linear, linear-exact or sigmoid", field="window")
    if not (math.isfinite(centre) and math.isfinite(width)) or width < (1 if name == "LINEAR" else 1e-30):
        raise InvalidRequest("a window's width is at least 1, or positive unless it is linear", field="window")
    return window_around(centre, width, function=name)


def _fitted(image: Image, viewport: Viewport, *, aspect: float) -> Image:
    """Cut the part asked for, turn it over where asked, and scale it into the viewport, its pixels square."""
    if not (0 < viewport.width <= _SIDE_MAX and 0 < viewport.height <= _SIDE_MAX):
        raise InvalidRequest(f"a viewport has 1 to {_SIDE_MAX} pixels each way", field="viewport")
    if viewport.width * viewport.height > _AREA_MAX:
        raise InvalidRequest(f"a viewport has at most {_AREA_MAX} pixels", field="viewport")
    rows, columns = image.shape[:2]
    left, right = _extent(viewport.x, viewport.source_width, columns)
    top, bottom = _extent(viewport.y, viewport.source_height, rows)
    image = image[top:bottom, left:right]
    if (viewport.source_width or 0) < 0:
        image = image[:, ::-1]
    if (viewport.source_height or 0) < 0:
        image = image[::-1]
    high, wide = image.shape[0] * max(aspect, 1.0), image.shape[1] * max(1 / aspect, 1.0)
    scale = min(viewport.width / wide, viewport.height / high)
    target = (min(max(round(wide * scale), 1), viewport.width), min(max(round(high * scale), 1), viewport.height))
    image = np.ascontiguousarray(image)
    if target == (image.shape[1], image.shape[0]):
        return image
    is_smaller = target[0] <= image.shape[1] and target[1] <= image.shape[0]
    return np.asarray(
        cv2.resize(image, target, interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR), np.uint8
    )


def _extent(start: float, length: float | None, size: int) -> tuple[int, int]:
    """Return first and last (exclusive) of the rows or columns that are shown; what lies outside is cut off."""
    length = size - start if length is None else abs(length)
    first, last = max(math.floor(start), 0), min(math.ceil(start + length), size)
    if first >= last:
        raise InvalidRequest("the part asked for lies outside of the frame", field="viewport")
    return first, last


def _encoder_of(media_type: str, quality: int) -> Callable[[Image, int], bytes]:
    encode = _ENCODERS.get(media_type)
    if encode is None:
        raise InvalidRequest(f"pictures are {', '.join(_ENCODERS)}")
    if not 1 <= quality <= 100:  # noqa: PLR2004 - PS3.18 section 8.3.5.1.2
        raise InvalidRequest("a quality is 1 to 100", field="quality")
    return encode


def _jpeg(image: Image, quality: int) -> bytes:
    sampling = "444" if quality >= _FULL_COLOUR_FROM else "420"
    return bytes(
        imagecodecs.jpeg8_encode(
            np.ascontiguousarray(image), level=quality, subsampling=sampling if image.ndim == _COLOUR else None
        )
    )


def _png(image: Image, _quality: int) -> bytes:
    return png(image)


def _gif(image: Image, _quality: int) -> bytes:
    """A GIF has 256 colours: all the greys there are, or red, green and blue in 6, 7 and 6 steps, dithered."""
    if image.ndim < _COLOUR:
        return bytes(imagecodecs.gif_encode(np.ascontiguousarray(image)))
    rows, columns = image.shape[:2]
    threshold = np.tile(_DITHER, (-(-rows // 4), -(-columns // 4)))[:rows, :columns, None]
    levels = (image.astype(np.uint16) * (_STEPS - 1) + threshold) // 255
    indices = (levels[..., 0] * 7 + levels[..., 1]) * 6 + levels[..., 2]
    return bytes(imagecodecs.gif_encode(indices.astype(np.uint8), colormap=_palette()))


def _palette() -> Image:
    red, green, blue = np.indices(tuple(_STEPS)).reshape(3, -1)
    table = np.zeros((256, 3), np.uint8)
    table[: red.size] = np.stack([red * 51, np.rint(green * 42.5), blue * 51], axis=-1)
    return table


def _jp2(image: Image, _quality: int) -> bytes:
    return bytes(imagecodecs.jpeg2k_encode(np.ascontiguousarray(image), level=0, codecformat="jp2", reversible=True))


_ENCODERS: Final[Mapping[str, Callable[[Image, int], bytes]]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/gif": _gif,
    "image/jp2": _jp2,
}

MEDIA_TYPES: Final = tuple(_ENCODERS)
"""What single frames are rendered as, the default first (PS3.18 table 8.7.4-1)."""
