"""Whole instances in the transfer syntax that somebody wants: header and pixels written anew, nothing else changed.

Nothing is lost on the way, so an instance keeps its SOP Instance UID; what was lost before it came here stays said.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Protocol

from cauce.core.errors import NoCodec
from cauce.core.transcoding import Edits, NewPixels, Stored
from cauce.core.transfer_syntaxes import NATIVE, can_transcode


class Header(Protocol):
    """Reads and writes what is not pixels: see `stages.validate.reencoding`."""

    def stored_as(self, source: BinaryIO, *, size_bytes: int) -> Stored:
        """Return how a file is encoded."""

    def copied(self, source: BinaryIO, *, size_bytes: int) -> Iterator[bytes]:
        """Yield the bytes of a file as they are handed on."""

    def reencoded(
        self,
        source: BinaryIO,
        *,
        size_bytes: int,
        to: str,
        edits: Edits | None = None,
        pixels: Callable[[], NewPixels] | None = None,
        nested: Callable[[Mapping[int, bytes], bytes], bytes | None] | None = None,
    ) -> Iterator[bytes]:
        """Yield the file in another transfer syntax."""


class Recoder(Protocol):
    """Puts the frames of one object into another transfer syntax: see `stages.process.recoding`."""

    def edits(self) -> Edits:
        """Return what changes in the data set."""

    def pixels(self) -> NewPixels:
        """Return the pixel data element."""

    def nested(self, described: Mapping[int, bytes], data: bytes) -> bytes | None:
        """Return a compressed image of a sequence as a native one, `None` when it cannot be."""


def transcoded(
    source: BinaryIO, *, to: str, header: Header, recoder: Callable[[BinaryIO], Recoder | None]
) -> Iterator[bytes]:
    """Yield the Part 10 file of a stored instance in the transfer syntax `to`; memory is bounded by header and frame.

    What is stored in `to` is copied, but for a preamble in use, which becomes zeros. Between native transfer syntaxes
    only the header is written anew, and the pixels are copied. `source` is seekable and stays open until the end.
    `recoder` opens the frames of an object; it returns `None` for one without pixels.

    Raises (before the first byte):
        NoCodec: there is no way from the stored transfer syntax to `to`, or no room in it for such pixels.
        Undecodable: the first frame is damaged. A later one ends the bytes in the same way.
        Refused: the bytes are no DICOM object.
    """
    size_bytes = source.seek(0, io.SEEK_END)
    stored = header.stored_as(source, size_bytes=size_bytes)
    from_ = stored.transfer_syntax_uid
    if from_ == to and (stored.is_whole or from_ not in NATIVE):
        return header.copied(source, size_bytes=size_bytes)
    if not can_transcode(from_, to):
        raise NoCodec("there is no way from the stored transfer syntax to this one", transfer_syntax_uid=to)
    if from_ in NATIVE and to in NATIVE:
        return header.reencoded(source, size_bytes=size_bytes, to=to)
    frames = recoder(source)
    if frames is None:
        if to not in NATIVE:
            raise NoCodec("the object has no pixels", transfer_syntax_uid=to)
        return header.reencoded(source, size_bytes=size_bytes, to=to)
    return header.reencoded(
        source, size_bytes=size_bytes, to=to, edits=frames.edits(), pixels=frames.pixels, nested=frames.nested
    )
