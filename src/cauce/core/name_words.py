"""Person names as they are searched: without case, accents and marks, as whole groups and as words of any script."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

WORD_LENGTH_MAX: Final = 64
"""Longest word that is told from another; what is beyond is not looked at."""
GROUP_LENGTH_MAX: Final = 200
"""Longest group that is told from another."""

_GROUPS_MAX: Final = 3
_WORDS_MAX: Final = 64
_ENDS_MAX: Final = 8
_COMPONENTS: Final = re.compile(r" *\^ *")
_BLANKS: Final = re.compile(r"\s+")

_NO_ACCENT: Final = frozenset(range(1, 10)) | frozenset(range(36, 200))
"""Combining classes whose marks tell letters apart: those of voiced kana, of Thai vowels and tones, of Indic signs."""
_PLAIN: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i"})
_KATAKANA: Final = str.maketrans({code: code - 0x60 for code in range(0x30A1, 0x30F7)})
_JOINED: Final = str.maketrans("", "", "'\u2019\u02bc\u00b4`\u00ad\u200b\u200c\u200d\u2060\ufeff")
"""What stands inside of a word and says nothing: O'Brien is OBrien."""
_UNSPACED: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")
"""Scripts that part no words."""


def fold(text: str) -> str:
    """Return a text without what search looks past: case, accents, width, and which kana a sound is written in."""
    if text.isascii():
        return text.lower()
    marked = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join([c for c in marked if not unicodedata.combining(c) or unicodedata.combining(c) in _NO_ACCENT])
    return unicodedata.normalize("NFC", bare).translate(_KATAKANA).translate(_PLAIN)


def name_groups(name: str) -> list[str]:
    """Return the component groups of a name (PS3.5 6.2.1) that say something, folded and without padding."""
    groups = []
    for group in name.split("=")[:_GROUPS_MAX]:
        plain = _COMPONENTS.sub("^", _BLANKS.sub(" ", fold(group))).strip(" ^")
        if plain:
            groups.append(plain[:GROUP_LENGTH_MAX])
    return groups


def name_words(name: str) -> list[str]:
    """Return the words of a name, all groups together, folded, each once."""
    words: dict[str, None] = {}
    for group in name.split("=")[:_GROUPS_MAX]:
        for word in _parted(fold(group).translate(_JOINED)).split():
            words[word[:WORD_LENGTH_MAX]] = None
    return list(words)[:_WORDS_MAX]


def searchable_words(name: str) -> list[str]:
    """Return what a name's words are found by: each, and where no blanks part the words the ends of each."""
    found: dict[str, None] = {}
    for word in name_words(name):
        found[word] = None
        if _UNSPACED.search(word):
            for start in range(1, min(len(word), _ENDS_MAX)):
                found[word[start:]] = None
    return list(found)


def _parted(text: str) -> str:
    if text.isascii():
        return text.translate(_ASCII_BREAKS)
    return "".join([" " if _parts_words(character) else character for character in text])


@lru_cache(maxsize=4096)
def _parts_words(character: str) -> bool:
    return unicodedata.category(character)[0] in "ZPSC"


_ASCII_BREAKS: Final = str.maketrans({code: " " for code in range(128) if _parts_words(chr(code))})
