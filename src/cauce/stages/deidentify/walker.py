"""The walker: goes through the elements of a header in raw bytes, copies what stays, rewrites what does not.

Bytes that stay are never decoded: a run of kept elements is copied as one slice. Positions are offsets into `buffer`.
"""

from collections.abc import Callable

from cauce.core.errors import Refused
from cauce.core.limits import Limits
from cauce.core.messages import Pseudonym
from cauce.core.statuses import RefusalCode
from cauce.stages.deidentify.dummies import dummy_sequence, dummy_value, shifted_value
from cauce.stages.deidentify.encoding import (
    IMPLICIT_LITTLE,
    ITEM,
    ITEM_END,
    PLAIN_VRS,
    SEQUENCE_END,
    TEXT_VRS,
    UNDEFINED,
    Encoding,
)
from cauce.stages.deidentify.identity import Identity
from cauce.stages.deidentify.plan import NOTED, Action, Plan
from cauce.stages.deidentify.reading import BrokenError, ElementReader, ShortError
from cauce.stages.deidentify.uids import UidMap

PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})

Scrub = Callable[[int, bytes, bytes], bytes]
"""Takes tag, VR and raw value; returns the value without identity."""

_COUNTED = frozenset({Action.REMOVE, Action.EMPTY, Action.DUMMY, Action.UID, Action.PSEUDONYM, Action.SHIFT})
_OWN = frozenset({Action.KEEP, Action.NOTE, Action.SCRUB})
_CHARACTER_SET = 0x00080005


class Walker(ElementReader):
    """Rewrites data sets that lie in `buffer`; what it sees on the way is left in its attributes."""

    def __init__(self, plan: Plan, pseudonym: Pseudonym, *, limits: Limits, scrub: Scrub | None = None) -> None:
        """Nothing is read yet: set `buffer`, then call `data_set`. `scrub` serves the tags that `plan` scrubs."""
        super().__init__(plan.vrs)
        self.identity = Identity()
        self.uids = UidMap(pseudonym.uid_secret)
        self.noted: dict[int, bytes] = {}
        self.counts: dict[str, int] = {}
        self.plan = plan
        self._pseudonym = pseudonym
        self._limits = limits
        self._scrub = scrub
        self._elements = 0

    def data_set(self, start: int, end: int, encoding: Encoding, out: list[bytes], depth: int) -> int:
        """Rewrite the data set of one item from `start` to `end`, into `out`; return where it ends.

        An `end` below zero means that an item delimiter ends it.

        Raises:
            ShortError: the buffer ends first.
            BrokenError: the structure cannot be followed.
            Refused: `too_deep` or `too_large`.
        """
        if depth > self._limits.depth_max:
            raise Refused(RefusalCode.TOO_DEEP, "Sequences are nested too deeply.")
        buffer, actions = self.buffer, self.plan.actions
        stop = len(buffer) if end < 0 else end
        encoding = self.settled(encoding, start, stop)
        keep, plain, count = Action.KEEP, PLAIN_VRS, 0
        run = position = start
        while position < stop or end < 0:
            tag, vr, value, length = self.head(position, stop, encoding)
            if tag == ITEM_END and end < 0:
                out.append(buffer[run:position])
                self._elements += count
                return position + 8
            count += 1
            after = value + length
            if actions.get(tag) is keep and vr in plain and after <= stop:
                position = after
                continue
            out.append(buffer[run:position])
            position = run = self.element(tag, vr, value, length, stop if end >= 0 else -1, encoding, out, depth)
        if position != stop:
            raise BrokenError("An element reaches beyond the item that holds it.")
        out.append(buffer[run:position])
        self._elements += count
        if self._elements > self._limits.elements_max:
            raise Refused(RefusalCode.TOO_LARGE, "The header holds too many elements.")
        return position

    def element(
        self, tag: int, vr: bytes, value: int, length: int, stop: int, encoding: Encoding, out: list[bytes], depth: int
    ) -> int:
        """Carry out what the plan says for one element whose value lies at `value`; return where the next one begins.

        `stop` below zero means that the enclosing item is of undefined length.
        """
        action = self.plan.actions.get(tag, Action.REMOVE)
        if depth and tag in PIXEL_TAGS:
            action = Action.REMOVE  # no IOD keeps pixels in items, but for icons, which go as well
        limit = len(self.buffer) if stop < 0 else stop
        known = self.vrs.get(tag, vr)
        if length == UNDEFINED and vr in {b"OB", b"OW"}:
            return self._fragments(tag, value, limit, encoding, action)
        if vr == b"SQ" or length == UNDEFINED or (vr == b"UN" and known == b"SQ"):
            return self._nested(tag, vr, value, length, stop, encoding, out, depth, action)
        after = value + length
        if after > limit:
            raise ShortError
        raw = self.buffer[value:after]
        if known == b"SQ":
            action = Action.REMOVE  # a sequence by the dictionary that is none in the file
        if known in {b"PN", b"UI"} or (vr == b"UN" and (encoding.little or known in TEXT_VRS)):
            vr = known  # values of UN are little endian (PS3.5 section 6.2.2)
        if action in _OWN and vr not in PLAIN_VRS:
            action = Action.UID if vr == b"UI" else Action.DUMMY
        new = self._leaf(tag, vr, raw, action, encoding, out)
        if not depth and tag in NOTED:
            self.noted[tag] = new
        return after

    def _leaf(self, tag: int, vr: bytes, raw: bytes, action: Action, encoding: Encoding, out: list[bytes]) -> bytes:
        if action in _COUNTED:
            self._count(tag, action)
            self.identity.note(tag, vr, raw)
        if action is Action.REMOVE:
            return b""
        if tag == _CHARACTER_SET:
            self.identity.character_sets.add(raw)
        if action in _OWN:
            raw = self._scrubbed(tag, vr, raw) if action is Action.SCRUB else raw
        elif action is Action.UID:
            raw = self.uids.instance(raw)
        elif action is Action.CLASS:
            raw = self.uids.of_class(raw)
        elif action is Action.EMPTY or not raw.strip(b" \0"):
            raw = b""
        elif action is Action.PSEUDONYM:
            raw = self._pseudonym.name.encode()
        elif action is Action.SHIFT:
            raw = shifted_value(vr, raw, days=self._pseudonym.date_offset_days)
        else:
            raw = dummy_value(vr)
        out.append(encoding.element(tag, vr, raw))
        return raw

    def _scrubbed(self, tag: int, vr: bytes, raw: bytes) -> bytes:
        clean = self._scrub(tag, vr, raw) if self._scrub else raw
        if clean != raw:
            self._count(tag, Action.SCRUB)
        return clean

    def _fragments(self, tag: int, position: int, limit: int, encoding: Encoding, action: Action) -> int:
        """Pass over encapsulated pixels that are not the object's own (icons, vendors' copies)."""
        if action is not Action.REMOVE:
            raise BrokenError("A value that cannot be encapsulated is.")
        while position + 8 <= limit:
            group, element, length = encoding.implicit_head.unpack_from(self.buffer, position)
            position += 8
            if group << 16 | element == SEQUENCE_END:
                self._count(tag, action)
                return position
            if group << 16 | element != ITEM or length == UNDEFINED:
                raise BrokenError("Encapsulated pixel data holds something that is no fragment.")
            position += length
        raise ShortError

    def _nested(  # noqa: PLR0913, PLR0917 - as `element`, whose second half it is
        self,
        tag: int,
        vr: bytes,
        value: int,
        length: int,
        stop: int,
        encoding: Encoding,
        out: list[bytes],
        depth: int,
        action: Action,
    ) -> int:
        inner = IMPLICIT_LITTLE if vr == b"UN" and not encoding.implicit else encoding
        limit = len(self.buffer) if stop < 0 else stop
        end = -1 if length == UNDEFINED else value + length
        if end > limit:
            raise ShortError
        if self.vrs.get(tag) != b"SQ":
            action = Action.REMOVE  # a sequence in the file that is none by the dictionary
        body: list[bytes] = []
        try:
            after = self._items(value, end, limit, inner, body, depth)
        except (BrokenError, ShortError):
            if action is Action.NEST or end < 0:
                raise
            after = end  # nothing of it is kept, so it need not be understood
        if action in _COUNTED:
            self._count(tag, action)
        if action is Action.NEST:
            self._put_sequence(tag, vr, body, encoding, out, is_defined=end >= 0)
        elif action is Action.DUMMY and length:
            out.append(dummy_sequence(tag, encoding))
        elif action is not Action.REMOVE:
            out.append(encoding.head(tag, b"SQ", 0))
        return after

    def _put_sequence(
        self, tag: int, vr: bytes, body: list[bytes], encoding: Encoding, out: list[bytes], *, is_defined: bool
    ) -> None:
        vr = vr if vr == b"UN" else b"SQ"
        if is_defined:
            out.append(encoding.head(tag, vr, sum(map(len, body))))
            out.extend(body)
            return
        out.append(encoding.head(tag, vr, UNDEFINED))
        out.extend(body)
        out.append((IMPLICIT_LITTLE if vr == b"UN" else encoding).head(SEQUENCE_END, b"", 0))

    def _items(self, position: int, end: int, limit: int, encoding: Encoding, body: list[bytes], depth: int) -> int:
        stop = limit if end < 0 else end
        while position < stop or end < 0:
            if position + 8 > stop:
                raise ShortError
            group, element, length = encoding.implicit_head.unpack_from(self.buffer, position)
            tag = group << 16 | element
            position += 8
            if tag == SEQUENCE_END:
                return position if end < 0 else end
            if tag != ITEM:
                raise BrokenError("A sequence holds something that is no item.")
            inner: list[bytes] = []
            item_end = -1 if length == UNDEFINED else position + length
            if item_end > stop:
                raise ShortError
            position = self.data_set(position, item_end, encoding, inner, depth + 1)
            body.append(encoding.head(ITEM, b"", UNDEFINED if item_end < 0 else sum(map(len, inner))))
            body.extend(inner)
            if item_end < 0:
                body.append(encoding.head(ITEM_END, b"", 0))
        if position != end:
            raise BrokenError("An item reaches beyond its sequence.")
        return position

    def _count(self, tag: int, action: Action) -> None:
        self.count("private" if tag >> 16 & 1 else action.value)

    def count(self, what: str) -> None:
        """Count one element under the name of what happened to it."""
        self.counts[what] = self.counts.get(what, 0) + 1
