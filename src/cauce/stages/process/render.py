"""Previews: one frame of an object as an 8-bit image, and as a PNG."""

from collections.abc import Sequence
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from cauce.core.errors import NotFound
from cauce.stages.process.display import Window, fit, pixel_aspect, to_display
from cauce.stages.process.layout import text
from cauce.stages.process.reader import FrameReader, frames
from cauce.stages.process.segments import segment_colour, shown_segment_frame
from cauce.stages.process.slide import overview

_PNG = [
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_RLE,
    cv2.IMWRITE_PNG_FILTER,
    cv2.IMWRITE_PNG_FILTER_SUB,
]


def render(source: BinaryIO | FrameReader, *, frame: int | None = None, size_px: int = 512) -> NDArray[np.uint8]:
    """Return one frame as a radiologist expects it, its longer side `size_px` pixels, pixels square.

    `frame` is 0-based; `None` takes the middle one, of a segmentation the middle one of those that are not empty, of a
    whole slide all tiles of a level that has no more than `TILES_MAX`.
    The result is (height, width) grey or (height, width, 3) red, green, blue.

    Raises:
        NotFound: the object has no pixels, or no such frame.
        Refused: the source is no DICOM object.
        Undecodable: the pixels cannot be decoded.
    """
    reader = source if isinstance(source, FrameReader) else frames(source)
    if reader.layout is None:
        raise NotFound("the object has no pixels")
    whole = overview(reader, size_px=size_px) if frame is None else None
    if whole is not None:
        return fit(whole, aspect=pixel_aspect(reader.ds, frame=0), size_px=size_px)
    if frame is None:
        frame = shown_segment_frame(reader) if _is_segmentation(reader) else len(reader) // 2
    return fit(pictured(reader, frame), aspect=pixel_aspect(reader.ds, frame=frame), size_px=size_px)


def pictured(reader: FrameReader, frame: int, *, window: Window | None = None) -> NDArray[np.uint8]:
    """Return one frame as a radiologist expects it, pixel for pixel: (rows, columns), or (rows, columns, 3) colour.

    `window` is used instead of what the object asks for; it says nothing of colour.

    Raises:
        NotFound: the object has no pixels, or no such frame.
        Undecodable: the pixels cannot be decoded.
    """
    layout = reader.layout
    if layout is None:
        raise NotFound("the object has no pixels")
    if not 0 <= frame < len(reader):
        raise NotFound("the object has no such frame")
    stored = reader.read(frame)
    if _is_segmentation(reader) and layout.samples == 1 and layout.photometric != "PALETTE COLOR":
        return segment_colour(reader.ds, stored, frame=frame)
    return to_display(reader.ds, layout, stored, frame=frame, window=window)


def _is_segmentation(reader: FrameReader) -> bool:
    return text(reader.ds, "Modality") == "SEG"


def preview_png(source: BinaryIO | FrameReader, *, frame: int | None = None, size_px: int = 512) -> bytes:
    """Return one frame as a PNG, the middle one unless `frame` names another; see `render`.

    Raises:
        NotFound: the object has no pixels, or no such frame.
        Refused: the source is no DICOM object.
        Undecodable: the pixels cannot be decoded.
    """
    reader = source if isinstance(source, FrameReader) else frames(source)
    return png(render(reader, frame=frame, size_px=size_px))


def png(image: NDArray[np.uint8]) -> bytes:
    """Return an image, grey or red, green, blue, as a PNG."""
    if image.ndim == 3:  # noqa: PLR2004 - colour
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)
    return cv2.imencode(".png", image, _PNG)[1].tobytes()


def representative(indices: Sequence[float | None]) -> int:
    """Return which instance of a series stands for it: the position of the middle one.

    `indices` are instance numbers or slice positions, in any order; those without one come last.

    Raises:
        ValueError: `indices` is empty.
    """
    if not indices:
        raise ValueError("a series has at least one instance")
    numbered = [(index, position) for position, index in enumerate(indices) if index is not None]
    if not numbered:
        return len(indices) // 2
    return sorted(numbered)[len(numbered) // 2][1]
