"""Each study's quiet timer as one process has set it: to set it anew with every image of a stream adds nothing."""

import datetime as dt
from typing import Final

from cauce.adapters.held_sql import HeldStudy

_PART_OF_QUIET: Final = 60
_AT_MOST: Final = dt.timedelta(seconds=1)
_STUDIES_MAX: Final = 4096


class QuietTimer:
    """Remembers when a study's closing was armed; used under the committer's turn.

    A closing that was armed within the last sixtieth of the quiet time, a second at most, stays as it is: so a study
    may close that much earlier than its quiet time after the last image.
    """

    def __init__(self, quiet: dt.timedelta) -> None:
        """Nothing has been armed yet."""
        self.quiet = quiet
        self._keeps = min(quiet / _PART_OF_QUIET, _AT_MOST)
        self._armed: dict[int, tuple[int, dt.datetime]] = {}

    def is_armed(self, study: HeldStudy, now: dt.datetime) -> bool:
        """Tell whether the closing that waits for the study is the one that was armed a moment ago."""
        closings, at = self._armed.get(study.pk, (None, now))
        return closings is not None and closings == study.closings and dt.timedelta() <= now - at < self._keeps

    def committed(self, closings_of: dict[int, int], now: dt.datetime) -> None:
        """Note that the closings of these studies were armed at `now`, by study key and the closings that had run."""
        if len(self._armed) + len(closings_of) > _STUDIES_MAX:
            self._armed.clear()
        for study_pk, closings in closings_of.items():
            self._armed[study_pk] = closings, now
