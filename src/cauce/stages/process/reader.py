"""Frames of one object, one at a time: the only way in which the rest of this stage sees pixels."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from cauce.core.errors import Undecodable
from cauce.core.limits import DEFAULTS, Limits
from cauce.core.messages import FrameIndex
from cauce.stages.process import codecs, fragments
from cauce.stages.process.colour import rgb_from_ycc, rgb_from_ycc_422
from cauce.stages.process.layout import PixelLayout, layout_of
from cauce.stages.process.part10 import Part10, PixelElement, open_part10
from cauce.stages.process.video import VIDEO_SYNTAXES, VideoFrames

Frame = NDArray[Any]

_DEFINED_ENCAPSULATED = "the pixel data of this compressed transfer syntax is not encapsulated"
_COMPRESSED_BYTES_MIN = 16 * 1024 * 1024
"""No frame is longer compressed than this, unless it is long anyway: then than twice its decoded size."""


def frames(source: BinaryIO, *, limits: Limits = DEFAULTS, index: FrameIndex | None = None) -> "FrameReader":
    """Open a seekable Part 10 object for reading its frames.

    Only the header is parsed now; frames are read by range, so an object of any size costs the memory of one frame.
    An object without pixels gives a reader of no frames. With `index`, which tells where this very object's frames lie,
    the fragments of encapsulated ones are not looked for again.

    Raises:
        Refused: the bytes are no DICOM object, or end inside the header.
        Undecodable: the image attributes are contradictory, or the pixel data is shorter than they say.
    """
    return FrameReader(open_part10(source, limits=limits), limits=limits, index=index)


def decoded_frames(source: BinaryIO, *, limits: Limits = DEFAULTS) -> Iterator[bytes]:
    """Yield the frames of an object as the bytes that a native little endian file of it would hold.

    So that losslessly compressed objects can be compared with each other and with native ones. Colour comes by pixel,
    whatever Planar Configuration says, in the colour space that is stored, except that the transform of JPEG 2000,
    which every decoder undoes, leaves red, green, blue; lossy JPEG and JPEG XL come as red, green, blue as well. Bits
    that a codestream has no room for repeat the sign of signed values, and are 0 of unsigned ones. Single bits run on
    from frame to frame, as in a native file. Nothing is yielded of an object without pixels.

    Raises:
        Refused: the bytes are no DICOM object.
        Undecodable: the pixels cannot be decoded, or are video.
    """
    reader = frames(source, limits=limits)
    rest = np.zeros(0, np.uint8)
    for index in range(len(reader)):
        cells = reader.cells(index)
        if reader.layout is not None and reader.layout.bits_allocated == 1:
            bits = np.concatenate([rest, cells.ravel()])
            whole = len(bits) & ~7
            cells, rest = np.packbits(bits[:whole], bitorder="little"), bits[whole:]
        yield cells.tobytes()
    if len(rest):
        yield np.packbits(rest, bitorder="little").tobytes()


class FrameReader:
    """The frames of one object: `len()`, `read(i)`, iteration.

    `ds` is the data set up to the pixel data; `layout` is `None` when there are no pixels. The source must stay open.
    """

    def __init__(self, opened: Part10, *, limits: Limits, index: FrameIndex | None = None) -> None:
        """Locate the frames of an opened object; see `frames`."""
        self.ds = opened.ds
        self.transfer_syntax_uid = opened.transfer_syntax_uid
        self.layout: PixelLayout | None = None
        self._opened = opened
        self._spans: fragments.FrameSpans | None = None
        self._video: VideoFrames | None = None
        self._last: tuple[int, Frame] | None = None
        if opened.pixel is not None and opened.pixel.length != 0:
            self.layout = layout_of(
                opened.ds,
                transfer_syntax_uid=opened.transfer_syntax_uid,
                limits=limits,
                floating=opened.pixel.kind != "integer",
            )
            self._locate(self.layout, opened.pixel, index)

    def __len__(self) -> int:
        """Return the number of frames; 0 when the object has no pixels."""
        return 0 if self.layout is None else self.layout.frames

    def __iter__(self) -> Iterator[Frame]:
        """Yield every frame in order."""
        for index in range(len(self)):
            yield self.read(index)

    def read(self, index: int) -> Frame:
        """Return frame `index` (0-based) as stored values, before any modality transform.

        (rows, columns) of the stored type, or (rows, columns, 3) red, green, blue, converted from whatever colour
        space is stored. The array must not be changed: the latest frame is kept for the next caller.

        Raises:
            Undecodable: the frame is damaged, or no codec knows its transfer syntax.
            IndexError: there is no such frame.
        """
        layout = self.layout
        if layout is None or not 0 <= index < layout.frames:
            raise IndexError(index)
        if self._last is None or self._last[0] != index:
            self._last = None
            self._last = (index, self._read(layout, index))
        return self._last[1]

    def _locate(self, layout: PixelLayout, pixel: PixelElement, index: FrameIndex | None) -> None:
        if layout.transfer_syntax_uid in VIDEO_SYNTAXES:
            spans = self._fragments(pixel)
            self._video = VideoFrames(self._opened.stream, spans, layout)
        elif pixel.length is None and index is not None and len(index.frames) == layout.frames:
            self._spans = fragments.FrameSpans.known(index.frames)
        elif pixel.length is None:
            self._spans = fragments.frame_spans(
                self._opened.stream,
                pixel.offset,
                size_bytes=self._opened.size_bytes,
                frames=layout.frames,
                ds=self.ds,
                transfer_syntax_uid=layout.transfer_syntax_uid,
            )
        elif codecs.is_encapsulated(layout.transfer_syntax_uid):
            raise Undecodable(_DEFINED_ENCAPSULATED, transfer_syntax_uid=layout.transfer_syntax_uid)
        else:
            self._check_length(layout, pixel.length)

    def _fragments(self, pixel: PixelElement) -> list[fragments.Span]:
        if pixel.length is not None:
            raise Undecodable(_DEFINED_ENCAPSULATED, transfer_syntax_uid=self.transfer_syntax_uid)
        return fragments.all_fragments(
            self._opened.stream,
            pixel.offset,
            size_bytes=self._opened.size_bytes,
            transfer_syntax_uid=self.transfer_syntax_uid,
        )

    def _check_length(self, layout: PixelLayout, length: int) -> None:
        pixel = self._opened.pixel
        present = 0 if pixel is None else min(length, self._opened.size_bytes - pixel.offset)
        if present * 8 < _native_frame_bits(layout, length) * layout.frames:
            raise Undecodable(
                "the pixel data is shorter than the data set says", transfer_syntax_uid=layout.transfer_syntax_uid
            )

    def cells(self, index: int) -> Frame:
        """Return frame `index` as a native file would hold it, samples of one pixel side by side, unconverted.

        (rows, columns) or (rows, columns, 3), little endian; subsampled native colour is one row of bytes, single bits
        are 0 and 1. `decoded_frames` says more.

        Raises:
            Undecodable: as `read`; also of video, whose frames no other encoding of the object would share.
            IndexError: there is no such frame.
        """
        return self.cells_as(index)[0]

    def cells_as(self, index: int) -> tuple[Frame, str]:
        """Return `cells`, and the Photometric Interpretation by which they are to be understood.

        That is the stored one, unless decoding has left red, green and blue, or given every pixel its chrominance.

        Raises:
            Undecodable, IndexError: as `cells`.
        """
        layout = self.layout
        if layout is None or not 0 <= index < layout.frames:
            raise IndexError(index)
        if self._video is not None:
            raise Undecodable("the frames of a video are not compared", transfer_syntax_uid=self.transfer_syntax_uid)
        array, precision, colour = self._as_encoded(layout, index)
        cells = as_cells(array, precision, layout)
        if colour == "rgb" and layout.samples > 1:
            return cells, "RGB"
        is_full = layout.photometric == "YBR_FULL_422" and cells.ndim > 1
        return cells, "YBR_FULL" if is_full else layout.photometric

    def _read(self, layout: PixelLayout, index: int) -> Frame:
        if self._video is not None:
            return self._video.read(index)
        array, precision, colour = self._as_encoded(layout, index)
        if array.ndim == 1:
            return rgb_from_ycc_422(array, layout)
        if layout.floating:
            return array.view(layout.dtype)
        if precision is None:
            array = _stored_values(array, layout, bits=layout.bits_stored, shift=layout.high_bit + 1)
        else:
            array = _stored_values(array, layout, bits=min(precision, layout.bits_stored))
        converted = layout.samples > 1 and colour != "rgb" and layout.photometric.startswith("YBR")
        return rgb_from_ycc(array, layout) if converted else array

    def _as_encoded(self, layout: PixelLayout, index: int) -> tuple[Frame, int | None, str]:
        """Return array, precision and colour of a frame as `codecs.Decoded` describes them."""
        if self._spans is None:
            return self._native(layout, index), None, ""
        decoded = codecs.decode(self._compressed(self._spans, layout, index), layout)
        return decoded.array, decoded.precision, decoded.colour

    def compressed(self, index: int) -> bytes | None:
        """Return frame `index` as it is stored, its fragments joined; `None` when it is not compressed by itself.

        Raises:
            Undecodable: the frame is far longer than it can be.
            IndexError: there is no such frame.
        """
        layout = self.layout
        if layout is None or not 0 <= index < layout.frames:
            raise IndexError(index)
        return None if self._spans is None else self._compressed(self._spans, layout, index)

    @property
    def compressed_bytes(self) -> int:
        """Bytes of all compressed frames; 0 when they are not compressed one by one."""
        return 0 if self._spans is None else self._spans.size_bytes

    def _compressed(self, all_spans: fragments.FrameSpans, layout: PixelLayout, index: int) -> bytes:
        spans = all_spans[index]
        if sum(length for _, length in spans) > max(_COMPRESSED_BYTES_MIN, layout.frame_bits // 4):
            raise Undecodable(
                "the compressed frame is far longer than the decoded one", transfer_syntax_uid=self.transfer_syntax_uid
            )
        stream = self._opened.stream
        parts = []
        for offset, length in spans:
            stream.seek(offset)
            parts.append(stream.read(length))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _native(self, layout: PixelLayout, index: int) -> Frame:
        """Return the cells of one native frame: (rows, columns) or (rows, columns, 3), one row when subsampled."""
        pixel = self._opened.pixel
        if pixel is None or pixel.length is None:
            raise IndexError(index)
        bits = _native_frame_bits(layout, pixel.length)
        first = bits * index
        data = self._range(pixel, first // 8, (first + bits + 7) // 8, layout)
        if layout.bits_allocated == 1:
            unpacked = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
            return unpacked[first % 8 : first % 8 + bits].reshape(layout.shape)
        written = layout.dtype.newbyteorder("<" if self._opened.little_endian else ">")
        raw = np.frombuffer(data, written).astype(layout.dtype, copy=False)
        if bits < layout.frame_bits:
            return raw
        if layout.planar:
            return np.ascontiguousarray(raw.reshape(layout.samples, layout.rows, layout.columns).transpose(1, 2, 0))
        return raw.reshape(layout.shape)

    def _range(self, pixel: PixelElement, start: int, stop: int, layout: PixelLayout) -> bytes:
        """Read bytes `start` to `stop` of the pixel data; words of 8-bit pixels are put right (PS3.5 section 8.1.1)."""
        swapped = not self._opened.little_endian and layout.bits_allocated <= 8 and pixel.vr == "OW"  # noqa: PLR2004
        begin, end = (start & ~1, (stop + 1) & ~1) if swapped else (start, stop)
        stream = self._opened.stream
        stream.seek(pixel.offset + begin)
        data = stream.read(end - begin)
        if swapped:
            data = np.frombuffer(data[: len(data) & ~1], np.uint16).byteswap().tobytes()
            data = data[start - begin : start - begin + stop - start]
        if len(data) != stop - start:
            raise Undecodable("the pixel data ends early", transfer_syntax_uid=layout.transfer_syntax_uid)
        return data


def as_cells(array: Frame, precision: int | None, layout: PixelLayout) -> Frame:
    """Return what a codec gave as a native file would hold it, little endian, signs extended; see `codecs.Decoded`."""
    if precision is not None and layout.signed and layout.bits_allocated > 1:
        array = _stored_values(array, layout, bits=precision)
    return np.ascontiguousarray(array.astype(layout.dtype.newbyteorder("<"), copy=False))


def _native_frame_bits(layout: PixelLayout, length: int) -> int:
    """Bits of one native frame: two thirds where chrominance is stored once for two pixels (PS3.3 C.7.6.3.1.2)."""
    subsampled = layout.photometric in {"YBR_FULL_422", "YBR_PARTIAL_422"} and layout.samples == 3  # noqa: PLR2004
    if subsampled and length * 8 < layout.frame_bits * layout.frames:
        return layout.frame_bits * 2 // 3
    return layout.frame_bits


def _stored_values(array: Frame, layout: PixelLayout, *, bits: int, shift: int | None = None) -> Frame:
    """Cut values to their stored bits and extend the sign (PS3.5 section 8.1.1); `shift` is High Bit + 1."""
    width = max(array.dtype.itemsize * 8, layout.bits_allocated, 8)
    values = array if array.dtype.itemsize * 8 == width else array.astype(f"{array.dtype.kind}{width // 8}")
    values = values.view(f"{'i' if layout.signed else 'u'}{width // 8}")
    unused_low = 0 if shift is None else shift - bits
    unused_high = width - bits - unused_low
    if not unused_low and (not unused_high or (not layout.signed and int(values.max()) < 1 << bits)):
        return values
    # Left, then right: that drops the unused bits, and of signed values repeats the sign.
    moved: Frame = (values << unused_high) >> (unused_high + unused_low)
    return moved
