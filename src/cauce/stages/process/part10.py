"""Open a Part 10 object for its pixels: the header is parsed once, the pixel data is only located.

Tolerant, since what arrives here was taken in already: a missing preamble, a missing or wrong transfer syntax and
pixel data of undefined length are all dealt with (PS3.5 section 7, PS3.10 section 7).
"""

import io
import struct
import tempfile
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from cauce.core.errors import CauceError, Refused
from cauce.core.limits import Limits
from cauce.core.statuses import RefusalCode

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = {"1.2.840.10008.1.2.1.99"}

_PIXEL_TAGS = {0x7FE00008: "float", 0x7FE00009: "double", 0x7FE00010: "integer"}
_UNDEFINED = 0xFFFFFFFF
_LONG_VR = {b"OB", b"OW", b"OD", b"OF", b"OL", b"OV", b"UN", b"UC", b"UR", b"UT", b"SQ", b"SV", b"UV"}
_DEFER_BYTES = 8 * 1024 * 1024
_SPOOL_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class PixelElement:
    """Where the value of the pixel data element lies in the stream.

    `kind` is `integer`, `float` or `double`; `length` is in bytes, `None` when undefined (encapsulated).
    """

    kind: str
    vr: str
    offset: int
    length: int | None


@dataclass(frozen=True, kw_only=True)
class Part10:
    """An opened object: its data set up to the pixel data, and the stream in which offsets are counted.

    `stream` is the given source, or the inflated data set of a deflated one.
    """

    ds: Dataset
    transfer_syntax_uid: str
    little_endian: bool
    stream: BinaryIO
    size_bytes: int
    pixel: PixelElement | None


def open_part10(source: BinaryIO, *, limits: Limits) -> Part10:
    """Parse the header of a seekable Part 10 object and locate its pixel data, without reading that.

    Raises:
        Refused: the bytes are no DICOM object, end inside the header, or inflate to more than is taken.
    """
    try:
        return _open(source, limits)
    except CauceError:
        raise
    except RecursionError as error:
        raise Refused(RefusalCode.TOO_DEEP, "sequences are nested too deeply") from error
    except Exception as error:  # a parser given hostile bytes raises nearly anything
        raise Refused(RefusalCode.NOT_DICOM, f"the header cannot be parsed ({type(error).__name__})") from error


def _open(source: BinaryIO, limits: Limits) -> Part10:
    transfer_syntax_uid, offset = _file_meta(source)
    stream = source
    if transfer_syntax_uid in DEFLATED:
        stream, offset = _inflate(source, offset, limits), 0
    size_bytes = stream.seek(0, io.SEEK_END)
    stream.seek(offset)
    if not transfer_syntax_uid:
        transfer_syntax_uid = _guess(stream)
    little = transfer_syntax_uid != EXPLICIT_BIG
    ds = read_dataset(
        stream,
        is_implicit_VR=transfer_syntax_uid == IMPLICIT_LITTLE,
        is_little_endian=little,
        stop_when=_at_pixel_data,
        defer_size=_DEFER_BYTES,
    )
    if not len(ds):
        raise Refused(RefusalCode.NOT_DICOM, "there is no data set")
    implicit = bool(ds.original_encoding[0])
    return Part10(
        ds=ds,
        transfer_syntax_uid=transfer_syntax_uid,
        little_endian=little,
        stream=stream,
        size_bytes=size_bytes,
        pixel=_pixel_element(stream, implicit=implicit, order="<" if little else ">"),
    )


def _at_pixel_data(tag: BaseTag, vr: str | None, length: int) -> bool:  # noqa: ARG001 - the parser's signature
    return int(tag) in _PIXEL_TAGS


def _file_meta(source: BinaryIO) -> tuple[str, int]:
    """Return the transfer syntax UID ("" when absent) and where the data set begins."""
    source.seek(0)
    head = source.read(132)
    offset = 132 if head[128:] == b"DICM" else 0
    if not offset and not (len(head) > 8 and head[:2] in {b"\x02\0", b"\x08\0", b"\0\x08"}):  # noqa: PLR2004 - a tag
        raise Refused(RefusalCode.NOT_DICOM, "there is neither a preamble nor a data set")
    uid = ""
    while True:
        source.seek(offset)
        header = source.read(12)
        if len(header) < 8 or header[:2] != b"\x02\0":  # noqa: PLR2004 - a short element header is 8 bytes
            return uid, offset
        long = header[4:6] in _LONG_VR
        if not long and not header[4:6].isalpha():
            length, value_at = struct.unpack_from("<I", header, 4)[0], offset + 8  # group 2 written implicitly
        elif long:
            length, value_at = struct.unpack_from("<I", header.ljust(12, b"\0"), 8)[0], offset + 12
        else:
            length, value_at = struct.unpack_from("<H", header, 6)[0], offset + 8
        if header[2:4] == b"\x10\0":
            source.seek(value_at)
            uid = source.read(min(length, 64)).decode("ascii", "replace").strip(" \0")
        offset = value_at + length


def _guess(stream: BinaryIO) -> str:
    """Guess the encoding of a data set whose file meta does not name it; the stream's position is kept."""
    start = stream.tell()
    header = stream.read(6)
    stream.seek(start)
    if not header[4:6].isalpha():
        return IMPLICIT_LITTLE
    return EXPLICIT_BIG if header[0] == 0 and header[1] else EXPLICIT_LITTLE


def _inflate(source: BinaryIO, offset: int, limits: Limits) -> BinaryIO:
    """Unfold a deflated data set (PS3.5 A.5) into an anonymous temporary file, never past the limit."""
    source.seek(offset)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    target = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 - it outlives this function
    size = 0
    while chunk := source.read(1 << 18):
        while chunk and not inflater.eof:
            plain = inflater.decompress(chunk, 1 << 20)
            size += len(plain)
            if size > limits.inflated_bytes_max:
                raise Refused(RefusalCode.TOO_LARGE, "the deflated data set unfolds to more than is taken")
            target.write(plain)
            chunk = inflater.unconsumed_tail
    if not inflater.eof:
        target.write(inflater.flush())
    return target  # type: ignore[return-value]  # SpooledTemporaryFile is a seekable binary file in all but name


def _pixel_element(stream: BinaryIO, *, implicit: bool, order: str) -> PixelElement | None:
    """Read the header of the pixel data element at which the parser stopped; `None` at the end of the data set."""
    header = stream.read(12)
    if len(header) < 8:  # noqa: PLR2004 - the shortest element header
        return None
    group, element = struct.unpack_from(order + "HH", header)
    kind = _PIXEL_TAGS.get(group << 16 | element)
    if kind is None:
        return None
    start = stream.tell() - len(header)
    vr = header[4:6]
    if implicit or not vr.isalpha():
        length, offset, name = struct.unpack_from(order + "I", header, 4)[0], start + 8, "OW"
    elif vr in _LONG_VR and len(header) == 12:  # noqa: PLR2004 - the long form of an element header
        length, offset, name = struct.unpack_from(order + "I", header, 8)[0], start + 12, vr.decode()
    else:
        length, offset, name = struct.unpack_from(order + "H", header, 6)[0], start + 8, vr.decode("ascii", "replace")
    return PixelElement(kind=kind, vr=name, offset=offset, length=None if length == _UNDEFINED else length)
