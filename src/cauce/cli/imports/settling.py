"""Which files of a folder that others write to are whole: those that did not change while they were watched."""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

EMPTY_S: Final = 60.0
"""How long a file stays empty before that is taken for all there is: some programs make it long before they fill it."""

# Names that programs give to what they have not finished: browsers, rsync (a leading full stop), programs that transfer
# files, editors, office programs.
_TEMPORARY: Final = re.compile(
    r"\..*|~\$.*|.*~|.*\.(part|partial|filepart|tmp|temp|crdownload|download|opdownload|aria2|swp|swx|lock|writing)",
    re.IGNORECASE,
)


def is_temporary(name: str) -> bool:
    """Tell whether a file or folder has a name that says that it is not finished, or that it is hidden."""
    return _TEMPORARY.fullmatch(name) is not None


@dataclass(slots=True)
class _Seen:
    mark: str
    since_s: float


class Settling:
    """Files whose size and time of writing are being watched.

    Only what was seen here counts, never how old a file says it is: clocks of other machines differ, and copies keep
    the time of their original.
    """

    def __init__(self, settle_s: float) -> None:
        """`settle_s` is how long a file must not have changed."""
        self._settle_s = settle_s
        self._seen: dict[str, _Seen] = {}

    def __len__(self) -> int:
        """Return how many files are not whole yet."""
        return len(self._seen)

    def is_new(self, path: str, mark: str) -> bool:
        """Tell whether a file was not seen in this state before."""
        seen = self._seen.get(path)
        return seen is None or seen.mark != mark

    def is_whole(self, path: str, mark: str, *, size_bytes: int, now_s: float) -> bool:
        """Take note of how a file is now; tell whether it has been so for long enough."""
        seen = self._seen.get(path)
        if seen is None or seen.mark != mark:
            self._seen[path] = seen = _Seen(mark, now_s)
        return now_s - seen.since_s >= (self._settle_s if size_bytes else max(self._settle_s, EMPTY_S))

    def leave(self, path: str) -> None:
        """Watch a file no longer: it is whole, or begins anew."""
        self._seen.pop(path, None)

    def keep_only(self, paths: AbstractSet[str]) -> int:
        """Forget files that are no longer there; return how many those were."""
        gone = self._seen.keys() - paths
        for path in gone:
            del self._seen[path]
        return len(gone)
