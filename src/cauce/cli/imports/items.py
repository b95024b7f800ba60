"""What can be sent: a file or an object of a bucket, read as exactly as many bytes as were announced."""

import io
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

from cauce.core.errors import CauceError

UNREADABLE = "unreadable"
"""Code of a file that its own place does not give."""

_ENDED_EARLY = "It became shorter while it was read."


class SourceBroken(CauceError):
    """An item cannot be read, or no longer; `detail` says why. The others of its request are sent without it."""

    code = UNREADABLE

    def __init__(self, detail: str, *, item: "Item | None" = None) -> None:
        """`item` is what cannot be read."""
        super().__init__(detail)
        self.item = item


class Source(Protocol):
    """Bytes to be read from their start, more than once."""

    def read(self, count: int, /) -> bytes:
        """Return up to `count` bytes; none at the end."""

    def seek(self, offset: int, /) -> Any:
        """Go to an offset."""

    def close(self) -> None:
        """Let go of it."""


class Item(Protocol):
    """Something to be sent."""

    @property
    def name(self) -> str:
        """What it is called in the receipt."""

    @property
    def shown(self) -> str:
        """Where it is, as people write it."""

    @property
    def size_bytes(self) -> int:
        """How long it was when it was found."""

    @property
    def mark(self) -> str:
        """What differs as soon as its content does."""

    @property
    def is_alone(self) -> bool:
        """Whether it wants a request of its own."""

    def open(self) -> "Reading":
        """Begin to read it.

        Raises:
            SourceBroken: it cannot be read.
            Unavailable: its place does not answer.
        """


class Reading:
    """One item being read: the very length that it had when it was opened, or an error that names it."""

    def __init__(
        self, item: Item, source: Source, *, size_bytes: int, mark: str, mark_now: Callable[[], str] | None = None
    ) -> None:
        """`mark` is that of what is read; `mark_now` tells it again after the reading."""
        self.mark = mark
        self.size_bytes = size_bytes
        self.on_bytes: Callable[[int], None] = _unheard
        self._item = item
        self._source = source
        self._mark_now = mark_now
        self._position = 0

    def __enter__(self) -> Self:
        """Return this reading."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self._source.close()

    @property
    def has_changed(self) -> bool:
        """Whether the content changed since it was opened."""
        try:
            return self._mark_now is not None and self._mark_now() != self.mark
        except OSError:
            return True

    def read(self, count: int = -1) -> bytes:
        """Return up to `count` bytes, none at the end.

        Raises:
            SourceBroken: they cannot be read, or there are fewer than there were.
        """
        left = self.size_bytes - self._position
        wanted = left if count < 0 else min(count, left)
        if wanted <= 0:
            return b""
        try:
            chunk = self._source.read(wanted)
        except OSError as error:
            raise SourceBroken(error.strerror or type(error).__name__, item=self._item) from error
        except SourceBroken as error:
            raise SourceBroken(error.detail, item=self._item) from error
        if not chunk:
            raise SourceBroken(_ENDED_EARLY, item=self._item)
        self._position += len(chunk)
        self.on_bytes(len(chunk))
        return chunk

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset, and return it."""
        target = self.size_bytes + offset if whence == io.SEEK_END else offset
        if whence == io.SEEK_SET:  # the end is only asked for to learn the length
            try:
                self._source.seek(target)
            except OSError as error:
                raise SourceBroken(error.strerror or type(error).__name__, item=self._item) from error
            self.on_bytes(target - self._position)
            self._position = target
        return target

    def tell(self) -> int:
        """Return the offset."""
        return self._position


def _unheard(_count: int) -> None:
    """Nobody follows this reading."""
