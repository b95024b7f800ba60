"""Sending files to a server in groups, with a verdict a file: what `cauce import` and `cauce demo` share."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import stamina

from cauce.cli.client import Client
from cauce.core.errors import Unavailable

GROUP_FILES_MAX = 64
GROUP_BYTES_MAX = 64 * 1024 * 1024
CONNECTIONS = 4
ATTEMPTS = 5
_PENDING_POLL_S = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class FileToSend:
    """A local file and the name that it is sent under."""

    path: Path
    name: str
    size_bytes: int


@dataclass(slots=True)
class Sending:
    """One delivery in several requests. `on_verdict` is called with each file's entry of the receipt."""

    client: Client
    project: str
    on_verdict: Callable[[dict[str, Any]], None]
    upload_id: str | None = None
    studies: dict[str, None] = field(default_factory=dict)
    has_pending: bool = False

    def run(self, files: Iterable[FileToSend]) -> None:
        """Send everything; the last request says that the studies are complete.

        Raises:
            Unavailable: the server stopped answering; what has a verdict is safe, and running again sends the rest.
        """
        groups = _with_last(_grouped(files))
        for group, is_last in groups:
            self._send(group, is_final=is_last)
            break
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            self._send_rest(groups, pool)
        if self.has_pending and self.upload_id:
            self._await_pending(self.upload_id)

    def _send_rest(self, groups: Iterator[tuple[list[FileToSend], bool]], pool: ThreadPoolExecutor) -> None:
        running: set[Future[None]] = set()
        for group, is_last in groups:
            limit = 0 if is_last else CONNECTIONS - 1
            while len(running) > limit:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
            running.add(pool.submit(self._send, group, is_final=is_last))
        for future in running:
            future.result()

    def _send(self, group: list[FileToSend], *, is_final: bool) -> None:
        query = {"project": self.project, "final": "true" if is_final else None, "upload": self.upload_id}
        params = {name: value for name, value in query.items() if value is not None}
        receipt = self._post(group, params)
        self.upload_id = receipt["id"]
        for entry in receipt["files"]:
            self._take(entry)

    def _post(self, group: list[FileToSend], params: dict[str, str]) -> Any:
        for attempt in stamina.retry_context(on=Unavailable, attempts=ATTEMPTS, timeout=120):
            with attempt, ExitStack() as stack:
                parts: list[tuple[str, tuple[str, BinaryIO, str]]] = []
                for file in group:
                    opened = self._open(file, stack)
                    if opened is not None:
                        parts.append(("files", (file.name, opened, "application/dicom")))
                return self.client.send("POST", "/api/uploads/", params=params, files=parts)
        raise AssertionError("a retry ends by returning or raising")

    def _open(self, file: FileToSend, stack: ExitStack) -> BinaryIO | None:
        try:
            return stack.enter_context(file.path.open("rb"))
        except OSError as error:
            detail = error.strerror or type(error).__name__
            self.on_verdict({"name": file.name, "status": "refused", "code": "unreadable", "detail": detail})
            return None

    def _take(self, entry: dict[str, Any]) -> None:
        if entry.get("study"):
            self.studies.setdefault(entry["study"])
        if entry["status"] == "pending":
            self.has_pending = True
        else:
            self.on_verdict(entry)

    def _await_pending(self, upload_id: str) -> None:
        """Wait until archives that the server still unpacks have their verdicts, then report those."""
        path = f"/api/uploads/{upload_id}/"
        while self.client.get(path, status="pending", limit=1)["results"]:
            time.sleep(_PENDING_POLL_S)
        for entry in self.client.pages(path, unpacked="true"):
            self._take(entry)


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


def files_of(paths: Iterable[Path]) -> Iterator[FileToSend]:
    """Yield the files that `paths` name: files as they are, folders with all that lies below, in sorted order.

    A file of a folder is named by its path from that folder's parent, with slashes.
    """
    for path in paths:
        if path.is_dir():
            top = path.resolve().parent
            for found in sorted(path.resolve().rglob("*")):
                if found.is_file():
                    yield _file(found, found.relative_to(top).as_posix())
        else:
            yield _file(path, path.name)


def _file(path: Path, name: str) -> FileToSend:
    try:
        size_bytes = path.stat().st_size
    except OSError:
        size_bytes = 0
    return FileToSend(path=path, name=name, size_bytes=size_bytes)
