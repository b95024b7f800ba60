"""How one data element is laid out in bytes (PS3.5 section 7.1), in each of the three encodings."""

import struct
from dataclasses import dataclass
from typing import Self

UNDEFINED = 0xFFFFFFFF
ITEM_GROUP = 0xFFFE
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD

SHORT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split()  # a length of two bytes
)
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())  # two bytes unused, a length of four
VRS = SHORT_VRS | LONG_VRS
TEXT_VRS = frozenset(b"AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT".split())
BINARY_VRS = frozenset(b"OB OD OF OL OV OW UN".split())
PLAIN_VRS = VRS - frozenset(b"SQ UI PN UN AE DA DT TM".split())
"""VRs whose values may stay as they are where the plan keeps the attribute; the others name somebody or a moment."""

_SHORT_MAX = 0xFFFF


@dataclass(frozen=True, slots=True)
class Encoding:
    """Implicit or explicit VR, little or big endian, with the structs that read it."""

    implicit: bool
    little: bool
    explicit_head: struct.Struct
    implicit_head: struct.Struct
    length: struct.Struct

    @classmethod
    def of(cls, *, implicit: bool, little: bool) -> Self:
        """Return the encoding; its structs read group, element, VR and 16-bit length, or group, element, length."""
        order = "<" if little else ">"
        return cls(
            implicit, little, struct.Struct(order + "HH2sH"), struct.Struct(order + "HHL"), struct.Struct(order + "L")
        )

    def head(self, tag: int, vr: bytes, length: int) -> bytes:
        """Return the bytes before a value of `length` bytes; what is too long for a short VR is written as UN."""
        if self.implicit or tag >> 16 == ITEM_GROUP:
            return self.implicit_head.pack(tag >> 16, tag & 0xFFFF, length)
        if vr in SHORT_VRS and length <= _SHORT_MAX:
            return self.explicit_head.pack(tag >> 16, tag & 0xFFFF, vr, length)
        vr = vr if vr in LONG_VRS else b"UN"
        return self.explicit_head.pack(tag >> 16, tag & 0xFFFF, vr, 0) + self.length.pack(length)

    def element(self, tag: int, vr: bytes, value: bytes) -> bytes:
        """Return a whole element; a value of odd length is padded (PS3.5 section 6.2)."""
        if len(value) & 1:
            value += b" " if vr in TEXT_VRS and vr != b"UI" else b"\0"
        return self.head(tag, vr, len(value)) + value

    def sequence(self, tag: int, *items: bytes) -> bytes:
        """Return a sequence of the given items, each the bytes of a data set, all of defined length."""
        body = b"".join(self.head(ITEM, b"", len(item)) + item for item in items)
        return self.head(tag, b"SQ", len(body)) + body


IMPLICIT_LITTLE = Encoding.of(implicit=True, little=True)
EXPLICIT_LITTLE = Encoding.of(implicit=False, little=True)
EXPLICIT_BIG = Encoding.of(implicit=False, little=False)
