"""The proof on the way out: no name, number or UID of the original stands anywhere in the header that was made.

What is looked for, and how, is told in `needles`. Code strings and numbers are terminology and measurements ("HEAD",
"1.5"): there a value counts only when it is the whole of one. Free text is also searched for what names somebody of
whom the rest of the header says nothing (`signs`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from cauce.core.limits import KIB
from cauce.stages.deidentify.containers import UNFOLDED_MAX, UnsearchableError, is_container, unfolded
from cauce.stages.deidentify.dummies import dummy_value
from cauce.stages.deidentify.encoding import BINARY_VRS, TEXT_VRS, Encoding
from cauce.stages.deidentify.identity import Identity
from cauce.stages.deidentify.needles import VALUE_MIN, needles_for
from cauce.stages.deidentify.reading import BrokenError, ElementReader
from cauce.stages.deidentify.residue import Residue
from cauce.stages.deidentify.signs import names_somebody
from cauce.stages.deidentify.spellings import fold
from cauce.stages.deidentify.texts import in_binary, is_readable, readings, views
from cauce.stages.deidentify.uids import REGISTERED

LOOKS_MAX = 100_000_000
"""Most comparisons of a value with something sought, so that no header keeps a worker busy for hours."""
_VERDICTS_MAX = 20_000
_REMEMBERED_MAX = 256
_CHUNK_MIN = 64 * KIB
"""A first chunk shorter than this is all of a value."""

_UID = re.compile(rb"(?<![0-9])[0-9]++(?:\.[0-9]++)++")
_CODE_STRING = re.compile(rb"[A-Z0-9 _\\\0]*")
_NUMBER = re.compile(rb"[0-9+\-.eE \\\0DWMY:]*")
_NUMBER_VRS = frozenset(b"AS DA DS IS TM".split())
_RETAINED_VRS = frozenset({b"DA", b"DT", b"TM", b"UI"})
_SCRUBBED_VRS = frozenset(b"CS LC LO LT SH ST UC UR UT".split())
_COUNTED = frozenset({0x00200011, 0x00200012, 0x00200013})
"""Series, Acquisition and Instance Number: 0 serves as well as any that is an identifier."""
_CODE_VALUES = frozenset({0x00080100, 0x00080102, 0x00080103, 0x00080119})
_CODES = _CODE_VALUES | {0x00080101, 0x00080104, 0x00080108}
_WHAT = {
    "name": "A name of the original is still in",
    "value": "An identifier of the original is still in",
    "date": "The birth date of the original is still in",
    "residue": "What the profile takes out is still in",
    "uid": "A UID of the original is still in",
    "sign": "A text that seems to name somebody is in",
    "wrapped": "Something that cannot be searched is in",
}


@dataclass(frozen=True, slots=True)
class Leak:
    """Where identity was found: `kind` is a key of what `detail` says, `tag` the element that holds it, of VR `vr`."""

    kind: str
    tag: int
    vr: bytes

    @property
    def detail(self) -> str:
        """Return one plain sentence that carries no value."""
        return f"{_WHAT[self.kind]} ({self.tag >> 16:04X},{self.tag & 0xFFFF:04X})."


class Proof:
    """Looks for one identity, in any number of places."""

    def __init__(
        self,
        identity: Identity,
        *,
        ours: Iterable[bytes] = (),
        retained: Iterable[int] = (),
        residue: Residue | None = None,
    ) -> None:
        """Make `identity` ready for searching.

        `ours` are values that we write (pseudonym, dummies), which say nothing where they are the whole of a value;
        `retained` are tags of dates and UIDs that are moved or kept on purpose; `residue` knows what the
        profile takes out.

        Raises:
            BrokenError: there is more identity than can be looked for.
        """
        declared = tuple(sorted(identity.codecs()))
        self._ours = frozenset(value.strip(b" \0") for value in ours) | {b""}
        self._retained = frozenset(retained)
        self._codecs = (*declared, "utf-8", "latin-1")
        self._uids = frozenset(uid for uid in identity.uids if len(uid) >= VALUE_MIN)
        self._needles = needles_for(
            frozenset(identity.names), frozenset(identity.values), frozenset(identity.birth_dates), declared
        )
        self._verdicts = self._needles.verdicts
        self._left = LOOKS_MAX
        self._residue = residue

    def leaks(self, pieces: Iterable[bytes], *, encoding: Encoding, vrs: Mapping[int, bytes]) -> tuple[Leak, ...]:
        """Return where identity is found in `pieces`, each a run of whole elements in `encoding`; empty when proven.

        Raises:
            ShortError, BrokenError: `pieces` are no well-formed elements, or too many.
        """
        found: dict[Leak, None] = {}
        residue = self._residue
        for piece in pieces:
            has_uid = self._may_have_uid(piece)
            reader = ElementReader(vrs, piece)
            for tag, vr, value in reader.values(0, len(piece), encoding):
                if residue and (
                    residue.is_left(tag, vr, value, self._ours) or self._is_undone(reader, tag, vr, encoding)
                ):
                    found[Leak("residue", tag, vr)] = None
                if value:
                    kind = self._kind(tag, vr, value)
                    if has_uid and not kind and tag not in self._retained and self._has_uid(value):
                        kind = "uid"
                    if kind:
                        found[Leak(kind, tag, vr)] = None
        return tuple(found)

    def _is_undone(self, reader: ElementReader, tag: int, vr: bytes, encoding: Encoding) -> bool:
        """Tell whether a sequence that should say nothing, which `reader` has just met, holds values not ours."""
        if vr != b"SQ" or not self._residue or not self._residue.is_blank_sequence(tag):
            return False
        start, end = reader.sequence
        inner = ElementReader(reader.vrs, reader.buffer).values(start, end, encoding)
        return end < 0 or any(vr != b"SQ" and value.strip(b" \0") not in self._ours for _, vr, value in inner)

    def kind_in_chunks(self, chunks: Iterable[bytes]) -> str:
        """Return what is found in a long binary value that comes in chunks: the kind of a leak, or ""."""
        overlap = max(map(len, self._needles.raw | self._uids), default=1)
        rest = iter(chunks)
        tail = next(rest, b"")
        if is_container(tail) or len(tail) < _CHUNK_MIN:
            return self._kind_in_whole(tail, rest)
        for chunk in chain((b"",), rest):
            window = tail + chunk
            if self._needles.occurs_in(window.lower()) or self._may_have_uid(window):
                return "value"
            tail = window[-overlap:]
        return ""

    def _kind_in_whole(self, first: bytes, rest: Iterator[bytes]) -> str:
        whole = bytearray(first)
        for chunk in rest:
            whole += chunk
            if len(whole) > UNFOLDED_MAX:
                return "wrapped"
        value = bytes(whole)
        if self._needles.occurs_in(value.lower()):
            return "value"
        kind, hidden = self._in_binary(value)
        return kind or ("uid" if self._may_have_uid(value) or self._may_have_uid(hidden) else "")

    def scrub(self, tag: int, vr: bytes, value: bytes, dummy: bytes) -> bytes:
        """Return `value` with `dummy` in the place of what `leaks` would find: one code string of several, else all."""
        if not self.can_scrub(tag, vr) or not self._kind_or_uid(tag, vr, value):
            return value
        if tag in _COUNTED:
            return dummy_value(vr)
        if vr != b"CS":
            return dummy
        return b"\\".join(dummy if self._kind_or_uid(tag, vr, part) else part for part in value.split(b"\\"))

    @staticmethod
    def can_scrub(tag: int, vr: bytes) -> bool:
        """Tell whether `scrub` may help with a leak there."""
        return (vr in _SCRUBBED_VRS and tag not in _CODE_VALUES) or (vr == b"IS" and tag in _COUNTED)

    def _may_have_uid(self, piece: bytes) -> bool:
        # The head of the next element may begin with a digit, right after a UID.
        uids = self._uids
        return any(uid in uids or uid[:-1] in uids for uid in _UID.findall(piece))

    def _has_uid(self, value: bytes) -> bool:
        return not self._uids.isdisjoint(_UID.findall(value))

    def _kind(self, tag: int, vr: bytes, value: bytes) -> str:
        """Return what is found in one value, "" for nothing; what was said of short values is remembered."""
        if tag in self._retained and vr in _RETAINED_VRS:
            return ""
        key = (tag, vr, value)
        verdict = self._verdicts.get(key)
        if verdict is None:
            self._charge(len(value))
            verdict = self._looked_up(tag, vr, value)
            if len(value) <= _REMEMBERED_MAX:
                if len(self._verdicts) >= _VERDICTS_MAX:
                    self._verdicts.clear()
                self._verdicts[key] = verdict
        kind, hidden = verdict
        if hidden and not kind and self._may_have_uid(hidden):
            return "uid"
        return "" if kind and value.strip(b" \0") in self._ours else kind

    def _charge(self, length: int) -> None:
        """Account for looking through a value of that length."""
        self._left -= self._needles.size * (1 + length // 1000)
        if self._left < 0:
            raise BrokenError("It holds more than can be proven clean.")

    def _kind_or_uid(self, tag: int, vr: bytes, value: bytes) -> str:
        return "uid" if self._has_uid(value) else self._kind(tag, vr, value)

    def _looked_up(self, tag: int, vr: bytes, value: bytes) -> tuple[str, bytes]:
        """Return what is found in a value, but for UIDs, and what it hides, where UIDs are still to be looked for."""
        if vr in TEXT_VRS:
            texts = readings(value, self._codecs)
            if tag in _CODES:
                return self._in_code(tag, texts), b""
            if _is_exact(vr, value):
                parts = [part for text in texts for part in text.split("\\")]
                parts += _components(value) if vr == b"UI" else ()
                return "value" if any(self._needles.is_one(fold(part).strip(" \0")) for part in parts) else "", b""
            kind, hidden = self._in_texts(texts, is_plain=True)
            may_name = not kind and vr not in {b"CS", b"IS"} and self.can_scrub(tag, vr)
            return "sign" if may_name and any(map(names_somebody, texts)) else kind, hidden
        if self._needles.occurs_in(value.lower()):
            return "value", b""
        return self._in_binary(value) if vr in BINARY_VRS else ("", b"")

    def _in_code(self, tag: int, texts: Iterable[str]) -> str:
        """Look into terminology, where short names and parts of longer words mean nothing."""
        for text in map(fold, texts):
            if self._needles.is_one(text.strip(" \0")) or self._needles.is_in_term(text, is_code=tag in _CODE_VALUES):
                return "value"
        return ""

    def _in_texts(self, texts: Iterable[str], *, is_plain: bool = False) -> tuple[str, bytes]:
        """Look into free texts; with `is_plain` they hide nothing but what is wrapped in them."""
        hidden = []
        for text in texts:
            found = views(text)
            self._charge(sum(map(len, found)))
            kind = self._needles.kind_in(found)
            if kind:
                return kind, b""
            hidden += [view for view in found if not (is_plain and view is text)]
        return "", "\n".join(hidden).encode("utf-8", "replace")

    def _in_binary(self, value: bytes) -> tuple[str, bytes]:
        """Look into what a binary value is or wraps: a text, a document, an archive."""
        kind, hidden = self._in_texts(in_binary(value))
        try:
            for inner in () if kind else unfolded(value):
                kind = "value" if self._needles.occurs_in(inner.lower()) else ""
                for text in () if kind else filter(is_readable, readings(inner, ("utf-8", "latin-1"))):
                    kind = kind or self._needles.kind_in(views(text))
                if kind:
                    break
                hidden += b"\n" + inner
        except UnsearchableError:
            kind = "wrapped"
        return kind, hidden


def _is_exact(vr: bytes, value: bytes) -> bool:
    """Tell whether a text is a code string or a number, where only the whole of it means anything."""
    if vr == b"CS":
        return _CODE_STRING.fullmatch(value) is not None
    if vr in _NUMBER_VRS:
        return _NUMBER.fullmatch(value) is not None
    return vr == b"UI"


def _components(value: bytes) -> Iterator[str]:
    """Yield what stands between the dots of UIDs that the standard did not give out."""
    for uid in value.split(b"\\"):
        if uid.strip(b" \0") not in REGISTERED:
            yield from uid.strip(b" \0").decode("ascii", "replace").split(".")
