"""Where the frames of an instance lie: computed for native pixels, from offset tables or fragments for encapsulated."""

import struct
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from cauce.core.errors import Refused
from cauce.core.messages import FrameIndex
from cauce.core.statuses import RefusalCode

FRAMES_INDEXED_MAX: Final = 500_000
"""More native frames than these are not indexed one by one; 500,000 take 85 MB of memory."""

FRAGMENTS_INDEXED_MAX: Final = 500_000
"""With more fragments than these the frames of encapsulated pixel data are not indexed."""

_VIDEO: Final = frozenset(
    {f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109)}
    | {f"1.2.840.10008.1.2.4.{number}.1" for number in range(100, 107)}
)
"""Transfer syntaxes whose fragments are one stream of video, not frames (PS3.5 8.2.5 to 8.2.9)."""

JPEG_STARTS: Final = (b"\xff\xd8",)
"""How a frame of JPEG or JPEG-LS begins."""
JPEG2000_STARTS: Final = (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")
"""How a frame of JPEG 2000 begins: bare, or in a JP2 file."""
JPEG_XL_STARTS: Final = (b"\xff\x0a", b"\0\0\0\x0cJXL ")
"""How a frame of JPEG XL begins: bare, or in boxes."""
_CODESTREAM_STARTS: Final = JPEG_STARTS + JPEG2000_STARTS + JPEG_XL_STARTS


@dataclass(kw_only=True, slots=True)
class PixelDescription:
    """What the header says of the pixels (PS3.3 C.7.6.3); `None` where it says nothing."""

    rows: int | None
    columns: int | None
    samples_per_pixel: int
    bits_allocated: int | None
    number_of_frames: int
    photometric_interpretation: str = ""
    bits_stored: int | None = None
    high_bit: int | None = None
    pixel_representation: int | None = None

    @property
    def frame_bits(self) -> int | None:
        """Bits of one native frame, `None` when rows, columns or bits allocated are missing."""
        if self.rows is None or self.columns is None or self.bits_allocated is None:
            return None
        return self.rows * self.columns * self.samples_per_pixel * self.bits_allocated

    @property
    def padded_bytes(self) -> int | None:
        """Bytes of all native frames, padded to an even length; `None` when they cannot be told."""
        expected = self.expected_bytes(is_subsampled=False)
        return None if expected is None else expected + (expected & 1)

    def expected_bytes(self, *, is_subsampled: bool) -> int | None:
        """Bytes of all native frames without padding; of chroma-subsampled ones a third less (PS3.3 C.7.6.3.1.2)."""
        bits = self.frame_bits
        if bits is None:
            return None
        bits *= self.number_of_frames
        return (bits * 2 // 3 if is_subsampled else bits) + 7 >> 3


def native_frames(
    pixels: PixelDescription, *, offset: int, length: int, warn: Callable[[str, str], None]
) -> FrameIndex:
    """Return where the frames of native pixel data at `offset` lie.

    Raises:
        Refused: `pixel_length_mismatch` when `length` is shorter than the header says.
    """
    expected = pixels.expected_bytes(is_subsampled=False)
    if expected is None:
        warn("pixels_undescribed", "Pixel data are there, but their rows, columns or bits are not.")
        return FrameIndex(encapsulated=False, frames=())
    frame_bits = pixels.frame_bits or 0
    if "422" in pixels.photometric_interpretation and length < expected:
        expected = pixels.expected_bytes(is_subsampled=True) or 0
        frame_bits = frame_bits * 2 // 3
    if length < expected:
        raise Refused(RefusalCode.PIXEL_LENGTH_MISMATCH, "Pixel data are shorter than rows, columns and frames say.")
    if length > expected + (expected & 1):
        warn("pixel_data_longer", "Pixel data are longer than rows, columns and frames say.")
    count = pixels.number_of_frames
    if count == 1 and frame_bits:
        return FrameIndex(encapsulated=False, frames=(((offset, expected),),))
    if not frame_bits or frame_bits % 8 or count > FRAMES_INDEXED_MAX:
        warn("frames_not_indexed", "The frames cannot be addressed one by one.")
        return FrameIndex(encapsulated=False, frames=())
    size = frame_bits // 8
    return FrameIndex(encapsulated=False, frames=tuple(((offset + size * i, size),) for i in range(count)))


class Fragments:
    """The fragments of encapsulated pixel data as they passed by, in 17 bytes each: a hostile file has millions."""

    __slots__ = ("_is_start", "_lengths", "_offsets", "head")

    def __init__(self) -> None:
        """Start with none; `head` is how the first one that is not empty begins."""
        self.head = b""
        self._offsets = array("Q")
        self._lengths = array("Q")
        self._is_start = bytearray()

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, offset: int, length: int, *, head: bytes) -> None:
        """Add the fragment whose value lies at `offset` and begins with `head`."""
        self._offsets.append(offset)
        self._lengths.append(length)
        self._is_start.append(head.startswith(_CODESTREAM_STARTS))
        self.head = self.head or head

    @property
    def size_bytes(self) -> int:
        """Bytes of all fragments."""
        return sum(self._lengths)

    @property
    def starts_count(self) -> int:
        """How many fragments begin a codestream."""
        return sum(self._is_start)

    def starts(self) -> list[int]:
        """Return the indices of the fragments that begin a codestream."""
        return [i for i, is_start in enumerate(self._is_start) if is_start]

    def places(self, offsets: Sequence[int]) -> list[int] | None:
        """Return the indices of the fragments whose items lie `offsets` behind the first one; `None` if one is none."""
        first = self._offsets[0]
        places = [bisect_left(self._offsets, first + offset) for offset in offsets]
        for place, offset in zip(places, offsets, strict=True):
            if place == len(self._offsets) or self._offsets[place] != first + offset:
                return None
        return places

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Yield (offset of the value, length) of each."""
        return zip(self._offsets, self._lengths, strict=True)

    def cut(self, starts: Sequence[int]) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Return frames that begin at the fragments `starts`."""
        pairs = list(self.pairs())
        return tuple(tuple(pairs[a:b]) for a, b in zip(starts, [*starts[1:], len(pairs)], strict=True))


@dataclass(kw_only=True, slots=True)
class EncapsulatedPixels:
    """The fragments of encapsulated pixel data, and the offset tables that go with them."""

    basic_offset_table: bytes
    big: bool
    fragments: Fragments = field(default_factory=Fragments)
    extended_offset_table: bytes = b""

    def frames(
        self, *, number_of_frames: int, transfer_syntax_uid: str, warn: Callable[[str, str], None]
    ) -> FrameIndex:
        """Return where the frames lie.

        Raises:
            Refused: `pixel_length_mismatch` when there is not one byte of them.
        """
        fragments = self.fragments
        if not fragments.size_bytes:
            raise Refused(RefusalCode.PIXEL_LENGTH_MISMATCH, "Encapsulated pixel data hold nothing.")
        starts: Sequence[int] | None = None
        if transfer_syntax_uid not in _VIDEO:
            starts = self._starts(number_of_frames, warn) if len(fragments) <= FRAGMENTS_INDEXED_MAX else None
            if starts is None:
                warn("frames_not_indexed", "The frames cannot be addressed one by one.")
            elif len(starts) < number_of_frames:
                warn("frames_missing", "Fewer frames are there than the header says.")
        if number_of_frames == 1 and fragments.starts_count > 1 and transfer_syntax_uid not in _VIDEO:
            warn("frames_surplus", "More frames are there than the header says.")
        return FrameIndex(encapsulated=True, frames=fragments.cut(starts) if starts else ())

    def _starts(self, count: int, warn: Callable[[str, str], None]) -> Sequence[int] | None:
        """Return the indices of the fragments that begin frames, `None` when they cannot be told."""
        fragments = self.fragments
        for offsets in (self._extended_offsets(count), self._basic_offsets(count)):
            if offsets is None:
                continue
            places = fragments.places(offsets) if offsets and offsets[0] == 0 else None
            if places is not None and all(a < b for a, b in pairwise(places)):
                return places
            warn("offset_table_wrong", "An offset table does not point at fragments; the fragments decide.")
        if count == 1:
            return [0]
        if len(fragments) <= count:
            return range(len(fragments))
        starts = fragments.starts()
        return starts if len(starts) == count and starts[0] == 0 else None

    def _extended_offsets(self, count: int) -> Sequence[int] | None:
        """Return the extended offset table (PS3.3 C.7.6.3.1.8), if there is one."""
        table = self.extended_offset_table
        if not table:
            return None
        return struct.unpack(f"{'><'[not self.big]}{count}Q", table) if len(table) == 8 * count else ()

    def _basic_offsets(self, count: int) -> Sequence[int] | None:
        """Return the basic offset table (PS3.5 A.4), if it is filled."""
        table = self.basic_offset_table
        if not table:
            return None
        return struct.unpack(f"{'><'[not self.big]}{count}L", table) if len(table) == 4 * count else ()
