"""Figures of one instance and of a series: mean, spread, extremes, noise, sharpness. Frames are streamed.

- Mean, standard deviation, minimum and maximum are exact over all pixels of the frames measured that are no padding,
  in modality values (HU for CT); of colour, the luminance of 8 bits is measured.
- SNR is (mean of the foreground - background) / noise. The foreground are the pixels above Otsu's threshold; the
  background is the 1st percentile, so that the figure does not depend on where a modality puts its zero; the noise is
  Immerkaer's operator (a difference of two Laplacians, blind to gradients), taken over the foreground by its median
  absolute response / (6 * 0.6745), so that edges do not count as noise. Where the object asks to be shown inverted
  (MONOCHROME1), less is more.
- Sharpness is the variance of the Laplacian of the frame as it is displayed, in 8-bit grey, so that images of unlike
  value ranges compare.
SNR and sharpness are computed per frame, on the central 2048 x 2048 pixels of larger ones; the median of the frames
counts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cauce.core.errors import Undecodable
from cauce.core.limits import DEFAULTS, Limits
from cauce.core.messages import Measurement
from cauce.stages.process.colour import luminance
from cauce.stages.process.display import is_shown_dark_on_white, is_shown_inverted, to_display
from cauce.stages.process.histogram import Histogram, histogram
from cauce.stages.process.layout import PixelLayout
from cauce.stages.process.modality import modality_transform, padding_range
from cauce.stages.process.moments import Moments, moments_of_counts, moments_of_pixels
from cauce.stages.process.reader import FrameReader, frames

FRAMES_MEASURED_MAX = 64
"""Most frames of one instance that are measured; of more, that many spread evenly."""

_CENTRE_PX = 2048
_COLOUR_DIMENSIONS = 3
_SIDE_PX_MIN, _FOREGROUND_PX_MIN = 8, 64
"""On less there is no saying what is noise."""
_SAMPLE_PX = 16384
"""As many responses settle their median to one percent."""
_BACKGROUND = 0.01
_MAD_TO_SIGMA = 0.6745
_IMMERKAER_GAIN = 6.0
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesFigures:
    """Figures of a series, pooled from those of its instances.

    Mean and standard deviation are those of all pixels together; `snr` and `sharpness` are medians over instances.
    `unit` is "" when instances disagree. Figures are `None` when nothing was measured.
    """

    instances: int
    measured: int
    no_pixels: int
    undecodable: int
    frames: int = 0
    frames_measured: int = 0
    pixels: int = 0
    unit: str = ""
    mean: float | None = None
    standard_deviation: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    snr: float | None = None
    sharpness: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plane:
    """One frame as it is measured: numbers, their grey, and which of them count.

    The numbers times `slope` plus `intercept` are in `unit`. `grey` is bright where there is much of what the modality
    measures; `direction` is -1 where that is where the numbers are low. `counted` is `None` when all pixels count;
    `tally` is the histogram of the numbers that count, `None` when there is none.
    """

    numbers: NDArray[Any]
    grey: NDArray[np.uint8]
    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""
    counted: NDArray[np.bool_] | None = None
    direction: int = 1
    tally: Histogram | None = None


def measure_instance(source: BinaryIO | FrameReader, *, limits: Limits = DEFAULTS) -> Measurement:
    """Measure one instance; the module's docstring says how.

    What cannot be decoded is an outcome, not an error. Of more than `FRAMES_MEASURED_MAX` frames, that many are
    measured.

    Raises:
        Refused: the source is no DICOM object.
    """
    try:
        reader = source if isinstance(source, FrameReader) else frames(source, limits=limits)
        if reader.layout is None:
            return Measurement(outcome="no_pixels")
        return _measure(reader, reader.layout)
    except Undecodable as error:
        return Measurement(outcome="undecodable", detail=f"{error.detail} ({error.transfer_syntax_uid})")


def _measure(reader: FrameReader, layout: PixelLayout) -> Measurement:
    total = Moments()
    snrs: list[float] = []
    sharpnesses: list[float] = []
    unit = ""
    chosen = _spread(len(reader), FRAMES_MEASURED_MAX)
    for index in chosen:
        plane = _plane(reader, layout, index)
        unit = plane.unit
        total = total.plus(_moments(plane))
        snr = _snr(plane)
        if snr is not None:
            snrs.append(snr)
        sharpnesses.append(_sharpness(_centre(plane.grey)))
    return Measurement(
        outcome="measured",
        rows=layout.rows,
        columns=layout.columns,
        frames=len(reader),
        frames_measured=len(chosen),
        pixels=total.count,
        unit=unit,
        **_figures(total, snrs, sharpnesses),
    )


def _figures(total: Moments, snrs: Sequence[float], sharpnesses: Sequence[float]) -> dict[str, Any]:
    """Return the figures that a measurement and a summary share; what is no finite number is `None`."""
    found = {
        "mean": total.mean if total.count else None,
        "standard_deviation": total.deviation if total.count else None,
        "minimum": total.low if total.count else None,
        "maximum": total.high if total.count else None,
        "snr": float(np.median(snrs)) if snrs else None,
        "sharpness": float(np.median(sharpnesses)) if sharpnesses else None,
    }
    return {name: value if value is not None and math.isfinite(value) else None for name, value in found.items()}


def _spread(count: int, most: int) -> list[int]:
    """Return up to `most` frame numbers, spread evenly, each in the middle of its share."""
    if count <= most:
        return list(range(count))
    return [int((i + 0.5) * count / most) for i in range(most)]


def _plane(reader: FrameReader, layout: PixelLayout, index: int) -> _Plane:
    ds, stored = reader.ds, reader.read(index)
    tally = histogram(stored) if layout.samples == 1 else None
    shown = to_display(ds, layout, stored, frame=index, counted=tally)
    if shown.ndim == _COLOUR_DIMENSIONS:
        grey = luminance(shown)
        return _Plane(numbers=grey, grey=grey, tally=histogram(grey))
    transform = modality_transform(ds, frame=index)
    dark_on_white = is_shown_dark_on_white(ds, layout)
    counted, tally = _counted(ds, layout, stored, tally)
    is_table = transform.lut is not None
    is_reversed = (is_shown_inverted(ds, layout) and not dark_on_white) != (transform.slope < 0)
    return _Plane(
        numbers=transform.apply(stored) if is_table else stored,
        grey=np.invert(shown) if dark_on_white else shown,
        slope=transform.slope,
        intercept=transform.intercept,
        unit=transform.unit,
        counted=counted,
        direction=-1 if is_reversed else 1,
        tally=None if is_table else tally,
    )


def _counted(
    ds: Dataset, layout: PixelLayout, stored: NDArray[Any], tally: Histogram | None
) -> tuple[NDArray[np.bool_] | None, Histogram | None]:
    """Return where pixels count, that is are neither padding nor no number (`None` when all do), and their tally."""
    padding = padding_range(ds, layout)
    if padding is None and not layout.floating:
        return None, tally
    values = stored if tally is None else tally.values
    valid = np.isfinite(values)
    if padding is not None:
        valid &= (values < padding[0]) | (values > padding[1])
    if tally is None:
        return None if valid.all() else valid, None
    counts = tally.counts * valid
    if np.array_equal(counts, tally.counts):
        return None, tally
    return tally.look_up(stored, valid.astype(np.uint8)).astype(bool), Histogram(tally.lowest, counts)


def _moments(plane: _Plane) -> Moments:
    if plane.tally is None:
        found = moments_of_pixels(plane.numbers, plane.counted)
    else:
        found = moments_of_counts(plane.tally.values, plane.tally.counts)
    return found.scaled(plane.slope, plane.intercept)


def _centre(image: NDArray[Any]) -> NDArray[Any]:
    rows, columns = image.shape[:2]
    top, left = max((rows - _CENTRE_PX) // 2, 0), max((columns - _CENTRE_PX) // 2, 0)
    return np.ascontiguousarray(image[top : top + _CENTRE_PX, left : left + _CENTRE_PX])


def _snr(plane: _Plane) -> float | None:
    """Estimate the signal-to-noise ratio of one frame, `None` where no noise can be seen."""
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = _centre(plane.numbers).astype(np.float32)
    if min(numbers.shape) < _SIDE_PX_MIN:
        return None
    _, foreground = cv2.threshold(_centre(plane.grey), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    if plane.counted is not None:
        foreground[~_centre(plane.counted)] = 0
    noise = _noise(numbers, foreground[1:-1, 1:-1] > 0)
    if noise is None:
        return None
    signal = float(cv2.mean(numbers, mask=foreground)[0]) - _background(plane)
    return max(signal * plane.direction, 0.0) / noise


def _noise(numbers: NDArray[np.float32], inside: NDArray[np.bool_]) -> float | None:
    """Return the standard deviation of the noise where `inside`, which leaves out the outermost pixels, is set."""
    count = int(np.count_nonzero(inside))
    if count < _FOREGROUND_PX_MIN:
        return None
    response = cv2.filter2D(numbers, cv2.CV_32F, _IMMERKAER)[1:-1, 1:-1]
    step = max(math.isqrt(count // _SAMPLE_PX), 1)
    sample = np.abs(response[::step, ::step][inside[::step, ::step]])
    sample = sample[np.isfinite(sample)]
    if sample.size < _FOREGROUND_PX_MIN:
        return None
    noise = _median(sample) / (_MAD_TO_SIGMA * _IMMERKAER_GAIN)
    return noise if noise > 0 else None


def _background(plane: _Plane) -> float:
    """Return what lies below the signal: the 1st percentile, or the 99th where less is more."""
    share = _BACKGROUND if plane.direction > 0 else 1 - _BACKGROUND
    if plane.tally is not None:
        cumulative = np.cumsum(plane.tally.counts)
        return float(plane.tally.lowest + int(np.searchsorted(cumulative, share * cumulative[-1], side="right")))
    counted = plane.numbers if plane.counted is None else plane.numbers[plane.counted]
    return float(np.quantile(counted.ravel()[:: max(counted.size // _SAMPLE_PX, 1)], share))


def _median(values: NDArray[np.float32]) -> float:
    """Return the median of absolute values; of whole numbers, between them, as if each were spread over its step."""
    middle = values.size // 2
    centre = float(np.partition(values, middle)[middle])
    if centre != round(centre):
        return centre
    below, equal = int(np.count_nonzero(values < centre)), int(np.count_nonzero(values == centre))
    return max(centre - 0.5 + (values.size / 2 - below) / max(equal, 1), 0.0) if centre else 0.0


def _sharpness(grey: NDArray[np.uint8]) -> float:
    response = cv2.Laplacian(grey, cv2.CV_16S)
    mean = cv2.sumElems(response)[0] / response.size
    return cv2.norm(response, cv2.NORM_L2SQR) / response.size - mean * mean


def summarise(measurements: Sequence[Measurement]) -> SeriesFigures:
    """Pool the figures of a series' instances; mean and standard deviation come out as of all pixels together."""
    measured = [m for m in measurements if m.outcome == "measured"]
    total = Moments()
    for m in measured:
        if m.mean is not None and m.standard_deviation is not None and m.minimum is not None and m.maximum is not None:
            total = total.plus(Moments(m.pixels, m.mean, m.standard_deviation**2 * m.pixels, m.minimum, m.maximum))
    units = {m.unit for m in measured}
    return SeriesFigures(
        instances=len(measurements),
        measured=len(measured),
        no_pixels=sum(m.outcome == "no_pixels" for m in measurements),
        undecodable=sum(m.outcome == "undecodable" for m in measurements),
        frames=sum(m.frames for m in measured),
        frames_measured=sum(m.frames_measured for m in measured),
        pixels=total.count,
        unit=units.pop() if len(units) == 1 else "",
        **_figures(
            total,
            [m.snr for m in measured if m.snr is not None],
            [m.sharpness for m in measured if m.sharpness is not None],
        ),
    )
