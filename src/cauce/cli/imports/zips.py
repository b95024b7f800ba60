"""How many entries a zip has, as its end says (APPNOTE 4.3.14 to 4.3.16): a bar tells by it how far unpacking is."""

import struct
from pathlib import Path
from typing import BinaryIO, Final

_END: Final = struct.Struct("<4s4H2LH")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_COMMENT_BYTES_MAX: Final = 65_535
_MORE: Final = 0xFFFF
_SIGNATURE: Final = b"PK"


def entries_of(path: Path) -> int:
    """Return how many files and folders a zip has; 0 where it is none, or says nothing."""
    try:
        with path.open("rb") as source:
            return _entries(source) if source.read(2) == _SIGNATURE else 0
    except (OSError, struct.error):
        return 0


def _entries(source: BinaryIO) -> int:
    size_bytes = source.seek(0, 2)
    start = max(0, size_bytes - _COMMENT_BYTES_MAX - _END.size - _LOCATOR.size)
    source.seek(start)
    tail = source.read()
    found = tail.rfind(b"PK\x05\x06")
    if found < 0:
        return 0
    count: int = _END.unpack_from(tail, found)[4]
    if count != _MORE or found < _LOCATOR.size:
        return count
    mark, _, offset, _ = _LOCATOR.unpack_from(tail, found - _LOCATOR.size)
    if mark != b"PK\x06\x07":
        return count
    source.seek(offset)
    counted: int = _END64.unpack(source.read(_END64.size))[7]
    return counted
