"""The element walker: one forward pass over an encoded data set (PS3.5 section 7), as a flat stream of events.

It never recurses, holds no value longer than it is asked to, and every step consumes bytes, so that hostile lengths,
offsets and nesting are bounded by the size of the file and by `Limits`.
"""

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cauce.core.errors import Refused
from cauce.core.limits import MIB, Limits
from cauce.core.statuses import RefusalCode
from cauce.stages.validate.dictionary import EXPLICIT_VRS, UNDEFINED_LENGTH, dictionary_vr, tag_text
from cauce.stages.validate.reader import ForwardReader

ELEMENT: Final = 0
"""An element whose value comes along."""
BULK: Final = 1
"""An element whose value is longer than asked for: it may be streamed from the reader before the next event."""
SEQUENCE: Final = 2
SEQUENCE_END: Final = 3
ITEM: Final = 4
ITEM_END: Final = 5
FRAGMENTS: Final = 6
"""Encapsulated data begin (PS3.5 A.4); the value is the basic offset table."""
FRAGMENT: Final = 7
"""One fragment; the value is its first bytes, its whole may be streamed as for `BULK`."""
FRAGMENTS_END: Final = 8
"""Encapsulated data end; the length is that of all items without the delimiter."""

Event = tuple[int, int, str, int, int, bytes]
"""(kind, tag, VR, absolute offset of the value, its length, value or b"")."""

PIXEL_DATA: Final = 0x7FE00010
PIXEL_TAGS: Final = frozenset({0x7FE00008, 0x7FE00009, PIXEL_DATA})

_ITEM: Final = 0xFFFEE000
_ITEM_DELIMITATION: Final = 0xFFFEE00D
_SEQUENCE_DELIMITATION: Final = 0xFFFEE0DD
_DELIMITERS_FROM: Final = 0xFFFE0000
_PADDING: Final = 0xFFFCFFFC
_HEADER_BYTES: Final = 8
_LONG_HEADER_BYTES: Final = 12
_FRAGMENT_HEAD_BYTES: Final = 16
_OFFSET_TABLE_BYTES_MAX: Final = 16 * MIB
_ENCAPSULABLE: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW"})

_NOT_ZERO = re.compile(rb"[^\0]")
_EXPLICIT = (struct.Struct("<HH2sH"), struct.Struct(">HH2sH"))
_IMPLICIT = (struct.Struct("<HHL"), struct.Struct(">HHL"))
_LENGTH = (struct.Struct("<L"), struct.Struct(">L"))


@dataclass(slots=True)
class Level:
    """One open level: a data set (the whole, or an item) or a sequence; `end` bounds it, exactly if `is_defined`."""

    is_sequence: bool
    tag: int
    end: int
    is_defined: bool
    implicit: bool
    big: bool


class Walker:
    """Walk the data set that begins at `start`; iterate for the events.

    `big` is the byte order at the present position; `position` the offset behind the present event.
    """

    def __init__(
        self,
        reader: ForwardReader,
        *,
        start: int,
        implicit: bool,
        big: bool,
        limits: Limits,
        inline_max: Mapping[str, int],
        warn: Callable[[str, str], None],
        as_items: bool = False,
    ) -> None:
        """`inline_max` gives, for each VR, the longest value that comes along with its event.

        With `as_items` what begins at `start` is no data set but the items of a sequence.
        """
        self.position = start
        self.big = big
        self._reader = reader
        self._limits = limits
        self._inline_max = inline_max
        self._warn = warn
        self._levels = [
            Level(is_sequence=as_items, tag=0, end=reader.size, is_defined=True, implicit=implicit, big=big)
        ]
        self._elements = 0
        self._held_bytes = 0
        self._depth = 0
        self._after_pixels = False
        self._last_tag = 0
        self._sent_as_unknown = False
        self._zeros_end = 0

    def __iter__(self) -> Iterator[Event]:
        """Yield the events in file order.

        Raises:
            Refused: `truncated`, `too_deep` or `too_large`.
        """
        while self._levels:
            level = self._levels[-1]
            self.big = level.big
            yield from self._walk_sequence(level) if level.is_sequence else self._walk_data_set(level)

    def _walk_data_set(self, level: Level) -> Iterator[Event]:
        read_header = self._read_implicit if level.implicit else self._read_explicit
        reader, inline_max = self._reader, self._inline_max
        while self.position < level.end:
            header = read_header(level)
            if header is None:
                break
            tag, vr, length, offset = header
            self._elements += 1
            if tag >= _DELIMITERS_FROM or vr == "SQ" or length == UNDEFINED_LENGTH:
                yield from self._special(level, tag, vr, length, offset)
                return
            stop = offset + length
            if stop > level.end:
                if self._is_trailing(level, tag):
                    break
                raise Refused(RefusalCode.TRUNCATED, "An element's value runs past the end of the data that hold it.")
            self._last_tag = tag
            self.position = stop
            if length <= inline_max[vr] and tag not in PIXEL_TAGS:
                self._hold(length)
                start = offset - reader.base
                if start + length > len(reader.window):
                    if not reader.ensure(offset, length):
                        raise Refused(RefusalCode.TRUNCATED, "The file ends inside a value.")
                    start = offset - reader.base
                yield ELEMENT, tag, vr, offset, length, reader.window[start : start + length]
            else:
                self._after_pixels = self._after_pixels or (tag in PIXEL_TAGS and len(self._levels) == 1)
                yield BULK, tag, vr, offset, length, b""
        yield from self._close_data_set(level)

    def _close_data_set(self, level: Level) -> Iterator[Event]:
        if not level.is_defined:
            raise Refused(RefusalCode.TRUNCATED, "The data end inside a sequence.")
        self.position = level.end
        self._levels.pop()
        if self._levels:
            yield ITEM_END, level.tag, "", self.position, 0, b""

    def _hold(self, length: int) -> None:
        self._held_bytes += length
        if self._elements > self._limits.elements_max or self._held_bytes > self._limits.header_bytes_max:
            raise Refused(RefusalCode.TOO_LARGE, "The header is larger than is allowed.")

    def _read_explicit(self, level: Level) -> tuple[int, str, int, int] | None:
        reader, position = self._reader, self.position
        index = position - reader.base
        if index + _LONG_HEADER_BYTES > len(reader.window):
            if not reader.ensure(position, _LONG_HEADER_BYTES) and not reader.ensure(position, _HEADER_BYTES):
                self._settle_end(level)
                return None
            index = position - reader.base
        group, element, code, length = _EXPLICIT[level.big].unpack_from(reader.window, index)
        tag = group << 16 | element
        known = EXPLICIT_VRS.get(code)
        if known is None:
            return self._read_odd(level, tag, code)
        vr, is_long = known
        if not is_long:
            return tag, vr, length, position + _HEADER_BYTES
        if index + _LONG_HEADER_BYTES > len(reader.window):
            raise Refused(RefusalCode.TRUNCATED, "The file ends inside an element.")
        length = _LENGTH[level.big].unpack_from(reader.window, index + 8)[0]
        if vr == "UN" and not tag & 0x10000:
            vr = self._known_vr(level, tag, offset=position + _LONG_HEADER_BYTES, length=length)
        return tag, vr, length, position + _LONG_HEADER_BYTES

    def _read_implicit(self, level: Level) -> tuple[int, str, int, int] | None:
        reader, position = self._reader, self.position
        index = position - reader.base
        if index + _HEADER_BYTES > len(reader.window):
            if not reader.ensure(position, _HEADER_BYTES):
                self._settle_end(level)
                return None
            index = position - reader.base
        group, element, length = _IMPLICIT[level.big].unpack_from(reader.window, index)
        tag = group << 16 | element
        if tag == 0 and length == 0 and self._is_padding(level):
            return None
        return tag, dictionary_vr(tag), length, position + _HEADER_BYTES

    def _read_odd(self, level: Level, tag: int, code: bytes) -> tuple[int, str, int, int] | None:
        """Read an element of an explicit data set whose VR is none: a delimiter, implicit by mistake, or unknown."""
        reader, position, vr = self._reader, self.position, dictionary_vr(tag)
        index = position - reader.base + 4
        implicit_length = _LENGTH[level.big].unpack_from(reader.window, index)[0]
        if tag >= _DELIMITERS_FROM:
            return tag, "", implicit_length, position + _HEADER_BYTES
        if tag == 0 and implicit_length == 0 and self._is_padding(level):
            return None
        self._warn("vr_irregular", f"An element has no valid VR, first {tag_text(tag)}.")
        room = level.end - position - _HEADER_BYTES
        if not (code.isalpha() and code.isupper()) and (
            implicit_length <= room or (implicit_length == UNDEFINED_LENGTH and vr == "SQ")
        ):
            return tag, vr, implicit_length, position + _HEADER_BYTES
        if reader.window[index + 2 : index + 4] == b"\0\0" and reader.ensure(position, _LONG_HEADER_BYTES):
            length = _LENGTH[level.big].unpack_from(reader.window, position - reader.base + 8)[0]
            if length <= room - 4:
                return tag, vr if vr != "SQ" else "UN", length, position + _LONG_HEADER_BYTES
        length = _EXPLICIT[level.big].unpack_from(reader.window, position - reader.base)[3]
        return tag, vr if vr != "SQ" else "UN", length, position + _HEADER_BYTES

    def _known_vr(self, level: Level, tag: int, *, offset: int, length: int) -> str:
        """Return the dictionary's VR for a public element sent as UN (PS3.5 6.2.2): SQ only if items are there.

        In a big endian data set UN stays UN, since its value is little endian all the same.
        """
        vr = dictionary_vr(tag)
        if vr == "SQ" and length != UNDEFINED_LENGTH:
            self._sent_as_unknown = self._peek_tag(offset, big=False) == _ITEM
            return "SQ" if self._sent_as_unknown else "UN"
        return "UN" if level.big or length == UNDEFINED_LENGTH else vr

    def _peek_tag(self, offset: int, *, big: bool) -> int:
        if not self._reader.ensure(self.position, offset - self.position + _HEADER_BYTES):
            return 0
        group, element, _ = _IMPLICIT[big].unpack_from(self._reader.window, offset - self._reader.base)
        return int(group << 16 | element)

    def _settle_end(self, level: Level) -> None:
        """Settle what is left when no element header fits: nothing, padding, or a cut."""
        reader, position = self._reader, self.position
        rest = min(reader.size, level.end) - position
        if rest < 0:
            raise Refused(RefusalCode.TRUNCATED, "The file ends inside a value.")
        if rest > 0 and reader.ensure(position, rest):
            data = reader.window[position - reader.base :][:rest]
            group = int.from_bytes(data[:2], "big" if level.big else "little")
            if any(data) and (not self._after_pixels or self._last_tag >> 16 <= group < _DELIMITERS_FROM >> 16):
                raise Refused(RefusalCode.TRUNCATED, "The file ends inside an element.")
            self._warn("trailing_bytes", "Bytes that are no element follow the data set.")
        elif len(self._levels) > 1:
            raise Refused(RefusalCode.TRUNCATED, "The data end inside a sequence.")

    def _is_padding(self, level: Level) -> bool:
        """Tell whether only zeros follow, as far as the window shows; what ends a run of zeros is looked for once."""
        if self.position < self._zeros_end:
            return False
        base, window = self._reader.base, self._reader.window
        if found := _NOT_ZERO.search(window, self.position - base, level.end - base):
            self._zeros_end = base + found.start()
            return False
        self._warn("trailing_bytes", "Zeros follow the data set.")
        return True

    def _is_trailing(self, level: Level, tag: int) -> bool:
        """Tell whether what does not parse behind the pixel data is no element of this data set but foreign bytes."""
        if len(self._levels) > 1 or level.tag or not self._after_pixels:
            return False
        if tag == _PADDING or tag > self._last_tag:
            return False
        self._warn("trailing_bytes", "Bytes that are no element follow the data set.")
        return True

    def _special(self, level: Level, tag: int, vr: str, length: int, offset: int) -> Iterator[Event]:
        """Handle what is no plain element: a delimiter, a sequence, encapsulated data."""
        self._hold(0)
        if tag >= _DELIMITERS_FROM:
            yield from self._delimiter(level, tag, offset)
        elif vr in _ENCAPSULABLE or tag in PIXEL_TAGS:
            yield from self._walk_fragments(level, tag, vr, offset)
        elif vr in {"SQ", "UN"} or level.implicit:
            self._open_sequence(level, tag, vr, length, offset)
            yield SEQUENCE, tag, "SQ", offset, length, b""
        else:
            raise Refused(RefusalCode.TRUNCATED, "A value of undefined length cannot be delimited.")

    def _delimiter(self, level: Level, tag: int, offset: int) -> Iterator[Event]:
        self.position = offset
        inside = len(self._levels) > 1
        if tag == _ITEM_DELIMITATION and inside and not level.is_defined:
            self._levels.pop()
            yield ITEM_END, level.tag, "", offset, 0, b""
            return
        self._warn("delimiter_irregular", "A delimiter stands where none belongs.")
        if tag == _SEQUENCE_DELIMITATION and inside and not level.is_defined:
            self._levels.pop()
            sequence = self._levels.pop()
            yield ITEM_END, level.tag, "", offset, 0, b""
            yield SEQUENCE_END, sequence.tag, "SQ", offset, 0, b""

    def _open_sequence(self, level: Level, tag: int, vr: str, length: int, offset: int) -> None:
        is_defined = length != UNDEFINED_LENGTH
        end = offset + length if is_defined else level.end
        if end > level.end:
            raise Refused(RefusalCode.TRUNCATED, "A sequence runs past the end of the data that hold it.")
        self._depth = len(self._levels) // 2 + 1
        if self._depth > self._limits.depth_max:
            raise Refused(RefusalCode.TOO_DEEP, "Sequences are nested deeper than is allowed.")
        as_unknown = vr == "UN" or self._sent_as_unknown
        self._sent_as_unknown = False
        self._levels.append(
            Level(
                is_sequence=True,
                tag=tag,
                end=end,
                is_defined=is_defined,
                implicit=level.implicit or as_unknown,
                big=level.big and not as_unknown,
            )
        )
        self.position = offset

    def _walk_sequence(self, level: Level) -> Iterator[Event]:
        reader = self._reader
        while self.position < level.end:
            if not reader.ensure(self.position, _HEADER_BYTES):
                raise Refused(RefusalCode.TRUNCATED, "The data end inside a sequence.")
            group, element, length = _IMPLICIT[level.big].unpack_from(reader.window, self.position - reader.base)
            tag = group << 16 | element
            self.position += _HEADER_BYTES
            self._elements += 1
            self._hold(0)
            if tag == _SEQUENCE_DELIMITATION:
                if level.is_defined:
                    self._warn("delimiter_irregular", "A delimiter stands where none belongs.")
                    continue
                break
            if tag != _ITEM:
                raise Refused(RefusalCode.TRUNCATED, "A sequence holds something that is no item.")
            yield self._open_item(level, length)
            return
        else:
            if not level.is_defined:
                raise Refused(RefusalCode.TRUNCATED, "The data end inside a sequence.")
        self._levels.pop()
        yield SEQUENCE_END, level.tag, "SQ", self.position, 0, b""

    def _open_item(self, level: Level, length: int) -> Event:
        is_defined = length != UNDEFINED_LENGTH
        end = self.position + length if is_defined else level.end
        if end > level.end:
            raise Refused(RefusalCode.TRUNCATED, "An item runs past the end of the sequence that holds it.")
        self._levels.append(
            Level(
                is_sequence=False, tag=level.tag, end=end, is_defined=is_defined, implicit=level.implicit, big=level.big
            )
        )
        return ITEM, level.tag, "", self.position, length, b""

    def _walk_fragments(self, level: Level, tag: int, vr: str, offset: int) -> Iterator[Event]:
        """Walk encapsulated data: a basic offset table, fragments, a delimiter (PS3.5 A.4)."""
        reader = self._reader
        self._last_tag = tag
        self._after_pixels = self._after_pixels or (tag in PIXEL_TAGS and len(self._levels) == 1)
        self.position = offset
        is_first = True
        while True:
            if self.position >= level.end:
                self._warn("delimiter_missing", "Encapsulated data end without their delimiter.")
                stop = self.position
                break
            if not reader.ensure(self.position, _HEADER_BYTES):
                raise Refused(RefusalCode.TRUNCATED, "The file ends inside encapsulated data.")
            group, element, length = _IMPLICIT[level.big].unpack_from(reader.window, self.position - reader.base)
            item = group << 16 | element
            start = self.position + _HEADER_BYTES
            if item == _SEQUENCE_DELIMITATION:
                stop, self.position = self.position, start
                break
            if item != _ITEM or start + length > level.end:
                raise Refused(RefusalCode.TRUNCATED, "Encapsulated data are cut or damaged.")
            self.position = start + length
            self._elements += 1
            self._hold(0)
            keep = _OFFSET_TABLE_BYTES_MAX if is_first else _FRAGMENT_HEAD_BYTES
            yield self._fragment(tag, vr, start, length, keep, is_first=is_first)
            is_first = False
        yield FRAGMENTS_END, tag, vr, offset, stop - offset, b""

    def _fragment(self, tag: int, vr: str, start: int, length: int, keep: int, *, is_first: bool) -> Event:
        count = min(length, keep)
        if not self._reader.ensure(start, count):
            raise Refused(RefusalCode.TRUNCATED, "The file ends inside encapsulated data.")
        index = start - self._reader.base
        head = self._reader.window[index : index + count]
        return (FRAGMENTS if is_first else FRAGMENT), tag, vr, start, length, head
