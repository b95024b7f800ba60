"""Raw text values, read in every way that the file allows, and unwrapped from what may be wrapped around them."""

import base64
import binascii
import html
import quopri
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from urllib.parse import unquote

from pydicom.charset import CODES_TO_ENCODINGS

ESCAPE = b"\x1b"
_STATEFUL = frozenset({"iso2022_jp", "iso2022_jp_2"})  # Python's codecs of these read the escape sequence themselves

_DEPTH_MAX = 3
"""Most wrappings, one around another, that are undone."""
_VIEWS_MAX = 50
_VIEWED_A_VIEW = 20_000  # so many characters count as one view, that long texts have fewer
_WRAPPED_MIN = 4
_TAG = re.compile(r"<[^<>]{0,2000}>")
_BROKEN_WORD = re.compile("[-\u2010]?[ \t]{0,9}(?:\r\n?|\n)[ \t]{0,9}|[\u00ad\u200b-\u200d\u2060\ufeff]+")
_QUOTED = re.compile(r"=(?:[0-9A-Fa-f]{2}|\r?\n)")
_RTF = re.compile(r"\\u(-?[0-9]{1,5}) ?\??|\\'([0-9A-Fa-f]{2})|\\[a-z]{1,32}-?[0-9]* ?|[{}]")
_UNICODE = re.compile(r"(?:\\u|%u|U\+|\\x|&#x)\{?([0-9A-Fa-f]{2,6})[};]?")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_URL_SAFE = str.maketrans("-_", "+/")
_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2}[ :]?){5,}")
_READABLE_MIN = 0.85
_ZEROS = 4  # one byte of so many is zero in Latin text of two bytes a letter


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


def is_readable(text: str) -> bool:
    """Tell whether a decoded text is one: nearly all of it letters, digits and what stands between them."""
    if not text:
        return False
    odd = sum(1 for c in text if unicodedata.category(c)[0] == "C" and c not in "\r\n\t\0") + text.count("\ufffd")
    return 1 - odd / len(text) >= _READABLE_MIN


def in_binary(value: bytes) -> Iterator[str]:
    """Yield the text that a binary value is, if it is one: in ASCII, UTF-8, or Latin letters in UTF-16."""
    codecs = ["utf-8"] if b"\0" not in value.rstrip(b"\0") else []
    if value.count(0) * _ZEROS >= len(value):
        codecs += ["utf-16-le", "utf-16-be"]
    for codec in codecs:
        try:
            text = (value if codec == "utf-8" else value[: len(value) & ~1]).decode(codec)
        except UnicodeDecodeError:
            continue
        if is_readable(text):
            yield text


def views(text: str) -> set[str]:
    """Return `text` and what it says with its wrappings undone: percent, HTML, RTF, quoted-printable, base64."""
    found = {text}
    latest = found
    for _ in range(_DEPTH_MAX):
        made = (view for known in latest for view in _unwrapped(known) if view not in found)
        latest = set(islice(made, max(0, _VIEWS_MAX - sum(map(len, found)) // _VIEWED_A_VIEW)))
        if not latest:
            break
        found |= latest
    return found


def _unwrapped(text: str) -> Iterator[str]:
    """Yield each way in which one wrapping around `text`, or around parts of it, can be undone."""
    if "%" in text:
        yield unquote(text)
        yield unquote(text, "latin-1")
    if "&" in text:
        yield html.unescape(text)
    if "<" in text:
        yield _TAG.sub("", text)
    if not text.isascii() or "\n" in text or "\r" in text:
        yield _BROKEN_WORD.sub("", text)
    if "\\'" in text or "\\u" in text or "{\\" in text:
        yield _RTF.sub(_of_rtf, text)
    if "\\u" in text or "\\x" in text or "%u" in text or "U+" in text:
        yield _UNICODE.sub(_of_number, text)
    if "=" in text and _QUOTED.search(text):
        raw = quopri.decodestring(text.encode("utf-8", "surrogateescape"))
        yield raw.decode("utf-8", "replace")
        yield raw.decode("latin-1")
    if len(text) > _WRAPPED_MIN:
        yield from _of_tokens(text)


def _of_rtf(found: re.Match[str]) -> str:
    number, byte = found.groups()
    if number:
        return chr(int(number) % 0x10000)
    return bytes.fromhex(byte).decode("latin-1") if byte else ""


def _of_number(found: re.Match[str]) -> str:
    number = int(found.group(1), 16)
    return chr(number) if number <= 0x10FFFF else ""  # noqa: PLR2004 - the last character of Unicode


def _of_tokens(text: str) -> Iterator[str]:
    """Yield what tokens in base64 or hexadecimal digits say, where that is a text."""
    tokens = set(_BASE64.findall(text))
    joined = "".join(text.split())
    if _BASE64.fullmatch(joined):
        tokens.add(joined)
    for token in tokens:
        digits = token.rstrip("=").translate(_URL_SAFE)
        with suppress(binascii.Error):
            yield from in_binary(base64.b64decode(digits + "=" * (-len(digits) % 4)))
    for found in _HEXADECIMAL.finditer(text):
        yield from in_binary(bytes.fromhex(found.group().replace(":", " ")))
