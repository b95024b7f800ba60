"""A digest that two encodings of the same data set share, to tell a duplicate sent in another encoding from a conflict.

What an encoding may change is left out: the VR of an element (Implicit VR drops it), byte order, defined and undefined
lengths, group lengths, padding, the order of elements, fragmentation, offset tables, and the compression of pixels
where it is lossless. So tags, structure and little endian values are hashed, never VRs: a data set is the digest of
its (tag, digest of the value) pairs in ascending order, a sequence the digest of those of its items.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO, Final

from cauce.core.errors import Refused
from cauce.core.limits import MIB, Limits
from cauce.core.statuses import RefusalCode
from cauce.stages.validate import part10
from cauce.stages.validate.canonical_pixels import (
    LOSSLESS,
    PixelElement,
    UnpaddedHash,
    compressed_digest,
    pixel_digest,
)
from cauce.stages.validate.canonical_values import VALUE, canonical_value, may_hold_items, stream_digest
from cauce.stages.validate.columns import Columns
from cauce.stages.validate.frames import Fragments
from cauce.stages.validate.json_model import INLINE_MAX, Context
from cauce.stages.validate.opening import opened, walker_of
from cauce.stages.validate.reader import ForwardReader
from cauce.stages.validate.walker import PIXEL_TAGS, Walker

Decode = Callable[[BinaryIO], Iterable[bytes]]

_SEQUENCE: Final = b"S"
_ITEM: Final = b"I"

_LENGTH_TO_END: Final = 0x00080001
_PHOTOMETRIC_INTERPRETATION: Final = 0x00280004
_PLANAR_CONFIGURATION: Final = 0x00280006
_DATA_SET_TRAILING_PADDING: Final = 0xFFFCFFFC
_LAYOUT: Final = frozenset({_PHOTOMETRIC_INTERPRETATION, _PLANAR_CONFIGURATION})
_OFFSET_TABLES: Final = frozenset({0x7FE00001, 0x7FE00002, 0x7FE00003})
_LEFT_OUT: Final = frozenset({_LENGTH_TO_END, _DATA_SET_TRAILING_PADDING})

_HELD_BYTES_MAX: Final = 16 * MIB
"""Up to this length a value is held in memory where its inside matters; a longer one is hashed as it is."""

_TAG_BYTES: Final = 4
_ELEMENT_MASK: Final = 0xFFFF
_RECORD_BYTES: Final = _TAG_BYTES + 32


def canonical_digest(source: BinaryIO, *, size_bytes: int, limits: Limits, decode: Decode | None) -> bytes:
    """Return a SHA-256 that two encodings of one data set share, and that is another when any value differs.

    `source` is seekable and holds `size_bytes` of a Part 10 file, as for `read_header`. `decode` is called with it for
    a losslessly compressed transfer syntax and yields the frames in order, in pieces of any length: little endian
    samples of Bits Allocated, colour by pixel (Planar Configuration 0), nothing between frames. When it is `None` or
    raises `Undecodable` or `Refused`, and for lossy compression, the compressed bytes stand for the pixels. Memory is
    bounded by the header and one piece. Bytes that follow the data set do not count.

    Not seen as the same: an icon or other nested image that one of the two compresses, a private sequence of more than
    16 MiB that one of them sends as unknown with a defined length, and what a sender adds or drops (as some note a
    lossless compression in Derivation Description).

    Raises:
        Refused: as `read_header`, but for UIDs, SOP Class and length of the pixels, which are not looked at.
    """
    if size_bytes > limits.instance_bytes_max:
        raise Refused(RefusalCode.TOO_LARGE, "The file is larger than is allowed.")
    encoding, whole = _walked(source, size_bytes=size_bytes, limits=limits)
    is_lossless = encoding.transfer_syntax_uid in LOSSLESS
    is_sampled = bool(whole.pixels)
    for element in whole.pixels:
        _, _, reader = opened(source, size_bytes=size_bytes, limits=limits)
        digest = pixel_digest(
            element,
            reader,
            pixels=whole.columns.pixels(),
            is_planar=whole.is_planar,
            decode=(lambda: decode(source)) if decode and is_lossless else None,
        )
        is_sampled = is_sampled and digest.is_sampled
        whole.records.add(element.tag, digest.sha256)
    whole.settle_layout(is_sampled=is_sampled)
    return whole.records.digest()


def _walked(source: BinaryIO, *, size_bytes: int, limits: Limits) -> tuple[part10.Encoding, "_DataSet"]:
    """Return how the data set is encoded, and all of it but its pixels."""
    meta, encoding, reader = opened(source, size_bytes=size_bytes, limits=limits)
    walker = walker_of(meta, encoding, reader, limits=limits)
    whole = _DataSet(limits=limits)
    whole.take_all(walker, reader)
    return encoding, whole


def _object(_code: str, detail: str) -> None:
    raise Refused(RefusalCode.TRUNCATED, detail)


class _Records:
    """The (tag, digest of the value) pairs of one data set; of repeated elements those that differ all count."""

    __slots__ = ("_is_sorted", "_last", "_pairs")

    def __init__(self) -> None:
        self._pairs = bytearray()
        self._last = -1
        self._is_sorted = True

    def add(self, tag: int, digest: bytes) -> None:
        self._is_sorted = self._is_sorted and tag > self._last
        self._last = tag
        self._pairs += tag.to_bytes(_TAG_BYTES, "big")
        self._pairs += digest

    def digest(self) -> bytes:
        pairs = bytes(self._pairs)
        if not self._is_sorted:
            starts = range(0, len(pairs), _RECORD_BYTES)
            pairs = b"".join(sorted({pairs[start : start + _RECORD_BYTES] for start in starts}))
        return sha256(_ITEM + pairs).digest()


class _DataSet:
    """Collects one data set, or (with `as_items`) the items of one sequence, from the events of a walk.

    `pixels` are the pixel data elements of the top level: their digests come later, when all that describes them is
    known. So do those of the elements that tell how colour is laid out, which a codec may change.
    """

    def __init__(self, *, limits: Limits, as_items: bool = False) -> None:
        self.records = _Records()
        self.items = bytearray()
        self.pixels: list[PixelElement] = []
        self._context = Context()
        self.columns = Columns(self._context)
        self._limits = limits
        self._is_whole = not as_items
        self._data_sets = [] if as_items else [self.records]
        self._sequences = [self.items] if as_items else []
        self._layout: dict[int, bytes] = {}
        self._fragments = Fragments()
        self._nested_fragments = UnpaddedHash()

    @property
    def is_planar(self) -> bool:
        """Whether Planar Configuration is 1."""
        return self._layout.get(_PLANAR_CONFIGURATION, b"")[:2] == b"\1\0"

    def take_all(self, walker: Walker, reader: ForwardReader) -> None:
        """Take all events of `walker`, which reads from `reader`.

        Raises:
            Refused: as the walker does.
        """
        self._reader = reader
        take = (
            self._take_element,
            self._take_bulk,
            self._open_sequence,
            self._close_sequence,
            self._open_item,
            self._close_item,
            self._open_fragments,
            self._take_fragment,
            self._close_fragments,
        )
        for kind, tag, vr, offset, length, value in walker:
            self._context.big = walker.big
            take[kind](tag, vr, offset, length, value)

    def settle_layout(self, *, is_sampled: bool) -> None:
        """Add the elements on the layout of colour: of pixels that were hashed as samples it does not matter."""
        for tag, value in self._layout.items():
            if is_sampled and tag == _PLANAR_CONFIGURATION:
                continue
            meant = b"RGB" if is_sampled and value == b"YBR_RCT" else value
            self.records.add(tag, sha256(VALUE + meant).digest())

    def _is_top(self) -> bool:
        return self._is_whole and not self._sequences

    def _take_element(self, tag: int, vr: str, _offset: int, _length: int, value: bytes) -> None:
        if not tag & _ELEMENT_MASK or tag in _LEFT_OUT:
            return
        big = self._context.big
        if self._is_top():
            self.columns.take(tag, vr, value)
            if tag in _OFFSET_TABLES:
                return
            if tag in _LAYOUT:
                self._layout[tag] = canonical_value(tag, vr, value, big=big)
                return
        digest = self._items_digest(value) if may_hold_items(tag, value) else None
        self._add(tag, digest or sha256(VALUE + canonical_value(tag, vr, value, big=big)).digest())

    def _take_bulk(self, tag: int, vr: str, offset: int, length: int, _: bytes) -> None:
        if tag in PIXEL_TAGS and self._is_top():
            self.pixels.append(PixelElement(tag=tag, vr=vr, big=self._context.big, offset=offset, length=length))
            return
        reader = self._reader
        if length <= _HELD_BYTES_MAX and reader.ensure(offset, length):
            start = offset - reader.base
            self._take_element(tag, vr, offset, length, reader.window[start : start + length])
        elif tag not in _LEFT_OUT:
            chunks = reader.stream(offset, length)
            self._add(tag, stream_digest(vr, chunks, length=length, big=self._context.big))

    def _add(self, tag: int, digest: bytes) -> None:
        self._data_sets[-1].add(tag, digest)

    def _open_sequence(self, *_: object) -> None:
        self._sequences.append(bytearray())

    def _close_sequence(self, tag: int, *_: object) -> None:
        items = self._sequences.pop()
        if self._data_sets:
            self._add(tag, _sequence_digest(items))

    def _open_item(self, *_: object) -> None:
        self._data_sets.append(_Records())

    def _close_item(self, *_: object) -> None:
        records = self._data_sets.pop()
        self._sequences[-1] += records.digest()

    def _items_digest(self, value: bytes) -> bytes | None:
        """Return the digest of the sequence whose items `value` is (Implicit VR, PS3.5 6.2.2); `None` if it is none."""
        depth_max = self._limits.depth_max - len(self._sequences) - 1
        limits = replace(self._limits, depth_max=depth_max)
        reader = ForwardReader(BytesIO(value), size_bytes=len(value))
        walker = Walker(
            reader,
            start=0,
            implicit=True,
            big=False,
            limits=limits,
            inline_max=INLINE_MAX,
            warn=_object,
            as_items=True,
        )
        inner = _DataSet(limits=limits, as_items=True)
        try:
            inner.take_all(walker, reader)
        except Refused:
            return None
        return _sequence_digest(inner.items)

    def _open_fragments(self, *_: object) -> None:
        if self._is_top():
            self._fragments = Fragments()
        else:
            self._nested_fragments = UnpaddedHash()

    def _take_fragment(self, _tag: int, _vr: str, offset: int, length: int, head: bytes) -> None:
        if self._is_top():
            self._fragments.add(offset, length, head=head)
            return
        for chunk in self._reader.stream(offset, length):
            self._nested_fragments.update(chunk)

    def _close_fragments(self, tag: int, vr: str, *_: object) -> None:
        if self._is_top() and tag in PIXEL_TAGS:
            self.pixels.append(PixelElement(tag=tag, vr=vr, big=self._context.big, fragments=self._fragments))
        else:
            self._add(tag, compressed_digest(self._nested_fragments))


def _sequence_digest(items: bytearray) -> bytes:
    """Digest the digests of items; without any a sequence is an empty value like another."""
    return sha256(_SEQUENCE + bytes(items) if items else VALUE).digest()
