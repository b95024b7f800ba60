"""Sending files to a server in groups, with a verdict a file: what `cauce import` and `cauce demo` share."""

import datetime as dt
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import stamina

from cauce.cli.client import Busy, Client
from cauce.cli.found import FileToSend
from cauce.cli.receipts import located
from cauce.core.errors import Refused, StorageFull, Unavailable

GROUP_FILES_MAX = 64
GROUP_BYTES_MAX = 64 * 1024 * 1024
CONNECTIONS = 4
ATTEMPTS = 8
ATTEMPTS_WITHIN_S = 120.0
RETRY_AFTER_MAX_S = 60.0
_PENDING_POLL_S = 0.5

_NOTHING = [("files", ("", b"", "application/dicom"))]
"""A form without a file: it only says that the delivery is complete."""

Entry = dict[str, Any]
"""A file's line of the receipt, and `path`: the local file, with what lies in it if it is an archive."""


@dataclass(slots=True)
class Sending:
    """One delivery in several requests. `on_verdicts` is called with the entries of some files, in their order."""

    client: Client
    project: str
    on_verdicts: Callable[[list[Entry]], None]
    upload_id: str | None = None
    studies: dict[str, None] = field(default_factory=dict)
    _pending: list[Entry] = field(default_factory=list)

    def run(self, files: Iterable[FileToSend]) -> None:
        """Send everything; the last request says that the studies are complete.

        Raises:
            Unavailable: the server stopped answering; what has a verdict is safe, and running again sends the rest.
            CauceError: the server does not know us, or does not take this.
        """
        self.client.get("/api/")  # a wrong address or token is told before anything is sent
        groups = _with_last(_grouped(files))
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

    def _send_rest(self, groups: Iterator[tuple[list[FileToSend], bool]], senders: "_Senders") -> None:
        running: deque[Future[list[Entry]]] = deque()
        for group, is_last in groups:
            while len(running) >= (1 if is_last else 2 * CONNECTIONS):
                self._settle(running.popleft().result())
            running.append(senders.submit(group, is_final=is_last))
        for future in running:
            self._settle(future.result())

    def _send(self, group: list[FileToSend], *, is_final: bool) -> list[Entry]:
        query = {"project": self.project, "final": "true" if is_final else None, "upload": self.upload_id}
        params = {name: value for name, value in query.items() if value is not None}
        for attempt in stamina.retry_context(on=_wait_before_again, attempts=ATTEMPTS, timeout=ATTEMPTS_WITHIN_S):
            with attempt, ExitStack() as stack:
                return self._post(group, params, stack)
        raise AssertionError("a retry ends by returning or raising")

    def _post(self, group: list[FileToSend], params: dict[str, str], stack: ExitStack) -> list[Entry]:
        sent: list[FileToSend] = []
        parts: list[tuple[str, tuple[str, BinaryIO, str]]] = []
        entries: list[Entry] = []
        for file in group:
            try:
                opened = stack.enter_context(file.path.open("rb"))
            except OSError as error:
                entries.append(_refused(file, code="unreadable", detail=error.strerror or type(error).__name__))
            else:
                parts.append(("files", (file.name, opened, "application/dicom")))
                sent.append(file)
        if not parts and not ("final" in params and self.upload_id):
            return entries
        try:
            receipt = self.client.send("POST", "/api/uploads/", params=params, files=parts or _NOTHING)
        except Refused as refusal:
            return entries + [_refused(file, code=refusal.code, detail=refusal.detail) for file in sent]
        self.upload_id = receipt["id"]
        return entries + list(located(sent, receipt["files"]))

    def _settle(self, entries: list[Entry]) -> None:
        self.studies.update(dict.fromkeys(entry["study"] for entry in entries if entry.get("study")))
        self._pending += [entry for entry in entries if entry["status"] == "pending"]
        if settled := [entry for entry in entries if entry["status"] != "pending"]:
            self.on_verdicts(settled)

    def _await_pending(self) -> None:
        """Wait until archives that the server still unpacks have their verdicts, then report those."""
        if not self._pending:
            return
        path = f"/api/uploads/{self.upload_id}/"
        while self.client.get(path, status="pending", limit=1)["results"]:
            time.sleep(_PENDING_POLL_S)
        archives = {entry["name"]: entry["path"] for entry in self._pending}
        self._pending.clear()
        unpacked: list[Entry] = []
        for entry in self.client.pages(path, limit=1000):
            name = entry["name"]
            archive = next((one for one in archives if name == one or name.startswith(f"{one}/")), None)
            if archive is not None:
                unpacked.append({**entry, "path": archives[archive] + name[len(archive) :]})
        self._settle(unpacked)


class _Senders:
    """Threads that send groups. They are daemons: who interrupts an import does not wait for requests under way."""

    def __init__(self, count: int, send: Callable[..., list[Entry]]) -> None:
        self._send = send
        self._todo: queue.SimpleQueue[tuple[Future[list[Entry]], list[FileToSend], bool] | None] = queue.SimpleQueue()
        self._is_stopping = threading.Event()
        self._threads = [threading.Thread(target=self._work, name="send", daemon=True) for _ in range(count)]

    def submit(self, group: list[FileToSend], *, is_final: bool) -> Future[list[Entry]]:
        """Send a group when a thread is free."""
        future: Future[list[Entry]] = Future()
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


def _wait_before_again(error: Exception) -> bool | dt.timedelta:
    """Tell stamina whether to try again, and when, if the server said so."""
    if isinstance(error, Busy) and error.retry_after_s is not None:
        return dt.timedelta(seconds=min(error.retry_after_s, RETRY_AFTER_MAX_S))
    return isinstance(error, Unavailable) and not isinstance(error, StorageFull)


def _refused(file: FileToSend, *, code: str, detail: str) -> Entry:
    return {"path": str(file.path), "name": file.name, "status": "refused", "code": code, "detail": detail}


def _grouped(files: Iterable[FileToSend]) -> Iterator[list[FileToSend]]:
    group: list[FileToSend] = []
    size_bytes = 0
    for file in files:
        if group and (len(group) == GROUP_FILES_MAX or size_bytes + file.size_bytes > GROUP_BYTES_MAX):
            yield group
            group, size_bytes = [], 0
        group.append(file)
        size_bytes += file.size_bytes
    if group:
        yield group


def _with_last(groups: Iterator[list[FileToSend]]) -> Iterator[tuple[list[FileToSend], bool]]:
    held: list[FileToSend] | None = None
    for group in groups:
        if held is not None:
            yield held, False
        held = group
    if held is not None:
        yield held, True
