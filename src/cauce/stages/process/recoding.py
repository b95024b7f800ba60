"""The frames of one object in another transfer syntax, one at a time, and what the data set then has to say of them."""

import struct
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, BinaryIO, Final

import numpy as np
from pydicom.dataset import Dataset

from cauce.core import transfer_syntaxes as ts
from cauce.core.errors import NoCodec, Undecodable
from cauce.core.limits import DEFAULTS, MIB, Limits
from cauce.core.transcoding import Element, NewPixels
from cauce.stages.process import codecs
from cauce.stages.process.encoders import FrameEncoder, encoder
from cauce.stages.process.layout import integer, layout_of, text
from cauce.stages.process.losses import LossyCompression, lossy_compression
from cauce.stages.process.reader import FrameReader, as_cells, frames

_PHOTOMETRIC_INTERPRETATION: Final = 0x00280004
_PLANAR_CONFIGURATION: Final = 0x00280006
_HIGH_BIT: Final = 0x00280102
_LOSSY_IMAGE_COMPRESSION: Final = 0x00282110
_LOSSY_RATIO: Final = 0x00282112
_LOSSY_METHOD: Final = 0x00282114
_DESCRIBING: Final = {
    0x00280002: "SamplesPerPixel",
    0x00280010: "Rows",
    0x00280011: "Columns",
    0x00280100: "BitsAllocated",
    0x00280101: "BitsStored",
    0x00280102: "HighBit",
    0x00280103: "PixelRepresentation",
}
_OFFSET_TABLES: Final = (0x7FE00001, 0x7FE00002, 0x7FE00003)
_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_HELD_MAX: Final = 32 * MIB
"""Encoded frames of so many bytes are held until their offsets are known; longer objects are written as they come."""
_OFFSET_MAX: Final = 0xFFFFFFFF
_NATIVE_BYTES_MAX: Final = 0xFFFFFFFE


def frame_in(reader: FrameReader, index: int, *, to: str) -> bytes:
    """Return frame `index` (0-based) in the transfer syntax `to`, as a web service hands on single frames.

    In a native one that is its samples, little endian, by plane where Planar Configuration says so and the stored
    syntax keeps to that; single bits begin with a byte. A frame that is stored so is handed on as it is.

    Raises:
        NoCodec: there is no encoder for `to`, it has no room for such pixels, or there are none.
        Undecodable: the frame is damaged, or no codec knows its transfer syntax.
        IndexError: there is no such frame.
    """
    if to == reader.transfer_syntax_uid:
        stored = reader.compressed(index)
        if stored is not None:
            return stored
    return FrameRecoder(reader, to=to, first=index).frame(index)


def recoder(
    source: BinaryIO, *, to: str, limits: Limits = DEFAULTS, spool: Path | None = None
) -> "FrameRecoder | None":
    """Open an object whose frames are to be put into `to`; `None` when it has no pixels. See `FrameRecoder`.

    Raises:
        Refused: the bytes are no DICOM object.
        NoCodec, Undecodable: as `frame_in`.
    """
    reader = frames(source, limits=limits)
    return FrameRecoder(reader, to=to, limits=limits, spool=spool) if len(reader) else None


class FrameRecoder:
    """Puts the frames of an opened object into another transfer syntax; `edits` is what its data set then says."""

    def __init__(
        self, reader: FrameReader, *, to: str, first: int = 0, limits: Limits = DEFAULTS, spool: Path | None = None
    ) -> None:
        """Decode frame `first`, which tells the colour space of all. `spool` is what `pixels` says.

        Raises:
            NoCodec, Undecodable, IndexError: as `frame_in`.
        """
        layout = reader.layout
        if layout is None:
            raise NoCodec("the object has no pixels", transfer_syntax_uid=to)
        if not ts.can_transcode(reader.transfer_syntax_uid, to):
            raise NoCodec("there is no way from the stored transfer syntax to this one", transfer_syntax_uid=to)
        self._reader, self._layout, self._to, self._spool = reader, layout, to, spool
        self._limits = limits
        self._lossy = lossy_compression(reader)
        self._cells: tuple[int, bytes] | None = None
        cells, self._photometric = reader.cells_as(first)
        self._encoder: FrameEncoder = encoder(layout, to=to, photometric=self._photometric)
        self._is_subsampled = cells.ndim == 1
        if to in ts.NATIVE:
            self.native_bytes  # noqa: B018 - it raises when there is no room
        self._cells = (first, self._encoder(cells))

    def frame(self, index: int) -> bytes:
        """Return frame `index`, encoded.

        Raises:
            Undecodable: it is damaged, or in another colour space than the first.
            IndexError: there is no such frame.
        """
        if self._cells is not None and self._cells[0] == index:
            encoded, self._cells = self._cells[1], None
            return encoded
        cells, photometric = self._reader.cells_as(index)
        if photometric != self._photometric:
            raise Undecodable(
                "the frames are in different colour spaces", transfer_syntax_uid=self._layout.transfer_syntax_uid
            )
        return self._encoder(cells)

    def edits(self) -> dict[int, Element | None]:
        """Return what changes in the data set, by tag; `None` for an element that goes."""
        ds, layout, made = self._reader.ds, self._layout, self._encoder
        edits: dict[int, Element | None] = {tag: None for tag in _OFFSET_TABLES if tag in ds}
        if text(ds, "PhotometricInterpretation") != made.photometric:
            edits[_PHOTOMETRIC_INTERPRETATION] = _text("CS", made.photometric)
        if layout.samples > 1 and integer(ds, "PlanarConfiguration") != int(made.planar):
            edits[_PLANAR_CONFIGURATION] = _short(int(made.planar))
        if layout.high_bit != made.high_bit:
            edits[_HIGH_BIT] = _short(made.high_bit)
        if self._lossy is not None and text(ds, "LossyImageCompression") != "01":
            edits |= _lossy_edits(self._lossy)
        return edits

    def pixels(self) -> NewPixels:
        """Return the pixel data element, whose frames are made as its chunks are taken.

        An offset table goes with the frames of an object that is no longer than 32 MiB encoded, and of any with
        `spool`, a folder in which those of a longer one are written to a file without name first; otherwise its table
        is empty (each frame is one fragment all the same, PS3.5 section A.4).
        """
        layout = self._layout
        if self._to in ts.NATIVE:
            vr = "OW" if layout.bits_allocated > 8 else "OB"  # noqa: PLR2004 - a byte
            size = self.native_bytes
            return NewPixels(vr=vr, length=size + (size & 1), chunks=self._native_chunks(size))
        if self._spool is not None:
            return self._spooled(self._spool)
        return NewPixels(vr="OB", length=None, chunks=self._encapsulated())

    def nested(self, described: Mapping[int, bytes], data: bytes) -> bytes | None:
        """Return a compressed grey image of a sequence, such as an icon, as a native one; `None` when it cannot be.

        `described` are its elements of group 0028 by tag, little endian.
        """
        ds = Dataset()
        for tag, keyword in _DESCRIBING.items():
            value = described.get(tag, b"")
            if len(value) == 2:  # noqa: PLR2004 - one unsigned short
                setattr(ds, keyword, int.from_bytes(value, "little"))
        try:
            layout = layout_of(ds, transfer_syntax_uid=self._reader.transfer_syntax_uid, limits=self._limits)
            if layout.samples > 1:
                return None
            decoded = codecs.decode(data, layout)
        except Undecodable:
            return None
        native = as_cells(decoded.array, decoded.precision, layout).tobytes()
        return native + b"\0" * (len(native) & 1)

    @property
    def native_bytes(self) -> int:
        """Bytes of all frames in a native transfer syntax, without padding.

        Raises:
            NoCodec: more than an element has room for.
        """
        bits = self._layout.frame_bits * (2 if self._is_subsampled else 3) // 3
        size = (bits * self._layout.frames + 7) // 8
        if size > _NATIVE_BYTES_MAX:
            raise NoCodec("the pixels are too long to be native", transfer_syntax_uid=self._to)
        return size

    def _frames(self) -> Iterator[bytes]:
        return (self.frame(index) for index in range(self._layout.frames))

    def _native_chunks(self, size: int) -> Iterator[bytes]:
        if self._layout.bits_allocated == 1:
            yield from self._running_bits()
        else:
            yield from self._frames()
        if size & 1:
            yield b"\0"

    def _running_bits(self) -> Iterator[bytes]:
        """Single bits run on from frame to frame (PS3.5 section 8.1.1)."""
        rest = np.zeros(0, np.uint8)
        for index in range(self._layout.frames):
            bits = np.concatenate([rest, self._reader.cells(index).ravel()])
            whole = len(bits) & ~7
            rest = bits[whole:]
            yield np.packbits(bits[:whole], bitorder="little").tobytes()
        if len(rest):
            yield np.packbits(rest, bitorder="little").tobytes()

    def _encapsulated(self) -> Iterator[bytes]:
        held: list[bytes] = []
        held_bytes = 0
        frames = self._frames()
        for frame in frames:
            held.append(frame)
            held_bytes += len(frame)
            if held_bytes > _HELD_MAX:
                break
        is_whole = len(held) == self._layout.frames
        starts = _starts([len(frame) for frame in held]) if is_whole else []
        yield _item(struct.pack(f"<{len(starts)}I", *starts))
        yield from map(_item, held)
        held.clear()
        yield from map(_item, frames)
        yield _DELIMITER

    def _spooled(self, folder: Path) -> NewPixels:
        """Encode all frames, those of a long object into a file: their offsets are known when the first is written."""
        spooled = tempfile.SpooledTemporaryFile(max_size=_HELD_MAX, dir=str(folder))  # noqa: SIM115 - it is read later
        lengths = []
        for frame in self._frames():
            lengths.append(len(frame))
            spooled.write(_item(frame))
        starts = _starts(lengths)
        is_extended = starts[-1] > _OFFSET_MAX
        elements: dict[int, Element] = {}
        if is_extended:
            elements[_OFFSET_TABLES[0]] = ("OV", struct.pack(f"<{len(starts)}Q", *starts))
            elements[_OFFSET_TABLES[1]] = ("OV", struct.pack(f"<{len(lengths)}Q", *lengths))
        table = b"" if is_extended else struct.pack(f"<{len(starts)}I", *starts)
        return NewPixels(vr="OB", length=None, chunks=_replayed(_item(table), spooled), elements=elements)


def _replayed(table: bytes, spooled: IO[bytes]) -> Iterator[bytes]:
    with spooled:
        yield table
        spooled.seek(0)
        while chunk := spooled.read(MIB):
            yield chunk
        yield _DELIMITER


def _starts(lengths: list[int]) -> list[int]:
    """Return where each fragment's item begins, counted from the first one's (PS3.5 section A.4)."""
    starts = [0]
    for length in lengths[:-1]:
        starts.append(starts[-1] + 8 + length + (length & 1))
    return starts


def _item(value: bytes) -> bytes:
    padded = value + b"\0" * (len(value) & 1)
    return _ITEM + struct.pack("<I", len(padded)) + padded


def _lossy_edits(lossy: LossyCompression) -> dict[int, Element]:
    """Return what says that pixels were compressed with loss, of an object that does not say so itself."""
    return {
        _LOSSY_IMAGE_COMPRESSION: _text("CS", "01"),
        _LOSSY_RATIO: _text("DS", f"{lossy.ratio:.4g}"),
        _LOSSY_METHOD: _text("CS", lossy.method),
    }


def _text(vr: str, value: str) -> Element:
    return vr, (value + " " * (len(value) & 1)).encode("ascii")


def _short(value: int) -> Element:
    return "US", struct.pack("<H", value)
