"""How the pixels of one object are laid out: the image pixel attributes, read tolerantly, checked strictly."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from cauce.core.errors import Undecodable
from cauce.core.limits import MIB, Limits

_BITS_ALLOCATED = {1, 8, 16, 32, 64}
_COLOUR = {
    "RGB",
    "YBR_FULL",
    "YBR_FULL_422",
    "YBR_PARTIAL_422",
    "YBR_PARTIAL_420",
    "YBR_ICT",
    "YBR_RCT",
    "XYB",
}
_SINGLE = {"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"}


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelLayout:
    """The image pixel attributes of one object (PS3.3 C.7.6.3), after checking.

    `photometric` is Photometric Interpretation in capitals; `floating` is set for (double) float pixel data.
    """

    transfer_syntax_uid: str
    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: bool
    photometric: str
    floating: bool = False

    @property
    def frame_bits(self) -> int:
        """Bits of one uncompressed frame, without padding."""
        return self.rows * self.columns * self.samples * self.bits_allocated

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one frame: (rows, columns) or (rows, columns, 3)."""
        return (self.rows, self.columns) if self.samples == 1 else (self.rows, self.columns, self.samples)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Native-endian type of the stored values."""
        if self.floating:
            return np.dtype(f"f{self.bits_allocated // 8}")
        return np.dtype(f"{'i' if self.signed else 'u'}{max(self.bits_allocated // 8, 1)}")


def integer(ds: Dataset, keyword: str) -> int | None:
    """Return the first value of an element as an integer; `None` when it is absent, empty or no number."""
    value = number(ds, keyword)
    return None if value is None else int(value)


def number(ds: Dataset, keyword: str) -> float | None:
    """Return the first value of an element as a finite float; `None` when it is absent, empty or no number."""
    try:
        value = ds.get(keyword)
        if isinstance(value, (list, tuple)) or hasattr(value, "append"):
            value = value[0] if len(value) else None
        result = None if value is None or value == "" else float(value)
    except Exception:  # noqa: BLE001 - converting a malformed raw element raises nearly anything
        return None
    return result if result is not None and np.isfinite(result) else None


def numbers(ds: Dataset, keyword: str) -> list[float]:
    """Return all values of an element as finite floats; empty when any of them is not one."""
    try:
        value = ds.get(keyword)
        if value is None or value == "":
            return []
        values = [float(v) for v in value] if hasattr(value, "__iter__") else [float(value)]
    except Exception:  # noqa: BLE001 - converting a malformed raw element raises nearly anything
        return []
    return values if all(np.isfinite(values)) else []


def text(ds: Dataset, keyword: str) -> str:
    """Return an element as text in capitals without padding; "" when it is absent or unreadable."""
    try:
        value = ds.get(keyword)
        if hasattr(value, "append"):
            value = value[0] if len(value) else ""
        return "" if value is None else str(value).strip(" \0").upper()
    except Exception:  # noqa: BLE001 - converting a malformed raw element raises nearly anything
        return ""


def layout_of(ds: Dataset, *, transfer_syntax_uid: str, limits: Limits, floating: bool = False) -> PixelLayout:
    """Read and check the image pixel attributes of `ds`.

    Raises:
        Undecodable: an attribute is missing or contradicts the others, or a frame would pass `limits.frame_bytes_max`.
    """
    samples = integer(ds, "SamplesPerPixel") or 1
    bits_allocated = integer(ds, "BitsAllocated")
    if bits_allocated is None:
        bits_allocated = 32 if floating else 0
    bits_stored = integer(ds, "BitsStored") or bits_allocated
    frames = integer(ds, "NumberOfFrames")
    layout = PixelLayout(
        transfer_syntax_uid=transfer_syntax_uid,
        rows=integer(ds, "Rows") or 0,
        columns=integer(ds, "Columns") or 0,
        frames=frames or 1,
        samples=samples,
        bits_allocated=bits_allocated,
        bits_stored=bits_stored,
        high_bit=_high_bit(ds, bits_stored),
        signed=integer(ds, "PixelRepresentation") == 1,
        planar=samples > 1 and integer(ds, "PlanarConfiguration") == 1,
        photometric=text(ds, "PhotometricInterpretation") or ("RGB" if samples > 1 else "MONOCHROME2"),
        floating=floating,
    )
    _check(layout, limits)
    return layout


def _high_bit(ds: Dataset, bits_stored: int) -> int:
    high_bit = integer(ds, "HighBit")
    return bits_stored - 1 if high_bit is None else high_bit


def _check(layout: PixelLayout, limits: Limits) -> None:
    problem = _problem(layout, limits)
    if problem:
        raise Undecodable(problem, transfer_syntax_uid=layout.transfer_syntax_uid)


def _problem(layout: PixelLayout, limits: Limits) -> str:
    """Name the first thing that makes these attributes unusable; "" when there is none."""
    allocated = {32, 64} if layout.floating else _BITS_ALLOCATED
    expected = {1: _SINGLE, 3: _COLOUR}.get(layout.samples)
    checks = (
        (layout.rows < 1 or layout.columns < 1, "Rows or Columns is missing or zero"),
        (layout.frames < 1, "Number of Frames is not positive"),
        (expected is None, f"{layout.samples} Samples per Pixel are not supported"),
        (expected is not None and layout.photometric not in expected, "Photometric Interpretation is not supported"),
        (layout.bits_allocated not in allocated, f"Bits Allocated of {layout.bits_allocated} is not supported"),
        (not 1 <= layout.bits_stored <= layout.bits_allocated, "Bits Stored contradicts Bits Allocated"),
        (not layout.bits_stored - 1 <= layout.high_bit < layout.bits_allocated, "High Bit contradicts Bits Stored"),
        (
            layout.frame_bits > limits.frame_bytes_max * 8,
            f"a frame is larger than CAUCE_MAX_FRAME_MB allows, {limits.frame_bytes_max // MIB} MiB",
        ),
        (layout.frames >= 1 << 31, "Number of Frames is out of range"),
    )
    return next((reason for broken, reason in checks if broken), "")
