"""A window that moves forward over the bytes of one file: the header is parsed and the whole hashed in one pass."""

import hashlib
import sys
import zlib
from collections.abc import Iterator
from io import SEEK_CUR
from typing import BinaryIO, Final

from cauce.core.errors import Refused
from cauce.core.limits import KIB, MIB, Limits
from cauce.core.statuses import RefusalCode

CHUNK_BYTES: Final = 1 * MIB
_FIRST_PULL_BYTES: Final = 16 * KIB


class ForwardReader:
    """Bytes of a file seen through `window`, which starts at the absolute offset `base` and never moves back.

    `size` is the offset where the bytes end; it shrinks when the source turns out to be shorter.
    """

    def __init__(self, source: BinaryIO, *, size_bytes: int) -> None:
        """Read `source` from its start up to `size_bytes`."""
        source.seek(0)
        self.window = b""
        self.base = 0
        self.size = size_bytes
        self._source = source
        self._pulled = 0
        self._hash = hashlib.sha256()
        self._hashing = False

    def pull(self) -> bytes:
        """Return the next bytes of the source (empty at its end), through the hash once it has started."""
        chunk = self._source.read(min(CHUNK_BYTES, self.size - self._pulled))
        self._pulled += len(chunk)
        if self._hashing:
            self._hash.update(chunk)
        return chunk

    def start_hash(self, offset: int) -> None:
        """Hash everything from `offset` on, which must lie inside the window or at its end."""
        self._hashing = True
        self._hash.update(memoryview(self.window)[offset - self.base :])

    def ensure(self, offset: int, count: int) -> bool:
        """Make the window hold `count` bytes from `offset`; False when the bytes end before."""
        end = offset + count
        if self.base <= offset and end <= self.base + len(self.window):
            return True
        if end > self.size:
            return False
        self._move_to(offset)
        parts = [self.window]
        have = len(self.window)
        while have < count:
            chunk = self.pull()
            if not chunk:
                self.size = self.base + have
                break
            parts.append(chunk)
            have += len(chunk)
        self.window = b"".join(parts)
        return have >= count

    def peek(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset`, or as many as there are."""
        self.ensure(offset, min(count, self.size - offset))
        start = offset - self.base
        return self.window[start : start + count]

    def stream(self, offset: int, length: int) -> Iterator[bytes]:
        """Yield `length` bytes from `offset` in bounded chunks; the window moves behind them.

        Raises:
            Refused: `truncated`, the bytes end before.
        """
        while length > 0:
            if not self.ensure(offset, 1):
                raise Refused(RefusalCode.TRUNCATED, "The file ends inside a value.")
            start = offset - self.base
            chunk = self.window[start : start + length]
            yield chunk
            offset += len(chunk)
            length -= len(chunk)

    def finish(self) -> bytes:
        """Read to the end of the source and return the SHA-256 of everything since `start_hash`."""
        while self.pull():
            pass
        return self._hash.digest()

    @property
    def consumed_bytes(self) -> int:
        """Bytes taken from the source so far."""
        return self._pulled

    def _move_to(self, offset: int) -> None:
        while offset > self.base + len(self.window):
            self.base += len(self.window)
            self.window = self.pull()
            if not self.window:
                self.size = self.base
                return
        self.window = self.window[offset - self.base :]
        self.base = offset


class SeekingReader(ForwardReader):
    """A reader that seeks over what nobody looks at, for walks that need no hash of the whole."""

    def _move_to(self, offset: int) -> None:
        gap = offset - self.base - len(self.window)
        if gap > CHUNK_BYTES:
            self._source.seek(gap, SEEK_CUR)
            self._pulled += gap
            self.base, self.window = offset, b""
        super()._move_to(offset)


class InflatingReader(ForwardReader):
    """The inflated data set of a deflated file (PS3.5 A.5): offsets count as if it were stored inflated."""

    def __init__(self, raw: ForwardReader, *, offset: int, limits: Limits) -> None:
        """Inflate what `raw` holds from `offset` on, at most `limits.inflated_bytes_max` bytes.

        Where it ends shows only when it is reached.
        """
        self.window = b""
        self.base = offset
        self.size = sys.maxsize
        self._inflated_max = limits.inflated_bytes_max
        self._raw = raw
        self._first = raw.window[offset - raw.base :]
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._inflated = 0
        self._chunk_bytes = _FIRST_PULL_BYTES

    def pull(self) -> bytes:
        """Return the next inflated bytes, empty at the end of the deflated stream.

        Raises:
            Refused: `truncated` when the stream is cut or damaged, `too_large` beyond the limit.
        """
        while not self._inflate.eof:
            data = self._inflate.unconsumed_tail or self._first or self._raw.pull()
            self._first = b""
            try:
                chunk = self._inflate.decompress(data, self._chunk_bytes)
            except zlib.error as error:
                raise Refused(RefusalCode.TRUNCATED, "The deflated data set is damaged.") from error
            self._inflated += len(chunk)
            if self._inflated > self._inflated_max:
                raise Refused(RefusalCode.TOO_LARGE, "The deflated data set unfolds to more than is allowed.")
            if chunk:
                self._chunk_bytes = CHUNK_BYTES
                return chunk
            if not data:
                raise Refused(RefusalCode.TRUNCATED, "The deflated data set ends early.")
        return b""

    def finish(self) -> bytes:
        """Inflate to the end, which proves the stream whole, and return the SHA-256 of the stored bytes."""
        while self.pull():
            pass
        return self._raw.finish()
