"""From stored values to the modality's own: rescale or look-up table, unit, padding (PS3.3 C.11.1, C.7.5.1.1.2)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cauce.stages.process.layout import PixelLayout, integer, number, text

_NAMELESS_UNITS = {"", "US", "UNSPECIFIED", "NONE"}


@dataclass(frozen=True, kw_only=True, slots=True)
class LookUpTable:
    """A modality or VOI look-up table: `values[i]` belongs to the input `first + i`; inputs beyond are clamped."""

    first: int
    values: NDArray[np.float32]
    bits: int

    def apply(self, inputs: NDArray[Any]) -> NDArray[np.float32]:
        """Return the table's value for each input; the shape is kept."""
        indices = np.clip(np.rint(inputs).astype(np.int64) - self.first, 0, len(self.values) - 1)
        return np.asarray(self.values[indices])


@dataclass(frozen=True, kw_only=True, slots=True)
class ModalityTransform:
    """Stored value * `slope` + `intercept`, or a look-up table instead. `unit` is "HU" for CT, "" when unnamed."""

    slope: float = 1.0
    intercept: float = 0.0
    lut: LookUpTable | None = None
    unit: str = ""

    def apply(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Return the modality values of stored values, in `unit`; the shape is kept."""
        if self.lut is not None:
            return self.lut.apply(stored)
        values = stored.astype(np.float32)
        values *= np.float32(self.slope)
        values += np.float32(self.intercept)
        return values


def functional_group(ds: Dataset, keyword: str, *, frame: int) -> Dataset | None:
    """Return the item of a functional group macro that holds for `frame`, its own before the shared one."""
    try:
        own = ds.get("PerFrameFunctionalGroupsSequence") or []
        candidates = ([own[frame]] if frame < len(own) else []) + list(ds.get("SharedFunctionalGroupsSequence") or [])
        for group in candidates:
            items = group.get(keyword)
            if items:
                found = items[0]
                return found if isinstance(found, Dataset) else None
    except Exception:  # noqa: BLE001 - malformed sequences fail in many ways; they then say nothing
        return None
    return None


def modality_transform(ds: Dataset, *, frame: int = 0) -> ModalityTransform:
    """Return how stored values of `frame` become modality values; the identity when nothing is said."""
    group = functional_group(ds, "PixelValueTransformationSequence", frame=frame) or ds
    unit = _unit(ds, group)
    if text(ds, "Modality") == "RTDOSE":
        return ModalityTransform(slope=number(ds, "DoseGridScaling") or 1.0, unit=unit)
    lut = first_lut(ds, "ModalityLUTSequence")
    if lut is not None:
        return ModalityTransform(lut=lut, unit=unit)
    slope, intercept = number(group, "RescaleSlope"), number(group, "RescaleIntercept")
    return ModalityTransform(slope=slope or 1.0, intercept=intercept or 0.0, unit=unit)


def _unit(ds: Dataset, group: Dataset) -> str:
    modality = text(ds, "Modality")
    if modality == "RTDOSE":
        return {"GY": "Gy", "RELATIVE": "relative"}.get(text(ds, "DoseUnits"), "")
    if modality in {"PT", "NM"} and text(ds, "Units"):
        return text(ds, "Units")
    named = text(group, "RescaleType")
    if modality == "CT" and named in _NAMELESS_UNITS and "RescaleIntercept" in group:
        return "HU"
    return "" if named in _NAMELESS_UNITS else named[:16]


def first_lut(ds: Dataset, keyword: str) -> LookUpTable | None:
    """Return the first table of a LUT sequence; `None` when there is none or it is malformed (PS3.3 C.11.1.1.1)."""
    try:
        items = ds.get(keyword)
        if not items:
            return None
        entries, first, bits = (int(v) for v in items[0].LUTDescriptor)
        entries = entries or 65536
        data = items[0].LUTData
        if isinstance(data, bytes):
            words = "<u2" if items[0].original_encoding[1] is not False else ">u2"
            values = np.frombuffer(data, np.uint8 if len(data) < 2 * entries else words)
        else:
            values = np.atleast_1d(np.asarray(data)) & 0xFFFF
        signed = integer(ds, "PixelRepresentation") == 1
    except Exception:  # noqa: BLE001 - a malformed table fails in many ways and then stands for none
        return None
    if first > 0x7FFF and signed:  # noqa: PLR2004 - a signed 16-bit value read as unsigned
        first -= 0x10000
    if not len(values) or not 1 <= bits <= 16:  # noqa: PLR2004 - what LUT Descriptor allows
        return None
    return LookUpTable(first=first, values=values[:entries].astype(np.float32), bits=bits)


def padding_range(ds: Dataset, layout: PixelLayout) -> tuple[float, float] | None:
    """Return the lowest and highest stored value that mean "no pixel here"; `None` when there is none."""
    if layout.samples > 1 or layout.photometric == "PALETTE COLOR":
        return None
    for prefix in ("Float", "DoubleFloat") if layout.floating else ("",):
        value = number(ds, f"{prefix}PixelPaddingValue")
        if value is not None:
            limit = number(ds, f"{prefix}PixelPaddingRangeLimit")
            ends = [value] if limit is None else [value, limit]
            ends = ends if layout.floating else [_wrapped(int(v), layout) for v in ends]
            return min(ends), max(ends)
    return None


def _wrapped(value: int, layout: PixelLayout) -> int:
    """Read a padding value by the pixels' own representation; writers disagree with it often."""
    span = 1 << layout.bits_allocated
    value %= span
    return value - span if layout.signed and value >= span // 2 else value
