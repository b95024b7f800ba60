"""Palette colour: the tables that give each stored value a colour, plain or segmented (PS3.3 C.7.6.3.1.5, C.7.9.2)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cauce.core.errors import Undecodable
from cauce.stages.process.layout import integer, numbers

_ENTRIES_MAX = 65536
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


class _Malformed(Exception):
    """A table that breaks the rules."""


def palette(ds: Dataset, values: NDArray[np.int32], *, transfer_syntax_uid: str) -> NDArray[np.uint8]:
    """Return the colours of n stored values as an (n, 3) table; values beyond a table take its nearest end.

    Entries of 16 bits are brought down to 8.

    Raises:
        Undecodable: the palette is missing or malformed.
    """
    colours = np.empty((len(values), 3), np.uint8)
    try:
        for channel, name in enumerate(("Red", "Green", "Blue")):
            first, table = _table(ds, name)
            colours[:, channel] = table[np.clip(values - first, 0, len(table) - 1)]
    except (_Malformed, ValueError, IndexError) as error:
        raise Undecodable("the colour palette is unusable", transfer_syntax_uid=transfer_syntax_uid) from error
    return colours


def _table(ds: Dataset, name: str) -> tuple[int, NDArray[np.uint8]]:
    """Return the first stored value that one channel's table maps, and its entries of 8 bits."""
    descriptor = [int(v) for v in numbers(ds, f"{name}PaletteColorLookupTableDescriptor")]
    if len(descriptor) != 3:  # noqa: PLR2004 - entries, first value, bits
        raise _Malformed(name)
    entries, first, bits = descriptor
    entries = entries % _ENTRIES_MAX or _ENTRIES_MAX
    if first >= _ENTRIES_MAX // 2 and integer(ds, "PixelRepresentation") == 1:
        first -= _ENTRIES_MAX
    table = _words(ds, f"{name}PaletteColorLookupTableData", wide_from=2 * entries)
    if table is None:
        wide_from = 0 if bits > 8 else 3 * _ENTRIES_MAX  # noqa: PLR2004 - a byte
        segments = _words(ds, f"Segmented{name}PaletteColorLookupTableData", wide_from=wide_from)
        if segments is None:
            raise _Malformed(name)
        table = np.array(_expanded(segments.tolist(), entries), segments.dtype)
    if len(table) < entries:
        raise _Malformed(name)
    table = table[:entries]
    # Entries of 8 bits are also written as words, in the lower byte.
    is_wide = table.dtype.itemsize > 1 and int(table.max()) > 0xFF  # noqa: PLR2004 - a byte
    return first, (table >> 8 if is_wide else table).astype(np.uint8)


def _words(ds: Dataset, keyword: str, *, wide_from: int) -> NDArray[Any] | None:
    """Return a table's data: bytes, or words from a length of `wide_from` bytes; `None` when it is absent."""
    try:
        data = ds.get(keyword)
    except Exception as error:  # converting a malformed raw element raises nearly anything
        raise _Malformed(keyword) from error
    if data is None:
        return None
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data)).astype(np.uint16)
    order = "<" if ds.original_encoding[1] is not False else ">"
    if len(data) >= wide_from:
        return np.frombuffer(data[: len(data) & ~1], f"{order}u2").astype(np.uint16)
    if order == "<":
        return np.frombuffer(data, np.uint8)
    return np.frombuffer(data[: len(data) & ~1], np.uint16).byteswap().view(np.uint8)


def _expanded(words: list[int], entries: int) -> list[int]:
    """Unfold a segmented table of `entries` entries (PS3.3 C.7.9.2)."""
    table: list[int] = []
    position = 0
    while len(table) < entries and position + 1 < len(words):
        if words[position] != _INDIRECT:
            position = _segment(words, position, table)
            continue
        count, low, high = words[position + 1 : position + 4]
        source = (high << 16 | low) // 2
        for _ in range(count):
            if len(table) >= entries:
                break
            source = _segment(words, source, table)
        position += 4
    return table


def _segment(words: list[int], position: int, table: list[int]) -> int:
    """Append one discrete or linear segment to `table`; return where the next begins."""
    kind, length = words[position : position + 2]
    if kind == _DISCRETE and length:
        table.extend(words[position + 2 : position + 2 + length])
        return position + 2 + length
    if kind == _LINEAR and length and table:
        start, end = table[-1], words[position + 2]
        table.extend(round(start + (end - start) * step / length) for step in range(1, length + 1))
        return position + 3
    raise _Malformed("segment")
