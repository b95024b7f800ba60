"""What binary values wrap: PDF, ZIP, gzip and zlib are unfolded, within bounds, so that it can be searched."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

from cauce.core.limits import MIB

UNFOLDED_MAX = 64 * MIB
MEMBERS_MAX = 2000
DEPTH_MAX = 3

_ZIP, _GZIP, _PDF = b"PK\x03\x04", b"\x1f\x8b\x08", b"%PDF-"
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_LITERAL = re.compile(rb"\(((?:[^()\\]|\\.)*)\)", re.DOTALL)
_HEX_STRING = re.compile(rb"<([0-9A-Fa-f\s]{2,})>")
_PDF_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r?\n|.)", re.DOTALL)
_PDF_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"", b"f": b""}
_CHUNK = 64 * 1024


class UnsearchableError(Exception):
    """It holds more than can be unfolded, or is locked. The text says which, without any value."""


def is_container(value: bytes) -> bool:
    """Tell whether `value` begins as something that wraps others."""
    return value.startswith((_ZIP, _GZIP, _PDF, *_ZLIB)) or _PDF in value[:1024]


def unfolded(value: bytes, *, depth: int = 0) -> Iterator[bytes]:
    """Yield everything that `value` wraps, at any depth; nothing where it wraps nothing.

    Raises:
        UnsearchableError: it is locked, or unfolds beyond the bounds.
    """
    for inner in _members(value):
        yield inner
        if is_container(inner):
            if depth == DEPTH_MAX:
                raise UnsearchableError("It wraps too much.")
            yield from unfolded(inner, depth=depth + 1)


def _members(value: bytes) -> Iterator[bytes]:
    if _PDF in value[:1024]:
        yield from _of_pdf(value)
    elif value.startswith(_ZIP):
        yield from _of_zip(value)
    elif value.startswith(_GZIP):
        yield _inflated(value, zlib.MAX_WBITS | 16)
    elif value.startswith(_ZLIB):
        yield _inflated(value, zlib.MAX_WBITS)


def _of_zip(value: bytes) -> Iterator[bytes]:
    left = UNFOLDED_MAX
    try:
        with zipfile.ZipFile(io.BytesIO(value)) as archive:
            members = archive.infolist()
            if len(members) > MEMBERS_MAX:
                raise UnsearchableError("It wraps too much.")
            for member in members:
                yield f"{member.filename} {member.comment!r}".encode("utf-8", "surrogateescape")
                with archive.open(member) as opened:
                    inner = opened.read(left + 1)
                left -= len(inner)
                if left < 0:
                    raise UnsearchableError("It wraps too much.")
                yield inner
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise UnsearchableError("It holds an archive that cannot be read.") from error


def _inflated(value: bytes, wbits: int) -> bytes:
    """Return what a deflated value says as far as it can be followed."""
    inflater = zlib.decompressobj(wbits)
    made = bytearray()
    try:
        made += inflater.decompress(value, UNFOLDED_MAX)
    except zlib.error:
        return bytes(made)
    if inflater.unconsumed_tail:
        raise UnsearchableError("It wraps too much.")
    return bytes(made)


def _of_pdf(value: bytes) -> Iterator[bytes]:
    """Yield the streams of a PDF, unfolded where they are deflated, and the strings in them and around them."""
    if b"/Encrypt" in value:
        raise UnsearchableError("It holds a document that is locked.")
    left, plain = UNFOLDED_MAX, [_STREAM.sub(b"", value).replace(_PDF, b"")]
    for found in _STREAM.finditer(value):
        stream = found.group(1)
        if stream.startswith(_ZLIB):
            stream = _inflated(stream, zlib.MAX_WBITS)
        left -= len(stream)
        if left < 0:
            raise UnsearchableError("It wraps too much.")
        plain.append(stream)
    for stream in plain:
        yield stream
        yield from _strings(stream)


def _strings(stream: bytes) -> Iterator[bytes]:
    """Yield the strings of PDF operators: each, and all of them joined, since kerning splits words."""
    texts = [_PDF_ESCAPE.sub(_unescaped, found) for found in _LITERAL.findall(stream)]
    for found in _HEX_STRING.findall(stream):
        digits = b"".join(found.split())
        texts.append(bytes.fromhex((digits + b"0" * (len(digits) & 1)).decode("ascii")))
    for text in texts:
        if text.startswith((b"\xfe\xff", b"\xff\xfe")):
            yield text.decode("utf-16", "replace").encode()
    yield b" ".join(texts)
    yield b"".join(texts)


def _unescaped(found: re.Match[bytes]) -> bytes:
    what = found.group(1)
    if what[:1].isdigit():
        return bytes([int(what, 8) & 0xFF])
    return _PDF_ESCAPED.get(what, b"" if what.strip() == b"" else what)
