"""The same data set in another encoding: implicit or explicit, little or big endian, deflated (PS3.5 annex A).

Whatever `read_header` takes can be written anew: the walker goes once over the file, and each element is written as it
passes by, values too long to be held in pieces. Sequences and items get an undefined length, which saves knowing the
length of what has not been written yet. Group lengths, which are retired, are left out; so is padding behind the data.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from cauce.core.file_head import file_head
from cauce.core.identifiers import is_usable_uid
from cauce.core.limits import MIB, Limits
from cauce.core.transcoding import Edits, NewPixels, Stored
from cauce.core.transfer_syntaxes import DEFLATED
from cauce.stages.validate.nested_images import Decode
from cauce.stages.validate.opening import opened, walker_of
from cauce.stages.validate.preamble import handed_on
from cauce.stages.validate.reader import CHUNK_BYTES
from cauce.stages.validate.rewriter import SOP_CLASS_UID, SOP_INSTANCE_UID, Rewriter

_PREAMBLE_BYTES, _PREFIX = 128, b"DICM"
_DEFLATE_LEVEL: Final = 3
"""Three times as fast as the usual one on images, and as good."""
_HELD_MAX: Final = 1 * MIB
"""So much is held back until it shows what the UIDs are."""


class HeaderWriter:
    """Reads and writes the headers of files within the given limits."""

    def __init__(self, limits: Limits) -> None:
        """`limits` are those of `read_header`."""
        self._limits = limits

    def stored_as(self, source: BinaryIO, *, size_bytes: int) -> Stored:
        """Return how a seekable file is encoded, as `read_header` settles it.

        Raises:
            Refused: `not_dicom` or `truncated`.
        """
        meta, encoding, _ = opened(source, size_bytes=size_bytes, limits=self._limits)
        uid = encoding.transfer_syntax_uid
        return Stored(transfer_syntax_uid=uid, is_whole=meta.has_prefix and meta.transfer_syntax_uid == uid)

    def copied(self, source: BinaryIO, *, size_bytes: int) -> Iterator[bytes]:
        """Yield the bytes of a file as they are; a preamble that is in use, or missing, becomes zeros."""
        source.seek(0)
        head = source.read(_PREAMBLE_BYTES + len(_PREFIX))
        start = len(_PREFIX) if head.startswith(_PREFIX) else 0
        if head[_PREAMBLE_BYTES:] != _PREFIX:
            yield bytes(_PREAMBLE_BYTES) + _PREFIX
        else:
            start = _PREAMBLE_BYTES + len(_PREFIX)
            yield handed_on(head)
        source.seek(start)
        left = size_bytes - start
        while left > 0 and (chunk := source.read(min(CHUNK_BYTES, left))):
            yield chunk
            left -= len(chunk)

    def reencoded(
        self,
        source: BinaryIO,
        *,
        size_bytes: int,
        to: str,
        edits: Edits | None = None,
        pixels: Callable[[], NewPixels] | None = None,
        nested: Decode | None = None,
    ) -> Iterator[bytes]:
        """Yield the Part 10 file that holds the data set of `source` in the transfer syntax `to`.

        `source` is seekable and holds `size_bytes`. `pixels` is asked for what replaces the pixel data, if there are
        any, when all that comes before is written; it may seek in `source`. Without it native pixels are copied, their
        words swapped where the byte order changes. `nested` decodes a compressed image inside a sequence.

        Raises:
            Refused: as `read_header`, but for UIDs, SOP Class and length of the pixels, which are not looked at.
            Undecodable: the pixel data is encapsulated, and `pixels` is not given.
            NoCodec: an image inside a sequence is compressed, cannot be decoded, and is no icon.
        """
        meta, encoding, reader = opened(source, size_bytes=size_bytes, limits=self._limits)
        walker = walker_of(meta, encoding, reader, limits=self._limits)
        writing = Rewriter(walker, reader, source, to=to, edits=edits or {}, pixels=pixels, nested=nested)
        uids = {SOP_CLASS_UID: meta.sop_class_uid, SOP_INSTANCE_UID: meta.sop_instance_uid}
        chunks = _with_head(writing, uids, to=to)
        return _deflated(chunks) if to == DEFLATED else chunks


def _with_head(writing: Rewriter, uids: dict[int, str], *, to: str) -> Iterator[bytes]:
    """Put the file meta information before the data set, whose own UIDs it names; the first chunk is that alone."""
    held: list[bytes] = []
    chunks = iter(writing)
    for chunk in chunks:
        held.append(chunk)
        if writing.tag > SOP_INSTANCE_UID or sum(map(len, held)) > _HELD_MAX:
            break
    uids |= {tag: value for tag, value in writing.uids.items() if is_usable_uid(value)}
    yield file_head(
        sop_class_uid=_ascii(uids[SOP_CLASS_UID]),
        sop_instance_uid=_ascii(uids[SOP_INSTANCE_UID]),
        transfer_syntax_uid=to,
    )
    yield b"".join(held)
    yield from chunks


def _ascii(uid: str) -> str:
    return uid if uid.isascii() else ""


def _deflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Deflate all but the first chunk (PS3.5 A.5)."""
    yield next(chunks)
    packer = zlib.compressobj(_DEFLATE_LEVEL, wbits=-zlib.MAX_WBITS)
    length = 0
    for chunk in chunks:
        packed = packer.compress(chunk)
        length += len(packed)
        if packed:
            yield packed
    packed = packer.flush()
    yield packed + b"\0" * (length + len(packed) & 1)
