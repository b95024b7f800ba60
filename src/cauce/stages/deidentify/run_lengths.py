"""What RLE frames carry besides pixels (PS3.5 Annex G): bytes that no segment's runs reach."""

import re
import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from cauce.stages.deidentify.fragments import Edit, Joined, UnexplainedError

_HEAD: Final = 64
_SEGMENTS_MAX: Final = 15
_LITERAL_MAX, _NOTHING = 128, 128
_CHUNK: Final = 64 * 1024
_NOT_ZERO = re.compile(rb"[^\0]")


def beside_the_runs(frame: Joined, *, segments: int, segment_bytes: int) -> Iterator[Edit]:
    """Yield what one frame carries besides `segments`, each of which unfolds to `segment_bytes`; see `Edit`.

    Raises:
        UnexplainedError: it has other segments.
    """
    count, *offsets = struct.unpack("<16L", frame.at(0, _HEAD).ljust(_HEAD, b"\0"))
    if not 1 <= count <= min(segments, _SEGMENTS_MAX):
        raise UnexplainedError("A frame has other segments than its pixels ask for.")
    starts = [*offsets[:count], frame.length]
    if starts != sorted(set(starts)) or starts[0] < _HEAD:
        raise UnexplainedError("The segments of a frame lie across each other.")
    yield from _blank(frame, 4 + 4 * count, starts[0])
    for start, end in pairwise(starts):
        yield from _blank(frame, _end_of_runs(frame, start, end, segment_bytes), end)


def _blank(frame: Joined, start: int, end: int) -> Iterator[Edit]:
    if start < end and frame.find(_NOT_ZERO, start, end) >= 0:
        yield start, end - start, None


def _end_of_runs(frame: Joined, position: int, end: int, wanted: int) -> int:
    """Return where the runs end that unfold to `wanted` bytes."""
    while position < end and wanted > 0:
        piece = frame.at(position, min(_CHUNK, end - position))
        at, length = 0, len(piece)
        while at < length and wanted > 0:
            code = piece[at]
            if code < _LITERAL_MAX:
                at += code + 2
                wanted -= code + 1
            elif code > _NOTHING:
                at += 2
                wanted -= 257 - code
            else:
                at += 1
        position += at
    return min(position, end)
