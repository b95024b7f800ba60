"""From stored values to the grey or colour that a radiologist expects to see (PS3.3 C.11.2, C.7.6.3.1.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cauce.core.errors import Undecodable
from cauce.stages.process.histogram import Histogram, histogram
from cauce.stages.process.layout import PixelLayout, number, numbers, text
from cauce.stages.process.modality import (
    LookUpTable,
    ModalityTransform,
    first_lut,
    functional_group,
    modality_transform,
    padding_range,
)
from cauce.stages.process.palette import palette

Grey = NDArray[np.uint8]

_AIR_HU = -1024
"""No tissue is thinner: lower values fill what the scanner did not see, inexactly after lossy compression."""
_SAMPLE_MAX = 1 << 20
_BLANK_SHARE = 0.995
_FROM_ZERO = {"PT", "NM", "RTDOSE"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Grey from `low` (black) to `high` (white), straight or as a sigmoid."""

    low: float
    high: float
    sigmoid: bool = False

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return grey between 0 and 1 for modality values; the shape is kept."""
        width = max(self.high - self.low, 1e-30)
        scaled = (values - np.float32(self.low)) * np.float32(1 / width)
        if self.sigmoid:
            scaled = 1 / (1 + np.exp(-4 * (scaled - 0.5)))
        return np.asarray(np.clip(scaled, 0, 1), np.float32)


def to_display(
    ds: Dataset,
    layout: PixelLayout,
    stored: NDArray[Any],
    *,
    frame: int,
    counted: Histogram | None = None,
    window: Window | None = None,
) -> NDArray[np.uint8]:
    """Turn one frame of stored values into 8-bit grey (rows, columns) or red, green, blue (rows, columns, 3).

    The object's own VOI look-up table or window is used, unless it leaves the whole frame black or white; then, and
    without one, a window from the 0.5th to the 99.5th percentile of the pixels that are no padding (from zero for
    counts and dose, from air for CT). Positron emission is shown inverted, dark on white, as its readers are used to.
    `counted` is the frame's histogram where the caller has it. `window` is used instead of all that, if it is given; it
    says nothing of colour.
    """
    if layout.samples > 1:
        return _eight_bits(stored, layout)
    counted = counted or histogram(stored)
    if layout.photometric == "PALETTE COLOR":
        return _palette_colour(ds, layout, stored, counted)
    if counted is not None:
        table = _grey(ds, layout, counted.values, counted.counts, frame=frame, window=window)
        return counted.look_up(stored, table)
    return _grey(ds, layout, np.nan_to_num(stored), np.isfinite(stored), frame=frame, window=window)


def _eight_bits(stored: NDArray[Any], layout: PixelLayout) -> NDArray[np.uint8]:
    surplus = max(layout.bits_stored - 8, 0)
    return stored if stored.dtype == np.uint8 and not surplus else (stored >> surplus).astype(np.uint8)


def _palette_colour(
    ds: Dataset, layout: PixelLayout, stored: NDArray[Any], counted: Histogram | None
) -> NDArray[np.uint8]:
    if counted is None:
        raise Undecodable("a palette of this depth is not supported", transfer_syntax_uid=layout.transfer_syntax_uid)
    return counted.look_up(stored, palette(ds, counted.values, transfer_syntax_uid=layout.transfer_syntax_uid))


def _grey(
    ds: Dataset,
    layout: PixelLayout,
    inputs: NDArray[Any],
    counts: NDArray[Any],
    *,
    frame: int,
    window: Window | None,
) -> Grey:
    """Return the grey of each stored value of `inputs`, which occurs `counts` times."""
    transform = modality_transform(ds, frame=frame)
    padding = padding_range(ds, layout)
    present = counts > 0
    if padding is not None:
        present &= (inputs < padding[0]) | (inputs > padding[1])
    with np.errstate(over="ignore", invalid="ignore"):  # scales beyond all bounds leave a blank picture
        values = transform.apply(inputs)
        chosen = window.apply(values) if window else _chosen(ds, transform, values, counts * present, frame=frame)
        grey = np.nan_to_num(chosen)
    if is_shown_inverted(ds, layout):
        grey = 1 - grey
    levels = np.rint(grey * 255).astype(np.uint8)
    levels[~present] = 255 if is_shown_dark_on_white(ds, layout) else 0
    return levels


def _chosen(
    ds: Dataset, transform: ModalityTransform, values: NDArray[Any], weights: NDArray[Any], *, frame: int
) -> NDArray[np.float32]:
    own = voi(ds, transform, frame=frame)
    if own is not None:
        grey = own(values)
        if not _blank(grey, weights):
            return grey
    if transform.unit == "HU":
        weights = weights * (values >= _AIR_HU)
    return robust_window(values, weights, from_zero=text(ds, "Modality") in _FROM_ZERO).apply(values)


def _blank(grey: NDArray[np.float32], weights: NDArray[Any]) -> bool:
    """Tell whether (nearly) all pixels came out black, or all white."""
    total = float(weights.sum())
    dark = float(weights[grey < 1 / 255].sum())
    bright = float(weights[grey > 254 / 255].sum())
    return total > 0 and (dark >= total * _BLANK_SHARE or bright >= total * _BLANK_SHARE)


def voi(
    ds: Dataset, transform: ModalityTransform, *, frame: int
) -> Callable[[NDArray[Any]], NDArray[np.float32]] | None:
    """Return the object's own VOI transform, modality values to grey between 0 and 1; `None` without one."""
    lut = first_lut(ds, "VOILUTSequence")
    if lut is not None and len(lut.values) > 1:
        return _by_table(lut)
    group = functional_group(ds, "FrameVOILUTSequence", frame=frame) or ds
    centre, width = number(group, "WindowCenter"), number(group, "WindowWidth")
    if centre is None or width is None or width <= 0:
        return None
    function = text(group, "VOILUTFunction")
    if function != "SIGMOID" and abs(transform.slope) < 1e-2:  # noqa: PLR2004 - see `window_around`
        function = "LINEAR_EXACT"
    return window_around(centre, width, function=function).apply


def window_around(centre: float, width: float, *, function: str = "LINEAR") -> Window:
    """Return the window of a centre and a width (PS3.3 C.11.2.1.2, C.11.2.1.3); an unknown function stands for LINEAR.

    LINEAR counts whole steps; with values of tiny steps that shifts the whole window.
    """
    if function == "SIGMOID":
        return Window(low=centre - width / 2, high=centre + width / 2, sigmoid=True)
    if function == "LINEAR_EXACT" or width <= 1:
        return Window(low=centre - width / 2, high=centre + width / 2)
    return Window(low=centre - 0.5 - (width - 1) / 2, high=centre - 0.5 + (width - 1) / 2)


def _by_table(lut: LookUpTable) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
    highest = max(float(lut.values.max()), 1.0)
    full = float((1 << lut.bits) - 1)
    scale = max(full, highest)
    return lambda values: lut.apply(values) / np.float32(scale)


def robust_window(values: NDArray[Any], weights: NDArray[Any], *, from_zero: bool = False) -> Window:
    """Return the window from the 0.5th to the 99.5th percentile of `values`, counted by `weights`."""
    if values.size > _SAMPLE_MAX:
        step = values.size // _SAMPLE_MAX + 1
        values, weights = values.ravel()[::step], weights.ravel()[::step]
    order = np.argsort(values, axis=None, kind="stable")
    ordered = values.ravel()[order]
    cumulative = np.cumsum(weights.ravel()[order], dtype=np.float64)
    if not len(cumulative) or cumulative[-1] <= 0:
        return Window(low=0, high=1)
    low, high = _quantiles(ordered, cumulative, 0.005, 0.995)
    if high <= low:
        low, high = _quantiles(ordered, cumulative, 0.0, 1.0)
    if from_zero and low >= 0:
        low = 0.0
    if high <= low:
        high = low + 1.0
    return Window(low=low, high=high)


def _quantiles(ordered: NDArray[Any], cumulative: NDArray[Any], lower: float, upper: float) -> tuple[float, float]:
    total = cumulative[-1]
    first = int(np.searchsorted(cumulative, lower * total, side="right"))
    last = int(np.searchsorted(cumulative, upper * total, side="left"))
    return float(ordered[min(first, len(ordered) - 1)]), float(ordered[min(last, len(ordered) - 1)])


def is_shown_dark_on_white(ds: Dataset, layout: PixelLayout) -> bool:
    """Tell whether more is shown darker although the object does not ask for it, as in positron emission."""
    return text(ds, "Modality") == "PT" and layout.photometric == "MONOCHROME2"


def is_shown_inverted(ds: Dataset, layout: PixelLayout) -> bool:
    """Tell whether higher values are shown darker (PS3.3 C.7.6.3.1.2, C.11.6)."""
    asked = layout.photometric == "MONOCHROME1" or text(ds, "PresentationLUTShape") == "INVERSE"
    return asked or is_shown_dark_on_white(ds, layout)


def pixel_aspect(ds: Dataset, *, frame: int) -> float:
    """Return height / width of one pixel, 1.0 when unknown or implausible (PS3.3 C.7.6.3.1.7, 10.7.1.3)."""
    group = functional_group(ds, "PixelMeasuresSequence", frame=frame) or ds
    for place, keyword in (
        (group, "PixelSpacing"),
        (ds, "ImagerPixelSpacing"),
        (ds, "NominalScannedPixelSpacing"),
        (ds, "PixelAspectRatio"),
    ):
        pair = numbers(place, keyword)
        if len(pair) == 2 and min(pair) > 0:  # noqa: PLR2004 - vertical, horizontal
            ratio = pair[0] / pair[1]
            return ratio if 0.1 <= ratio <= 10 else 1.0  # noqa: PLR2004 - beyond lies a mistake, not a pixel
    return 1.0


def fit(image: NDArray[np.uint8], *, aspect: float, size_px: int) -> NDArray[np.uint8]:
    """Scale an image so that its pixels become square and its longer side `size_px`."""
    rows, columns = image.shape[:2]
    height, width = rows * max(aspect, 1.0), columns * max(1 / aspect, 1.0)
    scale = size_px / max(height, width)
    target = (max(round(width * scale), 1), max(round(height * scale), 1))
    if target == (columns, rows):
        return image
    smaller = target[0] <= columns and target[1] <= rows
    resized = cv2.resize(image, target, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)
