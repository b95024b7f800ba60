"""Cleaning a text (PS3.15 E.3.5): what names somebody, tells a day or numbers a person is taken out, the rest stays.

Taken out is what the header says elsewhere of the patient and of others (names, ids, institutions that are not
retained), and what by its form is a date, an address, a number of a person or a name after a title. The names of people
whom the header does not know, written without a title, cannot be told from other words.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Final

from cauce.stages.deidentify.dates import days_in
from cauce.stages.deidentify.forms import identity_by_form
from cauce.stages.deidentify.identity import Identity
from cauce.stages.deidentify.needles import Needles, needles_for
from cauce.stages.deidentify.signs import names_somebody
from cauce.stages.deidentify.spellings import fold
from cauce.stages.deidentify.texts import ESCAPE, readings, views

_ONE_VALUE: Final = frozenset([b"LT", b"ST", b"UT"])
"""Text VRs in which a backslash parts no values."""

_TOKEN = re.compile(r"[^\W_]+")
_SEGMENT = re.compile(r"[^,;.|/\\\r\n]+[,;.|/\\\r\n]*")
_EMPTY_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]|<\s*>|\"\s*\"")
_SPACES = re.compile(r"[ \t]{2,}")
_LEFT_OVER = re.compile(r"^[\s,;:/\\#=|^&+-]+|[\s,;:/\\#=|^&+-]+$")
_LEFT_OVER_ROWS = re.compile(r"(?:[,;:/#=|^-]\s*){2,}")
_PHRASE_WORDS_MAX = 6


class Cleaner:
    """Cleans texts of one identity, or by their form alone where there is none."""

    def __init__(self, needles: Needles | None = None, codecs: tuple[str, ...] = ()) -> None:
        """`needles` are looked for besides; `codecs` are those that the original declares."""
        self._needles = needles
        self._codecs = codecs
        self._cleaned = lru_cache(maxsize=4096)(self._clean)

    def __call__(self, vr: bytes, raw: bytes) -> bytes:
        """Return a raw text without identity, b"" where nothing is left."""
        return self._cleaned(vr, raw)

    def _clean(self, vr: bytes, raw: bytes) -> bytes:
        codec = self._codec_of(raw)
        if codec is None:
            texts = readings(raw, (*self._codecs, "utf-8", "latin-1"))
            return raw if all(self.text(text) == text for text in texts) else b""
        text = raw.decode(codec).strip("\0")
        if vr in _ONE_VALUE:
            return self.text(text.rstrip(" ")).encode(codec)
        parts = [part.strip(" ") for part in text.split("\\")]
        clean = [self._code(part) if vr in {b"CS", b"AE"} else self.text(part) for part in parts]
        return "\\".join(part for part in clean if part).encode(codec)

    def _codec_of(self, raw: bytes) -> str | None:
        """Return the codec that a text is surely in, None where it may be in several."""
        if raw.isascii() and ESCAPE not in raw:
            return "ascii"
        if ESCAPE in raw or len(self._codecs) != 1:
            return None
        try:
            text = raw.decode(self._codecs[0])
            return self._codecs[0] if text.encode(self._codecs[0]) == raw else None
        except (UnicodeError, LookupError):
            return None

    def _code(self, text: str) -> str:
        """Return a code string or the title of an application entity whole, or nothing of it."""
        return text if self.text(text) == text else ""

    def text(self, text: str) -> str:
        """Return a text without identity."""
        found = [*identity_by_form(text), *self._identity_in(text)]
        if not found and not self._is_left(text):
            return text
        clean = _tidied(_without(text, found))
        if self._is_left(clean):
            clean = _tidied("".join(part for part in _SEGMENT.findall(clean) if not self._is_left(part)))
        return "" if self._is_left(clean) or not _TOKEN.search(clean) else clean

    def _is_left(self, text: str) -> bool:
        if names_somebody(text) or any(day.century for day in days_in(fold(text))):
            return True
        return self._needles is not None and self._needles.kind_in(views(text)) != ""

    def _identity_in(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where single words, and rows of words, are identity."""
        if self._needles is None:
            return
        words = [(match.start(), match.end(), fold(match.group())) for match in _TOKEN.finditer(text)]
        sought = self._needles.words | self._needles.whole
        for index, (start, end, word) in enumerate(words):
            if word in sought or (word.isdigit() and word.lstrip("0") in self._needles.numbers):
                yield start, end
            row = word
            for _, last, other in words[index + 1 : index + _PHRASE_WORDS_MAX]:
                row += f" {other}"
                if f" {row} " in self._needles.phrases or row in sought:
                    yield start, last
        low = text.lower()
        if len(low) == len(text):
            for needle in self._needles.whole:
                at = low.find(needle)
                while at >= 0:
                    yield at, at + len(needle)
                    at = low.find(needle, at + 1)


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return `text` without what lies in `spans`, which may overlap."""
    kept, position = [], 0
    for start, end in sorted(spans):
        if start > position:
            kept.append(text[position:start])
        position = max(position, end)
    kept.append(text[position:])
    return "".join(kept)


def _tidied(text: str) -> str:
    """Return `text` without the marks that stood around what was taken out."""
    text = _EMPTY_BRACKETS.sub("", text)
    text = _LEFT_OVER_ROWS.sub(lambda found: found.group()[0] + " ", text)
    return _LEFT_OVER.sub("", _SPACES.sub(" ", text))


@cache
def by_form() -> Cleaner:
    """Return the cleaner that knows of no identity."""
    return Cleaner()


_PATIENTS_MAX: Final = 16
_latest: dict[bytes, Cleaner] = {}
"""The cleaner of the latest original of a patient, by the secret of its pseudonym."""


def likely_cleaner(patient: bytes) -> Cleaner:
    """Return the cleaner of the latest original of a patient, or the one that knows of no identity.

    Headers are walked before all that they say of people is known; those of one series mostly say the same.
    """
    return _latest.get(patient) or by_form()


def cleaner_for(identity: Identity, patient: bytes = b"") -> Cleaner:
    """Return the cleaner for texts of an original; those of the latest identities are kept, as their needles are.

    Raises:
        BrokenError: there is more identity than can be looked for.
    """
    found = (identity.names, identity.values, identity.birth_dates)
    made = _cleaner(*map(frozenset, found), tuple(sorted(identity.codecs())))
    if len(_latest) >= _PATIENTS_MAX:
        _latest.clear()
    _latest[patient] = made
    return made


@lru_cache(maxsize=16)
def _cleaner(
    names: frozenset[bytes], values: frozenset[bytes], birth_dates: frozenset[bytes], codecs: tuple[str, ...]
) -> Cleaner:
    return Cleaner(needles_for(names, values, birth_dates, codecs), codecs)
