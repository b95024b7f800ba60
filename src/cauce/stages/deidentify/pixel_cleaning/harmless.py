"""Which text may stay on an image: what marks a side, a scale, a setting; all else goes, whatever it says.

On images whose header raises no suspicion (radiographs), words of the technique may stay as well.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from cauce.stages.deidentify.identity import Identity
from cauce.stages.deidentify.needles import Needles
from cauce.stages.deidentify.pixel_cleaning.ocr import Line

_SIDES: Final = frozenset(["L", "R", "A", "P", "H", "F", "S", "I", "LT", "RT"])
_UNITS: Final = r"(?:mm|cm|m|cm/s|m/s|s|ms|hz|khz|mhz|db|fps|bpm|kv|kvp|ma|mas|%|x|°|°c)"
_NUMBER = re.compile(rf"[+-]?\d{{1,3}}(?:[.,]\d{{1,2}})?\s?{_UNITS}?", re.IGNORECASE)
_TICKS: Final = "-–—_|·.:'`\"~=+*/\\<>()[]{}^°,;!一丨十〇。、 "  # noqa: RUF001 - what ticks and edges are read as
_MARKS: Final = str.maketrans("", "", _TICKS + "\t")
_TECHNIQUE_WORDS = """left right erect supine prone decubitus portable mobile lateral oblique axial frontal standing
sitting upright inspiration expiration semi view views lat obl cm mm kv kvp mas ma exp grid cc mlo ml lm xccl lao rao
cran caud pa ap rcc lcc rmlo lmlo post ant anterior posterior proximal distal internal external rotation weight bearing
scale image frame"""
_TECHNIQUE: Final = frozenset(_TECHNIQUE_WORDS.split())
_WORD = re.compile(r"[^\W\d_]+|\d+")
_WORD_OR_NUMBER = re.compile(r"[^\W_]+")
_LIKE_A_TIME = re.compile(r"\d\s*[:/]\s*\d|\d\s*[.-]\s*\d+\s*[.-]\s*\d")
_NUMBERS_MAX, _DIGITS_MAX = 2, 4
_READABLE, _SURELY_READ, _TOGETHER, _TOGETHER_SHORT = 0.5, 0.8, 1.4, 1.68
_SHORT: Final = 2
_SHORT_VALUE_MAX: Final = 5
_SURELY_TEXT, _LONG_SHAPE, _TALL_MAX = 0.8, 2.5, 80
_OF_ANY_SCRIPT: Final = ((0.85, 2.0), (0.92, 1.35))
"""How sure it is that something is text, and how much longer than high it is."""
_SIGNS_A_SQUARE: Final = 0.4
"""Signs are mostly narrower than they are high."""
_LOWEST, _TALLEST = 10, 480
_NEAR: Final = 1.5


def short_values(identity: Identity) -> frozenset[str]:
    """Return the short identifiers and parts of names of a header, as a text is compared with them."""
    parts = {part for name in identity.names for part in re.split(rb"[\^=\\ ]", name)}
    texts = (value.decode("ascii", "ignore") for value in identity.values | parts)
    return frozenset(short for short in map(_bare, texts) if _SHORT <= len(short) <= _SHORT_VALUE_MAX)


def _bare(text: str) -> str:
    """Return a text without case, spaces, marks and leading zeros."""
    return "".join(sign for sign in text.upper() if sign.isalnum()).lstrip("0")


def to_blank(
    lines: Sequence[Line],
    *,
    needles: Needles | None,
    is_risky: bool,
    short: frozenset[str] = frozenset(),
    tallest: float = _TALLEST,
) -> list[Line]:
    """Return the lines that must go.

    `needles` and `short` are what the header says of people; what is higher than `tallest` is no line. A harmless text
    goes all the same where it stands in a row with one that must go: it may be a part of it.
    """
    least = _READABLE if is_risky else _SURELY_READ
    seen = [line for line in lines if line.sides[0] <= tallest and _is_text(line, least=least)]
    gone = [
        line
        for line in seen
        if (is_risky and _says_too_little(line))
        or _is_one_of(line.said, short)
        or not _may_stay(line.said, needles, is_risky=is_risky)
    ]
    rest = [line for line in seen if line not in gone]
    while near := [line for line in rest if any(_is_in_row(line.box, other.box) for other in gone)]:
        gone += near
        rest = [line for line in rest if line not in near]
    return gone


def _is_text(line: Line, *, least: float) -> bool:
    """Tell text from what only looks like it: speckle, ticks, edges. `least` is how well it has to be read."""
    tall, long = line.sides
    if not _LOWEST <= tall <= _TALLEST:
        return False
    least = _SURELY_READ if tall > _TALL_MAX else least
    signs = sum(sign.isalnum() for sign in line.said.translate(_MARKS))
    if signs > _SHORT and line.said_likely >= least and line.said_likely + line.likely >= _TOGETHER:
        return True
    if tall > _TALL_MAX:
        return False
    if signs and line.said_likely + line.likely >= _TOGETHER_SHORT:
        return True
    if signs > 1 and long >= _LONG_SHAPE * tall and line.likely >= _SURELY_TEXT:
        return True
    return _is_of_any_script(line) and least < _SURELY_READ


def _is_of_any_script(line: Line) -> bool:
    """Tell whether something that cannot be read is text all the same: there are more scripts than the reader knows."""
    tall, long = line.sides
    return any(line.likely >= likely and long >= shape * tall for likely, shape in _OF_ANY_SCRIPT)


def _says_too_little(line: Line) -> bool:
    """Tell whether fewer signs were read than a line so long has: what it says is not known."""
    tall, long = line.sides
    signs = sum(not sign.isspace() for sign in line.said)
    return _is_of_any_script(line) and signs < _SIGNS_A_SQUARE * long / tall


def _may_stay(said: str, needles: Needles | None, *, is_risky: bool) -> bool:
    plain = unicodedata.normalize("NFKC", said)
    bare = plain.translate(_MARKS)
    if not bare:
        return True
    if needles is not None and (needles.kind_in([plain]) or needles.is_one(plain.lower())):
        return False
    if bare.upper() in _SIDES or _NUMBER.fullmatch(plain.strip(_TICKS)):
        return True
    if is_risky:
        return False
    words = _WORD.findall(plain.lower())
    numbers = [word for word in words if word.isdigit()]
    if len(numbers) > _NUMBERS_MAX or sum(map(len, numbers)) > _DIGITS_MAX or _LIKE_A_TIME.search(plain):
        return False
    return all(word in _TECHNIQUE or len(word) == 1 or (word.isdigit() and len(word) <= _SHORT) for word in words)


def _is_one_of(said: str, short: frozenset[str]) -> bool:
    """Tell whether a text is one of the short values of a header, or a word of it is one that has letters."""
    plain = unicodedata.normalize("NFKC", said)
    words = {_bare(word) for word in _WORD_OR_NUMBER.findall(plain) if not word.isdigit()}
    return bool(short) and not short.isdisjoint(words | {_bare(plain)})


def _is_in_row(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    height = min(one[3], other[3])
    overlap = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    gap = max(one[0], other[0]) - min(one[0] + one[2], other[0] + other[2])
    return overlap > height / 2 and gap < _NEAR * max(one[3], other[3])
