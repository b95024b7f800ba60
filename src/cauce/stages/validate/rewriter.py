"""One data set written anew, element by element, as a walker passes by; see `reencoding`."""

import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import BinaryIO, Final

from cauce.core.errors import NoCodec, Undecodable
from cauce.core.transcoding import Edits, NewPixels
from cauce.core.transfer_syntaxes import EXPLICIT_BIG, IMPLICIT_LITTLE
from cauce.stages.validate.canonical_values import aligned
from cauce.stages.validate.dictionary import LONG_VRS, SIGNED_OR_NOT, TEXT_VRS, UNDEFINED_LENGTH, WORD_BYTES
from cauce.stages.validate.json_model import little_endian
from cauce.stages.validate.nested_images import ICON_IMAGE_SEQUENCE, Compressed, Decode, Descriptions, Icon
from cauce.stages.validate.reader import ForwardReader
from cauce.stages.validate.walker import PIXEL_TAGS, SEQUENCE_END, Walker

SOP_CLASS_UID: Final = 0x00080016
SOP_INSTANCE_UID: Final = 0x00080018
_BITS_ALLOCATED: Final = 0x00280100
_PIXEL_REPRESENTATION: Final = 0x00280103
_FIRST_TAG: Final = 0x00080005
"""Below lie group 0002 and the like, which no data set has, and the retired Length to End."""
_LEFT_OUT: Final = frozenset({0xFFFCFFFC})
_NEVER: Final = 1 << 33
_NOTED: Final = frozenset({SOP_CLASS_UID, SOP_INSTANCE_UID, _BITS_ALLOCATED, _PIXEL_REPRESENTATION})
_ITEM_TAG, _ITEM_END_TAG, _SEQUENCE_END_TAG = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_SHORT_LENGTH_MAX: Final = 0xFFFF
_WORD_BITS: Final = frozenset({16, 32, 64})


class Rewriter:
    """Writes one data set anew; iterate for its bytes. `tag` is the last of the top level, `uids` those seen there."""

    def __init__(
        self,
        walker: Walker,
        reader: ForwardReader,
        source: BinaryIO,
        *,
        to: str,
        edits: Edits,
        pixels: Callable[[], NewPixels] | None,
        nested: Decode | None,
    ) -> None:
        """See `HeaderWriter.reencoded`; `reader` is what `walker` reads from, and reads from `source`."""
        self.tag = 0
        self.uids: dict[int, str] = {}
        self._walker, self._reader, self._source = walker, reader, source
        self._to = to
        self._implicit, self._big = to == IMPLICIT_LITTLE, to == EXPLICIT_BIG
        order = ">" if self._big else "<"
        self._explicit_head = struct.Struct(order + "HH2sH")
        self._implicit_head = struct.Struct(order + "HHL")
        self._length = struct.Struct(order + "L")
        self._edits = edits
        self._pending = sorted(edits)
        self._pixels = pixels
        self._depth = 0
        self._bits_allocated = 0
        self._signed = [False]
        self._decode_nested = nested
        self._descriptions = Descriptions()
        self._compressed = Compressed()
        self._icon: Icon | None = None

    def __iter__(self) -> Iterator[bytes]:
        take: tuple[Callable[..., Iterable[bytes]], ...] = (
            self._element,
            self._bulk,
            self._open_sequence,
            self._close_sequence,
            self._open_item,
            self._close_item,
            self._open_fragments,
            self._fragment,
            self._close_fragments,
        )
        for kind, tag, vr, offset, length, value in self._walker:
            if not self._depth:
                self.tag = tag
                if self._pending and self._pending[0] < tag:
                    yield from self._insert(tag)
            pieces = take[kind](tag, vr, offset, length, value)
            if self._icon is not None:
                pieces = self._icon.take(pieces, ends=kind == SEQUENCE_END and self._depth == self._icon.depth)
                self._icon = None if self._icon.is_over else self._icon
            yield from pieces
        yield from self._insert(_NEVER)

    def _insert(self, before: int) -> Iterator[bytes]:
        """Write the elements of ours that come before a tag."""
        while self._pending and self._pending[0] < before:
            tag = self._pending.pop(0)
            element = self._edits[tag]
            if element is not None:
                yield self._new(tag, *element)

    def _new(self, tag: int, vr: str, value: bytes) -> bytes:
        if self._big:
            value = little_endian(value, WORD_BYTES.get(vr, 1))
        return self._head(tag, vr, len(value)) + value

    def _head(self, tag: int, vr: str, length: int) -> bytes:
        """Return what stands before a value; what is too long for a short VR is written as UN (PS3.5 6.2.2)."""
        if self._implicit:
            return self._implicit_head.pack(tag >> 16, tag & 0xFFFF, length)
        if vr not in LONG_VRS:
            if length <= _SHORT_LENGTH_MAX:
                return self._explicit_head.pack(tag >> 16, tag & 0xFFFF, vr.encode(), length)
            vr = "UN"
        return self._explicit_head.pack(tag >> 16, tag & 0xFFFF, vr.encode(), 0) + self._length.pack(length)

    def _mark(self, tag: int, length: int) -> bytes:
        return self._implicit_head.pack(tag >> 16, tag & 0xFFFF, length)

    def _is_left_out(self, tag: int) -> bool:
        if not tag & 0xFFFF or tag in _LEFT_OUT or tag < _FIRST_TAG:
            return True
        return not self._depth and tag in self._edits

    def _settled(self, vr: str) -> str:
        if vr == SIGNED_OR_NOT:
            return "SS" if self._signed[-1] else "US"
        return vr

    def _element(self, tag: int, vr: str, _offset: int, length: int, value: bytes) -> Iterable[bytes]:
        if self._is_left_out(tag):
            return ()
        vr = self._settled(vr)
        if tag in _NOTED:
            self._note(tag, value)
        if self._depth:
            self._descriptions.note(tag, little_endian(value, WORD_BYTES.get(vr, 1)) if self._walker.big else value)
        if self._walker.big != self._big:
            value = little_endian(value, WORD_BYTES.get(vr, 1))
        if length & 1:
            value += _padding(vr)
        return (self._head(tag, vr, len(value)) + value,)

    def _note(self, tag: int, value: bytes) -> None:
        number = int.from_bytes(value[:2], "big" if self._walker.big else "little")
        if tag == _PIXEL_REPRESENTATION:
            self._signed[-1] = number == 1
        elif self._depth:
            return
        elif tag == _BITS_ALLOCATED:
            self._bits_allocated = number
        else:
            self.uids[tag] = value.decode("ascii", "replace").strip(" \0")

    def _bulk(self, tag: int, vr: str, offset: int, length: int, _: bytes) -> Iterator[bytes]:
        is_image = tag in PIXEL_TAGS and not self._depth
        if is_image and self._pixels is not None:
            yield from self._replaced(tag)
            return
        if self._is_left_out(tag):
            return
        vr = self._settled(vr)
        word_bytes = WORD_BYTES.get(vr, 1)
        if is_image and self._bits_allocated in _WORD_BITS:
            # Whatever the VR, each pixel is one number to those who read it.
            vr, word_bytes = "OW" if vr in {"OB", "UN"} else vr, self._bits_allocated // 8
        elif is_image and self._big and not self._walker.big:
            vr, word_bytes = "OB", 1
        chunks: Iterable[bytes] = self._reader.stream(offset, length)
        if self._walker.big != self._big:
            chunks = _swapped(chunks, word_bytes)
        padding = _padding(vr) if length & 1 else b""
        yield self._head(tag, vr, length + len(padding))
        yield from chunks
        if padding:
            yield padding

    def _replaced(self, tag: int) -> Iterator[bytes]:
        """Write the new pixels; whoever makes them may read elsewhere in the source meanwhile."""
        if self._pixels is None:
            return
        position = self._source.tell()
        new = self._pixels()
        for before, element in new.elements.items():
            yield self._new(before, *element)
        yield self._head(tag, new.vr, UNDEFINED_LENGTH if new.length is None else new.length)
        yield from new.chunks
        self._source.seek(position)

    def _open_sequence(self, tag: int, *_: object) -> Iterable[bytes]:
        if tag == ICON_IMAGE_SEQUENCE and self._icon is None:
            self._icon = Icon(self._depth)
        self._depth += 1
        return (self._head(tag, "SQ", UNDEFINED_LENGTH),)

    def _close_sequence(self, *_: object) -> Iterable[bytes]:
        self._depth -= 1
        return (self._mark(_SEQUENCE_END_TAG, 0),)

    def _open_item(self, *_: object) -> Iterable[bytes]:
        self._signed.append(self._signed[-1])
        self._descriptions.open()
        return (self._mark(_ITEM_TAG, UNDEFINED_LENGTH),)

    def _close_item(self, *_: object) -> Iterable[bytes]:
        self._signed.pop()
        self._descriptions.close()
        return (self._mark(_ITEM_END_TAG, 0),)

    def _open_fragments(self, tag: int, vr: str, _offset: int, _length: int, table: bytes) -> Iterable[bytes]:
        if tag not in PIXEL_TAGS:
            return self._head(tag, vr, UNDEFINED_LENGTH), self._mark(_ITEM_TAG, len(table)), table
        if self._depth:
            self._compressed = Compressed()
            return ()
        if self._pixels is None:
            raise Undecodable("the pixel data is encapsulated where it cannot be", transfer_syntax_uid=self._to)
        return self._replaced(tag)

    def _fragment(self, tag: int, _vr: str, offset: int, length: int, _: bytes) -> Iterable[bytes]:
        if tag not in PIXEL_TAGS:
            return chain((self._mark(_ITEM_TAG, length),), self._reader.stream(offset, length))
        if self._depth:
            self._compressed.add(self._reader.stream(offset, length), length)
        return ()

    def _close_fragments(self, tag: int, *_: object) -> Iterable[bytes]:
        if tag not in PIXEL_TAGS:
            return (self._mark(_SEQUENCE_END_TAG, 0),)
        return self._nested_image(tag) if self._depth else ()

    def _nested_image(self, tag: int) -> Iterable[bytes]:
        """Write a compressed image of a sequence as a native one."""
        described, decode = self._descriptions.innermost(), self._decode_nested
        is_possible = decode is not None and not self._compressed.is_too_long
        value = decode(described, self._compressed.joined()) if decode is not None and is_possible else None
        self._compressed = Compressed()
        if value is not None:
            is_wide = int.from_bytes(described.get(_BITS_ALLOCATED, b"")[:2], "little") > 8  # noqa: PLR2004 - a byte
            return (self._new(tag, "OW" if is_wide else "OB", value),)
        if self._icon is None:
            raise NoCodec("an image inside a sequence is compressed", transfer_syntax_uid=self._to)
        self._icon.is_dropped = True
        return ()


def _swapped(chunks: Iterable[bytes], word_bytes: int) -> Iterator[bytes]:
    return (little_endian(chunk, word_bytes) for chunk in aligned(chunks, word_bytes))


def _padding(vr: str) -> bytes:
    return b" " if vr in TEXT_VRS and vr != "UI" else b"\0"
