"""Text values to Unicode by Specific Character Set (PS3.3 C.12.1.1.2, PS3.5 6.1), escapes of ISO 2022 included.

Nothing here raises: what cannot be decoded becomes U+FFFD, and an unknown repertoire is read as best it can be.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

ESCAPE: Final = b"\x1b"
_REPLACEMENT: Final = "\ufffd"

_BY_REGISTRATION: Final = {
    "6": "ascii",
    "13": "shift_jis",
    "58": "gb2312",
    "87": "iso2022_jp",
    "100": "latin_1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "126": "iso8859_7",
    "127": "iso8859_6",
    "138": "iso8859_8",
    "144": "iso8859_5",
    "148": "iso8859_9",
    "149": "euc_kr",
    "159": "iso2022_jp_2",
    "166": "tis_620",
    "192": "utf_8",
    "203": "iso8859_15",
}
"""ISO registration number -> Python codec."""

_BY_NAME: Final = {
    "": "ascii",
    "GBK": "gb18030",
    "GB18030": "gb18030",
    "ISO 2022 GBK": "gb18030",
    "ISO 2022 58": "gb2312",
    "UTF8": "utf_8",
    "UTF-8": "utf_8",
}

_STAND_ALONE: Final = frozenset({"utf_8", "gb18030"})
"""Repertoires without code extensions: an escape in them is just a control character."""

_LATIN: Final = frozenset({"latin_1", "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_9", "iso8859_15"})
"""Repertoires in which a lead byte of UTF-8 followed by its continuation would be a letter and a symbol."""

_G1_ESCAPES: Final = {
    b"-A": "latin_1",
    b"-B": "iso8859_2",
    b"-C": "iso8859_3",
    b"-D": "iso8859_4",
    b"-F": "iso8859_7",
    b"-G": "iso8859_6",
    b"-H": "iso8859_8",
    b"-L": "iso8859_5",
    b"-M": "iso8859_9",
    b"-T": "tis_620",
    b"-b": "iso8859_15",
    b")I": "shift_jis",
    b"$)C": "euc_kr",
    b"$)A": "gb2312",
}
_G0_ESCAPES: Final = {b"(B": "", b"(J": "", b"$B": "iso2022_jp", b"$@": "iso2022_jp", b"$(D": "iso2022_jp_2"}
_G0_PREFIX: Final = {"iso2022_jp": b"\x1b$B", "iso2022_jp_2": b"\x1b$(D"}

_REGISTERED = re.compile(r"ISO[ _-]*(?:2022)?[ _-]*IR[ _-]*([0-9]+)")
_SEGMENT = re.compile(rb"\x1b(\$[()-]?.|[()-].)?([^\x1b]*)", re.DOTALL)
_RUN = re.compile(rb"[\x80-\xff]+|[\x00-\x7f]+")
_DELIMITED = re.compile(rb"([\\^=\r\n\t\f])")


@dataclass(frozen=True, slots=True)
class Charset:
    """A repertoire in force: the codec of the first value, whether escapes may occur, whether all names were known."""

    codec: str
    has_escapes: bool
    is_known: bool


@lru_cache(maxsize=256)
def charset_of(value: bytes) -> Charset:
    """Return the repertoire that a value of Specific Character Set (0008,0005) stands for."""
    names = [name.strip(" \0").upper() for name in value.decode("ascii", "replace").split("\\")]
    codecs = [_codec(name) for name in names]
    first = codecs[0] or "ascii"
    if first in _G0_PREFIX:
        first = "ascii"
    return Charset(
        codec=first,
        has_escapes=first not in _STAND_ALONE,
        is_known=None not in codecs,
    )


def _codec(name: str) -> str | None:
    if name in _BY_NAME:
        return _BY_NAME[name]
    match = _REGISTERED.fullmatch(name)
    return _BY_REGISTRATION.get(match[1]) if match else None


DEFAULT_CHARSET: Final = charset_of(b"")


def decode_text(value: bytes, charset: Charset) -> str:
    """Return `value` as Unicode; never raises."""
    if ESCAPE in value:
        if charset.has_escapes:
            return _decode_escaped(value, charset.codec)
    elif value.isascii():
        return value.decode("ascii")
    return _decode_plain(value, charset.codec)


def is_decodable(value: bytes, charset: Charset) -> bool:
    """Tell whether `value` decodes without loss, or needs the guess or the replacement that `decode_text` makes."""
    if ESCAPE in value:
        if charset.has_escapes:
            return _REPLACEMENT not in _decode_escaped(value, charset.codec)
    elif value.isascii():
        return True
    try:
        value.decode(charset.codec)
    except UnicodeDecodeError:
        return False
    return True


def is_doubtful(value: bytes, charset: Charset) -> bool:
    """Tell whether `value`, declared as a Latin repertoire and not ASCII, is UTF-8: chance hardly ever does that."""
    if charset.codec not in _LATIN or ESCAPE in value:
        return False
    try:
        value.decode("utf_8")
    except UnicodeDecodeError:
        return False
    return True


def _decode_plain(value: bytes, codec: str) -> str:
    if codec != "ascii":
        return value.decode(codec, "replace")
    try:
        return value.decode("utf_8")
    except UnicodeDecodeError:
        return value.decode("latin_1")


def _decode_escaped(value: bytes, initial: str) -> str:
    """Decode ISO 2022: an escape designates G0 (7-bit) or G1 (8-bit) until the next one, a delimiter resets G1."""
    start = value.index(ESCAPE)
    text = [_decode_plain(value[:start], initial)]
    g0, g1 = "", initial
    for match in _SEGMENT.finditer(value, start):
        designator, segment = match[1] or b"", match[2]
        if designator in _G0_ESCAPES:
            g0 = _G0_ESCAPES[designator]
        elif designator in _G1_ESCAPES:
            g1 = _G1_ESCAPES[designator]
        else:
            segment = designator + segment
        if g0:
            text.append(_decode_runs(segment, g0, g1))
            continue
        for part in _DELIMITED.split(segment):
            text.append(_decode_plain(part, g1))
            if initial != "ascii" and _DELIMITED.fullmatch(part):
                g1 = initial
    return "".join(text)


def _decode_runs(segment: bytes, g0: str, g1: str) -> str:
    return "".join(
        run.decode(g1, "replace") if run[0] & 0x80 else (_G0_PREFIX[g0] + run).decode(g0, "replace")
        for run in _RUN.findall(segment)
    )
