"""How long a server or bucket that does not answer is waited for: by all requests of an import together."""

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from cauce.cli.client import Busy
from cauce.core.errors import StorageFull, Unavailable

FOR_S = 300.0
"""How long an import waits, counted from the last answer."""

FIRST_WAIT_S = 0.5
WAIT_MAX_S = 30.0
RETRY_AFTER_MAX_S = 60.0
_JITTER = 0.25

_Result = TypeVar("_Result")


def _never(_error: Unavailable) -> bool:
    """Waiting may always help."""
    return False


class Patience:
    """Waits that grow while the server takes nothing. What is wrong is said once, and so is that it goes on."""

    def __init__(
        self,
        *,
        say: Callable[[str], None],
        for_s: float | None = FOR_S,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`for_s` is how long a silence may last; without it any does, and a full store is waited for as well."""
        self.for_s = for_s
        self._say = say
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()
        self._silent_since: float | None = None

    def ask(self, request: Callable[[], _Result], *, is_final: Callable[[Unavailable], bool] = _never) -> _Result:
        """Return what `request` does, once it succeeds.

        Raises:
            Unavailable: it did not for too long, or `is_final` says that waiting is no use.
        """
        own_failures = 0
        while True:
            try:
                result = request()
            except Unavailable as error:
                own_failures += 1
                wait_s = None if is_final(error) else self._wait_s(error, own_failures)
                if wait_s is None:
                    raise
                self._sleep(wait_s)
            else:
                self._answered()
                return result

    def _wait_s(self, error: Unavailable, own_failures: int) -> float | None:
        """Return how long to wait before the next try; `None` when there is to be none."""
        if isinstance(error, StorageFull) and self.for_s is not None:
            return None  # somebody has to make room
        now = self._clock()
        with self._lock:
            is_first = self._silent_since is None
            since = now if self._silent_since is None else self._silent_since
            self._silent_since = since
        wait_s: float = min(FIRST_WAIT_S * 2 ** min(own_failures - 1, 16), WAIT_MAX_S)
        wait_s *= 1 + random.uniform(-_JITTER, _JITTER)  # noqa: S311 - no secret
        if isinstance(error, Busy) and error.retry_after_s is not None:
            wait_s = min(max(error.retry_after_s, FIRST_WAIT_S), RETRY_AFTER_MAX_S)
        if self.for_s is not None:
            left_s = self.for_s - (now - since)
            if left_s <= 0:
                return None
            wait_s = min(wait_s, left_s)
        if is_first:
            self._say(f"{error.detail.rstrip('.')}: waiting{_within(self.for_s)}, it goes on by itself")
        return wait_s

    def _answered(self) -> None:
        with self._lock:
            since, self._silent_since = self._silent_since, None
        if since is not None:
            self._say(f"there is an answer again after {self._clock() - since:.0f} s")


def _within(for_s: float | None) -> str:
    return "" if for_s is None else f" for up to {for_s / 60:.0f} minutes"
