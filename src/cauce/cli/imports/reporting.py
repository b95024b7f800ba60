"""What an import prints: a line a file, what is amiss meanwhile, a bar, and at its end what became of all."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from cauce.cli.imports.items import Item
from cauce.cli.imports.journal import Earlier
from cauce.cli.imports.zips import entries_of
from cauce.cli.output import console, counted, plain, print_json, size_text, status_text

_JSON_KEYS = ("status", "code", "detail", "study", "sop_instance_uid", "warnings")
_WORTH_SAYING_AGAIN = frozenset({"refused", "conflict"})

Entry = dict[str, Any]


@dataclass(slots=True)
class Report:
    """Prints and counts verdicts. What is none goes to standard error where standard output is read by programs."""

    as_json: bool
    counts: "Counter[str]" = field(default_factory=Counter)
    earlier_files: int = 0
    _bar: "Bar | Status | None" = None

    def take(self, entries: list[Entry]) -> None:
        """Print verdicts."""
        self._count(entries)
        if self.as_json:
            for entry in entries:
                self._print_json(entry, earlier=False)
        else:
            # One print a request: each one draws the bar anew.
            console().print(Text("\n").join(map(verdict_line, entries)))
        if self._bar:
            self._bar.advance_files(len(entries))

    def take_earlier(self, path: str, said: Earlier) -> None:
        """Count the verdict of an earlier run; print it for programs, and where it wants somebody's attention."""
        entry = {"path": path, "status": said.status, "code": said.code, "detail": said.detail, "study": said.study}
        self._count([entry])
        self.earlier_files += 1
        if self.as_json:
            self._print_json(entry, earlier=True)
        elif said.status in _WORTH_SAYING_AGAIN:
            console().print(verdict_line(entry))
        if self._bar:
            self._bar.advance_files(1)

    def pass_over(self, path: str, code: str, detail: str) -> None:
        """Print what is not sent at all."""
        self.take([{"path": path, "status": "skipped", "code": code, "detail": detail}])

    def say(self, text: str) -> None:
        """Print a line that is no verdict."""
        where = self._bar.console if self._bar else Console(stderr=True, highlight=False, soft_wrap=True)
        where.print(Text(plain(text), style="yellow"))

    def _count(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.counts[entry["status"]] += 1
            if entry["status"] == "refused":
                self.counts[f"refused: {entry['code']}"] += 1

    def _print_json(self, entry: Entry, *, earlier: bool) -> None:
        print_json({"path": entry["path"], **{key: entry.get(key) for key in _JSON_KEYS}, "earlier": earlier})

    @contextmanager
    def bar(self, *, files: int | None, size_bytes: int) -> Iterator["Bar"]:
        """Show a bar while files are on their way; how many there are may not be known yet."""
        self._bar = Bar(files=files, size_bytes=size_bytes, as_json=self.as_json)
        try:
            with self._bar.progress:
                yield self._bar
        finally:
            self._bar = None

    @contextmanager
    def status(self) -> Iterator["Status"]:
        """Show a line that stays at the end of a terminal; nothing elsewhere."""
        self._bar = status = Status(as_json=self.as_json)
        try:
            with status.progress:
                yield status
        finally:
            self._bar = None

    def summarise(self) -> bool:
        """Print how many files got which verdict; return whether there were any."""
        out = console()
        verdicts = [(status, count) for status, count in self.counts.most_common() if ": " not in status]
        if not verdicts:
            out.print("no files", style="dim")
            return False
        total = sum(count for _, count in verdicts)
        shown = Text(", ").join(Text(f"{count} ").append_text(status_text(status)) for status, count in verdicts)
        out.print(Text(f"\n{counted(total, 'file')}: ").append_text(shown))
        for reason, count in self.counts.most_common():
            if ": " in reason:
                out.print(f"  {count} {reason}", style="dim")
        if self.earlier_files:
            out.print(f"  {self.earlier_files} of them had their verdict from an earlier run", style="dim")
        return True


def _above(progress: Progress) -> Console:
    """Return where lines can be printed that are no verdicts."""
    return Console(stderr=True, highlight=False, soft_wrap=True) if progress.disable else progress.console


class Status:
    """A line that says what is going on while nothing is."""

    def __init__(self, *, as_json: bool) -> None:
        """Only a terminal shows it."""
        shown = console()
        columns = (SpinnerColumn(), TextColumn("{task.description}", style="dim"))
        self.progress = Progress(
            *columns, console=shown, disable=as_json or not shown.is_terminal, refresh_per_second=4, transient=True
        )
        self._task = self.progress.add_task("", total=None)

    @property
    def console(self) -> Console:
        """Where lines can be printed above it."""
        return _above(self.progress)

    def update(self, text: str) -> None:
        """Say something else."""
        self.progress.update(self._task, description=plain(text))

    def advance_files(self, count: int) -> None:
        """Files are counted elsewhere."""


class Bar:
    """How far an import is, in bytes and files; on the terminal, wherever that is."""

    def __init__(self, *, files: int | None, size_bytes: int, as_json: bool) -> None:
        """Where `files` is not known, neither is the end."""
        shown = console() if console().is_terminal else Console(stderr=True, highlight=False)
        self.progress = Progress(
            TextColumn("import"),
            BarColumn(),
            TextColumn("{task.fields[files]}"),
            TextColumn("{task.fields[bytes]}", style="dim"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[doing]}", style="yellow"),
            console=shown,
            disable=files == 0 or not shown.is_terminal or (as_json and shown is console()),
            redirect_stdout=shown is console(),  # elsewhere what programs read would be drawn beside the bar
            redirect_stderr=shown is console(),
            refresh_per_second=4,
            transient=True,
        )
        self._files_total = files
        self._size_bytes = size_bytes
        self._files = 0
        self._sent_bytes = 0
        self._packed: int | None = None
        total = max(size_bytes, 1) if files is not None else None
        self._task = self.progress.add_task("import", total=total, files="", bytes="", doing="")
        self._draw()

    @property
    def console(self) -> Console:
        """Where lines can be printed above it."""
        return _above(self.progress)

    def advance_bytes(self, count: int) -> None:
        """So many bytes more are on their way, or fewer when they are sent again."""
        self._sent_bytes += count
        self._draw()

    def advance_files(self, count: int) -> None:
        """So many files more have their verdict."""
        self._files += count
        self._draw()

    def unpacking(self, archives: Sequence[Item], count: int) -> None:
        """All is sent, and the server unpacks: so many files of it all have a verdict by now."""
        if self.progress.disable:
            return
        if self._packed is None:
            self._packed = sum(entries_of(Path(archive.shown)) for archive in archives)
        inside = max(count - self._files, 0)
        of_all = f" of {self._packed}" if self._packed >= inside else " files so far"
        self.progress.update(self._task, doing=f"unpacking: {inside}{of_all}")

    def _draw(self) -> None:
        if self.progress.disable:
            return
        of_files = f"/{max(self._files_total, self._files)}" if self._files_total is not None else ""
        of_bytes = f"/{size_text(self._size_bytes)}" if self._files_total is not None else ""
        self.progress.update(
            self._task,
            completed=self._sent_bytes,
            files=f"{self._files}{of_files} files",
            bytes=f"{size_text(self._sent_bytes)}{of_bytes}",
        )


def verdict_line(entry: Entry) -> Text:
    """Return one file's verdict as a line."""
    line = status_text(f"{entry['status']:<9}")
    line.append(f"  {plain(entry['path'])}", style="default")
    reason = ": ".join(part for part in (entry.get("code"), entry.get("detail")) if part)
    if reason and entry["status"] != "stored":
        line.append(f"  {plain(reason)}", style="dim")
    return line
