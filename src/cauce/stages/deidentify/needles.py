"""What is looked for: the names, numbers and dates of one identity, made ready for searching texts and bytes.

Values of five bytes and more are looked for anywhere in a text; shorter parts of names, from three characters, only as
whole words. Numbers are also looked for without what separates their digits, people also with initials.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import permutations

from cauce.stages.deidentify.dates import Day, days_in
from cauce.stages.deidentify.reading import BrokenError
from cauce.stages.deidentify.spellings import LATIN_MIN, fold, spellings
from cauce.stages.deidentify.texts import readings

VALUE_MIN = 5
WORD_MIN = 3
SQUEEZED_MIN = 6
DIGITS_MIN = 7
NEEDLES_MAX = 1000
_SQUEEZED_NAME_MIN = 6
_PHRASE_MIN = 4
_NUMBER_MIN = 6
_PHONE_TAIL = 9
_TITLES = "dr dra prof mr mrs ms miss jr sr ii iii iv phd md dip rn rt herr frau don dona senor mme"
_PLACEHOLDERS = (
    "anonymous anonymized anonymised anonymize anonym anon deidentified unknown none null removed redacted xxxxx"
)
_WORD = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"[0-9]{6,}")
_UID_LIKE = re.compile(r"(?<![0-9])[0-9]+(?:\.[0-9]+){3,}")
_NAME_PARTS = re.compile(r"[\^=\\\0]")
_SURNAME_AND_GIVEN = 2


@dataclass(slots=True)
class Needles:
    """The folded texts to look for, by how they are looked for; `raw` is for bytes, in lower case."""

    whole: set[str] = field(default_factory=set, repr=False)
    words: set[str] = field(default_factory=set, repr=False)
    phrases: set[str] = field(default_factory=set, repr=False)
    squeezed: set[str] = field(default_factory=set, repr=False)
    numbers: set[str] = field(default_factory=set, repr=False)
    days: set[Day] = field(default_factory=set, repr=False)
    raw: set[bytes] = field(default_factory=set, repr=False)
    verdicts: dict[tuple[int, bytes, bytes], tuple[str, bytes]] = field(default_factory=dict, repr=False)
    """What was found in values by (tag, VR, value): the instances of a series share most of theirs."""

    @property
    def size(self) -> int:
        """Return how many things are looked for."""
        texts = (self.whole, self.words, self.phrases, self.squeezed, self.numbers)
        return sum(map(len, texts)) + len(self.days) + len(self.raw)

    def kind_in(self, views: Iterable[str]) -> str:
        """Return what is found in a free text, given the views on it: `name`, `value`, `date`, or "" for nothing."""
        for view in views:
            kind = self._kind_in_view(fold(view))
            if kind:
                return kind
        return ""

    def _kind_in_view(self, text: str) -> str:
        words = _WORD.findall(text)
        line, squeezed = f" {' '.join(words)} ", "".join(words)
        if any(needle in text for needle in self.whole) or any(needle in squeezed for needle in self.squeezed):
            return "value"
        if not self.words.isdisjoint(words) or any(needle in line for needle in self.phrases):
            return "name"
        if self.numbers and not self.numbers.isdisjoint(number.lstrip("0") for number in _DIGITS.findall(text)):
            return "value"
        return "date" if self.days and not self.days.isdisjoint(days_in(text)) else ""

    def is_in_term(self, text: str, *, is_code: bool) -> bool:
        """Tell whether a folded term names somebody; of a code, only numbers of people count."""
        words = _WORD.findall(text)
        joined = "".join(words)
        if any(needle in joined for needle in self.squeezed):
            return True
        line = f" {' '.join(words)} "
        wholes = (needle for needle in self.whole if f" {needle} " in line or " " in needle)
        return not is_code and (any(n in text for n in wholes) or any(needle in line for needle in self.phrases))

    def is_one(self, text: str) -> bool:
        """Tell whether a code string or a number, folded and stripped, is a value looked for, and nothing besides."""
        if text in self.whole:
            return True
        number = text.lstrip("+0").partition(".")
        return bool(self.numbers) and not number[2].strip("0") and number[0] in self.numbers

    def occurs_in(self, low: bytes) -> bool:
        """Tell whether something is found in bytes, given in lower case."""
        return any(raw in low for raw in self.raw)


@lru_cache(maxsize=16)
def needles_for(
    names: frozenset[bytes], values: frozenset[bytes], birth_dates: frozenset[bytes], codecs: tuple[str, ...]
) -> Needles:
    """Return what to look for, given raw values of an original and the codecs that it declares.

    Those of the latest identities are kept, since the instances of a series share theirs.

    Raises:
        BrokenError: there is more identity than can be looked for.
    """
    made = Needles()
    for text in _texts(names, codecs):
        for person in text.split("\\"):
            _add_person(made, person)
    for text in _texts(values, codecs):
        _add_value(made, text.strip(" \0"))
    for text in _texts(birth_dates, ()):
        days = {day for day in days_in(text) if day.century}
        made.days |= days | {day._replace(century=0) for day in days}
        if len(text.strip()) >= VALUE_MIN:
            made.whole.add(fold(text.strip()))
    plain = {text for text in made.whole if len(text.encode()) >= VALUE_MIN}
    made.whole = plain
    joined = {text for text in made.squeezed if not text.isascii()}
    made.raw = _encoded(plain | joined | _unfolded(names | values, codecs), (*codecs, "utf-8", "latin-1"))
    placeholders = _PLACEHOLDERS.split()
    made.words.difference_update(placeholders, _TITLES.split())
    made.whole.difference_update(placeholders)
    made.raw.difference_update(word.encode() for word in placeholders)
    if len(made.whole | made.words) > NEEDLES_MAX:
        raise BrokenError("It names more people and numbers than can be proven absent.")
    return made


def _texts(values: Iterable[bytes], codecs: tuple[str, ...]) -> set[str]:
    """Return what values of the original say, in the encodings that it declares, or else in the likeliest."""
    found = set()
    for raw in values:
        found |= readings(raw, codecs) or readings(raw, ("utf-8",)) or readings(raw, ("latin-1",))
    return found


def _unfolded(values: Iterable[bytes], codecs: tuple[str, ...]) -> set[str]:
    """Return parts of values with their accents, for looking into bytes."""
    texts = _texts(values, codecs)
    parts = {part.strip(" \0") for text in texts for part in _NAME_PARTS.split(text)} | {t.strip(" \0") for t in texts}
    return {part for part in parts if len(part.encode()) >= VALUE_MIN and fold(part) not in _PLACEHOLDERS.split()}


def _add_person(made: Needles, person: str) -> None:
    japanese = not person.isascii()
    for group in person.split("="):
        components = [" ".join(part.split()).strip(" \0") for part in re.split(r"[\^\0]", group)]
        whole = [part for part in components if part]
        if not whole:
            continue
        for part in whole:
            for spelled in spellings(part, japanese=japanese):
                made.whole.add(spelled)
                made.words |= {word for word in _WORD.findall(spelled) if len(word) >= least(word)}
        made.whole |= {fold(" ".join(whole)), fold("^".join(components).rstrip("^")), fold(person)}
        _add_orders(made, [part for part in components[: _SURNAME_AND_GIVEN + 1] if part], japanese=japanese)


def _add_orders(made: Needles, parts: list[str], *, japanese: bool) -> None:
    """Add a name's parts in any order, joined to one word, and with initials."""
    ways = [spellings(part, japanese=japanese) for part in parts]
    for one, other in permutations(ways, 2):
        for first in one:
            for second in other:
                words = _WORD.findall(f"{first} {second}")
                if not words:
                    continue
                joined = "".join(words)
                if len(joined.encode()) >= _PHRASE_MIN:
                    made.phrases.add(f" {' '.join(words)} ")
                if len(joined) >= _SQUEEZED_NAME_MIN or (not joined.isascii() and len(joined) >= WORD_MIN):
                    made.squeezed.add(joined)
    if len(ways) >= _SURNAME_AND_GIVEN:
        for surname in ways[0]:
            for given in ways[1]:
                _add_initial(made, "".join(_WORD.findall(surname)), given.strip())


def _add_initial(made: Needles, surname: str, given: str) -> None:
    if not (surname.isascii() and given[:1].isascii() and given[:1].isalpha()) or len(surname) < 2:  # noqa: PLR2004
        return
    if len(surname) < WORD_MIN:
        made.phrases |= {f" {given[0]} {surname} ", f" {surname} {given[0]} "}
    else:
        made.words |= {given[0] + surname, surname + given[0]}


def _add_value(made: Needles, text: str) -> None:
    folded = fold(text)
    if not folded:
        return
    made.whole.add(folded)
    if is_short_id(folded):
        made.words.add(folded)
    words = _WORD.findall(folded)
    if len(words) > 1:
        made.phrases.add(f" {' '.join(words)} ")
        parts = [_WORD.findall(part) for part in re.split(r"[,;\r\n]+|\^+|\s-\s", folded)]
        made.phrases |= {f" {' '.join(part)} " for part in parts if len(part) > 1 and len("".join(part)) > VALUE_MIN}
    _add_numbers(made, folded, "".join(words))


def _add_numbers(made: Needles, folded: str, joined: str) -> None:
    """Add an id or a telephone number, however its digits are grouped."""
    if _UID_LIKE.search(folded):
        return
    digits = sum(c.isdigit() for c in joined)
    if digits >= LATIN_MIN and len(joined) >= (DIGITS_MIN if joined.isdigit() else SQUEEZED_MIN) and joined.isalnum():
        made.squeezed.add(joined)
    bare = joined.lstrip("0")
    if bare.isdigit() and len(bare) >= DIGITS_MIN:
        made.squeezed.add(bare)
        if len(bare) > _PHONE_TAIL:
            made.squeezed.add(bare[-_PHONE_TAIL:])
    numbers = {number.lstrip("0") for number in _DIGITS.findall(folded)}
    made.numbers |= {number for number in numbers if len(number) >= _NUMBER_MIN}


def _encoded(texts: Iterable[str], codecs: Iterable[str]) -> set[bytes]:
    """Return texts as they may stand in binary values, in lower case as far as bytes have one."""
    found = set()
    for text in texts:
        variants = {text.lower()} if text.isascii() else {text, text.lower(), text.title(), text.upper()}
        names = ("ascii",) if text.isascii() else codecs
        for codec in (*names, "utf-16-le", "utf-16-be"):
            for variant in variants:
                raw = variant.encode(codec, "ignore").lower()
                if len(raw) >= VALUE_MIN:
                    found.add(raw)
    return found


def least(word: str) -> int:
    """Return how long a word of a name must be to be looked for: ideographs say more than letters."""
    return WORD_MIN if word.isascii() else WORD_MIN - 1


def is_short_id(text: str) -> bool:
    """Tell whether `text` is a short number of letters and digits, which no common word is."""
    return WORD_MIN <= len(text) < VALUE_MIN and text.isalnum() and not (text.isalpha() or text.isdigit())
