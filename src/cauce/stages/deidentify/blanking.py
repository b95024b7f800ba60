"""Boxes that a person wants blanked in native pixels (PS3.5 section 8.1): what is outside of them stays as it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, BinaryIO, Final, Self

import pydicom
from pydicom.errors import InvalidDicomError

from cauce.stages.deidentify.fragments import zeros
from cauce.stages.deidentify.part10 import Original
from cauce.stages.deidentify.reading import BrokenError
from cauce.stages.deidentify.rewriting import Span

PIXEL_DATA: Final = 0x7FE00010
CANNOT: Final = "Boxes cannot be blanked in pixels of this form."
_NATIVE: Final = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
_WHOLE_PIXELS: Final = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL"})
_BITS: Final = frozenset({8, 16, 32, 64})
_SIDE_MAX: Final = 65535
_KEYWORDS: Final = [
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "BitsAllocated",
    "PlanarConfiguration",
    "NumberOfFrames",
    "PhotometricInterpretation",
]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Blanking:
    """Blanks `boxes` (x, y, width, height) in every frame of native pixels.

    A frame is `planes` after each other, of `rows` times `columns` pixels of `pixel_bytes`.
    """

    rows: int
    columns: int
    planes: int
    pixel_bytes: int
    frames: int
    boxes: tuple[Box, ...]

    @classmethod
    def of(cls, original: Original, boxes: Sequence[Box]) -> Self | None:
        """Return what blanks boxes in the pixels of an original, or `None` where that cannot be done here."""
        if original.transfer_syntax_uid not in _NATIVE:
            return None
        original.source.seek(0)
        try:
            ds = pydicom.dcmread(original.source, stop_before_pixels=True, specific_tags=_KEYWORDS)
            rows, columns = int(ds.Rows), int(ds.Columns)
            samples, bits = int(ds.SamplesPerPixel), int(ds.BitsAllocated)
            frames, is_planar = int(ds.get("NumberOfFrames") or 1), bool(ds.get("PlanarConfiguration"))
            photometric = str(ds.PhotometricInterpretation)
        except (InvalidDicomError, AttributeError, TypeError, ValueError, KeyError, NotImplementedError, EOFError):
            return None
        sides = (rows, columns, samples, frames)
        if min(sides) < 1 or max(rows, columns) > _SIDE_MAX or bits not in _BITS or photometric not in _WHOLE_PIXELS:
            return None
        planes, in_plane = (samples, 1) if is_planar and samples > 1 else (1, samples)
        return cls(
            rows=rows,
            columns=columns,
            planes=planes,
            pixel_bytes=in_plane * bits // 8,
            frames=frames,
            boxes=tuple(boxes),
        )

    def fits(self, span: Span) -> bool:
        """Tell whether all frames lie in the pixel data, and each box covers some of them."""
        inside = all(x < self.columns and y < self.rows for x, y, _, _ in self.boxes)
        return inside and self._frame_bytes * self.frames <= span.length

    def chunks(self, source: BinaryIO | IO[bytes], span: Span) -> Iterator[bytes]:
        """Yield the pixel data, a plane of a frame at a time, and zeros for what lies behind the last one.

        Raises:
            BrokenError: it is shorter than its own size says.
        """
        offset, plane_bytes = span.offset, self._frame_bytes // self.planes
        for _ in range(self.frames * self.planes):
            yield self._blanked(_read(source, offset, plane_bytes))
            offset += plane_bytes
        if rest := span.offset + span.length - offset:
            yield from zeros(rest)

    def _blanked(self, plane: bytes) -> bytes:
        made = bytearray(plane)
        row_bytes = self.columns * self.pixel_bytes
        for x, y, width, height in self.boxes:
            start, stop = x * self.pixel_bytes, min(x + width, self.columns) * self.pixel_bytes
            for row in range(y, min(y + height, self.rows)):
                made[row * row_bytes + start : row * row_bytes + stop] = bytes(stop - start)
        return bytes(made)

    @property
    def _frame_bytes(self) -> int:
        return self.rows * self.columns * self.planes * self.pixel_bytes


def _read(source: BinaryIO | IO[bytes], offset: int, length: int) -> bytes:
    source.seek(offset)
    found = source.read(length)
    if len(found) < length:
        raise BrokenError("It is shorter than its own size says.")
    return found
