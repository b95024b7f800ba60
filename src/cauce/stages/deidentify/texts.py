"""Raw text values, read in every way that the file allows, and folded so that spellings of one name meet."""

import unicodedata
from collections.abc import Iterable

from pydicom.charset import CODES_TO_ENCODINGS

ESCAPE = b"\x1b"
_STATEFUL = frozenset({"iso2022_jp", "iso2022_jp_2"})  # Python's codecs of these read the escape sequence themselves


def fold(text: str) -> str:
    """Return `text` without case, accents and compatibility forms (full and half width)."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(c for c in parts if not unicodedata.combining(c))).casefold()


def readings(raw: bytes, codecs: Iterable[str]) -> set[str]:
    """Return what `raw` may say: one text where it is ASCII, else one for each codec that can read it."""
    if raw.isascii() and ESCAPE not in raw:
        return {raw.decode("ascii")}
    found = set()
    for codec in codecs:
        try:
            found.add(raw.decode(codec))
        except (UnicodeDecodeError, LookupError):
            continue
        if ESCAPE in raw:
            found.add(_extended(raw, codec))
    return found


def _extended(raw: bytes, first: str) -> str:
    """Read text with code extensions (PS3.5 section 6.1.2.5); `first` is the codec before the first escape."""
    head, *rest = raw.split(ESCAPE)
    text = head.decode(first, "replace")
    for piece in rest:
        for sequence, codec in CODES_TO_ENCODINGS.items():
            if piece.startswith(sequence[1:]):
                kept = ESCAPE + piece if codec in _STATEFUL else piece[len(sequence) - 1 :]
                text += kept.decode(codec, "replace")
                break
        else:
            text += piece.decode(first, "replace")
    return text
