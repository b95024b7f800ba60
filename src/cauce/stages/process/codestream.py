"""What a JPEG or JPEG-LS frame says of itself, read before any codec sees it (ITU-T T.81, T.87).

A codec allocates what the codestream asks for; comparing that with the data set first keeps decompression bombs and
mixed-up frames away from native code.
"""

import struct
from dataclasses import dataclass

_FILL, _SOI, _SOS, _APP0, _APP14, _SOF_JPEG_LS = 0xFF, b"\xff\xd8", 0xDA, 0xE0, 0xEE, 0xF7
_SOF = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, _SOF_JPEG_LS}
_SOF_LOSSLESS = {0xC3, 0xC7, 0xCB, 0xCF, _SOF_JPEG_LS}
_STANDALONE = {0x00, 0x01, *range(0xD0, 0xD9)}
_ADOBE_LENGTH, _SOF_LENGTH, _RGB_SAMPLES = 12, 6, 3
_SCANS_MAX = 256
"""Most scans of one frame: each costs a pass over all of it, whatever its length."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Codestream:
    """Dimensions and coding of one compressed frame.

    `colour` is `ycc` or `rgb` where the codestream itself says so, else "". `lossless` is set for JPEG's lossless
    processes, whose samples no decoder converts. `multi_component_transform` is set when a JPEG 2000 decoder undoes a
    colour transform on its own. `structure_bytes` is what a decoder needs besides the frame itself.
    """

    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool = False
    lossless: bool = False
    colour: str = ""
    multi_component_transform: bool = False
    structure_bytes: int = 0


def from_start_of_image(data: bytes) -> bytes:
    """Return the codestream without what some writers put before it; empty when there is none."""
    start = data.find(_SOI)
    return data[start:] if start >= 0 else b""


def read_jpeg(data: bytes) -> Codestream | None:
    """Read the frame header of a JPEG or JPEG-LS codestream that begins with its SOI marker.

    `None` when there is none, when the end of the image is missing, or with more scans than any image needs.
    """
    position, adobe, jfif = 2, None, False
    while position + 4 <= len(data):
        marker = data[position + 1]
        if data[position] != _FILL or marker == _FILL:
            position += 1
            continue
        if marker in _STANDALONE:
            position += 2
            continue
        length = struct.unpack_from(">H", data, position + 2)[0]
        body = data[position + 4 : position + 2 + length]
        if marker in _SOF:
            whole = data.rfind(b"\xff\xd9", position) >= 0 and data.count(b"\xff\xda", position) <= _SCANS_MAX
            return _frame_header(marker, body, adobe=adobe, jfif=jfif) if whole else None
        if marker == _SOS:
            return None
        jfif = jfif or (marker == _APP0 and body[:4] == b"JFIF")
        if marker == _APP14 and body[:5] == b"Adobe" and len(body) >= _ADOBE_LENGTH:
            adobe = body[11]
        position += 2 + max(length, 2)
    return None


def _frame_header(marker: int, body: bytes, *, adobe: int | None, jfif: bool) -> Codestream | None:
    if len(body) < _SOF_LENGTH or len(body) < _SOF_LENGTH + 3 * body[5]:
        return None
    precision, rows, columns, samples = struct.unpack_from(">BHHB", body)
    lossless = marker in _SOF_LOSSLESS
    identifiers = bytes(body[_SOF_LENGTH + 3 * i] for i in range(samples))
    colour = ""
    if samples == _RGB_SAMPLES and not lossless:
        if adobe is not None:
            colour = "ycc" if adobe else "rgb"
        elif jfif:
            colour = "ycc"
        elif identifiers == b"RGB":
            colour = "rgb"
    return Codestream(
        rows=rows, columns=columns, samples=samples, precision=precision, lossless=lossless, colour=colour
    )
