"""Values as they count in a canonical digest: little endian, without padding, whatever the VR they were sent with."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final

from cauce.stages.validate.dictionary import TEXT_VRS, WORD_BYTES, dictionary_vr
from cauce.stages.validate.json_model import little_endian

VALUE: Final = b"V"
"""What the digest of a plain value begins with, so that no value can pass for a sequence or for pixels."""

_ITEM: Final = b"\xfe\xff\x00\xe0"
_PADDING: Final = b" \0"
_DELIMITER: Final = b"\\"
_TO_ASCII: Final = b"\x1b(B"
_SINGLE_VRS: Final = frozenset({"LT", "ST", "UR", "UT"})
_LEADING_VRS: Final = frozenset({"AE", "CS", "DS", "IS", "LO", "SH"})
"""VRs whose leading spaces say nothing (PS3.5 6.2)."""

_PRINTABLE: Final = bytes(range(0x20, 0x7F)) + b"\t\n\f\r\x1b"
_MAYBE_ITEMS: Final = frozenset({"SQ", "UN"})


def is_text(tag: int, vr: str) -> bool:
    """Tell whether a value is text by the dictionary, and was not sent as numbers all the same."""
    return dictionary_vr(tag) in TEXT_VRS and vr not in WORD_BYTES


def may_hold_items(tag: int, head: bytes) -> bool:
    """Tell whether a value that begins with `head` may be the items of a sequence sent without its VR."""
    return head[:4] == _ITEM and dictionary_vr(tag) in _MAYBE_ITEMS


def canonical_value(tag: int, vr: str, value: bytes, *, big: bool) -> bytes:
    """Return `value` without what encodings change: byte order and padding.

    What a value means is told by the dictionary, since Implicit VR has no other way. A value of odd length gets the
    padding that its VR asks for, as every writer gives it.
    """
    if is_text(tag, vr):
        return _unpadded(value, dictionary_vr(tag))
    if big:
        value = little_endian(value, WORD_BYTES.get(vr, 1))
    value += _missing_padding(vr, len(value))
    return _unpadded_if_text(value) if value.endswith(b"  ") and dictionary_vr(tag) == "UN" else value


def stream_digest(vr: str, chunks: Iterable[bytes], *, length: int, big: bool) -> bytes:
    """Return the digest of one value of `length` bytes that comes in chunks and is too long to be looked into."""
    digest = sha256(VALUE)
    for chunk in little_endian_chunks(chunks, word_bytes=WORD_BYTES.get(vr, 1) if big else 1):
        digest.update(chunk)
    digest.update(_missing_padding(vr, length))
    return digest.digest()


def aligned(chunks: Iterable[bytes], unit: int) -> Iterator[bytes]:
    """Yield the same bytes in chunks of multiples of `unit`, but for the last."""
    if unit == 1:
        yield from chunks
        return
    rest = b""
    for chunk in chunks:
        whole = rest + chunk if rest else chunk
        cut = len(whole) - len(whole) % unit
        rest = whole[cut:]
        if cut:
            yield whole[:cut]
    if rest:
        yield rest


def little_endian_chunks(chunks: Iterable[bytes], *, word_bytes: int) -> Iterator[bytes]:
    """Yield big endian words of `word_bytes` as little endian ones."""
    return (little_endian(chunk, word_bytes) for chunk in aligned(chunks, word_bytes))


def _missing_padding(vr: str, length: int) -> bytes:
    if not length & 1:
        return b""
    return b" " if vr in TEXT_VRS and vr != "UI" else b"\0"


def _unpadded(value: bytes, vr: str) -> bytes:
    """Strip from each value of a text what says nothing: padding, a last escape back to ASCII, delimiters of a name.

    Byte by byte is safe: no character of several bytes holds a space or NUL.
    """
    says_nothing = _PADDING + b"^=" if vr == "PN" else _PADDING
    parts = [value] if vr in _SINGLE_VRS else value.split(_DELIMITER)
    parts = [part.rstrip(says_nothing).removesuffix(_TO_ASCII).rstrip(says_nothing) for part in parts]
    return _DELIMITER.join([part.lstrip(b" ") for part in parts] if vr in _LEADING_VRS else parts)


def _unpadded_if_text(value: bytes) -> bytes:
    """Strip pairs of spaces from what only can be text by its look: no writer keeps them in private text.

    Two values of the same length never become the same, so that numbers that look like text stay apart.
    """
    text = value.rstrip(b" ")
    if text.translate(None, _PRINTABLE):
        return value
    return text + b" " * (len(text) & 1)
