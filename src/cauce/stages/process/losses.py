"""Whether compression has cost something: by the transfer syntax, or by what the codestream says of itself."""

import struct
from dataclasses import dataclass
from typing import Final

from cauce.core import transfer_syntaxes as ts
from cauce.stages.process.reader import FrameReader

_JPEG, _JPEG_LS, _JPEG_2000, _HTJ2K, _JPEG_XL = (
    "ISO_10918_1",
    "ISO_14495_1",
    "ISO_15444_1",
    "ISO_15444_15",
    "ISO_18181_1",
)
_METHODS: Final[dict[str, str]] = {
    **{one.uid: _JPEG for one in ts.of_media_type("image/jpeg") if not one.is_lossless},
    ts.JPEG_LS_NEAR: _JPEG_LS,
    ts.JPEG_2000: _JPEG_2000,
    "1.2.840.10008.1.2.4.93": _JPEG_2000,
    ts.HTJ2K: _HTJ2K,
    "1.2.840.10008.1.2.4.111": _JPEG_XL,
}
"""Lossy Image Compression Method (PS3.3 C.7.6.1.1.5.1) of the transfer syntaxes that may lose something; JPEG XL is
left to the data set, since nothing short of decoding tells."""

_START_OF_SCAN, _CODING_STYLE = b"\xff\xda", b"\xff\x52"
_TRANSFORMATION_AT: Final = 13
"""Where a COD segment says which wavelet it is: 0 is the one that is not reversible (ITU-T T.800 A.6.1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LossyCompression:
    """How pixels were compressed with loss: the standard's name of the method, and the ratio of the sizes."""

    method: str
    ratio: float


def lossy_compression(reader: FrameReader) -> LossyCompression | None:
    """Return what the stored compression of an object has cost; `None` when that is nothing.

    Raises:
        Undecodable: the first frame is far longer than it can be.
    """
    method = _METHODS.get(reader.transfer_syntax_uid)
    layout = reader.layout
    if method is None or layout is None or not reader.compressed_bytes:
        return None
    first = reader.compressed(0) or b""
    if method == _JPEG_LS and not _is_near_lossless(first):
        return None
    if method in {_JPEG_2000, _HTJ2K} and not _is_irreversible(first):
        return None
    ratio = layout.frame_bits / 8 * layout.frames / reader.compressed_bytes
    return LossyCompression(method=method, ratio=ratio)


def _is_near_lossless(data: bytes) -> bool:
    """Tell whether the first scan of a JPEG-LS stream allows its values to differ (ITU-T T.87 C.2.3)."""
    start = data.find(_START_OF_SCAN)
    if start < 0 or start + 5 > len(data):
        return False
    near_at = start + 5 + 2 * data[start + 4]
    return near_at < len(data) and data[near_at] > 0


def _is_irreversible(data: bytes) -> bool:
    start = data.find(_CODING_STYLE)
    return (
        0 <= start < len(data) - _TRANSFORMATION_AT
        and struct.unpack_from("B", data, start + _TRANSFORMATION_AT)[0] == 0
    )
