"""Room on the disk, said on the console of `cauce up`: a line when there is none, one when there is some again."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cauce.settings.environment import Settings
from cauce.settings.full_disk import EVERY_S, Mark, full_text

LOOK_EVERY_S: Final = 1.0


class Room:
    """Says when the disk of the data folder is full and when it no longer is, at most once a minute."""

    def __init__(
        self, settings: Settings, *, mark: Mark, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`say` is given whole lines; `mark` is that of the processes which are watched."""
        self._folder = settings.data_folder
        self._reserve_bytes = settings.limits.reserve_bytes
        self._mark = mark
        self._say = say
        self._clock = clock
        self._looked_at_s = float("-inf")
        self._said_at_s = float("-inf")
        self._was_full = False

    def look(self) -> None:
        """Look once a second, however often this is called."""
        now = self._clock()
        if now - self._looked_at_s < LOOK_EVERY_S:
            return
        self._looked_at_s = now
        is_full = _free_bytes(self._folder) <= self._reserve_bytes
        if is_full == self._was_full:
            if is_full:
                self._mark.keep()  # it has been said for all processes
        elif now - self._said_at_s >= EVERY_S:
            self._was_full, self._said_at_s = is_full, now
            if not is_full:
                self._say(f"the disk of {self._folder} has room again: what is sent is taken")
            elif self._mark.claim():  # else a process of ours was faster
                self._say(full_text(self._folder))


def _free_bytes(folder: Path) -> float:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return float("inf")  # it is not there, which others name
