"""The proof on the way out: no name, number or UID of the original stands anywhere in the header that was made.

Values of five bytes and more are looked for in every value; shorter parts of names, from three characters, only as
whole words of text. Code strings and numbers are terminology and measurements ("HEAD", "1.5"): there a value counts
only when it is the whole of one.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cauce.stages.deidentify.encoding import TEXT_VRS, Encoding
from cauce.stages.deidentify.identity import Identity
from cauce.stages.deidentify.reading import BrokenError, ElementReader
from cauce.stages.deidentify.texts import ESCAPE, fold, readings
from cauce.stages.deidentify.uids import REGISTERED

VALUE_MIN = 5
WORD_MIN = 3
NEEDLES_MAX = 1000
LOOKS_MAX = 100_000_000
"""Most comparisons of a value with something sought, so that no header keeps a worker busy for hours."""

_WORD = re.compile(r"[^\W_]+")
_NAME_PARTS = re.compile(r"[\^=\\\0]")
_UID = re.compile(rb"[0-9]+(?:\.[0-9]+)+")
_CODE_STRING = re.compile(rb"[A-Z0-9 _\\\0]*")
_NUMBER = re.compile(rb"[0-9+\-.eE \\\0DWMY:]*")
_NUMBER_VRS = frozenset(b"AS DA DS IS TM".split())
_SCRUBBED_VRS = frozenset(b"CS LC LO LT SH ST UC UT".split())
_CODE_VALUES = frozenset({0x00080100, 0x00080102, 0x00080103, 0x00080119})
_CODES = _CODE_VALUES | {0x00080101, 0x00080104, 0x00080108}


@dataclass(frozen=True, slots=True)
class Leak:
    """Where identity was found: `kind` is `name`, `value` or `uid`, `tag` the element that holds it, of VR `vr`."""

    kind: str
    tag: int
    vr: bytes

    @property
    def detail(self) -> str:
        """Return one plain sentence that carries no value."""
        what = {"name": "A name", "value": "An identifier", "uid": "A UID"}[self.kind]
        return f"{what} of the original is still in ({self.tag >> 16:04X},{self.tag & 0xFFFF:04X})."


class Proof:
    """Looks for one identity, in any number of places."""

    def __init__(self, identity: Identity, *, ours: Iterable[bytes] = (), shifted: Iterable[int] = ()) -> None:
        """Make `identity` ready for searching.

        `ours` are values that we write (pseudonym, dummies), which say nothing where they are the whole of a value;
        `shifted` are the dates that we move, which may by chance fall on one of the original.

        Raises:
            BrokenError: there is more identity than can be looked for.
        """
        self._ours = frozenset(value.strip(b" \0") for value in ours)
        self._shifted = frozenset(shifted)
        self._declared = identity.codecs()
        self._codecs = (*self._declared, "utf-8", "latin-1")
        self._uids = frozenset(uid for uid in identity.uids if len(uid) >= VALUE_MIN)
        persons = self._texts(identity.names)
        names = {part for text in persons for part in _NAME_PARTS.split(text)}
        values = self._texts(identity.values) | persons | {" ".join(_NAME_PARTS.split(text)) for text in persons}
        plain = {text.strip(" \0") for text in names | values}
        folded_names = {fold(part).strip() for part in names}
        self._words = {word for part in folded_names for word in _WORD.findall(part) if len(word) >= _least(word)}
        self._words |= {text for text in map(fold, plain) if _is_short_id(text)}
        texts = {fold(text) for text in plain}
        self._whole = {text for text in texts if len(text.encode()) >= VALUE_MIN}
        self._bytes = self._encoded(text for text in plain if len(text.encode()) >= VALUE_MIN)
        self._quick = self._bytes | {text.encode() for text in self._words | self._whole}
        self._is_ascii = all(text.isascii() for text in plain)
        if len(self._quick) > NEEDLES_MAX:
            raise BrokenError("It names more people and numbers than can be proven absent.")

    def _texts(self, values: Iterable[bytes]) -> set[str]:
        """Return what values of the original say, in the encodings that it declares, or else in the likeliest."""
        found = set()
        for raw in values:
            found |= readings(raw, self._declared) or readings(raw, ("utf-8",)) or readings(raw, ("latin-1",))
        return found

    def _encoded(self, texts: Iterable[str]) -> set[bytes]:
        """Return texts as they may stand in binary values, in lower case as far as bytes have one."""
        found = set()
        for text in texts:
            variants = {text.lower()} if text.isascii() else {text, text.lower(), text.title(), text.upper()}
            codecs = ("ascii",) if text.isascii() else self._codecs
            for codec in (*codecs, "utf-16-le", "utf-16-be"):
                for variant in variants:
                    raw = variant.encode(codec, "ignore").lower()
                    if len(raw) >= VALUE_MIN:
                        found.add(raw)
        return found

    def leaks(self, pieces: Iterable[bytes], *, encoding: Encoding, vrs: Mapping[int, bytes]) -> tuple[Leak, ...]:
        """Return where identity is found in `pieces`, each a run of whole elements in `encoding`; empty when proven.

        Raises:
            ShortError, BrokenError: `pieces` are no well-formed elements, or too many.
        """
        found: dict[Leak, None] = {}
        left = LOOKS_MAX // (len(self._quick) + 1)
        for piece in pieces:
            if not self._may_occur_in(piece):
                continue
            for tag, vr, value in ElementReader(vrs, piece).values(0, len(piece), encoding):
                left -= 1
                if left < 0:
                    raise BrokenError("It holds more than can be proven clean.")
                kind = self._kind(tag, vr, value)
                if kind:
                    found[Leak(kind, tag, vr)] = None
        return tuple(found)

    def occurs_in(self, chunks: Iterable[bytes]) -> bool:
        """Tell whether identity is found in a long binary value that comes in chunks."""
        overlap = max(map(len, self._bytes | self._uids), default=1)
        tail = b""
        for chunk in chunks:
            window = tail + chunk
            if self._is_in_bytes(window):
                return True
            tail = window[-overlap:]
        return False

    def scrub(self, tag: int, vr: bytes, value: bytes, dummy: bytes) -> bytes:
        """Return `value` with `dummy` in the place of what `leaks` would find: one code string of several, else all."""
        if vr not in _SCRUBBED_VRS or tag in _CODE_VALUES or not self._kind(tag, vr, value):
            return value
        if vr != b"CS":
            return dummy
        return b"\\".join(dummy if self._kind(tag, vr, part) else part for part in value.split(b"\\"))

    @staticmethod
    def can_scrub(tag: int, vr: bytes) -> bool:
        """Tell whether `scrub` may help with a leak there."""
        return vr in _SCRUBBED_VRS and tag not in _CODE_VALUES

    def _may_occur_in(self, piece: bytes) -> bool:
        """Answer quickly, from the raw bytes, whether a closer look is needed."""
        if not self._is_ascii and not (piece.isascii() and ESCAPE not in piece):
            return True
        low = piece.lower()
        return any(raw in low for raw in self._quick) or self._has_uid(piece)

    def _has_uid(self, piece: bytes) -> bool:
        # The head of the next element may begin with a digit, right after a UID.
        uids = self._uids
        return any(uid in uids or uid[:-1] in uids for uid in _UID.findall(piece))

    def _is_in_bytes(self, value: bytes) -> bool:
        low = value.lower()
        return any(raw in low for raw in self._bytes) or self._has_uid(value)

    def _kind(self, tag: int, vr: bytes, value: bytes) -> str:
        bare = value.strip(b" \0")
        if not bare or bare in self._ours:
            return ""
        if any(uid in self._uids for uid in _UID.findall(value)):
            return "uid"
        if vr not in TEXT_VRS:
            return "value" if self._is_in_bytes(value) else ""
        if vr == b"DA" and tag in self._shifted:
            return ""
        is_exact = _is_exact(tag, vr, value)
        for text in readings(value, self._codecs):
            kind = self._kind_in_text(fold(text), is_exact=is_exact)
            if kind:
                return kind
        is_number = vr == b"UI" and not self._whole.isdisjoint(_components(value))
        return "value" if is_number else ""

    def _kind_in_text(self, text: str, *, is_exact: bool) -> str:
        if is_exact:
            return "value" if any(part.strip(" \0") in self._whole for part in text.split("\\")) else ""
        if any(needle in text for needle in self._whole):
            return "value"
        return "name" if not self._words.isdisjoint(_WORD.findall(text)) else ""


def _least(word: str) -> int:
    """Return how long a word of a name must be to be looked for: ideographs say more than letters."""
    return WORD_MIN if word.isascii() else WORD_MIN - 1


def _is_exact(tag: int, vr: bytes, value: bytes) -> bool:
    """Tell whether a text is terminology or a number, where only the whole of it means anything."""
    if vr == b"CS":
        return _CODE_STRING.fullmatch(value) is not None
    if vr in _NUMBER_VRS:
        return _NUMBER.fullmatch(value) is not None
    return vr == b"UI" or tag in _CODES


def _components(value: bytes) -> list[str]:
    """Return what stands between the dots of UIDs that the standard did not give out."""
    uids = (uid.strip(b" \0") for uid in value.split(b"\\"))
    return [part.decode("ascii", "replace") for uid in uids if uid not in REGISTERED for part in uid.split(b".")]


def _is_short_id(text: str) -> bool:
    return WORD_MIN <= len(text) < VALUE_MIN and text.isalnum() and not (text.isalpha() or text.isdigit())
