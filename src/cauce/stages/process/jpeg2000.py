"""What a JPEG 2000 or HTJ2K frame says of itself, read before any codec sees it (ITU-T T.800, T.814).

Besides its dimensions that is how finely it is cut into tiles, precincts and code blocks: a decoder keeps a record of
each, so three hundred bytes can ask for gigabytes of records for a frame of moderate size.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from cauce.stages.process.codestream import Codestream

_START = b"\xff\x4f\xff\x51"
_COD, _COC, _SOT, _SOD, _EOC = 0xFF52, 0xFF53, 0xFF90, 0xFF93, 0xFFD9
_SIZ_LENGTH, _COMPONENTS_SHORT, _LEVELS_MAX = 38, 257, 32
_TILE_BYTES, _PRECINCT_BYTES, _BLOCK_BYTES = 12288, 2048, 512
"""Records of OpenJPEG for each tile, precinct and code block, as measured, rounded up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Coding:
    """A coding style: log2 of the code blocks' width and height, and of the precincts' at each resolution."""

    block: tuple[int, int]
    precincts: tuple[tuple[int, int], ...]
    transforms_components: bool = False

    def structure_bytes(self, columns: int, rows: int) -> int:
        """Estimate a decoder's records for one component of one tile of this size."""
        total = 0
        for level, (wide, high) in enumerate(self.precincts):
            down = len(self.precincts) - 1 - level
            width, height = _cells(columns, down), _cells(rows, down)
            nested = 1 if level else 0
            block = (min(self.block[0], max(wide - nested, 0)), min(self.block[1], max(high - nested, 0)))
            total += _PRECINCT_BYTES * _cells(width, wide) * _cells(height, high)
            total += _BLOCK_BYTES * _cells(width, block[0]) * _cells(height, block[1])
        return total


def _cells(length: int, exponent: int) -> int:
    return -(-length // (1 << exponent))


def read_jpeg2000(data: bytes) -> Codestream | None:
    """Read the headers of a JPEG 2000 codestream, bare or in a JP2 file; `None` when it has no usable ones.

    `None` also stands for what no decoder here handles: subsampled components, or components of unlike depth.
    """
    start = 0 if data.startswith(_START) else data.find(_START)
    if start < 0:
        return None
    try:
        return _read(data, start)
    except (IndexError, struct.error):
        return None


def _read(data: bytes, start: int) -> Codestream | None:
    (length, _, x1, y1, x0, y0, tile_x, tile_y, tile_x0, tile_y0, samples) = struct.unpack_from(
        ">HHIIIIIIIIH", data, start + 4
    )
    components = data[start + 42 : start + 42 + 3 * samples]
    if length != _SIZ_LENGTH + 3 * samples or len(components) != 3 * samples or not samples:
        return None
    if not (tile_x and tile_y and x1 > x0 >= tile_x0 and y1 > y0 >= tile_y0):
        return None
    depths = set(components[::3])
    if len(depths) != 1 or any(v != 1 for i, v in enumerate(components) if i % 3):
        return None
    depth = depths.pop()
    codings = set(_codings(data, start + 4 + length, samples=samples))
    if not codings:
        return None
    columns, rows = min(tile_x, x1 - tile_x0), min(tile_y, y1 - tile_y0)
    tiles = -(-(x1 - tile_x0) // tile_x) * -(-(y1 - tile_y0) // tile_y)
    return Codestream(
        rows=y1 - y0,
        columns=x1 - x0,
        samples=samples,
        precision=(depth & 0x7F) + 1,
        signed=bool(depth & 0x80),
        multi_component_transform=any(coding.transforms_components for coding in codings),
        structure_bytes=tiles * _TILE_BYTES
        + samples * max(coding.structure_bytes(columns, rows) for coding in codings),
    )


def _codings(data: bytes, position: int, *, samples: int) -> Iterator[_Coding]:
    """Yield the coding styles of the main header and of each tile-part's header; damage ends the walk."""
    tile_part = 0
    while position + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, position)
        body = data[position + 4 : position + 2 + length]
        if marker == _COD:
            yield _coding(body[5:], precincts_given=bool(body[0] & 1), transforms_components=body[4] == 1)
        elif marker == _COC:
            skipped = 1 if samples < _COMPONENTS_SHORT else 2
            yield _coding(body[skipped + 1 :], precincts_given=bool(body[skipped] & 1))
        elif marker == _SOT:
            tile_part = position
        elif marker == _SOD:
            size = struct.unpack_from(">I", data, tile_part + 6)[0]
            if not size:  # it reaches to the end
                return
            position = max(tile_part + size, position + 2)
            continue
        elif marker < 0xFF00 or marker == _EOC:  # noqa: PLR2004 - no marker
            return
        position += 2 + max(length, 2)


def _coding(body: bytes, *, precincts_given: bool, transforms_components: bool = False) -> _Coding:
    levels = min(body[0], _LEVELS_MAX)
    given = body[5 : 6 + levels] if precincts_given else b"\xff" * (levels + 1)
    if len(given) != levels + 1:
        raise IndexError("a coding style ends early")
    return _Coding(
        block=((body[1] & 0xF) + 2, (body[2] & 0xF) + 2),
        precincts=tuple((size & 0xF, size >> 4) for size in given),
        transforms_components=transforms_components,
    )
