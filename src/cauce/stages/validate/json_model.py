"""The DICOM JSON model (PS3.18 annex F) of a data set, written as text while the elements pass by."""

import base64
import math
import re
import struct
from collections.abc import Callable
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Final

import numpy as np

from cauce.core.errors import Refused
from cauce.core.limits import KIB, MIB
from cauce.core.person_names import GROUPS
from cauce.core.statuses import RefusalCode
from cauce.stages.validate.charset import DEFAULT_CHARSET, Charset, charset_of, decode_text, is_decodable, is_doubtful
from cauce.stages.validate.dictionary import BINARY_VRS, CHARSET_VRS, SIGNED_OR_NOT, TEXT_VRS, VRS, WORD_BYTES, tag_text

quote: Callable[[str], str] = encode_basestring

INLINE_MAX: Final = {
    **dict.fromkeys(VRS, 64 * KIB),
    **dict.fromkeys(TEXT_VRS, 1 * MIB),
    **dict.fromkeys(BINARY_VRS, 1 * KIB),
    SIGNED_OR_NOT: 64 * KIB,
}
"""Longest value of each VR that the JSON carries itself; a longer one is named by a BulkDataURI."""

_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_PADDING: Final = " \0"
_NAME_CHARS: Final = 10
_MEMBERS_AT_ONCE: Final = 100_000
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,2})?")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_INTEGER_LOOSE = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL_LOOSE = re.compile(r"[+-]?(?:[0-9]{1,64}\.?[0-9]{0,64}|\.[0-9]{1,64})(?:[eE][+-]?[0-9]{1,4})?")
_FORMATS: Final = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}


class Context:
    """What values are read by: the repertoire in force, the byte order, whether `US or SS` means SS."""

    __slots__ = ("big", "charset", "is_signed")

    def __init__(self) -> None:
        """Start with the default repertoire, little endian, unsigned."""
        self.charset: Charset = DEFAULT_CHARSET
        self.big = False
        self.is_signed = False


@lru_cache(maxsize=8192)
def _opening(tag: int, vr: str) -> str:
    return f'"{tag:08X}":{{"vr":"{vr}"'


class JsonModel:
    """Collects the elements of one data set, in any depth, into DICOM JSON; `finish` returns it as UTF-8.

    Attributes of a level are put in ascending order (PS3.18 F.2.2); of repeated ones the last counts. `depth` says how
    many sequences and items are open.
    """

    def __init__(self, *, bytes_max: int, warn: Callable[[str, str], None]) -> None:
        """`bytes_max` bounds the text that is collected; `warn` is told of text that cannot be read for sure."""
        self.context = Context()
        self._warn = warn
        self.is_disordered = False
        self.depth = 0
        self._parts: list[str] = []
        self._last = ""
        self._is_ordered = True
        self._stack: list[tuple[list[str], str, bool, Charset, bool]] = []
        self._room = self._room_at_start = bytes_max

    def element(self, tag: int, vr: str, value: bytes) -> None:
        """Add an element with its encoded value."""
        context = self.context
        if vr == SIGNED_OR_NOT:
            vr = "SS" if context.is_signed else "US"
        if tag == _SPECIFIC_CHARACTER_SET:
            context.charset = charset_of(value)
            if not context.charset.is_known:
                self._warn("charset_unknown", "Specific Character Set names no known repertoire.")
            value = b"ISO_IR 192" if value else b""
        elif vr in CHARSET_VRS:
            if not is_decodable(value, context.charset):
                detail = f"Text does not agree with Specific Character Set, first in {tag_text(tag)}."
                self._warn("text_undecodable", detail)
            elif not value.isascii() and is_doubtful(value, context.charset):
                self._warn("charset_doubtful", f"Text declared as Latin is UTF-8, first in {tag_text(tag)}.")
        self._add(_opening(tag, vr) + (_WRITERS[vr](value, context) if value else "") + "}")

    def bulk(self, tag: int, vr: str, offset: int, length: int) -> None:
        """Add an element whose value stays in the file."""
        if vr == SIGNED_OR_NOT:
            vr = "SS" if self.context.is_signed else "US"
        self._add(
            f'{_opening(tag, vr)},"BulkDataURI":"bulk:{offset}:{length}"}}' if length else _opening(tag, vr) + "}"
        )

    def open(self) -> None:
        """Open a sequence or an item."""
        context = self.context
        self.depth += 1
        self._stack.append((self._parts, self._last, self._is_ordered, context.charset, context.is_signed))
        self._parts, self._last, self._is_ordered = [], "", True

    def close_item(self) -> None:
        """Close the open item."""
        text = "{" + self._text() + "}"
        self._reopen()
        self._parts.append(text)

    def close_sequence(self, tag: int) -> None:
        """Close the open sequence, which is the value of `tag`."""
        text = ",".join(self._parts)
        self._reopen()
        self._add(_opening(tag, "SQ") + (f',"Value":[{text}]}}' if text else "}"))

    def _reopen(self) -> None:
        context = self.context
        self.depth -= 1
        self._parts, self._last, self._is_ordered, context.charset, context.is_signed = self._stack.pop()

    @property
    def members(self) -> list[str]:
        """The members of the open level, each a JSON text that begins with its quoted tag."""
        return self._parts

    def finish(self) -> bytes:
        """Return the JSON object of the data set, UTF-8."""
        if self._is_ordered and len(self._parts) <= _MEMBERS_AT_ONCE and self._room > self._room_at_start // 2:
            return f"{{{self._text()}}}".encode("utf-8", "replace")
        return self._finish_large()

    def _finish_large(self) -> bytes:
        """Encode member by member: text of wide characters takes four times its UTF-8, and must not be joined first."""
        members = self._parts if self._is_ordered else self._sorted()
        written = bytearray(b"{")
        for member in members:
            written += member.encode("utf-8", "replace")
            written += b","
        written[max(len(written) - 1, 1) :] = b"}"
        return bytes(written)

    def _sorted(self) -> list[str]:
        return [part for _, part in sorted({part[:_NAME_CHARS]: part for part in self._parts}.items())]

    def _add(self, part: str) -> None:
        self._room -= len(part)
        if self._room < 0:
            raise Refused(RefusalCode.TOO_LARGE, "The header is larger than is allowed.")
        name = part[:_NAME_CHARS]
        if name <= self._last:
            self._is_ordered = False
            self.is_disordered = True
        self._last = name
        self._parts.append(part)

    def _text(self) -> str:
        if self._is_ordered:
            return ",".join(self._parts)
        return ",".join(self._sorted())


def _text_values(value: bytes, context: Context) -> str:
    text = decode_text(value, context.charset).strip(_PADDING)
    return _strings(text)


def _ascii_values(value: bytes, _: Context) -> str:
    return _strings(decode_text(value, DEFAULT_CHARSET).strip(_PADDING))


def _strings(text: str) -> str:
    if "\\" not in text:
        return f',"Value":[{quote(text)}]' if text else ""
    parts = (part.strip(_PADDING) for part in text.split("\\"))
    return ',"Value":[' + ",".join([quote(part) if part else "null" for part in parts]) + "]"


def _whole_text(value: bytes, context: Context) -> str:
    text = decode_text(value, context.charset).rstrip(_PADDING)
    return f',"Value":[{quote(text)}]' if text else ""


def _person_names(value: bytes, context: Context) -> str:
    text = decode_text(value, context.charset).strip(_PADDING)
    return ',"Value":[' + ",".join([_person_name(name) for name in text.split("\\")]) + "]" if text else ""


def _person_name(name: str) -> str:
    groups = [group.strip(_PADDING) for group in name.split("=", 2)]
    return "{" + ",".join([f'"{key}":{quote(text)}' for key, text in zip(GROUPS, groups, strict=False) if text]) + "}"


def parse_decimal(text: str) -> float | None:
    """Return the finite number that `text` writes as a DS or IS would, signs and bare points included, else `None`."""
    if not _DECIMAL_LOOSE.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def _decimals(value: bytes, _: Context) -> str:
    return _numbers(value, _decimal)


def _integers(value: bytes, _: Context) -> str:
    return _numbers(value, _integer)


def _numbers(value: bytes, number: Callable[[str], str]) -> str:
    text = decode_text(value, DEFAULT_CHARSET).strip(_PADDING)
    if "\\" not in text:
        return f',"Value":[{number(text)}]' if text else ""
    return ',"Value":[' + ",".join([number(part.strip(_PADDING)) for part in text.split("\\")]) + "]"


def _decimal(text: str) -> str:
    """Write one DS as a number in its own digits where JSON can, else as a string (PS3.18 F.2.3)."""
    if _NUMBER.fullmatch(text):
        return text
    if not text:
        return "null"
    number = parse_decimal(text)
    return quote(text) if number is None else repr(number)


def _integer(text: str) -> str:
    if _INTEGER.fullmatch(text):
        return text
    if not text:
        return "null"
    return str(int(text)) if _INTEGER_LOOSE.fullmatch(text) else quote(text)


def _words(code: str) -> Callable[[bytes, Context], str]:
    single = (struct.Struct("<" + code), struct.Struct(">" + code))
    size = single[0].size
    is_float = code in "fd"

    def write(value: bytes, context: Context) -> str:
        count = len(value) // size
        order = "><"[not context.big]
        values = (
            single[context.big].unpack(value)
            if len(value) == size
            else struct.unpack(f"{order}{count}{code}", value[: count * size])
        )
        write_one = _float if is_float else str
        return ',"Value":[' + ",".join(map(write_one, values)) + "]" if values else ""

    return write


def _float(number: float) -> str:
    if math.isfinite(number):
        return repr(number)
    return '"NaN"' if math.isnan(number) else '"inf"' if number > 0 else '"-inf"'


def _attribute_tags(value: bytes, context: Context) -> str:
    count = len(value) // 4
    words = struct.unpack(f"{'><'[not context.big]}{2 * count}H", value[: 4 * count])
    tags = [f'"{group:04X}{element:04X}"' for group, element in zip(words[::2], words[1::2], strict=True)]
    return ',"Value":[' + ",".join(tags) + "]" if tags else ""


def little_endian(value: bytes, word_bytes: int) -> bytes:
    """Swap the words of a big endian value; what is left over at its end stays as it is."""
    whole = len(value) - len(value) % word_bytes
    if word_bytes == 1 or not whole:
        return value
    return np.frombuffer(value[:whole], f">u{word_bytes}").astype(f"<u{word_bytes}").tobytes() + value[whole:]


def _binary(vr: str) -> Callable[[bytes, Context], str]:
    word_bytes = WORD_BYTES.get(vr, 1)

    def write(value: bytes, context: Context) -> str:
        if context.big:
            value = little_endian(value, word_bytes)
        return f',"InlineBinary":"{base64.b64encode(value).decode("ascii")}"'

    return write


_WRITERS: Final[dict[str, Callable[[bytes, Context], str]]] = {
    **dict.fromkeys(TEXT_VRS, _ascii_values),
    **dict.fromkeys(CHARSET_VRS, _text_values),
    **dict.fromkeys(("LT", "ST", "UT"), _whole_text),
    "UR": _whole_text,
    "PN": _person_names,
    "DS": _decimals,
    "IS": _integers,
    "AT": _attribute_tags,
    **{vr: _words(code) for vr, code in _FORMATS.items()},
    **{vr: _binary(vr) for vr in BINARY_VRS},
}
