"""One frame into a transfer syntax: the counterpart of `codecs`. Every encoding here loses nothing.

That holds for the transfer syntaxes that may lose something as well (JPEG-LS near-lossless, JPEG 2000, HTJ2K): what
goes into them is coded reversibly.

`encoder` looks at the layout alone and says at once whether the pixels have room in the target, so that nobody finds
out half-way through an object. What it makes is read back by `codecs` bit for bit, and by the decoders of others.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from cauce.core import transfer_syntaxes as ts
from cauce.core.errors import NoCodec
from cauce.stages.process.colour import ycc_from_422
from cauce.stages.process.layout import PixelLayout

Frame = NDArray[Any]

WHOLE_CELLS: Final = ts.NATIVE | {ts.ENCAPSULATED, ts.DEFLATED_FRAMES, ts.RLE}
"""Transfer syntaxes that hold the whole of each pixel cell, wherever in it the stored bits are, and colour by plane
where Planar Configuration says so. The others hold values, colour by pixel."""

_CODESTREAM_BITS: Final = frozenset({8, 16})
_RLE_SEGMENTS_MAX, _RLE_HEADER_LONGS = 15, 16
_PERHAPS_LOSSY: Final = frozenset({ts.JPEG_LS_NEAR, ts.JPEG_2000, ts.HTJ2K})
_WAVELET_WITH_RECORDS: Final = frozenset({ts.JPEG_2000_LOSSLESS, ts.JPEG_2000})
_WAVELET_SAMPLES_MAX: Final = 18 * 1024 * 1024
"""OpenJPEG takes about 14 bytes for each sample of a frame while it encodes it."""
_JPEG_WIDE_BITS_MIN: Final = 9
"""A lossless JPEG of fewer bits is one of bytes."""
_DEFLATE_LEVEL: Final = 3
"""Three times as fast as the usual one on images, and as good."""
_BYTE: Final = 8

_Encode = Callable[[Frame, "FrameEncoder"], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameEncoder:
    """Puts the frames of one layout into one transfer syntax.

    `photometric`, `planar` and `high_bit` are what the data set has to say of the encoded frames.
    """

    layout: PixelLayout
    to: str
    photometric: str
    planar: bool
    high_bit: int
    _encode: _Encode

    @property
    def is_transformed(self) -> bool:
        """Whether red, green and blue go through the reversible colour transform of JPEG 2000."""
        return self.photometric == "YBR_RCT"

    def __call__(self, cells: Frame) -> bytes:
        """Encode one frame, given as `FrameReader.cells` gives it; the array is left as it is."""
        if cells.ndim == 1 and self.to not in ts.NATIVE:
            cells = ycc_from_422(cells, self.layout)  # the decoders of compressed frames know no such sharing
        if self.high_bit != self.layout.high_bit and self.layout.transfer_syntax_uid in WHOLE_CELLS:
            cells = _moved_down(cells, self.layout)
        return self._encode(np.ascontiguousarray(cells), self)


def encoder(layout: PixelLayout, *, to: str, photometric: str = "") -> FrameEncoder:
    """Return what puts frames of `layout` into the transfer syntax `to`.

    `photometric` is how the cells are to be understood where decoding has changed that, as
    `FrameReader.cells_as` tells; else it is the layout's own.

    Raises:
        NoCodec: there is no encoder for `to`, or it has no room for such pixels.
    """
    encode = _ENCODERS.get(to)
    if encode is None:
        raise NoCodec("there is no encoder for this transfer syntax", transfer_syntax_uid=to)
    photometric = photometric or layout.photometric
    problem = _problem(layout, to, photometric)
    if problem:
        raise NoCodec(problem, transfer_syntax_uid=to)
    whole = to in WHOLE_CELLS
    was_whole = layout.transfer_syntax_uid in WHOLE_CELLS
    return FrameEncoder(
        layout=layout,
        to=to,
        photometric=_photometric(layout, to, photometric),
        planar=layout.planar and whole and was_whole,
        high_bit=layout.high_bit if whole and was_whole else layout.bits_stored - 1,
        _encode=encode,
    )


def encode_frame(cells: Frame, layout: PixelLayout, *, to: str, photometric: str = "") -> bytes:
    """Encode one frame; see `encoder` and `FrameEncoder`.

    Raises:
        NoCodec: as `encoder`.
    """
    return encoder(layout, to=to, photometric=photometric)(cells)


def _problem(layout: PixelLayout, to: str, photometric: str) -> str:
    """Say why such pixels have no room in a transfer syntax; "" when they have."""
    if to in ts.NATIVE:
        return ""
    codestream = to not in WHOLE_CELLS
    segments = layout.samples * layout.bits_allocated // _BYTE
    checks = (
        (layout.floating, "floating point pixels are only native (PS3.5 section 8.2)"),
        (photometric.startswith("YBR_PARTIAL"), "colour of partial range is only native"),
        (photometric == "YBR_FULL_422" and layout.columns % 2, "subsampled colour of odd width is only native"),
        (
            photometric == "PALETTE COLOR" and to in _PERHAPS_LOSSY,
            "palette colour is not put into a transfer syntax that may lose something",
        ),
        (
            to in _WAVELET_WITH_RECORDS and layout.rows * layout.columns * layout.samples > _WAVELET_SAMPLES_MAX,
            "so large a frame is not put into JPEG 2000 here",
        ),
        (to == ts.RLE and segments > _RLE_SEGMENTS_MAX, "RLE has no room for samples of so many bytes"),
        (to == ts.RLE and layout.bits_allocated < _BYTE, "single bits are not put into RLE here"),
        (
            codestream and layout.bits_allocated not in _CODESTREAM_BITS,
            f"samples of {layout.bits_allocated} bits are not put into this transfer syntax here",
        ),
    )
    return next((reason for broken, reason in checks if broken), "")


def _photometric(layout: PixelLayout, to: str, photometric: str) -> str:
    """Return the Photometric Interpretation of the encoded frames (PS3.5 section 8.2)."""
    if layout.samples == 1 or to in ts.NATIVE:
        return photometric
    if photometric == "YBR_FULL_422":
        photometric = "YBR_FULL"
    return "YBR_RCT" if to in _TRANSFORMING and photometric == "RGB" else photometric


def _moved_down(cells: Frame, layout: PixelLayout) -> Frame:
    """Bring the stored bits down to where a codestream has them, and extend the sign."""
    up = layout.bits_allocated - 1 - layout.high_bit
    moved: Frame = (cells << up) >> (layout.bits_allocated - layout.bits_stored)
    return moved


def _native(cells: Frame, encoder: FrameEncoder) -> bytes:
    layout = encoder.layout
    if layout.bits_allocated == 1:
        return np.packbits(cells.ravel(), bitorder="little").tobytes()
    if encoder.planar and cells.ndim == 3:  # noqa: PLR2004 - colour by pixel
        cells = np.ascontiguousarray(cells.transpose(2, 0, 1))
    written = cells.dtype.newbyteorder(">" if encoder.to == ts.EXPLICIT_BIG else "<")
    return cells.astype(written, copy=False).tobytes()


def _deflated(cells: Frame, encoder: FrameEncoder) -> bytes:
    packer = zlib.compressobj(_DEFLATE_LEVEL, wbits=-zlib.MAX_WBITS)
    return packer.compress(_native(cells, encoder)) + packer.flush()


def _rle(cells: Frame, encoder: FrameEncoder) -> bytes:
    """RLE (PS3.5 G): one segment a sample and byte, most significant byte first, runs within rows."""
    layout = encoder.layout
    width = layout.bits_allocated // _BYTE
    planes = cells.astype(cells.dtype.newbyteorder("<"), copy=False).view(np.uint8)
    planes = planes.reshape(layout.rows, layout.columns, layout.samples, width)
    segments = []
    for sample in range(layout.samples):
        for byte in reversed(range(width)):
            packed = imagecodecs.packbits_encode(planes[:, :, sample, byte].copy(), axis=-1)
            segments.append(packed + b"\0" * (len(packed) & 1))
    starts = [4 * _RLE_HEADER_LONGS]
    for segment in segments[:-1]:
        starts.append(starts[-1] + len(segment))
    header = [len(segments), *starts, *[0] * (_RLE_SEGMENTS_MAX - len(starts))]
    return struct.pack(f"<{_RLE_HEADER_LONGS}I", *header) + b"".join(segments)


def _jpeg_lossless(cells: Frame, encoder: FrameEncoder) -> bytes:
    """JPEG process 14 with the first predictor; signed values go in as the bits that they are stored in."""
    bits, values = _cut(cells, encoder.layout)
    space = "RGB" if encoder.layout.samples > 1 else None  # whatever the samples are: that says to leave them alone
    return bytes(
        imagecodecs.jpeg8_encode(
            values, lossless=True, predictor=1, bitspersample=bits, colorspace=space, outcolorspace=space
        )
    )


def _jpeg_ls(cells: Frame, _: FrameEncoder) -> bytes:
    return bytes(imagecodecs.jpegls_encode(cells.view(f"u{cells.dtype.itemsize}")))


def _jpeg_2000(cells: Frame, encoder: FrameEncoder) -> bytes:
    layout = encoder.layout
    bits = layout.bits_stored if _is_within(cells, layout) else layout.bits_allocated
    return bytes(
        imagecodecs.jpeg2k_encode(
            cells, level=0, codecformat="j2k", reversible=True, bitspersample=bits, mct=encoder.is_transformed
        )
    )


def _htj2k(cells: Frame, encoder: FrameEncoder) -> bytes:
    return bytes(imagecodecs.htj2k_encode(cells, reversible=True, rgb=encoder.is_transformed))


def _cut(cells: Frame, layout: PixelLayout) -> tuple[int, Frame]:
    """Return the bits of a lossless JPEG and what it is given: nothing of a cell is left out that says something."""
    unsigned = cells.view(f"u{cells.dtype.itemsize}")
    least = _JPEG_WIDE_BITS_MIN if layout.bits_allocated > _BYTE else 2
    bits = max(layout.bits_stored, least)
    if not _is_within(cells, layout):
        return layout.bits_allocated, unsigned
    return bits, unsigned & unsigned.dtype.type((1 << bits) - 1) if layout.signed else unsigned


def _is_within(cells: Frame, layout: PixelLayout) -> bool:
    """Tell whether the values need no more than Bits Stored, as when no overlay lies in the bits above."""
    if layout.bits_stored == layout.bits_allocated:
        return True
    span = 1 << layout.bits_stored
    low = -span // 2 if layout.signed else 0
    return low <= int(cells.min()) and int(cells.max()) < low + span


_TRANSFORMING: Final = frozenset({ts.JPEG_2000_LOSSLESS, ts.JPEG_2000, ts.HTJ2K_LOSSLESS, ts.HTJ2K})
_ENCODERS: Final[dict[str, _Encode]] = {
    **dict.fromkeys(ts.NATIVE, _native),
    ts.ENCAPSULATED: _native,
    ts.DEFLATED_FRAMES: _deflated,
    ts.RLE: _rle,
    **dict.fromkeys((ts.JPEG_LOSSLESS, ts.JPEG_LOSSLESS_SV1), _jpeg_lossless),
    **dict.fromkeys((ts.JPEG_LS, ts.JPEG_LS_NEAR), _jpeg_ls),
    **dict.fromkeys((ts.JPEG_2000_LOSSLESS, ts.JPEG_2000), _jpeg_2000),
    **dict.fromkeys((ts.HTJ2K_LOSSLESS, ts.HTJ2K), _htj2k),
}


def encodes(transfer_syntax_uid: str) -> bool:
    """Tell whether there is an encoder for a transfer syntax."""
    return transfer_syntax_uid in _ENCODERS
