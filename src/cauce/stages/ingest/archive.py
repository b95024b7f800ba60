"""Zip archives: their files one after the other, in bounded memory, with a verdict on each that cannot be had.

Names are labels and never paths, so nothing can be written outside of anything. What is bounded is what an archive may
cost: entries, unpacked bytes, the ratio between unpacked and packed, depth; and parts of it that are read twice
(overlapping entries) are no archive that any packer writes.
"""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Generic, Protocol, TypeVar

from cauce.core.errors import Refused, StorageFull
from cauce.core.limits import GIB, MIB, Limits
from cauce.core.messages import Verdict
from cauce.core.statuses import RefusalCode
from cauce.stages.ingest.intake import refused
from cauce.stages.ingest.skipping import SkipReason, looks_like_dicom, skipped

_CHUNK_BYTES: Final = 1 * MIB
_RATIO_COUNTS_FROM_BYTES: Final = 64 * MIB
_UNPACKED_ALWAYS_ALLOWED_BYTES: Final = 1 * GIB
_DIRECTORY_BYTES_MAX: Final = 64 * MIB

_END: Final = struct.Struct("<4s4H2LH")
_END_SIGNATURE: Final = b"PK\x05\x06"
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_END64_SIGNATURE: Final = b"PK\x06\x06"
_LOCATOR64_BYTES: Final = 20
_COMMENT_BYTES_MAX: Final = 0xFFFF
_DIRECTORY_SIGNATURE: Final = b"PK\x01\x02"
_LOCAL_HEADER_BYTES: Final = 30
_ENTRY_SIGNATURE: Final = b"PK\x03\x04"
_ENCRYPTED: Final = 0x1 | 0x40
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

_SEPARATORS: Final = re.compile(r"[/\\]")
_ABSOLUTE: Final = re.compile(r"[/\\]|[A-Za-z]:")

# What zipfile and zlib raise on damaged input; none of it says anything that a sender could use.
_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class Spooled(Protocol):
    """A file being unpacked, in memory or on disk; `close` lets go of either."""

    size_bytes: int

    def write(self, chunk: bytes) -> None:
        """Append.

        Raises:
            StorageFull: no room is left for it.
        """

    @property
    def head(self) -> bytes:
        """The first bytes."""

    def readable(self) -> BinaryIO:
        """Return the whole as an open, seekable file."""

    def close(self) -> None:
        """Let go of memory and disk."""


File = TypeVar("File", bound=Spooled)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked(Generic[File]):
    """One file of an archive. Who receives it closes `file`."""

    name: str
    file: File


def is_archive(head: bytes) -> bool:
    """Tell whether a file that begins with `head` is a zip; one that is also DICOM is DICOM."""
    return head.startswith((_ENTRY_SIGNATURE, _END_SIGNATURE)) and head[128:132] != b"DICM"


def unpack(
    source: BinaryIO, *, name: str, limits: Limits, spool: Callable[[], File]
) -> Generator[Unpacked[File] | Verdict, None, None]:
    """Yield each file of the zip `source`, zips in it unpacked as well, or the verdict on an entry that is not taken.

    Names are `<name>/<name in the archive>`. Folders are not mentioned. `source` stays open.

    Raises:
        Refused: `archive_unsafe` or `truncated`, the archive as a whole, before or after some of its files.
    """
    source.seek(0, 2)
    budget = _Budget(limits=limits, packed_bytes=source.tell())
    yield from _unpack(source, name=name, budget=budget, spool=spool, depth=1)


class _BudgetSpent(Refused):
    """The outermost archive costs more than is allowed; nothing further of it is unpacked."""

    def __init__(self, detail: str) -> None:
        super().__init__(RefusalCode.ARCHIVE_UNSAFE, detail)


class _Budget:
    """What the outermost archive may still cost."""

    def __init__(self, *, limits: Limits, packed_bytes: int) -> None:
        self.limits = limits
        self.entries_left = limits.archive_entries_max
        by_ratio = max(_UNPACKED_ALWAYS_ALLOWED_BYTES, packed_bytes * limits.archive_ratio_max)
        self._bytes_left = min(limits.archive_unpacked_bytes_max, by_ratio)

    def spend(self, size_bytes: int) -> None:
        self._bytes_left -= size_bytes
        if self._bytes_left < 0:
            raise _BudgetSpent("The archive unpacks to more than is allowed.")


def _unpack(
    source: BinaryIO, *, name: str, budget: _Budget, spool: Callable[[], File], depth: int
) -> Generator[Unpacked[File] | Verdict, None, None]:
    with _open(source, budget) as archive:
        entries = archive.infolist()
        budget.entries_left -= len(entries)
        _require_separate(entries)
        for entry in entries:
            if entry.is_dir() or (entry.filename.endswith("\\") and not entry.file_size):
                continue
            entry_name = f"{name}/{entry.filename}"
            try:
                if stat.S_ISLNK(entry.external_attr >> 16):
                    yield skipped(entry_name, SkipReason.LINK)
                    continue
                _require_harmless(entry, budget.limits)
                file = _read(archive, entry, budget, spool)
            except _BudgetSpent:
                raise
            except Refused as refusal:
                yield refused(entry_name, refusal.refusal, refusal.detail)
                continue
            if is_archive(file.head):
                yield from _unpack_nested(file, name=entry_name, budget=budget, spool=spool, depth=depth)
            else:
                yield Unpacked(name=entry_name, file=file)


def _unpack_nested(
    file: File, *, name: str, budget: _Budget, spool: Callable[[], File], depth: int
) -> Generator[Unpacked[File] | Verdict, None, None]:
    try:
        _require_shallow(depth, budget.limits)
        yield from _unpack(file.readable(), name=name, budget=budget, spool=spool, depth=depth + 1)
    except _BudgetSpent:
        raise
    except Refused as refusal:
        yield refused(name, refusal.refusal, refusal.detail)
    finally:
        file.close()


def _open(source: BinaryIO, budget: _Budget) -> zipfile.ZipFile:
    """Open a zip whose directory has been looked at first: `zipfile` takes all of it into memory, however long."""
    try:
        if _count_entries(source) > budget.entries_left:
            raise Refused(RefusalCode.ARCHIVE_UNSAFE, "The archive has more entries than are allowed.")
        return zipfile.ZipFile(source)
    except _DAMAGED as error:
        raise Refused(RefusalCode.TRUNCATED, "The archive is cut or damaged.") from error


def _count_entries(source: BinaryIO) -> int:
    """Return how many entries the directory can have at most (APPNOTE.TXT 4.3.12 to 4.3.16)."""
    source.seek(0, 2)
    size_bytes = source.tell()
    tail_from = max(0, size_bytes - _COMMENT_BYTES_MAX - _END.size)
    source.seek(tail_from)
    tail = source.read()
    at = len(tail) - _END.size
    if at < 0 or tail[at : at + 4] != _END_SIGNATURE or tail[-2:] != b"\0\0":
        at = tail.rfind(_END_SIGNATURE)
    if at < 0:
        raise zipfile.BadZipFile
    directory_bytes = _END.unpack_from(tail, at)[5]
    end = tail_from + at
    record64 = end - _LOCATOR64_BYTES - _END64.size
    if record64 >= 0:
        source.seek(record64)
        record = source.read(_END64.size)
        if record.startswith(_END64_SIGNATURE):
            directory_bytes = _END64.unpack(record)[8]
            end = record64
    if directory_bytes > _DIRECTORY_BYTES_MAX:
        raise Refused(RefusalCode.ARCHIVE_UNSAFE, "The directory of the archive is longer than is allowed.")
    source.seek(max(0, end - directory_bytes))
    return source.read(directory_bytes).count(_DIRECTORY_SIGNATURE)


def _require_shallow(depth: int, limits: Limits) -> None:
    if depth >= limits.archive_depth_max:
        raise Refused(RefusalCode.ARCHIVE_UNSAFE, "Archives are nested deeper than is allowed.")


def _require_separate(entries: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse an archive whose entries share packed bytes, as bombs do to unfold the same bytes again and again."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise Refused(RefusalCode.ARCHIVE_UNSAFE, "Entries of the archive overlap.")
        end = entry.header_offset + _LOCAL_HEADER_BYTES + entry.compress_size


def _require_harmless(entry: zipfile.ZipInfo, limits: Limits) -> None:
    """Judge an entry by what the directory says of it; nothing of it is unpacked yet."""
    if _ABSOLUTE.match(entry.filename) or ".." in _SEPARATORS.split(entry.filename):
        raise Refused(RefusalCode.ARCHIVE_UNSAFE, "The name points out of the archive.")
    if entry.flag_bits & _ENCRYPTED:
        raise Refused(RefusalCode.ARCHIVE_UNSAFE, "The entry is encrypted.")
    if entry.compress_type not in _METHODS:
        raise Refused(RefusalCode.ARCHIVE_UNSAFE, "The entry is packed by a method that is not taken.")
    if entry.file_size > limits.instance_bytes_max:
        raise Refused(RefusalCode.TOO_LARGE, "The file is larger than is allowed.")


def _is_dense(entry: zipfile.ZipInfo, limits: Limits) -> bool:
    """Tell whether an entry unpacks to more than is plausible for its packed size."""
    too_dense = entry.file_size > limits.archive_ratio_max * max(entry.compress_size, 1)
    return too_dense and entry.file_size > _RATIO_COUNTS_FROM_BYTES


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: _Budget, spool: Callable[[], File]) -> File:
    """Unpack one entry, its checksum included; it never yields more than the directory says.

    Raises:
        Refused: `truncated` when it is damaged, `storage_full` when there is no room to unpack it.
    """
    file = spool()
    try:
        _copy(archive, entry, budget, file)
    except StorageFull as full:
        file.close()
        raise Refused(RefusalCode.STORAGE_FULL, full.detail) from full
    except _DAMAGED as error:
        file.close()
        raise Refused(RefusalCode.TRUNCATED, "The entry is damaged.") from error
    except BaseException:
        file.close()
        raise
    return file


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: _Budget, file: Spooled) -> None:
    is_dense = _is_dense(entry, budget.limits)
    with archive.open(entry) as packed:
        while chunk := packed.read(_CHUNK_BYTES):
            if is_dense and not file.size_bytes and not looks_like_dicom(chunk):
                raise Refused(RefusalCode.ARCHIVE_UNSAFE, "The entry unpacks to more than its packed size explains.")
            budget.spend(len(chunk))
            file.write(chunk)
    if file.size_bytes != entry.file_size:
        raise EOFError
