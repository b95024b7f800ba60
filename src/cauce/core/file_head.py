"""The head of a Part 10 file: what goes before a data set that came without one (PS3.10 section 7.1)."""

import struct

from cauce import __version__

IMPLEMENTATION_CLASS_UID = "2.25.243277749423202056516977041016605547498"
IMPLEMENTATION_VERSION_NAME = f"CAUCE_{__version__}"[:16]

_PREAMBLE = bytes(128) + b"DICM"
_LONG_HEADER = struct.Struct("<HH2sHL")
_SHORT_HEADER = struct.Struct("<HH2sH")


def _short(element: int, vr: bytes, text: str, *, pad: bytes) -> bytes:
    value = text.encode("ascii")
    value += pad * (len(value) % 2)
    return _SHORT_HEADER.pack(0x0002, element, vr, len(value)) + value


def file_head(
    *, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, source_ae_title: str = ""
) -> bytes:
    """Return preamble, prefix and group 0002 for a data set that follows as it is.

    The source AE title (0002,0016) is left out when empty.

    Raises:
        UnicodeEncodeError: a value is not ASCII.
    """
    group = (
        _LONG_HEADER.pack(0x0002, 0x0001, b"OB", 0, 2)
        + b"\x00\x01"
        + _short(0x0002, b"UI", sop_class_uid, pad=b"\x00")
        + _short(0x0003, b"UI", sop_instance_uid, pad=b"\x00")
        + _short(0x0010, b"UI", transfer_syntax_uid, pad=b"\x00")
        + _short(0x0012, b"UI", IMPLEMENTATION_CLASS_UID, pad=b"\x00")
        + _short(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME, pad=b" ")
    )
    if source_ae_title:
        group += _short(0x0016, b"AE", source_ae_title, pad=b" ")
    length = _SHORT_HEADER.pack(0x0002, 0x0000, b"UL", 4) + struct.pack("<L", len(group))
    return _PREAMBLE + length + group
