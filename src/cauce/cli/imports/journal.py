"""Which files of an import have their verdict, so that one that was stopped goes on where it was.

A journal is a small database in the user's state folder. It names its files by digests: a path may carry who a patient
is. What it holds was said by the server to be durable; what it lost when the power died is sent once more.
"""

import hashlib
import os
import sqlite3
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cauce.cli.imports.items import Item

KEPT_S: Final = 90 * 24 * 3600.0
"""How long the journal of an import that never went on is kept."""

_SUFFIX: Final = ".imports"
_WATCH_SUFFIX: Final = ".watch"
_DIGEST_BYTES: Final = 16
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS uploads (id TEXT PRIMARY KEY, goes_on INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS verdicts (
    item BLOB PRIMARY KEY, mark TEXT NOT NULL, status TEXT NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL,
    study TEXT, upload TEXT NOT NULL, at INTEGER NOT NULL
) WITHOUT ROWID;
"""
_LOCKED: Final = "database is locked"

Entry = dict[str, Any]

# What the file itself is the reason for: it would be said again.
_LASTING_REFUSALS: Final = frozenset(
    {
        "not_dicom",
        "truncated",
        "missing_uid",
        "invalid_uid",
        "unsupported_sop_class",
        "pixel_length_mismatch",
        "too_deep",
        "archive_unsafe",
    }
)
_WORST_FIRST: Final = ("refused", "conflict", "stored", "duplicate", "skipped")


class InUse(Exception):
    """Another process writes this journal."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The verdict that an item had in an earlier run. That of an archive is the worst of its files."""

    status: str
    code: str
    detail: str
    study: str | None


def place_of(server: str, project: str, sources: Sequence[str], *, is_watch: bool = False) -> Path:
    """Return where the journal of an import is; its name tells nothing."""
    digest = hashlib.sha256("\0".join([server, project, *sorted(sources)]).encode("utf-8", "surrogateescape"))
    return state_folder() / (digest.hexdigest()[:32] + (_WATCH_SUFFIX if is_watch else _SUFFIX))


def state_folder() -> Path:
    """Return the folder of the user's journals."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    else:
        base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "cauce" / "imports"


def remove_old(*, now_s: float | None = None) -> None:
    """Remove the journals of imports that were stopped long ago and never went on."""
    limit_s = (time.time() if now_s is None else now_s) - KEPT_S
    with suppress(OSError):
        for path in state_folder().glob(f"*{_SUFFIX}"):
            if path.stat().st_mtime < limit_s:
                _remove(path)


def is_lasting(entries: Iterable[Entry]) -> bool:
    """Tell whether these verdicts on one item would be the same again, and what they say is safe."""
    statuses = [(entry["status"], entry.get("code")) for entry in entries]
    return bool(statuses) and all(
        status != "pending" and (status != "refused" or code in _LASTING_REFUSALS) for status, code in statuses
    )


class Journal:
    """The verdicts of one import, held by one process at a time."""

    def __init__(self, path: Path) -> None:
        """Open or begin it.

        Raises:
            InUse: another process has it.
            OSError: there is no place to keep it.
        """
        self.path = path
        self._noted: dict[str, bool] = {}
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        try:
            self._database = self._opened()
        except sqlite3.OperationalError as error:
            if _LOCKED in str(error):
                raise InUse from error
            raise OSError(str(error)) from error
        except sqlite3.DatabaseError:  # cut off or overwritten: to send again does no harm
            _remove(path)
            self._database = self._opened()

    def _opened(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")  # and so no shared memory, which shares have not
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.executescript(f"BEGIN EXCLUSIVE; {_SCHEMA} COMMIT;")
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Close it; it stays."""
        self._database.close()

    def count(self) -> int:
        """Return how many verdicts it holds."""
        count: int = self._database.execute("SELECT count(*) FROM verdicts").fetchone()[0]
        return count

    def earlier(self, item: Item) -> Earlier | None:
        """Return the verdict that an item has, unless it changed since."""
        row = self._database.execute(
            "SELECT mark, status, code, detail, study FROM verdicts WHERE item = ?", (_digest(item),)
        ).fetchone()
        return Earlier(*row[1:]) if row is not None and row[0] == item.mark else None

    def uploads(self) -> list[str]:
        """Return the deliveries that the verdicts are from, the latest first."""
        found = self._database.execute("SELECT upload FROM verdicts GROUP BY upload ORDER BY max(at) DESC")
        return [row[0] for row in found]

    def upload_to_go_on_with(self) -> str | None:
        """Return the delivery to be continued, if there is one."""
        row = self._database.execute("SELECT id FROM uploads WHERE goes_on").fetchone()
        return None if row is None else row[0]

    def record(self, verdicts: Iterable[tuple[Item, str, Sequence[Entry]]], *, upload_id: str) -> None:
        """Write down verdicts that last: for each item its mark as it was read, and its lines of the receipt."""
        now_s = int(time.time())
        rows = []
        for item, mark, entries in verdicts:
            rows.append((_digest(item), mark, *_said(entries), upload_id, now_s))
        if rows:
            with self._database:
                self._database.execute("BEGIN")
                self._database.executemany("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def note_upload(self, upload_id: str, *, goes_on: bool) -> None:
        """Write down a delivery, and whether a later run may continue it; once it may not, it never may."""
        goes_on = goes_on and self._noted.get(upload_id, True)
        if self._noted.get(upload_id) is goes_on:
            return
        self._noted[upload_id] = goes_on
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute("UPDATE uploads SET goes_on = 0")
            self._database.execute("INSERT OR REPLACE INTO uploads VALUES (?, ?)", (upload_id, goes_on))

    def forget(self, upload_id: str) -> None:
        """Forget a delivery that the server does not know, and its verdicts."""
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute("DELETE FROM verdicts WHERE upload = ?", (upload_id,))
            self._database.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))

    def clear(self) -> None:
        """Forget everything."""
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute("DELETE FROM verdicts")
            self._database.execute("DELETE FROM uploads")

    def forget_gone(self, items: Iterable[Item], *, before_s: float) -> None:
        """Forget verdicts from before a moment on what is no longer among `items`."""
        there = {_digest(item) for item in items}
        old = self._database.execute("SELECT item FROM verdicts WHERE at < ?", (int(before_s),)).fetchall()
        gone = [row for row in old if row[0] not in there]
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany("DELETE FROM verdicts WHERE item = ?", gone)

    def remove(self) -> None:
        """Close it and take it away: the import is through."""
        self._database.close()
        _remove(self.path)


def _said(entries: Sequence[Entry]) -> tuple[str, str, str, str | None]:
    """Return what is kept of an item's lines: of an archive's the worst."""
    worst = min(entries, key=lambda entry: _WORST_FIRST.index(entry["status"]))
    detail = worst.get("detail") or ""
    if len(entries) > 1:
        alike = sum(entry["status"] == worst["status"] for entry in entries)
        detail = f"So are {alike} of {len(entries)} files in it."
    return worst["status"], worst.get("code") or "", detail, worst.get("study")


def _digest(item: Item) -> bytes:
    where = item.shown if "://" in item.shown else os.path.abspath(item.shown)  # noqa: PTH100 - links stay as they are
    return hashlib.blake2b(where.encode("utf-8", "surrogateescape"), digest_size=_DIGEST_BYTES).digest()


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            Path(f"{path}{suffix}").unlink()
