"""Encapsulated pixel data (PS3.5 A.4): where its fragments lie, and which of them make up each frame.

Only the eight bytes of each item header are read, so a file of gigabytes costs as little as its number of fragments.
"""

import struct
from array import array
from collections.abc import Sequence
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cauce.core.errors import Undecodable

Span = tuple[int, int]
"""Offset in the stream and length, in bytes."""

Offsets = NDArray[np.int64]

_ITEM = 0xFFFEE000
_DELIMITER = 0xFFFEE0DD
_FRAGMENTS_MAX = 4_000_000
_FRAME_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ", b"\xff\x0a", b"\0\0\0\x0cJXL ")


class FrameSpans:
    """The fragments of each frame: `spans[i]` lists those of frame i, in order."""

    def __init__(self, offsets: Offsets, lengths: Offsets, firsts: Offsets) -> None:
        """`firsts[i]` is the number of the first fragment of frame i."""
        self._offsets, self._lengths = offsets, lengths
        self._firsts = np.append(firsts, len(offsets))

    @classmethod
    def known(cls, frames: Sequence[Sequence[Span]]) -> Self:
        """Return the spans of frames that were located before."""
        spans = np.array([span for frame in frames for span in frame], np.int64).reshape(-1, 2)
        counts = np.fromiter((len(frame) for frame in frames), np.int64, len(frames))
        return cls(spans[:, 0], spans[:, 1], np.cumsum(counts) - counts)

    @property
    def size_bytes(self) -> int:
        """Bytes of all fragments."""
        return int(self._lengths.sum())

    def __getitem__(self, index: int) -> list[Span]:
        """Return the fragments of one frame."""
        first, last = self._firsts[index : index + 2]
        return list(zip(self._offsets[first:last].tolist(), self._lengths[first:last].tolist(), strict=True))


def frame_spans(
    stream: BinaryIO, offset: int, *, size_bytes: int, frames: int, ds: Dataset, transfer_syntax_uid: str
) -> FrameSpans:
    """Return for each frame the spans of its fragments.

    `offset` is where the value of the pixel data element starts, `size_bytes` where the stream ends.
    Frames are told apart by the extended or basic offset table, else by one fragment a frame, else by the markers at
    which a compressed image begins.

    Raises:
        Undecodable: the items are malformed, or cannot be assigned to `frames` frames.
    """
    table, offsets, lengths = _items(stream, offset, size_bytes=size_bytes, frames=frames, uid=transfer_syntax_uid)
    if not len(offsets):
        raise Undecodable("the pixel data has no fragments", transfer_syntax_uid=transfer_syntax_uid)
    if frames == 1:
        return FrameSpans(offsets, lengths, np.zeros(1, np.int64))
    for starts in (_extended(ds), table):
        firsts = _by_offsets(offsets, starts, frames)
        if firsts is not None:
            return FrameSpans(offsets, lengths, firsts)
    if len(offsets) == frames:
        return FrameSpans(offsets, lengths, np.arange(frames))
    firsts = _by_markers(stream, offsets)
    if len(firsts) == frames:
        return FrameSpans(offsets, lengths, firsts)
    raise Undecodable("fragments cannot be assigned to frames", transfer_syntax_uid=transfer_syntax_uid)


def all_fragments(stream: BinaryIO, offset: int, *, size_bytes: int, transfer_syntax_uid: str) -> list[Span]:
    """Return the spans of every fragment after the basic offset table, as video needs them.

    Raises:
        Undecodable: the items are malformed.
    """
    _, offsets, lengths = _items(stream, offset, size_bytes=size_bytes, frames=0, uid=transfer_syntax_uid)
    return FrameSpans(offsets, lengths, np.zeros(1, np.int64))[0]


def _items(
    stream: BinaryIO, offset: int, *, size_bytes: int, frames: int, uid: str
) -> tuple[Offsets, Offsets, Offsets]:
    """Walk the items; return the basic offset table, if it is one of `frames`, and the fragments that are not empty."""
    table = b""
    offsets, lengths = array("q"), array("q")
    first = True
    while len(offsets) <= _FRAGMENTS_MAX:
        stream.seek(offset)
        header = stream.read(8)
        if len(header) < 8:  # noqa: PLR2004 - an item header is 8 bytes; many writers forget the delimiter
            break
        group, element, length = struct.unpack("<HHI", header)
        tag = group << 16 | element
        if tag == _DELIMITER:
            break
        if tag != _ITEM:
            raise Undecodable("an item of the pixel data is malformed", transfer_syntax_uid=uid)
        if length > size_bytes - offset - 8:
            raise Undecodable("a fragment ends after the end of the file", transfer_syntax_uid=uid)
        if first:
            table = stream.read(length) if length == 4 * frames <= 4 * _FRAGMENTS_MAX else b""
        elif length:
            offsets.append(offset + 8)
            lengths.append(length)
        first = False
        offset += 8 + length
    else:
        raise Undecodable("the pixel data has too many fragments", transfer_syntax_uid=uid)
    return np.frombuffer(table, "<u4").astype(np.int64), _numbers(offsets), _numbers(lengths)


def _numbers(values: "array[int]") -> Offsets:
    return np.array(values, np.int64)


def _extended(ds: Dataset) -> Offsets:
    try:
        raw: Any = ds.get("ExtendedOffsetTable")
    except Exception:  # noqa: BLE001 - a malformed table fails in many ways and then stands for none
        raw = None
    if not isinstance(raw, bytes) or len(raw) % 8:
        return np.zeros(0, np.int64)
    return np.frombuffer(raw, "<i8").astype(np.int64)


def _by_offsets(offsets: Offsets, starts: Offsets, frames: int) -> Offsets | None:
    """Group fragments by an offset table, whose offsets count from the first fragment's item header."""
    if len(starts) != frames or starts[0] != 0 or np.any(np.diff(starts) <= 0):
        return None
    positions = offsets - offsets[0]
    firsts = np.searchsorted(positions, starts)
    fits = firsts[-1] < len(positions) and bool(np.array_equal(positions[firsts], starts))
    return firsts.astype(np.int64) if fits else None


def _by_markers(stream: BinaryIO, offsets: Offsets) -> Offsets:
    firsts = [0]
    for number, offset in enumerate(offsets.tolist()):
        if number:
            stream.seek(offset)
            if stream.read(12).startswith(_FRAME_STARTS):
                firsts.append(number)
    return np.array(firsts, np.int64)
