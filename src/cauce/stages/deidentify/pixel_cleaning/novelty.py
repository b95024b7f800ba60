"""Which frames of many are looked at: some at regular distances, and of the others what is new in them.

How a cell of 16 x 16 pixels is watched follows from the regular frames. One that they all show alike is *quiet*: any
visible change there is looked at. Where a small part of the picture changes (a counter, a clock), whatever differs
from what was last looked at there is, too. In large parts that change (tissue, speckle), everything is new all the
time, and only the appearing of sharp edges counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cauce.stages.deidentify.pixel_cleaning.boxes import Box, clipped

Picture = NDArray[np.uint8]
Cells = NDArray[np.float32]

REGULAR: Final = 16
"""So many frames, evenly spread, are looked at whole; all of them where there are no more."""
_CELL: Final = 16
_VISIBLE: Final = 16
"""A pixel has changed when one of its channels differs by more than this, of 255."""
_FEW: Final = 5
"""So many changed pixels of a cell's 256 show nothing."""
_QUIET_MAX: Final = 16
"""A cell in which no more pixels change from one regular frame to the next only flickers."""
_MOVING_SHARE: Final = 0.04
"""A part of the picture that changes and is larger than this is no counter and no clock."""
_SHARP: Final = 48
"""Text differs from what is beside it by more than this, of 255."""
_MORE, _MORE_EDGES = 1.5, 10
_EDGY_CELLS_MIN: Final = 2
_MARGIN_PX: Final = 32
_WHOLE_SHARE: Final = 0.7


def regular(frames: int) -> frozenset[int]:
    """Return the numbers (from 0) of the frames that are looked at whole: the first, the last, some between."""
    if frames <= REGULAR:
        return frozenset(range(frames))
    return frozenset(round(number * (frames - 1) / (REGULAR - 1)) for number in range(REGULAR))


@dataclass(slots=True)
class _Watch:
    """What is known of one way to show frames: how it looked where it was last looked at, and what changes by cells."""

    last: Picture
    edges: Cells
    changes: Cells

    @classmethod
    def of(cls, picture: Picture) -> "_Watch":
        edges = _edges(picture)
        return cls(picture.copy(), edges, np.zeros_like(edges))

    def learn(self, picture: Picture) -> None:
        """Take the next regular frame."""
        self.changes = np.maximum(self.changes, _in_cells(_apart(picture, self.last) > _VISIBLE))
        self.edges = np.maximum(self.edges, _edges(picture))
        self.last[:] = picture

    def note(self, picture: Picture, places: Iterable[Box]) -> None:
        """Remember places that are looked at."""
        self.edges = np.maximum(self.edges, _edges(picture))
        for x, y, width, height in places:
            self.last[y : y + height, x : x + width] = picture[y : y + height, x : x + width]

    def new(self, picture: Picture, blanked: Sequence[Box]) -> NDArray[np.bool_]:
        """Return the cells that show something new; what changes inside of `blanked` boxes does not count."""
        changed = _apart(picture, self.last) > _VISIBLE
        for x, y, width, height in blanked:
            changed[y : y + height, x : x + width] = False
        counts = _in_cells(changed)
        moving = _moving(self.changes > _QUIET_MAX)
        least = np.where(self.changes > _QUIET_MAX, _FEW, 2 * self.changes + _FEW)
        new = (counts > least) & ~moving
        if moving.any():
            edgy = (_edges(picture) > self.edges * _MORE + _MORE_EDGES) & moving
            if int(edgy.sum()) >= _EDGY_CELLS_MIN:
                new |= edgy
        return new


class Novelty:
    """Compares each frame with what was looked at, in every way in which it is shown."""

    def __init__(self) -> None:
        self._watches: list[_Watch] = []

    def learn(self, pictures: Sequence[Picture]) -> None:
        """Take how a regular frame looks, which is looked at whole."""
        for number, picture in enumerate(self._aligned(pictures)):
            if number == len(self._watches) or not _are_alike(self._watches[number].last, picture):
                self._watches[number : number + 1] = [_Watch.of(picture)]
            else:
                self._watches[number].learn(picture)

    def places(self, pictures: Sequence[Picture], blanked: Sequence[Box] = ()) -> list[Box]:
        """Return what of another frame has to be looked at; it counts as looked at from now on."""
        rows, columns = pictures[0].shape[:2]
        aligned = self._aligned(pictures)
        if len(aligned) > len(self._watches) or not all(
            _are_alike(watch.last, picture) for watch, picture in zip(self._watches, aligned, strict=False)
        ):
            self.learn(pictures)
            return [(0, 0, columns, rows)]
        pairs = list(zip(self._watches, aligned, strict=True))
        new = np.logical_or.reduce([watch.new(picture, blanked) for watch, picture in pairs])
        places = _boxes(new, columns=columns, rows=rows)
        for watch, picture in pairs:
            watch.note(picture, places) if places else None
        return places

    def _aligned(self, pictures: Sequence[Picture]) -> list[Picture]:
        """Return as many pictures as there were: a frame is shown in one way where two would look the same."""
        return [*pictures, *[pictures[0]] * (len(self._watches) - len(pictures))]


def _are_alike(one: Picture, other: Picture) -> bool:
    return one.shape == other.shape


def _moving(changing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the cells of large parts of the picture that change, with those right beside them."""
    near = cv2.dilate(changing.astype(np.uint8), np.ones((3, 3), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(near)
    large = stats[:, cv2.CC_STAT_AREA] > max(_MOVING_SHARE * near.size, REGULAR)
    large[0] = False
    return np.asarray(large[labels])


def _boxes(new: NDArray[np.bool_], *, columns: int, rows: int) -> list[Box]:
    """Return boxes around cells that lie near each other, with room for what a reader wants to see beside them."""
    near = cv2.dilate(new.astype(np.uint8), np.ones((3, 5), np.uint8))
    count, labels = cv2.connectedComponents(near)
    found: list[Box] = []
    for label in range(1, count):
        down, across = np.nonzero((labels == label) & new)
        x, y = int(across.min()) * _CELL, int(down.min()) * _CELL
        box = x, y, (int(across.max()) + 1) * _CELL - x, (int(down.max()) + 1) * _CELL - y
        inside = clipped(box, columns=columns, rows=rows, margin=_MARGIN_PX)
        found += [inside] if inside else []
    is_most = sum(width * height for _, _, width, height in found) > _WHOLE_SHARE * columns * rows
    return [(0, 0, columns, rows)] if is_most else found


def _apart(one: Picture, other: Picture) -> Picture:
    """Return how much pixels differ, in the channel in which they differ most."""
    return _strongest(np.asarray(cv2.absdiff(one, other), np.uint8))


def _strongest(picture: Picture) -> Picture:
    if picture.ndim == 2:  # noqa: PLR2004 - grey
        return picture
    first, *others = cv2.split(picture)
    for other in others:
        first = cv2.max(first, other)
    return np.asarray(first, np.uint8)


def _edges(picture: Picture) -> Cells:
    """Return how many pixels of each cell differ sharply from their left neighbour."""
    sharp = np.zeros(picture.shape[:2], bool)
    sharp[:, 1:] = _apart(np.ascontiguousarray(picture[:, 1:]), np.ascontiguousarray(picture[:, :-1])) > _SHARP
    return _in_cells(sharp)


def _in_cells(mask: NDArray[np.bool_]) -> Cells:
    """Return how many pixels of each cell are set."""
    rows, columns = (-(-side // _CELL) * _CELL for side in mask.shape)
    padded = np.zeros((rows, columns), np.uint8)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    cells = padded.reshape(rows // _CELL, _CELL, columns // _CELL, _CELL)
    return np.asarray(cells.sum(axis=(1, 3), dtype=np.float32))
