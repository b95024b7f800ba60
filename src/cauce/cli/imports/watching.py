"""`cauce import --watch`: folders that others write to. What is whole is sent, once, for as long as this runs.

The folders are read again and again, since network shares send no events of what other machines do. Studies close by
the server's quiet time: nobody here knows which file is a study's last one, and to say so too early costs a revision.
"""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

from cauce.cli.client import Client
from cauce.cli.found import FileToSend, below
from cauce.cli.imports.items import UNREADABLE, SourceBroken
from cauce.cli.imports.journal import InUse
from cauce.cli.imports.known import Known
from cauce.cli.imports.patience import Patience
from cauce.cli.imports.reporting import Report, Status
from cauce.cli.imports.settling import Settling, is_temporary
from cauce.cli.output import console, counted
from cauce.cli.sending import INTERRUPTED, Outcome, Sending
from cauce.core.errors import Conflicting, NotFound

SETTLE_S: Final = 5.0
RETRY_S: Final = 60.0
"""After this time a file that could not be read or was not taken to its end is tried again."""

_PAUSE_MIN_S: Final = 0.2
_PAUSE_MAX_S: Final = 2.0
_PAUSES_A_LOOK: Final = 9
"""Pauses are so many times as long as a look at the folders takes, so that a look at many files costs little."""

_DELIVERY_FILES_MAX: Final = 10_000
_DELIVERY_IDLE_S: Final = 60.0
_FORGET_S: Final = 30 * 24 * 3600.0
_FORGET_EVERY_S: Final = 24 * 3600.0
_TRIED_AGAIN: Final = frozenset({UNREADABLE, INTERRUPTED, "storage_full"})

Entry = dict[str, Any]


def watch(
    folders: Sequence[Path],
    *,
    client: Client,
    project: str,
    report: Report,
    settle_s: float = SETTLE_S,
    again: bool = False,
) -> int:
    """Send what comes into folders until somebody stops it; return 0: to be stopped is how it ends.

    Raises:
        Conflicting: another process watches the same folders.
        CauceError: the server does not know us, or not the project.
    """
    sources = [str(folder.absolute()) for folder in folders]
    try:
        known = Known(client.base_url, project, sources, say=report.say, again=again, is_watch=True)
    except InUse:
        raise Conflicting("another `cauce import --watch` watches this") from None
    with known, report.status() as status, _stopped_by_signals():
        watching = _Watching(folders, client, project, report, known, status, settle_s)
        with suppress(KeyboardInterrupt):
            watching.run()
    if not report.as_json:
        watching.summarise()
    return 0


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM, by which a service is stopped, do what Ctrl-C does."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Watching:
    """The files of some folders, and how far each is."""

    def __init__(
        self,
        folders: Sequence[Path],
        client: Client,
        project: str,
        report: Report,
        known: Known,
        status: Status,
        settle_s: float,
    ) -> None:
        self._folders = folders
        self._client = client
        self._report = report
        self._known = known
        self._status = status
        self._settle_s = settle_s
        self._settling = Settling(settle_s)
        self._done: dict[str, str] = {}
        self._try_at_s: dict[str, float] = {}
        self._told: set[tuple[str, str]] = set()
        self._missing: set[str] = set()
        self._gone = 0
        self._forget_at_s = 0.0
        self._patience = Patience(say=report.say, for_s=None)
        self._project = project
        self._sending = self._new_sending()
        self._delivered = 0
        self._delivered_at_s = 0.0

    def run(self) -> None:
        """Look and send, for ever."""
        where = ", ".join(map(str, self._folders))
        self._sending.check()
        self._patience.ask(lambda: self._known.go_on(self._client))
        self._report.say(f"watching {where}: a file is taken {self._settle_s:g} s after its last change; Ctrl-C stops")
        while True:
            began_s = time.monotonic()
            ready = self._look()
            took_s = time.monotonic() - began_s
            if ready:
                self._send(ready)
                continue
            self._status.update(
                f"watching {where}: {counted(len(self._settling), 'file')} not whole yet, "
                f"{counted(self._report.counts.total() - self._refusals(), 'verdict')}"
            )
            time.sleep(max(min(max(self._settle_s / 2, _PAUSE_MIN_S), _PAUSE_MAX_S), _PAUSES_A_LOOK * took_s))

    def summarise(self) -> None:
        """Print what became of all."""
        self._report.summarise()
        if left := len(self._settling):
            console().print(
                f"{counted(left, 'file was', 'files were')} not whole yet: the next run takes them", style="dim"
            )
        if self._gone:
            console().print(f"{counted(self._gone, 'file')} went away before being whole", style="dim")

    def _refusals(self) -> int:
        return sum(count for name, count in self._report.counts.items() if ": " in name)

    def _look(self) -> list[FileToSend]:
        """Return the files that are whole and have no verdict."""
        now_s = time.monotonic()
        seen: dict[str, FileToSend] = {}
        ready: list[FileToSend] = []
        is_complete = True
        for folder in self._folders:
            for file in below(str(folder), folder.resolve().name, self._pass_over, leaves_out=is_temporary):
                path = file.shown
                if file.trouble:
                    is_complete = False
                    self._tell_missing(path, file.trouble)
                    continue
                seen[path] = file
                if self._wants_sending(file, now_s):
                    ready.append(file)
        if is_complete:
            for path in self._missing:
                self._report.say(f"{path} is there again")
            self._missing.clear()
            self._forget_gone(seen, now_s)
        return ready

    def _wants_sending(self, file: FileToSend, now_s: float) -> bool:
        path, mark = file.shown, file.mark
        if self._done.get(path) == mark or self._try_at_s.get(path, 0) > now_s:
            return False
        if self._settling.is_new(path, mark) and self._known.earlier(file):
            self._done[path] = mark
            self._settling.leave(path)
            return False
        return self._settling.is_whole(path, mark, size_bytes=file.size_bytes, now_s=now_s) and self._is_same(file)

    def _is_same(self, file: FileToSend) -> bool:
        """Tell whether a file is as it was listed: a share may list what it remembers, until the file is opened."""
        try:
            with file.open() as reading:
                if reading.mark == file.mark:
                    return True
        except SourceBroken as error:
            if file.path.exists():
                self._refuse(file, error)
        else:
            self._settling.leave(file.shown)
        return False

    def _refuse(self, file: FileToSend, error: SourceBroken) -> None:
        self._try_at_s[file.shown] = time.monotonic() + RETRY_S
        self._take([{"path": file.shown, "status": "refused", "code": error.code, "detail": error.detail}])

    def _pass_over(self, path: str, code: str, detail: str) -> None:
        if (path, code) not in self._told:
            self._told.add((path, code))
            self._report.pass_over(path, code, detail)

    def _tell_missing(self, path: str, trouble: str) -> None:
        if path not in self._missing:
            self._missing.add(path)
            self._report.say(f"{path} cannot be read ({trouble}): waiting for it")

    def _forget_gone(self, seen: dict[str, FileToSend], now_s: float) -> None:
        self._gone += self._settling.keep_only(seen.keys())
        for path in self._done.keys() - seen.keys():
            del self._done[path]
        for path in self._try_at_s.keys() - seen.keys():
            del self._try_at_s[path]
        if now_s >= self._forget_at_s:
            self._forget_at_s = now_s + _FORGET_EVERY_S
            self._known.forget_gone(list(seen.values()), before_s=time.time() - _FORGET_S)

    def _new_sending(self) -> Sending:
        return Sending(
            client=self._client,
            project=self._project,
            on_verdicts=self._take,
            finishes=False,
            patience=self._patience,
            on_outcomes=self._note,
        )

    def _send(self, files: Sequence[FileToSend]) -> None:
        """Send files, in the delivery of those before them unless that was long ago or is long."""
        is_idle = time.monotonic() - self._delivered_at_s > _DELIVERY_IDLE_S
        if is_idle or self._delivered >= _DELIVERY_FILES_MAX:
            self._begin_delivery()
        self._status.update(f"sending {counted(len(files), 'file')}")
        try:
            self._sending.run(files)
        except NotFound:  # another server than the one that began the delivery
            if self._sending.upload_id is None:
                raise
            self._begin_delivery()
        self._delivered += len(files)
        self._delivered_at_s = time.monotonic()

    def _begin_delivery(self) -> None:
        self._sending = self._new_sending()
        self._delivered = 0

    def _take(self, entries: list[Entry]) -> None:
        """Print verdicts; what is tried again and again only once."""
        news: list[Entry] = []
        for entry in entries:
            told = (entry["path"], entry.get("code") or "")
            if entry.get("code") in _TRIED_AGAIN:
                if entry["code"] == UNREADABLE and not Path(entry["path"]).exists():
                    continue  # it went away
                if told in self._told:
                    continue
                self._told.add(told)
            news.append(entry)
        if news:
            self._report.take(news)

    def _note(self, outcomes: Sequence[Outcome]) -> None:
        """Take note of what need not be sent again."""
        self._known.note(outcomes, upload_id=self._sending.upload_id)
        for outcome in outcomes:
            path = outcome.item.shown
            codes = {entry.get("code") for entry in outcome.entries}
            if any(entry["status"] == "pending" for entry in outcome.entries):
                continue
            if _TRIED_AGAIN & codes:
                self._try_at_s[path] = time.monotonic() + RETRY_S
            elif outcome.mark:
                self._done[path] = outcome.mark
            if INTERRUPTED in codes:
                self._delivered = _DELIVERY_FILES_MAX  # what it says of that archive would be mixed with what follows
            self._settling.leave(path)
