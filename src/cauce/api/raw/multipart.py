"""A multipart body as a stream of events: part began, data, part ended (RFC 2046 section 5.1, RFC 7578, PS3.18 8.6)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from cauce.api.raw.problems import Malformed
from cauce.api.raw.request import BodyLimits

NAME_LENGTH_MAX = 1024

_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_QUOTED_PAIR = re.compile(r'\\(["\\])')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BOUNDARY = re.compile(r"[\x20-\x7e]*[\x21-\x7e]")


@dataclass(frozen=True, kw_only=True, slots=True)
class PartBegan:
    """A part's header has been read. Names are in lower case; values are as sent, one character a byte."""

    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PartData:
    """Some bytes of the part that began last."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PartEnded:
    """The part that began last is complete."""


Event: TypeAlias = PartBegan | PartData | PartEnded


class MultipartReader:
    """Cuts a multipart body into events. Holds no more of it than one part header or one delimiter."""

    def __init__(self, boundary: str, *, limits: BodyLimits) -> None:
        """`boundary` is the parameter of that name of the Content-Type.

        Raises:
            Malformed: no boundary, or one that is too long or not printable.
        """
        if len(boundary) > limits.boundary_bytes_max or not _BOUNDARY.fullmatch(boundary):
            raise Malformed("The boundary in the Content-Type is missing, too long or not printable.")
        self._limits = limits
        self._delimiter = b"--" + boundary.encode("ascii")
        self._preamble: bytes | None = b""
        self._events: list[Event] = []
        self._field = self._value = b""
        self._headers: dict[str, str] = {}
        self._parts = 0
        self.part_open = False
        self.ended = False
        self._parser = MultipartParser(
            boundary.encode("ascii"),
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
            max_header_count=limits.part_headers_max,
            max_header_size=limits.part_header_bytes_max,
        )

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that `chunk` completes.

        After an error, what was complete before it can still be had from `events_before_error`.

        Raises:
            Malformed: the body is not multipart, or passes a limit.
        """
        if self._preamble is not None:
            chunk = self._after_preamble(chunk)
            if not chunk:
                return []
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise Malformed("The multipart body is malformed or a part's header is too long.") from error
        return self.events_before_error()

    def events_before_error(self) -> list[Event]:
        """Return, and forget, the events gathered so far."""
        events, self._events = self._events, []
        return events

    def _after_preamble(self, chunk: bytes) -> bytes:
        held = (self._preamble or b"") + chunk
        start = _delimiter_at_line_start(held, self._delimiter)
        if (len(held) if start < 0 else start) > self._limits.preamble_bytes_max:
            raise Malformed("The body does not begin with the boundary that its Content-Type names.")
        if start < 0:
            self._preamble = held
            return b""
        self._preamble = None
        return held[start:]

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > self._limits.parts_max:
            raise Malformed(f"The body has more than {self._limits.parts_max} parts.")
        self._headers = {}

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._field.decode("latin-1").lower()] = self._value.decode("latin-1").strip()
        self._field = self._value = b""

    def _on_headers_finished(self) -> None:
        self.part_open = True
        self._events.append(PartBegan(headers=self._headers))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(PartData(data[start:end]))

    def _on_part_end(self) -> None:
        self.part_open = False
        self._events.append(PartEnded())

    def _on_end(self) -> None:
        self.ended = True


def _delimiter_at_line_start(held: bytes, delimiter: bytes) -> int:
    if held.startswith(delimiter):
        return 0
    found = held.find(b"\r\n" + delimiter)
    return found + 2 if found >= 0 else -1


def parse_options(value: str) -> tuple[str, dict[str, str]]:
    """Split `type/subtype; name=value; name="value"` into the lower-case type and its parameters by lower-case name."""
    kind, separator, rest = value.partition(";")
    parameters: dict[str, str] = {}
    for match in _PARAMETER.finditer(separator + rest):
        text = match[2].strip()
        if len(text) > 1 and text.startswith('"') and text.endswith('"'):
            text = _QUOTED_PAIR.sub(r"\1", text[1:-1])
        parameters.setdefault(match[1].lower(), text)
    return kind.strip().lower(), parameters


def file_name_of(parameters: Mapping[str, str]) -> str | None:
    """Return the file name that a Content-Disposition gives, or `None` when it gives none.

    `filename*` (RFC 5987) goes before `filename`, which browsers write in UTF-8 with `"` and line ends as %22, %0D and
    %0A (RFC 7578 and the HTML standard). A name may hold folders; it is never used as a path.
    """
    extended = parameters.get("filename*")
    if extended is not None and extended.count("'") > 1:
        charset, _, encoded = extended.split("'", 2)
        try:
            return clean_name(unquote_to_bytes(encoded).decode(charset or "utf-8"))
        except (LookupError, UnicodeDecodeError):
            pass  # an unknown or wrong charset: the plain parameter speaks
    plain = parameters.get("filename")
    if plain is None:
        return None
    raw = plain.encode("latin-1", "replace")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = plain
    return clean_name(text.replace("%22", '"').replace("%0D", " ").replace("%0A", " "))


def clean_name(name: str) -> str:
    """Return a sender's name for a file in a form that every store and log viewer can hold; the end of it is kept."""
    return _CONTROL.sub("\ufffd", name).encode("utf-8", "replace").decode("utf-8")[-NAME_LENGTH_MAX:]
