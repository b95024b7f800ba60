"""One codec for each transfer syntax: compressed bytes of one frame to an array.

What a codestream announces is compared with the data set before it is decoded, and every codec fills an array of our
making, so that damaged or hostile frames cost no more memory than honest ones, and nothing uninitialised is ever shown.
HTJ2K goes through OpenJPEG as well: OpenJPH as bound by imagecodecs returns without an error, the frame unwritten, when
the codestream is damaged.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from cauce.core.errors import Undecodable
from cauce.stages.process.codestream import Codestream, from_start_of_image, read_jpeg
from cauce.stages.process.jpeg2000 import read_jpeg2000
from cauce.stages.process.layout import PixelLayout

Frame = NDArray[Any]

_MIB = 1024 * 1024
_STRUCTURE_BYTES_MIN, _STRUCTURE_SHARE = 64 * _MIB, 4
"""A decoder may need this much besides the frame, or this many times the frame."""
_RLE_HEADER_BYTES, _RLE_SEGMENTS_MAX, _RLE_RUN_MAX, _RLE_RUN_BYTES = 64, 15, 128, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """One frame as a codec gave it.

    `array` is (rows, columns) or (rows, columns, 3); `precision` is the number of meaningful bits, `None` when the
    array holds whole cells as a native file does, with whatever lies beside the stored bits; `colour` is `rgb` when its
    three samples are red, green and blue for certain, "" when the data set has to say.
    """

    array: Frame
    precision: int | None
    colour: str = ""


Codec = Callable[[bytes, PixelLayout], Decoded]


def decode(data: bytes, layout: PixelLayout) -> Decoded:
    """Decode the joined fragments of one frame.

    Raises:
        Undecodable: no codec knows the transfer syntax, the codestream contradicts `layout`, or it is damaged.
    """
    codec = _CODECS.get(layout.transfer_syntax_uid)
    if codec is None:
        raise _undecodable(layout, "no codec for this transfer syntax")
    try:
        return codec(data, layout)
    except Undecodable:
        raise
    except Exception as error:  # codecs raise their own types on damaged data
        raise _undecodable(layout, f"the frame is damaged ({type(error).__name__})") from error


def is_encapsulated(transfer_syntax_uid: str) -> bool:
    """Tell whether a codec of this module decodes the frames of this transfer syntax."""
    return transfer_syntax_uid in _CODECS


def decodable() -> frozenset[str]:
    """Return the transfer syntaxes whose frames a codec of this module decodes."""
    return frozenset(_CODECS)


def _undecodable(layout: PixelLayout, detail: str) -> Undecodable:
    return Undecodable(detail, transfer_syntax_uid=layout.transfer_syntax_uid)


def _short(layout: PixelLayout) -> Undecodable:
    return _undecodable(layout, "the frame is shorter than the data set says")


def _compare(stream: Codestream | None, layout: PixelLayout) -> Codestream:
    """Let a codestream through only if it decodes to what `layout` announces."""
    if stream is None:
        raise _undecodable(layout, "the frame holds no whole codestream of this transfer syntax")
    if (stream.rows, stream.columns, stream.samples) != (layout.rows, layout.columns, layout.samples):
        raise _undecodable(layout, "the codestream has other dimensions than the data set says")
    if stream.structure_bytes > max(_STRUCTURE_BYTES_MIN, layout.frame_bits // 8 * _STRUCTURE_SHARE):
        raise _undecodable(layout, "the codestream is cut too finely to be decoded in reasonable memory")
    return stream


def _empty(layout: PixelLayout, *, precision: int, signed: bool = False) -> Frame:
    """Return the array that a codec is to fill."""
    size = next(size for size in (1, 2, 4) if precision <= size * 8)
    return np.zeros(layout.shape, f"{'i' if signed else 'u'}{size}")


def _jpeg(data: bytes, layout: PixelLayout) -> Decoded:
    data = from_start_of_image(data)
    stream = _compare(read_jpeg(data), layout)
    out = _empty(layout, precision=stream.precision)
    if stream.samples == 1:
        return Decoded(array=imagecodecs.jpeg8_decode(data, out=out), precision=stream.precision)
    if stream.lossless:
        array = imagecodecs.jpeg8_decode(data, colorspace="RGB", outcolorspace="RGB", out=out)
        return Decoded(array=array, precision=stream.precision)
    colour = stream.colour or ("rgb" if layout.photometric == "RGB" else "ycc")
    space = "RGB" if colour == "rgb" else "YCBCR"
    array = imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace="RGB", out=out)
    return Decoded(array=array, precision=stream.precision, colour="rgb")


def _jpeg_ls(data: bytes, layout: PixelLayout) -> Decoded:
    data = from_start_of_image(data)
    stream = _compare(read_jpeg(data), layout)
    out = _empty(layout, precision=stream.precision)
    return Decoded(array=imagecodecs.jpegls_decode(data, out=out), precision=stream.precision)


def _jpeg2000(data: bytes, layout: PixelLayout) -> Decoded:
    stream = _compare(read_jpeg2000(data), layout)
    colour = "rgb" if stream.multi_component_transform or layout.photometric in {"YBR_RCT", "YBR_ICT"} else ""
    out = _empty(layout, precision=stream.precision, signed=stream.signed)
    return Decoded(array=imagecodecs.jpeg2k_decode(data, out=out), precision=stream.precision, colour=colour)


def _jpeg_xl(data: bytes, layout: PixelLayout) -> Decoded:
    out = _empty(layout, precision=layout.bits_stored)
    return Decoded(
        array=imagecodecs.jpegxl_decode(data, out=out),
        precision=layout.bits_stored,
        colour="rgb" if layout.samples > 1 else "",
    )


def _rle(data: bytes, layout: PixelLayout) -> Decoded:
    """RLE (PS3.5 G): one segment a sample and byte, most significant byte first."""
    width = max(layout.bits_allocated // 8, 1)
    header = np.frombuffer(data[:_RLE_HEADER_BYTES].ljust(_RLE_HEADER_BYTES, b"\0"), "<u4").tolist()
    count = width * layout.samples
    starts = header[1 : count + 1]
    ends = [*starts[1:], len(data)]
    fits = all(_RLE_HEADER_BYTES <= start <= end <= len(data) for start, end in zip(starts, ends, strict=True))
    if header[0] != count or count > _RLE_SEGMENTS_MAX or not fits:
        raise _undecodable(layout, "the RLE header does not fit the data set")
    pixels = layout.rows * layout.columns
    size = pixels if layout.bits_allocated > 1 else -(-pixels // 8)
    shortest = min(end - start for start, end in zip(starts, ends, strict=True))
    if shortest * _RLE_RUN_MAX // _RLE_RUN_BYTES < size:  # seen before there is memory for what it cannot unpack to
        raise _short(layout)
    if layout.bits_allocated == 1:
        return _native_bits(bytes(_segment(data[starts[0] : ends[0]], size, layout)), layout)
    planes = np.empty((pixels, layout.samples, width), np.uint8)
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        sample, byte = divmod(number, width)
        planes[:, sample, width - 1 - byte] = _segment(data[start:end], size, layout)
    return Decoded(array=planes.view(f"<u{width}").reshape(layout.shape), precision=None)


def _segment(data: bytes, size: int, layout: PixelLayout) -> NDArray[np.uint8]:
    """Unpack one segment; what it holds beyond `size` bytes is padding, and more than one run of it damage."""
    plain = imagecodecs.packbits_decode(data, out=bytearray(size + _RLE_RUN_MAX))
    if len(plain) < size:
        raise _short(layout)
    return np.frombuffer(plain, np.uint8, size)


def _uncompressed(data: bytes, layout: PixelLayout) -> Decoded:
    if layout.bits_allocated == 1:
        return _native_bits(data, layout)
    size = layout.frame_bits // 8
    if len(data) < size:
        raise _short(layout)
    width = layout.bits_allocated // 8
    array = np.frombuffer(data, f"<u{width}", count=size // width)
    if layout.planar:
        array = array.reshape(layout.samples, layout.rows, layout.columns).transpose(1, 2, 0)
    return Decoded(array=array.reshape(layout.shape), precision=None)


def _deflated_frame(data: bytes, layout: PixelLayout) -> Decoded:
    plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, (layout.frame_bits + 7) // 8 + 1)
    return _uncompressed(plain, layout)


def _native_bits(data: bytes, layout: PixelLayout) -> Decoded:
    count = layout.rows * layout.columns * layout.samples
    if len(data) * 8 < count:
        raise _short(layout)
    bits = np.unpackbits(np.frombuffer(data, np.uint8, -(-count // 8)), bitorder="little", count=count)
    return Decoded(array=bits.reshape(layout.shape), precision=1)


_JPEG = "1.2.840.10008.1.2.4."
_CODECS: dict[str, Codec] = {
    "1.2.840.10008.1.2.5": _rle,
    "1.2.840.10008.1.2.1.98": _uncompressed,
    "1.2.840.10008.1.2.8.1": _deflated_frame,
    **dict.fromkeys([f"{_JPEG}{n}" for n in (*range(50, 67), 70)], _jpeg),
    **dict.fromkeys([f"{_JPEG}{n}" for n in (80, 81)], _jpeg_ls),
    **dict.fromkeys([f"{_JPEG}{n}" for n in (90, 91, 92, 93, 201, 202, 203)], _jpeg2000),
    **dict.fromkeys([f"{_JPEG}{n}" for n in (110, 111, 112)], _jpeg_xl),
}
