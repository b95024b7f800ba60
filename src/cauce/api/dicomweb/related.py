"""Answers of many parts: multipart/related (RFC 2387, PS3.18 8.6.1.2), and zips; both are made while they are sent."""

import secrets
import zipfile
from collections.abc import Iterable, Iterator
from io import RawIOBase
from typing import Any, Final

_LINE: Final = b"\r\n"


def new_boundary() -> str:
    """Return a boundary that no content holds, but by a chance of one in 2^128."""
    return secrets.token_hex(16)


def related_type(media_type: str, boundary: str) -> str:
    """Return the Content-Type of an answer whose parts are of `media_type`."""
    return f'multipart/related; type="{media_type}"; boundary={boundary}'


def multipart(parts: Iterable[tuple[dict[str, str], Iterator[bytes]]], *, boundary: str) -> Iterator[bytes]:
    """Yield a multipart body of parts, each its header and what yields its content."""
    opening = b"--" + boundary.encode("ascii")
    start = opening
    for headers, pieces in parts:
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        yield start + _LINE + fields.encode("latin-1", "replace") + _LINE
        yield from pieces
        start = _LINE + opening
    yield start + b"--" + _LINE


class _Written(RawIOBase):
    """What a zip writer has written since it was last asked; it cannot be wound back, as a socket cannot."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def zipped(files: Iterable[tuple[str, Iterator[bytes]]]) -> Iterator[bytes]:
    """Yield a zip of files, each its name and what yields its content; nothing is compressed."""
    written = _Written()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name, pieces in files:
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
                for piece in pieces:
                    entry.write(piece)
                    yield written.taken()
            yield written.taken()
    yield written.taken()
