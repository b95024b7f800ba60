"""Whole slides: the tiles of one level of the pyramid put together into one picture (PS3.3 C.8.12.4, C.7.6.17.3)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from cauce.stages.process.display import to_display
from cauce.stages.process.layout import integer, text
from cauce.stages.process.modality import functional_group
from cauce.stages.process.reader import FrameReader

TILES_MAX = 256
"""Most tiles that are put together; of a finer level one tile stands for all."""

_GLASS = 255


def is_slide(reader: FrameReader) -> bool:
    """Tell whether the frames of this object are tiles of one colour picture."""
    layout, matrix = reader.layout, _matrix(reader)
    if layout is None or matrix is None or layout.samples == 1 or len(reader) == 1:
        return False
    return matrix[0] > layout.rows or matrix[1] > layout.columns


def overview(reader: FrameReader, *, size_px: int) -> NDArray[np.uint8] | None:
    """Return the whole level, about `size_px` pixels or its own size, as (height, width, 3) red, green, blue.

    `None` for what is no slide or has more than `TILES_MAX` tiles. Where no tile lies is glass: white.

    Raises:
        Undecodable: a tile cannot be decoded.
    """
    layout, matrix = reader.layout, _matrix(reader)
    if layout is None or matrix is None or not is_slide(reader):
        return None
    places = _places(reader, matrix)
    if not 0 < len(places) <= TILES_MAX:
        return None
    scale = min(size_px / max(matrix), 1.0)
    canvas = np.full((max(round(matrix[0] * scale), 1), max(round(matrix[1] * scale), 1), 3), _GLASS, np.uint8)
    for index, (row, column) in places.items():
        top, left = round(row * scale), round(column * scale)
        height = max(round((row + layout.rows) * scale) - top, 1)
        width = max(round((column + layout.columns) * scale) - left, 1)
        shown = to_display(reader.ds, layout, reader.read(index), frame=index)
        tile = shown if (height, width) == shown.shape[:2] else _smaller(shown, height, width)
        room = canvas[top : top + height, left : left + width]
        room[:] = tile[: room.shape[0], : room.shape[1]]
    return canvas


def _smaller(tile: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(tile, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _matrix(reader: FrameReader) -> tuple[int, int] | None:
    """Return rows and columns of the whole level; `None` when the object is not made of tiles."""
    rows, columns = integer(reader.ds, "TotalPixelMatrixRows"), integer(reader.ds, "TotalPixelMatrixColumns")
    return (rows, columns) if rows and columns and min(rows, columns) > 0 else None


def _places(reader: FrameReader, matrix: tuple[int, int]) -> dict[int, tuple[int, int]]:
    """Return row and column of the top left pixel of each tile, from 0, by frame; of several planes the first."""
    layout = reader.layout
    if layout is None:
        return {}
    across, down = -(-matrix[1] // layout.columns), -(-matrix[0] // layout.rows)
    count = min(len(reader), TILES_MAX + 1)
    if text(reader.ds, "DimensionOrganizationType") == "TILED_FULL":
        count = min(count, across * down)
        return {i: (i // across * layout.rows, i % across * layout.columns) for i in range(count)}
    places: dict[int, tuple[int, int]] = {}
    taken: set[tuple[int, int]] = set()
    for index in range(count):
        group = functional_group(reader.ds, "PlanePositionSlideSequence", frame=index)
        row = integer(group, "RowPositionInTotalImagePixelMatrix") if group is not None else None
        column = integer(group, "ColumnPositionInTotalImagePixelMatrix") if group is not None else None
        if row is None or column is None or not (0 < row <= matrix[0] and 0 < column <= matrix[1]):
            continue
        if (row, column) not in taken:
            taken.add((row, column))
            places[index] = (row - 1, column - 1)
    return places
