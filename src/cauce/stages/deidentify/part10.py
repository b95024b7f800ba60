"""Part 10 files: finding the data set of an original (PS3.10 section 7)."""

import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from cauce.core.errors import Refused
from cauce.core.limits import KIB, MIB, Limits
from cauce.core.statuses import RefusalCode
from cauce.stages.deidentify.encoding import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    LONG_VRS,
    SHORT_VRS,
    VRS,
    Encoding,
)
from cauce.stages.deidentify.reading import BrokenError
from cauce.stages.deidentify.uids import REGISTERED, is_well_formed

IMPLICIT_SYNTAX = "1.2.840.10008.1.2"
EXPLICIT_SYNTAX = "1.2.840.10008.1.2.1"
DEFLATED_SYNTAX = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN_SYNTAX = "1.2.840.10008.1.2.2"
_GE_SYNTAX = "1.2.840.113619.5.2"
"""Private: implicit VR little endian with big endian pixels."""
_JPIP_SYNTAXES = frozenset("1.2.840.10008.1.2.4." + tail for tail in ("94", "95", "204", "205"))
_NATIVE = frozenset({"", IMPLICIT_SYNTAX, EXPLICIT_SYNTAX, BIG_ENDIAN_SYNTAX})

META_OFFSET = 132
"""Where group 0002 begins, after preamble and prefix."""
_META_USUAL = 4 * KIB
_META_MAX = 1 * MIB
_CHUNK = 1 * MIB
_FIRST_GROUP_MAX = 0x0028


@dataclass(frozen=True, kw_only=True, slots=True)
class Original:
    """An original ready to be walked: `source` from `offset` to `size` is its data set, in `encoding`.

    `transfer_syntax_uid` is the one that the output gets; `sop_class_uid` is what group 0002 says, or "".
    """

    source: BinaryIO | IO[bytes]
    offset: int
    size: int
    encoding: Encoding
    transfer_syntax_uid: str
    sop_class_uid: str


@contextmanager
def opened(source: BinaryIO, *, limits: Limits, spool: Path | None = None) -> Iterator[Original]:
    """Find where the data set begins and how it is encoded; a deflated one is unfolded to a bounded temporary file.

    That file has no name, and lies in the folder `spool` when it is long.

    Raises:
        Refused: `not_dicom`, or `too_large` when a deflated data set unfolds beyond the limit.
        BrokenError: the transfer syntax and the bytes contradict each other.
    """
    size = source.seek(0, 2)
    meta, offset = _read_meta(source)
    syntax = _uid(meta, 0x0010)
    sop_class_uid = _uid(meta, 0x0002)
    if syntax and syntax != _GE_SYNTAX and syntax.encode() not in REGISTERED:
        raise BrokenError("Its transfer syntax is unknown.")
    if syntax in _JPIP_SYNTAXES:
        raise BrokenError("Its pixels lie on another server (JPIP).")
    if syntax != DEFLATED_SYNTAX:
        yield _settle(source, offset, size, syntax, sop_class_uid)
        return
    folder = str(spool) if spool else None
    with tempfile.SpooledTemporaryFile(max_size=limits.memory_instance_bytes_max, dir=folder) as unfolded:
        _inflate(source, offset, unfolded, limits.inflated_bytes_max)
        yield _settle(unfolded, 0, unfolded.seek(0, 2), EXPLICIT_SYNTAX, sop_class_uid)


def _uid(meta: dict[int, bytes], element: int) -> str:
    """Return a UID of group 0002, "" where there is none; it goes into the output, so it must be one."""
    raw = meta.get(element, b"")
    if raw and not is_well_formed(raw):
        raise BrokenError("The file meta information names a class or syntax that is no UID.")
    return raw.decode("ascii")


def _settle(source: BinaryIO | IO[bytes], offset: int, size: int, syntax: str, sop_class_uid: str) -> Original:
    source.seek(offset)
    encoding = _encoding(source.read(8), syntax)
    if syntax in _NATIVE:
        if encoding is IMPLICIT_LITTLE:
            syntax = IMPLICIT_SYNTAX
        else:
            syntax = EXPLICIT_SYNTAX if encoding.little else BIG_ENDIAN_SYNTAX
    elif encoding is IMPLICIT_LITTLE and syntax != _GE_SYNTAX:
        raise BrokenError("A compressed object is encoded without value representations.")
    return Original(
        source=source,
        offset=offset,
        size=size,
        encoding=encoding,
        transfer_syntax_uid=syntax,
        sop_class_uid=sop_class_uid,
    )


def _encoding(first: bytes, syntax: str) -> Encoding:
    """Return how the data set is encoded, judged by its first element where that contradicts the transfer syntax."""
    if len(first) < 8:  # noqa: PLR2004 - the head of the shortest element
        raise Refused(RefusalCode.NOT_DICOM, "It ends before a data set begins.")
    little, big = int.from_bytes(first[:2], "little"), int.from_bytes(first[:2], "big")
    if syntax == BIG_ENDIAN_SYNTAX or (not syntax and little > _FIRST_GROUP_MAX >= big):
        if first[4:6] in VRS and big <= _FIRST_GROUP_MAX:
            return EXPLICIT_BIG
        if syntax and little > _FIRST_GROUP_MAX:
            raise BrokenError("It is big endian without value representations.")
    if not syntax and little > _FIRST_GROUP_MAX:
        raise Refused(RefusalCode.NOT_DICOM, "It begins with nothing that DICOM knows.")
    return EXPLICIT_LITTLE if first[4:6] in VRS else IMPLICIT_LITTLE


def _read_meta(source: BinaryIO) -> tuple[dict[int, bytes], int]:
    """Return the values of group 0002 by element, without padding, and where the data set begins."""
    source.seek(0)
    raw = source.read(_META_USUAL)
    offset = META_OFFSET if raw[META_OFFSET - 4 : META_OFFSET] == b"DICM" else 0
    found = _meta_in(raw, offset)
    if found is None:
        source.seek(0)
        raw = source.read(_META_MAX)
        found = _meta_in(raw, offset)
    if found is None:
        raise BrokenError("The file meta information is cut off or has no end.")
    return found


def _meta_in(raw: bytes, position: int) -> tuple[dict[int, bytes], int] | None:
    """Return what `_read_meta` does; None when `raw` ends first."""
    meta: dict[int, bytes] = {}
    while position + 12 <= len(raw):
        group, element, vr, length = EXPLICIT_LITTLE.explicit_head.unpack_from(raw, position)
        if group != 0x0002:  # noqa: PLR2004 - the group of the file meta information
            return meta, position
        value = position + 8
        if vr in LONG_VRS:
            length = int.from_bytes(raw[value : value + 4], "little")
            value += 4
        elif vr not in SHORT_VRS:  # meta information without VRs, which some writers make
            length = int.from_bytes(raw[position + 4 : value], "little")
        meta[element] = raw[value : value + length].strip(b"\0 ")
        position = value + length
    return (meta, position) if len(raw) < _META_USUAL and position <= len(raw) else None


def _inflate(source: BinaryIO, offset: int, unfolded: IO[bytes], bytes_max: int) -> None:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    source.seek(offset)
    total = 0
    try:
        while not inflater.eof and (chunk := inflater.unconsumed_tail or source.read(_CHUNK)):
            piece = inflater.decompress(chunk, _CHUNK)
            total += len(piece)
            if total > bytes_max:
                raise Refused(RefusalCode.TOO_LARGE, "Its deflated data set unfolds beyond the limit.")
            unfolded.write(piece)
    except zlib.error as error:
        raise BrokenError("Its deflated data set cannot be unfolded.") from error
    if not inflater.eof:
        raise BrokenError("Its deflated data set is cut off.")
