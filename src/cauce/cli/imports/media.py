"""Image media: what a DICOMDIR lists (PS3.10 section 8), beside what lies there."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cauce.cli.found import FileToSend, Passed, below, file_at, has_name_of_media_directory
from cauce.core.errors import Refused
from cauce.core.limits import MIB, Limits
from cauce.stages import ingest, validate
from cauce.stages.validate import part10
from cauce.stages.validate.json_model import INLINE_MAX
from cauce.stages.validate.reader import ForwardReader
from cauce.stages.validate.walker import ELEMENT, Walker

MISSING: Final = "missing"
OUTSIDE: Final = "outside_medium"
DAMAGED: Final = "directory_damaged"
DETAILS: Final = {
    MISSING: "The DICOMDIR lists this file, and it is not there.",
    OUTSIDE: "The DICOMDIR lists a file outside of its medium: it was not looked for.",
    DAMAGED: "It cannot be read to its end, and what it lists there was not sent: import its folder instead.",
}

_HEAD_BYTES: Final = 1024
_REFERENCED_FILE_ID: Final = 0x00041500
_VERSION: Final = re.compile(r";\d+$")
_DIRECTORY_BYTES_MAX: Final = 512 * MIB
_SEPARATORS: Final = re.compile(r"[/\0]")

FileId = tuple[str, ...]
"""The components of a Referenced File ID (0004,1500)."""


@dataclass(kw_only=True, slots=True)
class Medium:
    """One DICOMDIR, and how it agrees with what lies beside it."""

    directory: Path
    trouble: str = ""
    """Why it cannot be read to its end, or that it lists nothing; then nothing is known of what should be there."""
    listed: int = 0
    missing: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    unlisted: int = 0
    is_named: bool = False
    """Whether it was named itself, so that nothing is sent but what it lists."""


def is_directory(path: Path) -> bool:
    """Tell whether a file is a DICOMDIR, by its name and by what is in it."""
    if not has_name_of_media_directory(path):
        return False
    try:
        with path.open("rb") as opened:
            return validate.is_directory_record(opened.read(_HEAD_BYTES))
    except OSError:
        return False


def stands_for_medium(path: Path) -> bool:
    """Tell whether a file that was named itself is a DICOMDIR or what is left of one; an image of that name is not."""
    if not has_name_of_media_directory(path) or not path.is_file():
        return False
    try:
        with path.open("rb") as opened:
            head = opened.read(_HEAD_BYTES)
    except OSError:
        return False
    return validate.is_directory_record(head) or not ingest.looks_like_dicom(head)


def file_ids_of(directory: Path) -> Iterator[FileId]:
    """Yield the Referenced File IDs of a DICOMDIR, in its order.

    Raises:
        Refused: it is damaged; what came before that was yielded.
        OSError: it cannot be read.
    """
    with directory.open("rb") as opened:
        size_bytes = min(os.fstat(opened.fileno()).st_size, _DIRECTORY_BYTES_MAX)
        reader = ForwardReader(opened, size_bytes=size_bytes)
        meta = part10.read_file_meta(reader)
        head = reader.peek(meta.dataset_offset, part10.HEAD_BYTES)
        encoding = part10.settle_encoding(meta, head, warn=_ignore)
        walker = Walker(
            reader,
            start=meta.dataset_offset,
            implicit=encoding.implicit,
            big=encoding.big,
            limits=Limits(),
            inline_max=INLINE_MAX,
            warn=_ignore,
        )
        for kind, tag, _vr, _offset, _length, value in walker:
            if kind == ELEMENT and tag == _REFERENCED_FILE_ID:
                text = value.decode("utf-8", "replace").strip(" \0")
                if text:
                    yield tuple(part.strip(" ") for part in text.split("\\"))


def compare(directory: Path, files: Sequence[FileToSend]) -> Medium:
    """Hold a DICOMDIR against the files that lie below its folder, wherever those came from.

    A reference is only ever looked up among these, so that none leads out of the medium. Case, a final full stop and a
    version (`;1`) do not count: ISO 9660 adds them, and systems that mount a disc take them away again or not.
    """
    medium = Medium(directory=directory)
    root = directory.parent
    there: dict[FileId, FileToSend] = {}
    for file in files:
        if file.path != directory:
            there.setdefault(_plain(file.path.relative_to(root).parts), file)
    named: set[FileId] = set()
    try:
        for file_id in file_ids_of(directory):
            named.add(_note(file_id, there, medium, named))
    except Refused as refusal:
        medium.trouble = refusal.detail
    except OSError as error:
        medium.trouble = error.strerror or type(error).__name__
    medium.listed = len(named)
    if not named and not medium.trouble:
        medium.trouble = "It lists no files."
    medium.unlisted = sum(key not in named for key in there)
    return medium


def _note(file_id: FileId, there: dict[FileId, FileToSend], medium: Medium, named: set[FileId]) -> FileId:
    """Sort one reference in; return by what it is told from others."""
    key = _plain(file_id)
    if key in named:
        return key
    shown = "/".join(file_id)
    if any(part in {"", ".", ".."} or _SEPARATORS.search(part) for part in file_id):
        medium.outside.append(shown)
    elif key not in there:
        medium.missing.append(str(medium.directory.parent.joinpath(*file_id)))
    return key


def files_listed(directory: Path, *, passed: Passed) -> list[FileToSend]:
    """Return the DICOMDIR itself and what lies in those of the medium's folders that it refers to.

    Of its own folder only the files that it lists: who names a DICOMDIR among other files does not mean those.
    """
    root = directory.parent
    wanted: set[str] = set()
    files: set[str] = set()
    try:
        for file_id in file_ids_of(directory):
            (wanted if len(file_id) > 1 else files).add(_plain(file_id[:1])[0])
    except (Refused, OSError):
        pass  # `compare` tells
    name = root.resolve().name
    found = [file_at(directory, f"{name}/{directory.name}", found=directory.stat())]
    with os.scandir(root) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            key = _plain((entry.name,))[0]
            inside = f"{name}/{entry.name}" if name else entry.name
            if entry.is_dir(follow_symlinks=False):
                found += below(entry.path, inside, passed) if key in wanted else ()
            elif key in files and entry.is_file(follow_symlinks=False):
                found.append(file_at(entry.path, inside, found=entry.stat()))
    return found


def media_among(files: Sequence[FileToSend]) -> Iterator[tuple[Path, Sequence[FileToSend]]]:
    """Yield each DICOMDIR among files in the order of their folders, with those that lie below its folder."""
    for position, file in enumerate(files):
        if is_directory(file.path):
            root = file.path.parent
            first, last = position, position + 1
            while first and files[first - 1].path.is_relative_to(root):
                first -= 1
            while last < len(files) and files[last].path.is_relative_to(root):
                last += 1
            yield file.path, files[first:last]


def _plain(parts: Iterable[str]) -> FileId:
    return tuple(_VERSION.sub("", part).rstrip(".").casefold() for part in parts)


def _ignore(_code: str, _detail: str) -> None:
    """A DICOMDIR may be irregular: its references are all that is wanted of it."""
