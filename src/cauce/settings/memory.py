"""How this process asks for memory: what one busy moment took goes back to the system."""

import ctypes
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Parameters of `mallopt` (malloc.h of the GNU C library)."""
_ARENAS: Final = 2
_OF_ITS_OWN_BYTES: Final = 1 << 20


def give_memory_back() -> None:
    """Have blocks of a megabyte mapped on their own, and threads share two heaps, where the C library can be told so.

    Each thread has a heap otherwise, and what frames and files left in one is no use to the others: a web process that
    has taken in many files at once would keep 70 MB that it does not need.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return  # not the GNU C library
    for parameter, value in (
        (_ARENA_MAX, _ARENAS),
        (_MMAP_THRESHOLD, _OF_ITS_OWN_BYTES),
        (_TRIM_THRESHOLD, _OF_ITS_OWN_BYTES),
    ):
        mallopt(parameter, value)
