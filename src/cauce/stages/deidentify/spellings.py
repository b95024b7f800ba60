"""Other spellings of one name: umlauts written out, long vowels, Cyrillic and Greek in Latin letters, kana."""

import unicodedata

LATIN_MIN = 4
"""Shortest of the spellings that we make up which is looked for: shorter ones are common words."""

_UMLAUTS = dict(zip(map(ord, "äöüøåæœþ"), ["ae", "oe", "ue", "oe", "aa", "ae", "oe", "th"], strict=True))
_CYRILLIC = dict(zip("абвгдезиклмнопрстуфыэіґѓќў", "abvgdeziklmnoprstufyeiggku", strict=True))
_CYRILLIC |= {"ъ": "", "ь": ""}
_CYRILLIC |= dict(zip("ёйїжцчшщюяєљњџђћј", "e i i zh ts ch sh shch yu ya ie lj nj dz dj c j".split(), strict=True))  # noqa: SIM905 - a table
_CYRILLIC |= {"\u0445": "kh"}
_GREEK = dict(zip("αβγδεζηικλμνξοπρσςτυφω", "avgdeziiklmnxoprsstyfo", strict=True)) | {
    "θ": "th",
    "χ": "ch",
    "ψ": "ps",
}
_GREEK |= dict(zip("άέήίόύώϊϋΐΰ", "aeiioyoiyiy", strict=True))
_OTHER_LETTERS = dict(zip("йхцяюβηυύ", ["y", "h", "c", "ia", "iu", "b", "e", "u", "u"], strict=True))
_ROMANISED = {ord(letter): latin for letter, latin in (_CYRILLIC | _GREEK).items()}
_OTHERWISE_ROMANISED = _ROMANISED | {ord(letter): latin for letter, latin in _OTHER_LETTERS.items()}
_UNWRITTEN_UMLAUTS = (("ue", "u"), ("oe", "o"), ("ae", "a"))
_LONG_VOWELS = (("ou", "o"), ("oo", "o"), ("oh", "o"), ("uu", "u"))
_WHOLE_LETTERS = dict(zip("łøđħŧðæœ\u0131", ["l", "o", "d", "h", "t", "d", "ae", "oe", "i"], strict=True))
_FOLDED = {ord(letter): latin for letter, latin in _WHOLE_LETTERS.items()}
"""What Unicode does not take apart, and katakana as hiragana."""
_FOLDED |= {code: chr(code - 0x60) for code in range(0x30A1, 0x30F7)}


def fold(text: str) -> str:
    """Return `text` without case, accents, compatibility forms (full and half width), and in hiragana for katakana."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text)
    bare = "".join(c for c in parts if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", bare).casefold().translate(_FOLDED)


def spellings(name: str, *, japanese: bool = False) -> set[str]:
    """Return `name`, folded, and in other ways of writing it; a Japanese one also without long vowels."""
    found = {fold(name)}
    if not name.isascii():
        lower = unicodedata.normalize("NFC", name).casefold()
        found.add(fold(lower.translate(_UMLAUTS)))
        romanised = {lower.translate(table) for table in (_ROMANISED, _OTHERWISE_ROMANISED)}
        found |= {latin for latin in romanised if latin.isascii()}
    for spelled in [spelled for spelled in found if spelled.isascii()]:
        for written, other in _UNWRITTEN_UMLAUTS + (_LONG_VOWELS if japanese else ()):
            if written in spelled and len(spelled) > LATIN_MIN:
                found.add(spelled.replace(written, other))
    return found
