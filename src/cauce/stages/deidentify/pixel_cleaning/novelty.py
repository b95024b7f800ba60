"""Which frames of many are looked at: some at regular distances, and where something sharp appears, that place."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cauce.stages.deidentify.pixel_cleaning.boxes import Box, clipped

REGULAR: Final = 16
"""So many frames, evenly spread, are looked at whole; all of them where there are no more."""
_CELL: Final = 16
_SHARP: Final = 48
"""Text differs from what is beside it by more than this, of 255."""
_MORE, _MORE_EDGES = 1.5, 10
_CELLS_MIN: Final = 2
_MARGIN_PX: Final = 48


def regular(frames: int) -> frozenset[int]:
    """Return the numbers (from 0) of the frames that are looked at whole: the first, the last, some between."""
    if frames <= REGULAR:
        return frozenset(range(frames))
    return frozenset(round(number * (frames - 1) / (REGULAR - 1)) for number in range(REGULAR))


class Novelty:
    """Remembers where sharp edges have been looked at, by cells of 16 x 16 pixels.

    Where a frame has many more of them in a cell than any frame that was looked at, text may have appeared.
    """

    def __init__(self) -> None:
        self._seen: NDArray[np.float32] | None = None

    def place(self, picture: NDArray[np.uint8]) -> Box | None:
        """Return what of a frame should be looked at because it is new; `None` for nothing."""
        edges = _edges(picture)
        if self._seen is None or self._seen.shape != edges.shape:
            return 0, 0, picture.shape[1], picture.shape[0]
        new = edges > self._seen * _MORE + _MORE_EDGES
        if int(new.sum()) < _CELLS_MIN:
            return None
        rows, columns = np.flatnonzero(new.any(axis=1)), np.flatnonzero(new.any(axis=0))
        x, y = int(columns[0]) * _CELL, int(rows[0]) * _CELL
        box = x, y, (int(columns[-1]) + 1) * _CELL - x, (int(rows[-1]) + 1) * _CELL - y
        return clipped(box, columns=picture.shape[1], rows=picture.shape[0], margin=_MARGIN_PX)

    def note(self, picture: NDArray[np.uint8]) -> None:
        """Remember the edges of a frame that is looked at."""
        edges = _edges(picture)
        known = self._seen is not None and self._seen.shape == edges.shape
        self._seen = np.maximum(self._seen, edges) if known and self._seen is not None else edges


def _edges(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how many pixels of each cell differ sharply from their left neighbour."""
    grey = picture if picture.ndim == 2 else picture.max(axis=2)  # noqa: PLR2004 - colour
    rows, columns = (-(-side // _CELL) * _CELL for side in grey.shape)
    padded = cv2.copyMakeBorder(grey, 0, rows - grey.shape[0], 0, columns - grey.shape[1], cv2.BORDER_REPLICATE)
    sharp = np.zeros(padded.shape, np.uint8)
    sharp[:, 1:] = (cv2.absdiff(padded[:, 1:], padded[:, :-1]) > _SHARP) * np.uint8(1)
    cells = sharp.reshape(rows // _CELL, _CELL, columns // _CELL, _CELL)
    return np.asarray(cells.sum(axis=(1, 3), dtype=np.float32))
