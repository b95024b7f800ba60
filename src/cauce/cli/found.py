"""The files that paths on the command line name."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class FileToSend:
    """A local file, and the name that it has for others."""

    path: Path
    name: str
    size_bytes: int


def files_of(paths: Iterable[Path]) -> Iterator[FileToSend]:
    """Yield the files that `paths` name: files as they are, folders with all that lies below, in sorted order.

    A file of a folder is named by its path from that folder's parent, with slashes. A folder that cannot be read stands
    for what is in it: to open it fails like a file that cannot be read. Links to folders are not followed.
    """
    for path in paths:
        if path.is_dir():
            yield from _below(str(path), path.resolve().name)
        else:
            yield _file(path, path.name, size_bytes=_size_of(path))


def _below(folder: str, name: str) -> Iterator[FileToSend]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        yield _file(folder, name, size_bytes=0)
        return
    for entry in entries:
        inside = f"{name}/{entry.name}" if name else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path, inside)
        elif entry.is_file():
            yield _file(entry.path, inside, size_bytes=_size_of(entry))


def _file(path: str | Path, name: str, *, size_bytes: int) -> FileToSend:
    # Names that are not UTF-8 reach Python with surrogates, which nobody else takes.
    return FileToSend(path=Path(path), name=name.encode("utf-8", "replace").decode("utf-8"), size_bytes=size_bytes)


def _size_of(file: Path | os.DirEntry[str]) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
