"""The walker: goes through the elements of a header in raw bytes, copies what stays, rewrites what does not.

Bytes that stay are never decoded: a run of kept elements is copied as one slice. Positions are offsets into `buffer`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from cauce.core.errors import Refused
from cauce.core.limits import Limits
from cauce.core.messages import Pseudonym
from cauce.core.statuses import RefusalCode
from cauce.stages.deidentify.actions import NOTED, Action
from cauce.stages.deidentify.content import CODE_VALUE, CODING_SCHEME, CONCEPT_NAME, VALUE_TYPE, Verdict, usual
from cauce.stages.deidentify.dummies import dummy_sequence
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
from cauce.stages.deidentify.identity import IDENTIFYING, Identity
from cauce.stages.deidentify.plan import Plan
from cauce.stages.deidentify.reading import BrokenError, ElementReader, ShortError
from cauce.stages.deidentify.values import Clean, Values

Scrub = Callable[[int, bytes, bytes], bytes]
"""Takes tag, VR and raw value; returns the value without identity."""

_OWN = frozenset({Action.KEEP, Action.NOTE, Action.SCRUB})
_COUNTED = frozenset(Action) - _OWN - {Action.NEST, Action.CLASS, Action.RETAIN}
_COUNTED_IF_CHANGED = frozenset({Action.CLEAN, Action.AGE})
_TAKEN_OUT = _COUNTED - _COUNTED_IF_CHANGED - {Action.PRIVATE}
_BY_VERDICT: dict[Verdict, dict[int, Action]] = {
    Verdict.KEEP: {
        **dict.fromkeys((0x0040A120, 0x0040A121, 0x0040A122, 0x0040A160), Action.RETAIN),
        0x0040A124: Action.CLASS,
    },
    Verdict.CLEAN: {0x0040A120: Action.SHIFT, 0x0040A121: Action.SHIFT, 0x0040A122: Action.RETAIN},
    Verdict.BLANK: {
        **dict.fromkeys((0x0040A120, 0x0040A121, 0x0040A122, 0x0040A160, 0x0040A168), Action.DUMMY),
        0x0040A124: Action.UID,
    },
    Verdict.DROP: {},
}
"""The actions for the values of content items: dates, times, UID, text, code; all else stays as planned."""
_CHARACTER_SET = 0x00080005
_LOOKED_AT = NOTED | {VALUE_TYPE}
_OVERLAYS = 0x60
_PRIVATE_BIT = 0x00010000


@dataclass(slots=True)
class _Here:
    """What was met in one data set: whose its private blocks are, and what its content item is about."""

    creators: dict[int, str] = field(default_factory=dict)
    value_type: bytes = b""
    verdict: Verdict | None = None


class Walker(ElementReader):
    """Rewrites data sets that lie in `buffer`; what it sees on the way is left in its attributes.

    `retained` are identifying values that the profile retains, `overlays` what overlays hold, by group and
    element, where the plan may keep some.
    """

    def __init__(
        self, plan: Plan, pseudonym: Pseudonym, *, limits: Limits, clean: Clean, scrub: Scrub | None = None
    ) -> None:
        """Nothing is read yet: set `buffer`, then call `data_set`.

        `clean` serves the texts that `plan` cleans, `scrub` the tags that it scrubs.
        """
        super().__init__(plan.vrs)
        self.identity = Identity()
        self.values_made = Values(plan, pseudonym, clean)
        self.uids = self.values_made.uids
        self.noted: dict[int, bytes] = {}
        self.retained: set[bytes] = set()
        self.overlays: dict[int, dict[int, bytes]] = {}
        self.counts: dict[str, int] = {}
        self.plan = plan
        self._root_actions, self._nested_actions = plan.root, plan.actions
        self._has_private = bool(plan.private)
        self._limits = limits
        self._scrub = scrub
        self._elements = 0
        self._here = _Here()

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
        is_private = tag & _PRIVATE_BIT and self._has_private
        if is_private or self._here.verdict is not None:
            action = self.action(tag, vr, depth)
        else:
            action = (self._nested_actions if depth else self._root_actions).get(tag, Action.REMOVE)
        limit = len(self.buffer) if stop < 0 else stop
        known = b"SQ" if action is Action.NEST else self.vrs.get(tag, vr)
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
        if is_private and not tag & 0xFF00:
            action = self._of_creator(tag, raw)
        new = self._leaf(tag, vr, raw, action, encoding, out)
        if tag in _LOOKED_AT or tag >> 24 == _OVERLAYS:
            self._remember(tag, vr, raw, new, depth)
        return after

    def action(self, tag: int, vr: bytes, depth: int) -> Action:
        """Return what happens to an element of this VR, in the data set that is being walked."""
        if tag & _PRIVATE_BIT and self._has_private:
            return self._of_private(tag, vr)
        action = (self._nested_actions if depth else self._root_actions).get(tag, Action.REMOVE)
        verdict = self._here.verdict
        return action if verdict is None else _BY_VERDICT[verdict].get(tag, action)

    def _of_creator(self, tag: int, raw: bytes) -> Action:
        """Note whose a private block is; its name stays where anything of it may."""
        creator = raw.strip(b" \0").decode("ascii", "replace")
        self._here.creators[tag >> 16 << 8 | tag & 0xFF] = creator
        group = tag & 0xFFFF0000
        is_kept = any(one == creator and of & 0xFFFF0000 == group for one, of in self.plan.private)
        return Action.KEEP if is_kept else Action.REMOVE

    def _of_private(self, tag: int, vr: bytes) -> Action:
        creator = self._here.creators.get(tag >> 16 << 8 | tag >> 8 & 0xFF, "")
        kept = self.plan.private.get((creator, tag & 0xFFFF00FF))
        if kept is None or vr == b"PN" or (kept.vr and vr not in {kept.vr, b"UN"}):
            return Action.REMOVE
        return Action.NEST if b"SQ" in {kept.vr, vr} else Action.PRIVATE

    def _remember(self, tag: int, vr: bytes, raw: bytes, new: bytes, depth: int) -> None:
        """Keep what the pixel risk, overlays and content items depend on."""
        if depth:
            if tag == VALUE_TYPE:
                self._here.value_type = raw.strip(b" \0")
        elif tag in NOTED:
            self.noted[tag] = new if vr == b"UI" else raw
        elif self.plan.keeps_overlays:
            self.overlays.setdefault(tag >> 16, {})[tag & 0xFFFF] = raw

    def _leaf(self, tag: int, vr: bytes, raw: bytes, action: Action, encoding: Encoding, out: list[bytes]) -> bytes:
        if action is Action.REMOVE:
            self._count(tag, action)
            self.identity.note(tag, vr, raw)
            return b""
        new: bytes | Action = action
        if action in _OWN or action is Action.PRIVATE:
            new = self._scrubbed(tag, vr, raw) if action is Action.SCRUB else raw
            if tag == _CHARACTER_SET:
                self.identity.character_sets.add(raw)
        while isinstance(new, Action) and new is not Action.REMOVE:
            action = new
            new = self.values_made.made(tag, vr, raw, action)
        if isinstance(new, Action):
            action, new = new, b""
        if action in _COUNTED and not (action in _COUNTED_IF_CHANGED and new.strip(b" \0") == raw.strip(b" \0")):
            self._count(tag, action)
        if action in _TAKEN_OUT:
            self.identity.note(tag, vr, raw)
        elif action is Action.RETAIN and tag in IDENTIFYING:
            self.retained.update(part.strip(b" \0") for part in raw.split(b"\\"))
        if action is not Action.REMOVE:
            out.append(encoding.element(tag, vr, new))
        return new

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
        action = self._of_sequence(tag, action)
        body: list[bytes] = []
        here = self._here
        try:
            after = self._items(value, end, limit, inner, body, depth)
        except (BrokenError, ShortError):
            if action is Action.NEST or end < 0:
                raise
            after = end  # nothing of it is kept, so it need not be understood
        finally:
            self._here = here
        if tag == CONCEPT_NAME:
            self._judge(body, inner, depth)
        if action in _COUNTED:
            self._count(tag, action)
        if action is Action.NEST:
            self._put_sequence(tag, vr, body, encoding, out, is_defined=end >= 0)
        elif action is Action.DUMMY and length:
            out.append(dummy_sequence(tag, encoding))
        elif action is not Action.REMOVE:
            out.append(encoding.head(tag, b"SQ", 0))
        return after

    def _of_sequence(self, tag: int, action: Action) -> Action:
        if action is Action.PRIVATE:
            return Action.NEST
        is_known = self.vrs.get(tag) == b"SQ" or tag & _PRIVATE_BIT
        return action if is_known else Action.REMOVE  # a sequence in the file that is none by the dictionary

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
            self._here = _Here()
            position = self.data_set(position, item_end, encoding, inner, depth + 1)
            if self._here.verdict is Verdict.DROP:
                self.count(Action.REMOVE.value)
                continue
            body.append(encoding.head(ITEM, b"", UNDEFINED if item_end < 0 else sum(map(len, inner))))
            body.extend(inner)
            if item_end < 0:
                body.append(encoding.head(ITEM_END, b"", 0))
        if position != end:
            raise BrokenError("An item reaches beyond its sequence.")
        return position

    def _judge(self, body: list[bytes], encoding: Encoding, depth: int) -> None:
        """Decide what becomes of the content item that has this concept name, where items are cleaned one by one."""
        if depth and self.plan.cleans_content:
            self._here.verdict = self._verdict(b"".join(body), encoding)

    def _verdict(self, concept: bytes, encoding: Encoding) -> Verdict:
        found = {CODE_VALUE: b"", CODING_SCHEME: b""}
        for tag, _, value in ElementReader(self.vrs, concept).values(0, len(concept), encoding):
            found.setdefault(tag, b"")
            found[tag] = found[tag] or value.strip(b" \0")
        value_type = self._here.value_type
        verdict = self.plan.verdicts.get((found[CODE_VALUE], found[CODING_SCHEME], value_type))
        return usual(value_type, self.plan.options) if verdict is None else verdict

    def _count(self, tag: int, action: Action) -> None:
        self.count("private" if tag >> 16 & 1 and action is not Action.PRIVATE else action.value)

    def count(self, what: str) -> None:
        """Count one element under the name of what happened to it."""
        self.counts[what] = self.counts.get(what, 0) + 1
