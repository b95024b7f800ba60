"""Rewriting the root of a data set: a window moves over the file, pixels are passed by range and never loaded."""

from dataclasses import dataclass

from cauce.core.errors import Refused
from cauce.core.limits import KIB, MIB, Limits
from cauce.core.statuses import RefusalCode
from cauce.stages.deidentify.actions import PIXEL_TAGS, Action
from cauce.stages.deidentify.encoding import BINARY_VRS, ITEM, PLAIN_VRS, SEQUENCE_END, UNDEFINED
from cauce.stages.deidentify.part10 import Original
from cauce.stages.deidentify.reading import BrokenError, ShortError
from cauce.stages.deidentify.walker import Walker

_WINDOW = 256 * KIB
_LARGE = 1 * MIB
_PASSED_VRS = BINARY_VRS - {b"UN"}
_NEVER = 1 << 33
_DESCRIBING = frozenset({0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011, 0x00280100})
"""What is noted of how pixels are stored, without the way round that other values take."""
_OVERLAY_BITS, _OVERLAY_BIT, _OVERLAY_DATA = 0x0100, 0x0102, 0x3000
_WATCHED = PIXEL_TAGS | {0x7FE00001, 0x7FE00002}
"""Pixel data, and the extended offset tables."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the original that is copied as it is, `length` bytes from `offset`; it belongs to element `tag`."""

    tag: int
    offset: int
    length: int


class RootRewriter:
    """Rewrites one data set. `parts` is the output in order; `inserts` are elements of ours that replace its own."""

    def __init__(self, original: Original, walker: Walker, inserts: dict[int, bytes], *, limits: Limits) -> None:
        """Nothing is read yet."""
        self.parts: list[bytes | Span] = []
        self.has_pixels = False
        self.pixels: Span | None = None
        self.is_encapsulated = False
        self.offset_tables: dict[int, Span] = {}
        self._overlays: dict[int, dict[int, int]] = {}
        self._seen: list[int] = []
        self.has_document = False
        self.document: Span | None = None
        self._original = original
        self._source = original.source
        self.walker = walker
        self._inserts = dict(sorted(inserts.items()))
        self._pending = list(self._inserts)
        self._limits = limits
        self._bytes_left = limits.header_bytes_max
        self._furthest = 0
        self._base = 0
        self._out: list[bytes] = []

    def run(self) -> None:
        """Walk to the end of the file.

        Raises:
            BrokenError: the structure cannot be followed, or the file is cut off.
            Refused: `too_deep` or `too_large`.
        """
        self._load(self._original.offset, _WINDOW)
        position = 0
        while (position := self._elements(position)) >= 0:
            pass
        self._insert(_NEVER)
        self._flush()
        if len(set(self._seen)) < len(self._seen):
            raise BrokenError("It holds an element twice.")

    @property
    def has_overlay_in_pixels(self) -> bool:
        """Tell whether there is an overlay whose bits may lie in the pixel cells (retired, PS3.3 C.9.2 of 2004)."""
        return any(
            not found.get(_OVERLAY_DATA) or found.get(_OVERLAY_BITS, 1) != 1 or found.get(_OVERLAY_BIT, 0)
            for found in self._overlays.values()
        )

    def _elements(self, position: int) -> int:
        """Go on from `position` in the window; return where to go on in the next window, -1 at the end."""
        walker, encoding = self.walker, self._original.encoding
        buffer, actions, out = walker.buffer, walker.plan.root, self._out
        stop, keep, plain = len(buffer), Action.KEEP, PLAIN_VRS
        pending = self._pending[0] if self._pending else _NEVER
        run, seen = position, self._seen
        if len(seen) > self._limits.elements_max:
            raise Refused(RefusalCode.TOO_LARGE, "The header holds too many elements.")
        while True:
            try:
                tag, vr, value, length = walker.head(position, stop, encoding)
            except (ShortError, BrokenError) as error:
                out.append(buffer[run:position])
                return self._at_edge(position, error)
            if tag >= pending:
                out.append(buffer[run:position])
                run = position
                self._insert(tag)
                pending = self._pending[0] if self._pending else _NEVER
            seen.append(tag)
            after = value + length
            if actions.get(tag) is keep and vr in plain and after <= stop and tag not in _WATCHED:
                position = after
                continue
            out.append(buffer[run:position])
            moved = self._special(position, tag, vr, value, length)
            if walker.buffer is not buffer:
                return moved
            position = run = moved

    def _at_edge(self, position: int, error: ShortError | BrokenError) -> int:
        """Decide what an unreadable head means: more to read, the end, or a broken file."""
        if isinstance(error, ShortError) and self._slide(position, _WINDOW):
            return 0
        rest = self.walker.buffer[position:]
        if self.pixels is None and rest.strip(b"\0"):
            raise BrokenError(str(error) or "It is cut off inside an element.") from error
        if rest:
            self.walker.count("removed")  # what follows the pixels and cannot be read is left behind
        return -1

    def _special(self, position: int, tag: int, vr: bytes, value: int, length: int) -> int:
        walker, original = self.walker, self._original
        if tag in _DESCRIBING and vr in PLAIN_VRS and tag not in self._inserts:
            after = value + length
            if after <= len(walker.buffer) and walker.plan.root.get(tag) is Action.NOTE:
                walker.noted[tag] = walker.buffer[value:after]
                self._out.append(walker.buffer[position:after])
                return after
        self._watch(tag, value, length)
        if tag in PIXEL_TAGS:
            return self._pass_pixels(tag, position, value, length)
        after = value + length
        if length != UNDEFINED and after > len(walker.buffer):
            self._check_size(after)
            action = walker.action(tag, vr, 0)
            if length > _LARGE and (vr in _PASSED_VRS or (vr == b"UN" and action is Action.REMOVE)):
                return self._pass_large(Span(tag, self._base + value, length), position, action)
            self._slide(position, after - position)
            self._seen.pop()  # it is met again
            return 0
        out = [] if tag in self._inserts else self._out
        counts = dict(walker.counts)
        mark = len(out)
        try:
            return walker.element(tag, vr, value, length, len(walker.buffer), original.encoding, out, 0)
        except ShortError as error:
            walker.counts = counts
            del out[mark:]
            have = len(walker.buffer) - position
            if length == UNDEFINED and self._slide(position, have + max(1, min(3 * have + _WINDOW, self._bytes_left))):
                self._seen.pop()
                return 0
            raise BrokenError("An element reaches beyond what holds it, or the file is cut off.") from error

    def _pass_large(self, value: Span, position: int, action: Action) -> int:
        """Keep a long binary value, or leave it behind, without reading it; no dummy is written for one."""
        if action in {Action.KEEP, Action.NOTE, Action.PRIVATE}:
            head_length = value.offset - self._base - position
            self._out.append(self.walker.buffer[position : position + head_length])
            return self._pass_by(value)
        self.walker.count("private" if value.tag >> 16 & 1 else action.value)
        return self._pass_by(Span(value.tag, value.offset + value.length, 0))

    def _watch(self, tag: int, value: int, length: int) -> None:
        """Note what the pixel risk asks for and the plan removes."""
        if tag == 0x00420011 and length:  # noqa: PLR2004 - Encapsulated Document
            self.has_document = True
            self.document = Span(tag, self._base + value, length) if length != UNDEFINED else None
        elif tag in _WATCHED:
            self.offset_tables[tag] = Span(tag, self._base + value, length)
        elif tag >> 24 == 0x60 and tag & 0xFFFF and not tag >> 16 & 1:  # noqa: PLR2004 - an overlay
            found = self._overlays.setdefault(tag >> 16, {})
            found[tag & 0xFFFF] = length
            if tag & 0xFFFF in {_OVERLAY_BITS, _OVERLAY_BIT}:
                raw = self.walker.buffer[value : value + min(length, 2)]
                found[tag & 0xFFFF] = int.from_bytes(raw, "little" if self._original.encoding.little else "big")

    def _pass_pixels(self, tag: int, position: int, value: int, length: int) -> int:
        start = self._base + value
        end = self._fragments_end(start) if length == UNDEFINED else start + length
        if end > self._original.size:
            raise BrokenError("Its pixel data is cut off.")
        if self.has_pixels and length:
            raise BrokenError("It holds pixel data twice.")
        self.has_pixels = self.has_pixels or length > 0
        self._out.append(self.walker.buffer[position:value])
        span = Span(tag, start, end - start)
        if length or self.pixels is None:
            self.pixels, self.is_encapsulated = span, length == UNDEFINED
        return self._pass_by(span)

    def _fragments_end(self, position: int) -> int:
        """Return where encapsulated pixel data ends, its delimiter included (PS3.5 A.4)."""
        head = self._original.encoding.implicit_head
        while True:
            self._source.seek(position)
            raw = self._source.read(8)
            if len(raw) < 8:  # noqa: PLR2004 - the head of a fragment
                raise BrokenError("Its encapsulated pixel data is cut off.")
            group, element, length = head.unpack(raw)
            tag = group << 16 | element
            position += 8
            if tag == SEQUENCE_END:
                return position
            if tag != ITEM or length == UNDEFINED:
                raise BrokenError("Its encapsulated pixel data holds something that is no fragment.")
            position += length

    def _pass_by(self, span: Span) -> int:
        self._flush()
        if span.length:
            self.parts.append(span)
        self.walker.buffer = b""
        self._load(span.offset + span.length, _WINDOW)
        return 0

    def _insert(self, before: int) -> None:
        while self._pending and self._pending[0] <= before:
            self._out.append(self._inserts[self._pending.pop(0)])

    def _flush(self) -> None:
        made = b"".join(self._out)
        if made:
            self.parts.append(made)
        self._out.clear()

    def _check_size(self, after: int) -> None:
        if self._base + after > self._original.size:
            raise BrokenError("It is cut off inside an element.")

    def _slide(self, position: int, length: int) -> bool:
        """Begin the window at `position`, `length` bytes long if the file has them; False when it has nothing more."""
        if self._base + len(self.walker.buffer) >= self._original.size:
            return False
        self._flush()
        self.walker.buffer = self.walker.buffer[position:]
        self._load(self._base + position, length)
        return True

    def _load(self, base: int, length: int) -> None:
        """Make the window, which holds what lies at `base`, `length` bytes long."""
        self._base = base
        pieces = [self.walker.buffer]
        start = base + len(self.walker.buffer)
        end = min(base + length, self._original.size)
        self._bytes_left -= max(0, end - max(start, self._furthest))
        self._furthest = max(end, self._furthest)
        if self._bytes_left < 0:
            raise Refused(RefusalCode.TOO_LARGE, "Its header is longer than the limit.")
        self._source.seek(start)
        while start < end:
            piece = self._source.read(end - start)
            if not piece:
                raise BrokenError("It is shorter than its own size says.")
            pieces.append(piece)
            start += len(piece)
        self.walker.buffer = b"".join(pieces)
