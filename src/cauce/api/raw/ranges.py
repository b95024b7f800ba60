"""Conditional requests and byte ranges (RFC 9110 sections 13 and 14), for answers that never change."""

import re
from dataclasses import dataclass
from typing import Final

from cauce.api.raw.request import Request

_RANGE: Final = re.compile(r"bytes=\s*(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))\s*")
_TAGS: Final = re.compile(r'(?:W/)?"[^"]*"')


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a whole: from byte `start` up to, not including, byte `stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many bytes that are."""
        return self.stop - self.start


def is_unchanged(request: Request, etag: str) -> bool:
    """Tell whether the client says that it holds what `etag` names (`If-None-Match`)."""
    held = request.headers.get("if-none-match", "")
    if held.strip() == "*":
        return True
    return etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in _TAGS.findall(held)}


def wanted_span(request: Request, *, size_bytes: int, etag: str) -> Span | None:
    """Return which bytes of `size_bytes` the client wants, all of them unless it asks for one range.

    Several ranges at once are answered by the whole, as the standard allows. `None` when the range lies outside.
    """
    whole = Span(0, size_bytes)
    condition = request.headers.get("if-range")
    found = _RANGE.fullmatch(request.headers.get("range", ""))
    if found is None or (condition is not None and condition != etag):
        return whole
    first, last, tail = found.groups()
    if tail is not None:
        return Span(max(0, size_bytes - int(tail)), size_bytes) if int(tail) and size_bytes else None
    start, stop = int(first), min(int(last) + 1, size_bytes) if last else size_bytes
    if last and int(last) < start:
        return whole  # not a range at all
    return Span(start, stop) if start < size_bytes else None
