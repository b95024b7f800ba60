"""The fragments of encapsulated pixel data (PS3.5 A.4): where they lie, and which of them make up a frame."""

import re
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import IO, BinaryIO, Final

from cauce.core.errors import CauceError
from cauce.core.limits import MIB
from cauce.stages.deidentify.reading import BrokenError

Source = BinaryIO | IO[bytes]
Edit = tuple[int, int, bytes | None]
"""Where bytes begin, how many they are, and what takes their place: as many zeros when that is `None`."""

STARTS: Final = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ", b"\0\0\0\x0cJXL ", b"\xff\x0a")
"""How compressed images begin: JPEG and JPEG-LS, JPEG 2000, both in boxes, JPEG XL."""

_WINDOW: Final = 64 * 1024
_LOOKED_BEHIND, _LONGEST = 4, 12
_FRAGMENTS_MAX: Final = 4_000_000
_HEAD: Final = 8
_OFFSET = struct.Struct("<HHL")


def copied(source: Source, offset: int, end: int) -> Iterator[bytes]:
    """Yield what lies in a file from `offset` to `end`.

    Raises:
        BrokenError: the file ends before.
    """
    while offset < end:
        source.seek(offset)
        chunk = source.read(min(end - offset, MIB))
        if not chunk:
            raise BrokenError("It is shorter than its own size says.")
        yield chunk
        offset += len(chunk)


def zeros(length: int) -> Iterator[bytes]:
    """Yield so many zeros."""
    while length > 0:
        yield bytes(min(length, MIB))
        length -= MIB


class UnexplainedError(CauceError):
    """Pixel data holds more than its frames, or something that cannot be followed."""

    code = "unexplained_pixel_data"


class Joined:
    """The fragments of one frame, read as one; `spans` are offset and length of each. A window of it is in memory."""

    def __init__(self, source: Source, spans: Sequence[tuple[int, int]]) -> None:
        """Nothing is read yet."""
        self._source, self._spans = source, spans
        self._starts = [0, *accumulate(length for _, length in spans)]
        self.length = self._starts[-1]
        self._window, self._window_at = b"", 0

    def at(self, position: int, length: int) -> bytes:
        """Return `length` bytes, fewer at the end."""
        end = min(position + length, self.length)
        if not self._window_at <= position <= end <= self._window_at + len(self._window):
            places = self.places(position, max(length, _WINDOW))
            self._window = b"".join([self._read(offset, count) for offset, count in places])
            self._window_at = position
        return self._window[position - self._window_at : max(end, position) - self._window_at]

    def find(self, pattern: re.Pattern[bytes], position: int, end: int | None = None) -> int:
        """Return where a pattern of at most 12 bytes, which looks at 4 before it, is found next; -1 when nowhere."""
        end = self.length if end is None else min(end, self.length)
        while position < end:
            begin = max(position - _LOOKED_BEHIND, 0)
            piece = self.at(begin, min(_WINDOW, end - begin))
            if found := pattern.search(piece, position - begin):
                return begin + found.start()
            if begin + len(piece) >= end:
                return -1
            position = max(position + 1, begin + len(piece) - _LONGEST + 1)
        return -1

    def places(self, position: int, length: int) -> Iterator[tuple[int, int]]:
        """Yield offset and length of where these bytes lie in the file."""
        end = min(position + length, self.length)
        number = max(bisect_right(self._starts, position) - 1, 0)
        while position < end:
            offset, size = self._spans[number]
            within = position - self._starts[number]
            count = min(size - within, end - position)
            if count:
                yield offset + within, count
            position, number = position + count, number + 1

    def _read(self, offset: int, count: int) -> bytes:
        self._source.seek(offset)
        found = self._source.read(count)
        if len(found) < count:
            raise BrokenError("It is shorter than its own size says.")
        return found


class Fragments:
    """Every fragment that is not empty, and the basic offset table.

    `edits` are what is put right outside of them: a delimiter that has a length, a table that does not fit.
    """

    def __init__(self, source: Source, offset: int, length: int) -> None:
        """Walk the items; `offset` and `length` are those of the value, its delimiter included.

        Raises:
            UnexplainedError: there are more than anybody writes.
        """
        self._source, self._offset = source, offset
        self._offsets, self._lengths = array("q"), array("q")
        self._table_length = 0
        self._tail: list[Edit] = []
        self._walk(offset, offset + length)
        self.table = self._read_table()

    def __len__(self) -> int:
        """Return the number of fragments."""
        return len(self._offsets)

    def firsts(self, frames: int, extended: Sequence[int] = ()) -> Sequence[int]:
        """Return the number of the first fragment of each frame; `extended` is the extended offset table.

        Raises:
            UnexplainedError: there are more frames than `frames`.
        """
        if len(self) == frames:
            return range(frames)
        firsts: Sequence[int] | None = None
        for table in (extended, self.table):
            firsts = self._by_table(table) if firsts is None and len(table) == frames > 1 else firsts
        firsts = self._by_starts() if firsts is None else firsts
        if len(firsts) > max(frames, 1):
            raise UnexplainedError("There are more frames than it says.")
        return firsts

    def joined(self, firsts: Sequence[int], number: int) -> Joined:
        """Return the fragments of one frame."""
        first = firsts[number]
        last = firsts[number + 1] if number + 1 < len(firsts) else len(self)
        return Joined(self._source, list(zip(self._offsets[first:last], self._lengths[first:last], strict=True)))

    def fits(self, firsts: Sequence[int], starts: Sequence[int], lengths: Sequence[int]) -> bool:
        """Tell whether an extended offset table says the same of each frame."""
        if list(starts) != [self.starts(number) for number in firsts] or len(lengths) not in {0, len(firsts)}:
            return False
        have = (self._lengths[first] for first in firsts)
        return all(0 <= length - said <= 1 for said, length in zip(lengths, have, strict=False))

    def before(self, firsts: Sequence[int]) -> Iterator[Edit]:
        """Yield what is put right in front of the fragments: an offset table that does not fit the frames goes."""
        if self._table_length and list(self.table) != [self.starts(number) for number in firsts]:
            yield self._offset + 4, 4 + self._table_length, bytes(4)

    def behind(self) -> Iterator[Edit]:
        """Yield what is put right behind them."""
        yield from self._tail

    def starts(self, number: int) -> int:
        """Return where the item of a fragment begins, counted from the first item behind the table."""
        return self._offsets[number] - _HEAD - (self._offset + _HEAD + self._table_length)

    def _walk(self, position: int, end: int) -> None:
        is_first = True
        while position + _HEAD <= end:
            self._source.seek(position)
            group, element, length = _OFFSET.unpack(self._source.read(_HEAD))
            position += _HEAD
            if (group, element) == (0xFFFE, 0xE0DD):
                if length:
                    self._tail.append((position - 4, 4, None))
                return
            if is_first:
                self._table_length, is_first = length, False
            elif length:
                self._offsets.append(position)
                self._lengths.append(length)
                if len(self._offsets) > _FRAGMENTS_MAX:
                    raise UnexplainedError("There are too many fragments.")
            position += length

    def _read_table(self) -> Sequence[int]:
        if not self._table_length or self._table_length % 4 or self._table_length > 4 * len(self):
            return ()
        self._source.seek(self._offset + _HEAD)
        return struct.unpack(f"<{self._table_length // 4}L", self._source.read(self._table_length))

    def _by_table(self, table: Sequence[int]) -> list[int] | None:
        numbers = {self.starts(number): number for number in range(len(self))}
        firsts = [numbers.get(start, -1) for start in table]
        return firsts if firsts[0] == 0 and firsts == sorted(set(firsts)) else None

    def _by_starts(self) -> list[int]:
        firsts = [0] if len(self) else []
        for number in range(1, len(self)):
            self._source.seek(self._offsets[number])
            if self._source.read(_LONGEST).startswith(STARTS):
                firsts.append(number)
        return firsts
