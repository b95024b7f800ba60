"""Boxes (x, y, width, height, in pixels): around lines of text, united, and what is left outside of regions."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cauce.core.errors import CauceError

Box = tuple[int, int, int, int]

_MARGIN: Final = 2
_BOXES_MAX: Final = 256


class TooManyBoxes(CauceError):
    """There is more to blank than a report can name."""

    code = "too_many_boxes"


def clipped(box: Box, *, columns: int, rows: int, margin: int = 0) -> Box | None:
    """Return what of a box lies on the image, `margin` pixels larger on every side; `None` for nothing."""
    x, y, width, height = box
    left, top = max(x - margin, 0), max(y - margin, 0)
    right, bottom = min(x + width + margin, columns), min(y + height + margin, rows)
    return (left, top, right - left, bottom - top) if right > left and bottom > top else None


def around(box: Box, *, columns: int, rows: int) -> Box:
    """Return a box that certainly holds the line of text that `box` was found around."""
    margin = _MARGIN + round(0.1 * min(box[2:]))
    return clipped(box, columns=columns, rows=rows, margin=margin) or box


def united(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Return boxes that cover the same, without those that lie in others; ones that nearly coincide become one.

    Raises:
        TooManyBoxes: there are more than 256 of them.
    """
    kept: list[Box] = []
    for box in sorted(set(boxes), key=lambda one: -one[2] * one[3]):
        candidate, others = box, kept
        while True:
            near = [other for other in others if _is_worth_uniting(candidate, other)]
            if not near:
                break
            candidate = _hull(candidate, *near)
            others = [other for other in others if other not in near]
        kept = [*others, candidate]
    if len(kept) > _BOXES_MAX:
        raise TooManyBoxes("More text was found in it than boxes are kept of.")
    return tuple(sorted(kept, key=lambda one: (one[1], one[0])))


def outside(regions: Sequence[Box], *, columns: int, rows: int) -> tuple[Box, ...]:
    """Return boxes that cover everything but `regions`."""
    inside = np.zeros((rows, columns), bool)
    for x, y, width, height in regions:
        inside[y : y + height, x : x + width] = True
    edges = sorted({0, rows, *(edge for _, y, _, height in regions for edge in (y, y + height))})
    found: list[Box] = []
    for top, bottom in pairwise(edges):
        if top < rows:
            found += [(left, top, right - left, bottom - top) for left, right in _gaps(inside[top])]
    return tuple(found)


def painted(picture: NDArray[np.uint8], boxes: Iterable[Box]) -> NDArray[np.uint8]:
    """Return a copy of a picture with boxes in black."""
    made = picture.copy()
    for x, y, width, height in boxes:
        made[y : y + height, x : x + width] = 0
    return made


def _gaps(row: NDArray[np.bool_]) -> list[tuple[int, int]]:
    steps = np.flatnonzero(np.diff(np.concatenate([[True], row, [True]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(steps[::2], steps[1::2], strict=True)]


def _hull(*boxes: Box) -> Box:
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    return left, top, right - left, bottom - top


def _is_worth_uniting(one: Box, other: Box) -> bool:
    """Tell whether one box around two costs hardly more of the image than the two."""
    hull = _hull(one, other)
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    return shared > 0 and hull[2] * hull[3] <= 1.15 * (one[2] * one[3] + other[2] * other[3] - shared)
