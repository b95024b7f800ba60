"""Images inside sequences, most of them icons: kept where they can be when the transfer syntax changes.

A native one stays as it is, which every transfer syntax allows (PS3.5 section A.4). A compressed one is decoded, since
it would have to be compressed in the new way otherwise; an icon that cannot be is left out.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Final

from cauce.core.limits import MIB

Decode = Callable[[Mapping[int, bytes], bytes], bytes | None]
"""Turns the compressed frame of an image with these elements of group 0028 (little endian) into a native one."""

ICON_IMAGE_SEQUENCE: Final = 0x00880200
_HELD_MAX: Final = 1 * MIB
_COMPRESSED_MAX: Final = 16 * MIB
_GROUP, _SHORT = 0x0028, 64


class Descriptions:
    """What the items that are open say of their images."""

    def __init__(self) -> None:
        """Begin outside of any item."""
        self._items: list[dict[int, bytes]] = []

    def open(self) -> None:
        """Enter an item."""
        self._items.append({})

    def close(self) -> None:
        """Leave it."""
        self._items.pop()

    def note(self, tag: int, value: bytes) -> None:
        """Take an element of the innermost item, little endian."""
        if self._items and tag >> 16 == _GROUP and len(value) <= _SHORT:
            self._items[-1][tag] = value

    def innermost(self) -> Mapping[int, bytes]:
        """Return what the innermost item says."""
        return self._items[-1] if self._items else {}


class Compressed:
    """The fragments of one nested image as they come; `is_too_long` when there are more than such images have."""

    def __init__(self) -> None:
        """Begin without any."""
        self.is_too_long = False
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, chunks: Iterable[bytes], length: int) -> None:
        """Take a fragment of `length` bytes."""
        self._size += length
        if self._size > _COMPRESSED_MAX:
            self.is_too_long = True
            self._parts.clear()
        if not self.is_too_long:
            self._parts.extend(chunks)

    def joined(self) -> bytes:
        """Return all fragments as one."""
        return b"".join(self._parts)


class Icon:
    """An icon as it is written: held back until it has ended, since it may have to be left out.

    `depth` is the one at which its sequence stands; `is_over` when nothing more of it is held back.
    """

    def __init__(self, depth: int) -> None:
        """Begin with nothing written."""
        self.depth = depth
        self.is_over = False
        self.is_dropped = False
        self._held: list[bytes] = []
        self._held_bytes = 0

    def take(self, pieces: Iterable[bytes], *, ends: bool) -> Iterable[bytes]:
        """Take what has been written of it; return what may go on."""
        pieces = iter(pieces)
        for piece in pieces:
            if self.is_dropped:
                continue
            self._held.append(piece)
            self._held_bytes += len(piece)
            if self._held_bytes > _HELD_MAX:  # longer than any icon: it has to be a native one
                self.is_over = True
                return chain(self._held, pieces)
        self.is_over = ends
        return self._held if ends and not self.is_dropped else ()
