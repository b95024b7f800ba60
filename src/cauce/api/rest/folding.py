"""Search that does not mind case and accents: what is typed becomes a regular expression that both databases know.

"jose" finds "José", "JOSE" and "Jose" with a combining accent; "Müller" finds "Muller", "strasse" finds "Straße". Words
may stand in any order, so "john doe" finds "Doe^John". Only Latin letters have spellings; others are taken as they are.
"""

import re
import unicodedata
from functools import cache

WORDS_MAX = 8
_ALONE = dict(zip("øłđðħŧıæœþ", "olddhtiaot", strict=True))
"""Letters that Unicode does not take apart."""

_LATIN = (range(0xC0, 0x250), range(0x1E00, 0x1F00))
_COMBINING = "[\u0300-\u036f]*"
_SHARP_S = "(?:{double}|[ßẞ])"


def words_of(text: str) -> list[str]:
    """Return a pattern for each word of `text`; the parts of a DICOM person name count as words."""
    return [_pattern(word) for word in re.split(r"[\s^=,]+", text) if word][:WORDS_MAX]


def fold(text: str) -> str:
    """Return `text` in lower case, Latin letters without their accents."""
    return "".join(_fold_one(character) for character in unicodedata.normalize("NFC", text))


def _fold_one(character: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", character.casefold()) if not unicodedata.combining(c))
    plain = "".join(_ALONE.get(c, c) for c in plain)
    if unicodedata.combining(character):
        return ""
    return plain if plain.isascii() else character.casefold()


def _pattern(word: str) -> str:
    pattern = "".join(_class(character) + _COMBINING for character in fold(word))
    double = (_class("s") + _COMBINING) * 2
    return pattern.replace(double, _SHARP_S.format(double=double))


@cache
def _class(character: str) -> str:
    members = _spellings().get(character, "")
    upper = character.upper()
    if members:
        return f"[{character}{upper}{members}]"
    if upper != character and len(upper) == 1:
        return f"[{character}{upper}]"
    return re.escape(character)


@cache
def _spellings() -> dict[str, str]:
    """Return, by plain letter, the accented Latin letters that stand for it."""
    found: dict[str, str] = {}
    for character in (chr(point) for points in _LATIN for point in points):
        plain = fold(character)
        if character.isalpha() and len(plain) == 1 and plain.isascii():
            found[plain] = found.get(plain, "") + character
    return found
