"""Sending files to a server in groups, with a verdict a file: what `cauce import` and `cauce demo` share."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, cast

from cauce.cli import local
from cauce.cli.client import Client, NobodyThere
from cauce.cli.imports.items import Item, Reading, SourceBroken
from cauce.cli.imports.patience import Patience
from cauce.cli.receipts import kept_name, located
from cauce.core.errors import Refused, Unavailable

GROUP_FILES_MAX = 64
GROUP_BYTES_MAX = 64 * 1024 * 1024
CONNECTIONS = 4
CHANGED = "changed"
INTERRUPTED = "interrupted"
"""Code of an archive over which the server stopped."""

_PENDING_POLL_S = 0.5
_RECEIPT_PAGE = 1000
_NOTHING = [("files", ("", b"", "application/dicom"))]
"""A form without a file: it only says that the delivery is complete."""

Entry = dict[str, Any]
"""A file's line of the receipt, and `path`: where it is, with what lies in it if it is an archive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What the server said of one item. `mark` is that of what was read; empty where that changed meanwhile."""

    item: Item
    entries: list[Entry]
    mark: str = ""


def _unheard(*_arguments: Any) -> None:
    """Nobody follows."""


@dataclass(slots=True)
class Sending:
    """One delivery in several requests. `on_verdicts` is called with the entries of some files, in their order.

    `on_outcomes` is called before it with what they are about, once the server keeps it; `on_bytes` with how many bytes
    more are on their way (fewer, when they are sent again); `on_unpacked` with the archives that are being unpacked and
    how many files the receipt has by then. Where it `finishes`, the last request says that the studies are complete.
    `upload_id` is that of the delivery, of an earlier one where that is to be continued.
    """

    client: Client
    project: str
    on_verdicts: Callable[[list[Entry]], None]
    upload_id: str | None = None
    finishes: bool = True
    group_bytes_max: int = GROUP_BYTES_MAX
    patience: Patience = field(default_factory=lambda: Patience(say=_unheard))
    on_outcomes: Callable[[Sequence[Outcome]], None] = _unheard
    on_bytes: Callable[[int], None] = _unheard
    on_unpacked: Callable[[Sequence[Item], int], None] = _unheard
    studies: dict[str, None] = field(default_factory=dict)
    _pending: list[Outcome] = field(default_factory=list)
    _is_checked: bool = False

    def run(self, files: Iterable[Item]) -> None:
        """Send everything.

        Raises:
            Unavailable: the server stopped answering; what has a verdict is safe, and running again sends the rest.
            CauceError: the server does not know us, or does not take this.
        """
        self.check()
        groups = _with_last(_grouped(files, self.group_bytes_max), finishes=self.finishes)
        for group, is_last in groups:
            self._settle(self._send(group, is_final=is_last))
            if self.upload_id:  # the requests that follow continue that delivery
                break
        senders = _Senders(CONNECTIONS, self._send)
        try:
            self._send_rest(groups, senders)
        finally:
            senders.stop()
        self._await_pending()

    def check(self) -> None:
        """Ask who we are, once: a wrong address or token is told before anything is sent.

        A server that breaks off, is busy or is about to come back is waited for; one that was never there is not.
        """
        if self._is_checked:
            return
        was_there = self.patience.for_s is None

        def is_final(error: Unavailable) -> bool:
            nonlocal was_there
            was_there = was_there or not isinstance(error, NobodyThere) or local.is_kept_up(self.client.base_url)
            return not was_there

        self.patience.ask(lambda: self.client.get("/api/"), is_final=is_final)
        self._is_checked = True

    def finish(self) -> None:
        """Say that the studies of the delivery are complete; nothing where there is none."""
        if self.upload_id:
            self._settle(self._send([], is_final=True))

    def _send_rest(self, groups: Iterator[tuple[list[Item], bool]], senders: "_Senders") -> None:
        running: deque[Future[list[Outcome]]] = deque()
        for group, is_last in groups:
            while len(running) >= (1 if is_last else 2 * CONNECTIONS):
                self._settle(running.popleft().result())
            running.append(senders.submit(group, is_final=is_last))
        for future in running:
            self._settle(future.result())

    def _send(self, group: list[Item], *, is_final: bool) -> list[Outcome]:
        """Send a group. An item that breaks while it is read is left out, and the others are sent again."""
        query = {"project": self.project, "final": "true" if is_final else None, "upload": self.upload_id}
        params = {name: value for name, value in query.items() if value is not None}
        broken: dict[int, Outcome] = {}
        while True:
            left = [item for item in group if id(item) not in broken]
            with ExitStack() as stack:
                readings: list[tuple[Item, Reading]] = []
                for item in left:
                    try:
                        readings.append((item, stack.enter_context(self.patience.ask(item.open))))
                    except SourceBroken as error:
                        broken[id(item)] = _refused(item, code=error.code, detail=error.detail)
                try:
                    sent = self.patience.ask(lambda readings=readings: self._post(readings, params))  # type: ignore[misc] # bound now
                except SourceBroken as error:
                    if error.item is None or id(error.item) in broken:
                        raise
                    self.on_bytes(-sum(reading.tell() for _, reading in readings))
                    broken[id(error.item)] = _refused(error.item, code=error.code, detail=error.detail)
                    continue
            outcomes = {id(outcome.item): outcome for outcome in sent} | broken
            return [outcomes[id(item)] for item in group if id(item) in outcomes]

    def _post(self, readings: list[tuple[Item, Reading]], params: dict[str, str]) -> list[Outcome]:
        if not readings and not ("final" in params and self.upload_id):
            return []
        for _, reading in readings:
            reading.on_bytes = self.on_bytes
            reading.seek(0)
        parts = [("files", (item.name, cast("Any", reading), "application/dicom")) for item, reading in readings]
        try:
            receipt = self.client.send("POST", "/api/uploads/", params=params, files=parts or _NOTHING)
        except Refused as refusal:
            if len(readings) > 1:
                return self._post_halves(readings, params)
            if "final" in params and readings:
                self._post([], params)
            return [_refused(item, code=refusal.code, detail=refusal.detail) for item, _ in readings]
        self.upload_id = receipt["id"]
        return list(_outcomes(readings, receipt["files"]))

    def _post_halves(self, readings: list[tuple[Item, Reading]], params: dict[str, str]) -> list[Outcome]:
        """Send in two requests what is too long for one; the second says what the one would have said at its end."""
        self.on_bytes(-sum(reading.tell() for _, reading in readings))
        middle = len(readings) // 2
        sent = self._post(readings[:middle], {name: value for name, value in params.items() if name != "final"})
        following = {**params, "upload": self.upload_id} if self.upload_id else params
        return sent + self._post(readings[middle:], following)

    def _settle(self, outcomes: list[Outcome]) -> None:
        settled = [outcome for outcome in outcomes if not _is_pending(outcome)]
        self._pending += [outcome for outcome in outcomes if _is_pending(outcome)]
        self.on_outcomes(outcomes)
        self._report([entry for outcome in settled for entry in outcome.entries])

    def _report(self, entries: list[Entry]) -> None:
        self.studies.update(dict.fromkeys(entry["study"] for entry in entries if entry.get("study")))
        if entries:
            self.on_verdicts(entries)

    def _await_pending(self) -> None:
        """Wait until archives that the server still unpacks have their verdicts, then report those."""
        if not self._pending:
            return
        path = f"/api/uploads/{self.upload_id}/"
        while True:
            receipt = self.patience.ask(lambda: self.client.get(path, status="pending", limit=1))
            counts = receipt.get("counts", {})
            self.on_unpacked(
                [outcome.item for outcome in self._pending],
                sum(count for status, count in counts.items() if status != "pending"),
            )
            if not receipt["results"]:
                break
            time.sleep(_PENDING_POLL_S)
        archives = {kept_name(outcome.item.name): outcome for outcome in self._pending}
        self._pending.clear()
        unpacked: dict[str, list[Entry]] = {name: [] for name in archives}
        for lines in self._pages(path):
            page: list[Entry] = []
            for entry in lines:
                name = entry["name"]
                archive = next((one for one in archives if name == one or name.startswith(f"{one}/")), None)
                if archive is not None:
                    page.append({**entry, "path": archives[archive].item.shown + name[len(archive) :]})
                    unpacked[archive].append({key: entry.get(key) for key in ("status", "code", "detail", "study")})
            self._report(page)
        self.on_outcomes(
            [Outcome(item=one.item, entries=unpacked[name], mark=one.mark) for name, one in archives.items()]
        )

    def _pages(self, path: str) -> Iterator[list[Entry]]:
        """Yield the lines of the receipt by pages; a server that stops answering meanwhile is waited for."""
        page = self.patience.ask(lambda: self.client.get(path, limit=_RECEIPT_PAGE))
        while True:
            yield page["results"]
            following = page.get("next")
            if not following:
                return
            page = self.patience.ask(lambda following=following: self.client.get(following))  # type: ignore[misc] # bound now


class _Senders:
    """Threads that send groups. They are daemons: who interrupts an import does not wait for requests under way."""

    def __init__(self, count: int, send: Callable[..., list[Outcome]]) -> None:
        self._send = send
        self._todo: queue.SimpleQueue[tuple[Future[list[Outcome]], list[Item], bool] | None] = queue.SimpleQueue()
        self._is_stopping = threading.Event()
        self._threads = [threading.Thread(target=self._work, name="send", daemon=True) for _ in range(count)]

    def submit(self, group: list[Item], *, is_final: bool) -> Future[list[Outcome]]:
        """Send a group when a thread is free."""
        future: Future[list[Outcome]] = Future()
        self._todo.put((future, group, is_final))
        for thread in self._threads:
            if thread.ident is None:
                thread.start()
                break
        return future

    def stop(self) -> None:
        """Begin nothing more."""
        self._is_stopping.set()
        for _ in self._threads:
            self._todo.put(None)

    def _work(self) -> None:
        while (item := self._todo.get()) is not None:
            future, group, is_final = item
            if self._is_stopping.is_set():
                future.cancel()
                continue
            try:
                future.set_result(self._send(group, is_final=is_final))
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
                future.set_exception(error)


def _outcomes(readings: list[tuple[Item, Reading]], lines: Sequence[Entry]) -> Iterator[Outcome]:
    """Yield what the receipt says of each item that it has a line for."""
    said: dict[int, list[Entry]] = {}
    for item, entry in located([item for item, _ in readings], lines):
        said.setdefault(id(item), []).append(entry)
    for item, reading in readings:
        entries = said.get(id(item), [])
        if reading.has_changed:
            detail = "It changed while it was being sent. Import it again once it is whole."
            entries = [
                {**entry, "warnings": [*(entry.get("warnings") or []), {"code": CHANGED, "detail": detail}]}
                for entry in entries
            ]
        if entries:
            yield Outcome(item=item, entries=entries, mark="" if reading.has_changed else reading.mark)


def _is_pending(outcome: Outcome) -> bool:
    return any(entry["status"] == "pending" for entry in outcome.entries)


def _refused(item: Item, *, code: str, detail: str) -> Outcome:
    entry = {"path": item.shown, "name": item.name, "status": "refused", "code": code, "detail": detail}
    return Outcome(item=item, entries=[entry])


def _grouped(files: Iterable[Item], bytes_max: int = GROUP_BYTES_MAX) -> Iterator[list[Item]]:
    group: list[Item] = []
    size_bytes = 0
    for file in files:
        is_full = len(group) == GROUP_FILES_MAX or size_bytes + file.size_bytes > bytes_max
        if group and (is_full or file.is_alone or group[-1].is_alone):
            yield group
            group, size_bytes = [], 0
        group.append(file)
        size_bytes += file.size_bytes
    if group:
        yield group


def _with_last(groups: Iterator[list[Item]], *, finishes: bool) -> Iterator[tuple[list[Item], bool]]:
    held: list[Item] | None = None
    for group in groups:
        if held is not None:
            yield held, False
        held = group
    if held is not None:
        yield held, finishes
