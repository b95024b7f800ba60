"""Segmentations as pictures: each segment in the colour it asks for, on black (PS3.3 A.51, C.8.20)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cauce.stages.process.colour import rgb_from_dicom_lab
from cauce.stages.process.layout import integer, numbers, text
from cauce.stages.process.modality import functional_group
from cauce.stages.process.reader import FrameReader

_LOOKED_AT_MAX = 64
_LABEL_COLOURS = np.array(
    [
        [0, 0, 0],
        [230, 159, 0],
        [86, 180, 233],
        [0, 158, 115],
        [240, 228, 66],
        [0, 114, 178],
        [213, 94, 0],
        [204, 121, 167],
        [255, 255, 255],
    ],
    np.uint8,
)
"""Colours that the colour-blind tell apart, for segments that ask for none (Okabe and Ito)."""


def shown_segment_frame(reader: FrameReader) -> int:
    """Return the frame that stands for a segmentation: the middle one of those that hold a segment.

    Of many frames, 64 spread evenly are looked at.
    """
    count = len(reader)
    step = max(-(-count // _LOOKED_AT_MAX), 1)
    filled = [index for index in range(0, count, step) if reader.read(index).any()]
    return filled[len(filled) // 2] if filled else count // 2


def segment_colour(ds: Dataset, stored: NDArray[Any], *, frame: int) -> NDArray[np.uint8]:
    """Return one frame of a segmentation as (rows, columns, 3) red, green, blue.

    A label map shows each label's colour; a binary or fractional segment its own, scaled by the fraction.
    """
    if text(ds, "SegmentationType") == "LABELMAP":
        return _label_map(ds, stored)
    group = functional_group(ds, "SegmentIdentificationSequence", frame=frame)
    number = integer(group, "ReferencedSegmentNumber") if group is not None else None
    colour = np.array(_colours(ds).get(number or 1, (255, 255, 255)), np.float32)
    full = integer(ds, "MaximumFractionalValue") if text(ds, "SegmentationType") == "FRACTIONAL" else 1
    share = np.clip(stored.astype(np.float32) / max(full or 255, 1), 0, 1)
    return np.rint(share[..., None] * colour).astype(np.uint8)


def _label_map(ds: Dataset, stored: NDArray[Any]) -> NDArray[np.uint8]:
    highest = int(stored.max())
    table = _LABEL_COLOURS[np.where(np.arange(highest + 1) > 0, np.arange(highest + 1) % 8 + 1, 0)]
    table[1 : min(highest + 1, 2)] = _LABEL_COLOURS[1]
    for number, colour in _colours(ds).items():
        if 0 < number <= highest:
            table[number] = colour
    return np.take(table, stored, axis=0)


def _colours(ds: Dataset) -> dict[int, tuple[int, int, int]]:
    """Return the colour that each segment recommends, by segment number."""
    found = {}
    for item in ds.get("SegmentSequence") or []:
        number, lab = integer(item, "SegmentNumber"), numbers(item, "RecommendedDisplayCIELabValue")
        if number is not None and len(lab) == 3:  # noqa: PLR2004 - lightness, a, b
            found[number] = rgb_from_dicom_lab([int(v) for v in lab])
    return found
