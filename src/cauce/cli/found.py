"""The files that paths on the command line name."""

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cauce.cli.imports.items import Reading, SourceBroken

Passed = Callable[[str, str, str], None]
"""Told of what is passed over: its path, a code, why."""

LINK = "link"
SPECIAL = "special_file"
_BROKEN = "broken"
_MEDIA_DIRECTORY = re.compile(r"dicomdir\.?(;\d+)?", re.IGNORECASE)
_REASONS = {
    LINK: "A link to a folder is not followed: name the folder that it leads to.",
    _BROKEN: "A link that leads nowhere.",
    SPECIAL: "Not a file with contents: a pipe, a socket or a device.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FileToSend:
    """A local file, and the name that it has for others."""

    path: Path
    name: str
    size_bytes: int
    mtime_ns: int = 0
    trouble: str = ""
    """Why it is known that it cannot be read."""

    @property
    def shown(self) -> str:
        """Its path, as it was found."""
        return str(self.path)

    @property
    def mark(self) -> str:
        """Its size and when it was written last."""
        return f"{self.size_bytes}:{self.mtime_ns}"

    @property
    def is_alone(self) -> bool:
        """Files go together."""
        return False

    def open(self) -> Reading:
        """Begin to read it.

        Raises:
            SourceBroken: it cannot be read.
        """
        if self.trouble:
            raise SourceBroken(self.trouble, item=self)
        try:
            opened = self.path.open("rb", buffering=0)
        except OSError as error:
            raise SourceBroken(error.strerror or type(error).__name__, item=self) from error

        def mark_now() -> str:
            found = os.fstat(opened.fileno())
            return f"{found.st_size}:{found.st_mtime_ns}"

        found = os.fstat(opened.fileno())
        return Reading(self, opened, size_bytes=found.st_size, mark=mark_now(), mark_now=mark_now)


def files_of(paths: Iterable[Path], *, passed: Passed | None = None) -> Iterator[FileToSend]:
    """Yield the files that `paths` name: files as they are, folders with all that lies below, in sorted order.

    A file of a folder is named by its path from that folder's parent, with slashes. A folder that cannot be read stands
    for what is in it: to open it fails like a file that cannot be read. Links to folders are not followed, and what is
    no file is not opened: `passed` is told of both.
    """
    told = passed or _unheard
    for path in paths:
        if path.is_dir():
            yield from below(str(path), path.resolve().name, told)
        elif path.exists() and not path.is_file():
            told(str(path), SPECIAL, _REASONS[SPECIAL])
        else:
            yield file_at(path, path.name, found=_stat_of(path))


def below(
    folder: str, name: str, passed: Passed, *, leaves_out: Callable[[str], bool] | None = None
) -> Iterator[FileToSend]:
    """Yield the files below a folder; `name` is that of the folder for others, and begins theirs.

    Files and folders whose name `leaves_out` says so of are not looked at.
    """
    levels: list[Iterator[_Found]] = [iter([(folder, name, None)])]
    while levels:  # no recursion: folders may lie deeper than Python's stack
        found = next(levels[-1], None)
        if found is None:
            levels.pop()
            continue
        path, inside, entry = found
        if entry is not None and leaves_out is not None and leaves_out(entry.name):
            continue
        if entry is None or entry.is_dir(follow_symlinks=False):
            try:
                levels.append(_listed(path, inside))
            except OSError as error:
                yield replace(file_at(path, inside, found=None), trouble=error.strerror or type(error).__name__)
        elif reason := reason_to_pass(entry):
            passed(path, SPECIAL if reason == SPECIAL else LINK, _REASONS[reason])
        else:
            yield file_at(path, inside, found=_stat_of(entry))


_Found = tuple[str, str, os.DirEntry[str] | None]


def _listed(folder: str, name: str) -> Iterator[_Found]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    return iter([(entry.path, f"{name}/{entry.name}" if name else entry.name, entry) for entry in entries])


def reason_to_pass(entry: os.DirEntry[str]) -> str:
    """Return why what is no folder is no file either; nothing where it is one."""
    try:
        mode = entry.stat().st_mode
    except OSError:  # among them links in a circle
        return _BROKEN if entry.is_symlink() else ""
    if stat.S_ISDIR(mode):
        return LINK
    return "" if stat.S_ISREG(mode) else SPECIAL


def file_at(path: str | Path, name: str, *, found: os.stat_result | None) -> FileToSend:
    """Return a file with the name that it has for others; `found` is what is known of it."""
    return FileToSend(
        path=Path(path),
        # Names that are not UTF-8 reach Python with surrogates, which nobody else takes.
        name=name.encode("utf-8", "replace").decode("utf-8"),
        size_bytes=found.st_size if found else 0,
        mtime_ns=found.st_mtime_ns if found else 0,
    )


def has_name_of_media_directory(path: Path) -> bool:
    """Tell whether a file is called DICOMDIR (PS3.10 8.6), as systems show that name."""
    return _MEDIA_DIRECTORY.fullmatch(path.name) is not None


def _stat_of(file: Path | os.DirEntry[str]) -> os.stat_result | None:
    try:
        return file.stat()
    except OSError:
        return None


def _unheard(_path: str, _code: str, _detail: str) -> None:
    """Nobody wants to know."""
