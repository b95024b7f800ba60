"""Reading elements in raw bytes: heads, the encoding of an item, and a walk over all values of a data set."""

from collections.abc import Iterator, Mapping

from cauce.stages.deidentify.encoding import (
    IMPLICIT_LITTLE,
    ITEM,
    ITEM_END,
    ITEM_GROUP,
    LONG_VRS,
    SEQUENCE_END,
    SHORT_VRS,
    UNDEFINED,
    VRS,
    Encoding,
)


class ShortError(Exception):
    """The buffer ends inside an element; more of the file is needed."""


class BrokenError(Exception):
    """The bytes do not follow the encoding. The text says how, without any value."""


class ElementReader:
    """Reads the heads of elements that lie in `buffer`; `vrs` tells the VR of a tag where the file does not."""

    def __init__(self, vrs: Mapping[int, bytes], buffer: bytes = b"") -> None:
        """Nothing is read yet."""
        self.vrs = vrs
        self.buffer = buffer
        self.sequence = (0, 0)

    def head(self, position: int, stop: int, encoding: Encoding) -> tuple[int, bytes, int, int]:
        """Return (tag, VR, offset of the value, its length) of the element at `position`; implicit VRs are looked up.

        Raises:
            ShortError: the head does not end before `stop`.
            BrokenError: the VR is none.
        """
        if position + 8 > stop:
            raise ShortError
        if encoding.implicit:
            group, element, length = encoding.implicit_head.unpack_from(self.buffer, position)
            tag = group << 16 | element
            return tag, self.vrs.get(tag, b"UN"), position + 8, length
        group, element, vr, length = encoding.explicit_head.unpack_from(self.buffer, position)
        tag = group << 16 | element
        if vr in SHORT_VRS:
            return tag, vr, position + 8, length
        if vr in LONG_VRS:
            if position + 12 > stop:
                raise ShortError
            return tag, vr, position + 12, encoding.length.unpack_from(self.buffer, position + 8)[0]
        if group == ITEM_GROUP:
            return tag, b"", position + 8, encoding.length.unpack_from(self.buffer, position + 4)[0]
        raise BrokenError("An element has no known value representation.")

    def settled(self, encoding: Encoding, position: int, stop: int) -> Encoding:
        """Return implicit little endian for an item that lacks VRs in an explicit data set, as some writers make it."""
        if encoding.implicit or position + 8 > stop:
            return encoding
        group = encoding.explicit_head.unpack_from(self.buffer, position)[0]
        vr = self.buffer[position + 4 : position + 6]
        return encoding if vr in VRS or group == ITEM_GROUP or not encoding.little else IMPLICIT_LITTLE

    def values(self, position: int, stop: int, encoding: Encoding) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield (tag, VR, raw value) of every element, at all depths, in the order of the bytes.

        A sequence is yielded before its items, without a value; `sequence` then holds where its items lie, from and to
        (-1 where that is not said).

        Raises:
            ShortError: the bytes end inside an element.
            BrokenError: the structure cannot be followed.
        """
        open_items = [(stop, encoding)]
        while open_items:
            end, encoding = open_items[-1]
            if position >= end:
                open_items.pop()
                continue
            tag, vr, value, length = self.head(position, end, encoding)
            if tag in {ITEM_END, SEQUENCE_END}:
                position = value
                open_items.pop()
            elif tag == ITEM:
                item_end = end if length == UNDEFINED else value + length
                open_items.append((item_end, self.settled(encoding, value, item_end)))
                position = value
            elif vr == b"SQ" or length == UNDEFINED or (vr == b"UN" and self.vrs.get(tag) == b"SQ"):
                inner = IMPLICIT_LITTLE if vr == b"UN" and not encoding.implicit else encoding
                open_items.append((end if length == UNDEFINED else value + length, inner))
                self.sequence = (value, -1 if length == UNDEFINED else value + length)
                yield tag, b"SQ", b""
                position = value
            else:
                position = value + length
                yield tag, vr, self.buffer[value:position]
