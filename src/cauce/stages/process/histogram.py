"""How often each stored value occurs in a frame: exact figures and grey levels at the price of one pass over it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ITEMSIZE_MAX = 2
_BLOCK_PX = 1 << 20
"""Pixels handled at a time where NumPy widens indices to 64 bits, so that a large frame costs no eightfold copy."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """`counts[i]` pixels have the stored value `lowest + i`; neither end is empty."""

    lowest: int
    counts: NDArray[np.int64]

    @property
    def values(self) -> NDArray[np.int32]:
        """The stored values that `counts` belongs to."""
        return np.arange(self.lowest, self.lowest + len(self.counts), dtype=np.int32)

    def look_up(self, stored: NDArray[Any], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Replace each stored value by the row of `table`, (values,) or (values, 3), that belongs to it."""
        indices = _indices(stored, self.lowest)
        out = np.empty((indices.size, *table.shape[1:]), np.uint8)
        for start in range(0, indices.size, _BLOCK_PX):
            part = slice(start, start + _BLOCK_PX)
            np.take(table, indices[part], axis=0, out=out[part], mode="clip")
        return out.reshape(stored.shape + table.shape[1:])


def histogram(stored: NDArray[Any]) -> Histogram | None:
    """Count the values of a frame of integers of up to 16 bits; `None` for wider ones and floats."""
    if stored.dtype.kind not in "iu" or stored.dtype.itemsize > _ITEMSIZE_MAX:
        return None
    lowest = int(stored.min())
    length = int(stored.max()) - lowest + 1
    indices = _indices(stored, lowest)
    counts = np.zeros(length, np.int64)
    for start in range(0, indices.size, _BLOCK_PX):
        counts += np.bincount(indices[start : start + _BLOCK_PX], minlength=length)
    return Histogram(lowest, counts)


def _indices(stored: NDArray[Any], lowest: int) -> NDArray[Any]:
    """Return the values counted from `lowest`, unsigned, in one row; the difference is right modulo 2**n."""
    unsigned = np.dtype(f"u{stored.dtype.itemsize}")
    shifted: NDArray[Any] = stored.view(unsigned).ravel() - unsigned.type(lowest % (1 << (8 * unsigned.itemsize)))
    return shifted
