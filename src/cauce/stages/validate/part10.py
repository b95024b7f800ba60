"""Where a file's data set begins and how it is encoded: preamble, file meta information, or a guess (PS3.10 7.1)."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cauce.core.errors import Refused
from cauce.core.identifiers import is_usable_uid
from cauce.core.limits import KIB
from cauce.core.statuses import RefusalCode
from cauce.stages.validate.dictionary import EXPLICIT_VRS, LONG_VRS, MEDIA_DIRECTORY, dictionary_vr
from cauce.stages.validate.reader import ForwardReader

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"
DEFLATED: Final = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
"""Transfer syntaxes whose whole data set is deflated (PS3.5 A.5, A.7; JPIP with deflate)."""

NATIVE: Final = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, "1.2.840.113619.5.2"}) | DEFLATED
_IMPLICIT_SYNTAXES: Final = frozenset({IMPLICIT_LITTLE, "1.2.840.113619.5.2"})

HEAD_BYTES: Final = 64 * KIB
"""So much of a data set is looked at to tell how it is encoded."""

_PREAMBLE_BYTES: Final = 128
_PREFIX: Final = b"DICM"
_META_BYTES_MAX: Final = 1 << 20
_GROUP_LENGTH: Final = 0x00020000
_HEAD_BYTES_MIN: Final = 8
_PLAUSIBLE_GROUP_MAX: Final = 0x0060
_DIRECTORY_GROUP: Final = 0x0004

_EXPLICIT = struct.Struct("<HH2sH")
_LONG = struct.Struct("<L")
_GROUPS = (struct.Struct("<HH"), struct.Struct(">HH"))


@dataclass(frozen=True, kw_only=True, slots=True)
class FileMeta:
    """What stands before the data set. UIDs are "" when the file meta information does not give them.

    `preamble` is empty where there is none, `elements` are the tags of group 0002; `is_length_right` is whether its
    group length, if there is one, leads to its end.
    """

    has_prefix: bool
    has_meta: bool
    dataset_offset: int
    preamble: bytes = b""
    elements: frozenset[int] = frozenset()
    is_length_right: bool = True
    transfer_syntax_uid: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoding:
    """How the data set is encoded in truth, and the transfer syntax that stands for it."""

    transfer_syntax_uid: str
    implicit: bool
    big: bool
    is_deflated: bool = False


def read_file_meta(reader: ForwardReader) -> FileMeta:
    """Read preamble and file meta information from the start of the file.

    Raises:
        Refused: `not_dicom` when it begins like nothing of DICOM's, `truncated` when the meta information is cut.
    """
    reader.ensure(0, min(reader.size, _META_BYTES_MAX))
    return parse_file_meta(reader.window[:_META_BYTES_MAX])


def parse_file_meta(head: bytes) -> FileMeta:
    """Parse preamble and file meta information from `head`, the first bytes of a file (at most 1 MiB are looked at).

    Raises:
        Refused: `not_dicom` or `truncated`.
    """
    has_prefix = head[_PREAMBLE_BYTES : _PREAMBLE_BYTES + len(_PREFIX)] == _PREFIX
    position = head.startswith(_PREFIX) * len(_PREFIX)
    if has_prefix:
        position = _PREAMBLE_BYTES + len(_PREFIX)
    found: dict[int, bytes] = {}
    start = position
    while head[position : position + 2] == b"\x02\x00":
        tag, offset, length = _meta_element(head, position)
        if offset + length > len(head):
            raise Refused(RefusalCode.TRUNCATED, "The file ends inside the file meta information.")
        found[tag] = head[offset : offset + length]
        position = offset + length
    if not has_prefix and not found and sniff(head[position:]) is None:
        raise Refused(RefusalCode.NOT_DICOM, "This is no DICOM file.")
    told = found.get(_GROUP_LENGTH, b"")
    return FileMeta(
        has_prefix=has_prefix,
        has_meta=position > start,
        dataset_offset=position,
        preamble=head[:_PREAMBLE_BYTES] if has_prefix else b"",
        elements=frozenset(found),
        is_length_right=not told or start + _HEAD_BYTES_MIN + len(told) + int.from_bytes(told, "little") == position,
        transfer_syntax_uid=_uid(found.get(0x00020010, b"")),
        sop_class_uid=_uid(found.get(0x00020002, b"")),
        sop_instance_uid=_uid(found.get(0x00020003, b"")),
    )


def _meta_element(head: bytes, position: int) -> tuple[int, int, int]:
    """Return (tag, offset of the value, its length); some writers encode group 0002 with implicit VR."""
    if position + _HEAD_BYTES_MIN > len(head):
        raise Refused(RefusalCode.TRUNCATED, "The file ends inside the file meta information.")
    group, element, code, length = _EXPLICIT.unpack_from(head, position)
    tag = group << 16 | element
    vr = code.decode("latin_1")
    if code not in EXPLICIT_VRS:
        return tag, position + 8, _LONG.unpack_from(head, position + 4)[0]
    if vr not in LONG_VRS:
        return tag, position + 8, length
    if position + 12 > len(head):
        raise Refused(RefusalCode.TRUNCATED, "The file ends inside the file meta information.")
    return tag, position + 12, _LONG.unpack_from(head, position + 8)[0]


def _uid(value: bytes) -> str:
    return value.decode("ascii", "replace").strip(" \0")


def sniff(head: bytes) -> tuple[bool, bool] | None:
    """Tell from the first element of a data set whether it is (implicit, big endian); None if it is neither."""
    if len(head) < _HEAD_BYTES_MIN:
        return None
    little, big = (order.unpack_from(head) for order in _GROUPS)
    is_big = big[0] < little[0]
    group, element = big if is_big else little
    tag = group << 16 | element
    if not 0 < group <= _PLAUSIBLE_GROUP_MAX or not (group & 1 or element == 0 or dictionary_vr(tag) != "UN"):
        return None
    if head[4:6] in EXPLICIT_VRS:
        return False, is_big
    length = int.from_bytes(head[4:8], "little")
    if is_big or (length > len(head) and dictionary_vr(tag) != "SQ"):
        return None
    return True, False


def settle_encoding(meta: FileMeta, head: bytes, *, warn: Callable[[str, str], None]) -> Encoding:
    """Return how the data set that begins with `head` is encoded: as declared, unless its first element says otherwise.

    Raises:
        Refused: `not_dicom` when no transfer syntax is declared and none can be guessed, `truncated` when nothing
            is left to guess from.
    """
    declared = meta.transfer_syntax_uid
    seen = sniff(head)
    if not is_usable_uid(declared):
        if not head:
            raise Refused(RefusalCode.TRUNCATED, "The file ends behind the file meta information.")
        if seen is None:
            raise Refused(RefusalCode.NOT_DICOM, "No transfer syntax is declared and none can be guessed.")
        return Encoding(transfer_syntax_uid=syntax_of(seen), implicit=seen[0], big=seen[1])
    if declared in DEFLATED and (seen is None or _inflates(head)):
        return Encoding(transfer_syntax_uid=declared, implicit=False, big=False, is_deflated=True)
    expected = (declared in _IMPLICIT_SYNTAXES, declared == EXPLICIT_BIG)
    if seen is None or (seen == expected and declared not in DEFLATED):
        return Encoding(transfer_syntax_uid=declared, implicit=expected[0], big=expected[1])
    warn("transfer_syntax_mismatch", "The data set is not encoded as its transfer syntax says.")
    uid = syntax_of(seen) if declared in NATIVE else declared
    return Encoding(transfer_syntax_uid=uid, implicit=seen[0], big=seen[1])


def _inflates(head: bytes) -> bool:
    """Tell whether `head` can begin a deflated stream; an element of an explicit data set cannot (RFC 1951 3.2.4)."""
    try:
        zlib.decompressobj(-zlib.MAX_WBITS).decompress(head, _PREAMBLE_BYTES)
    except zlib.error:
        return False
    return True


def syntax_of(seen: tuple[bool, bool]) -> str:
    """Return the native transfer syntax of a data set that is (implicit, big endian)."""
    implicit, big = seen
    if implicit:
        return IMPLICIT_LITTLE
    return EXPLICIT_BIG if big else EXPLICIT_LITTLE


def is_directory_record(head: bytes) -> bool:
    """Tell whether a file that begins with `head` (the first kB) is a DICOMDIR (PS3.10 8.6): it holds no instance."""
    try:
        meta = parse_file_meta(head)
    except Refused:
        return False
    if meta.sop_class_uid:
        return meta.sop_class_uid == MEDIA_DIRECTORY
    return head[meta.dataset_offset : meta.dataset_offset + 2] == _DIRECTORY_GROUP.to_bytes(2, "little")
