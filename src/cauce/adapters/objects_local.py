"""The object store on a folder: `<root>/<space>/<2 hex>/<object id>`, each file in encryption format v1.

An object is written under its own name, which never overwrites; then its content and its name are synced at the same
time, so that `write` waits for one sync, not for one after the other. A crash leaves at worst an object, half-written
or whole, that no catalogue row names: it is the sweep's. The folders are all made and durable from the start.
"""
# Paths are plain strings in here, since pathlib would cost more than the cipher:
# ruff: noqa: PTH100, PTH102, PTH108, PTH116, PTH118, PTH120

import errno
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, cast

from cauce.adapters.durable_files import BINARY, DirectorySync, make_directory, sync_directory, sync_file, write_all
from cauce.adapters.encryption_v1 import DecryptingReader, EncryptingStream
from cauce.core.errors import InvalidRequest, NotFound, StorageFull, StorageUnavailable
from cauce.core.identifiers import ObjectId, is_public_id
from cauce.core.limits import MIB
from cauce.core.messages import StoredObject
from cauce.core.statuses import Space
from cauce.ports.keys import KeyRing
from cauce.ports.objects import ObjectInfo

LEAVES: Final = tuple(f"{number:02x}" for number in range(256))
"""The folders of a space, by the first two digits of an object's id."""

_RESERVE_CHECKED_EVERY_BYTES = 64 * MIB
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_SYNCING_THREADS = 16
_WHOLE, _WRITABLE = 0o400, 0o200


class LocalObjects:
    """Objects in files under one folder. Safe for any number of threads and processes at the same time.

    Fulfils `cauce.ports.objects.ObjectStore`.
    """

    def __init__(self, root: Path, *, keyring: KeyRing, reserve_bytes: int) -> None:
        """Make the folders that are missing (mode 0700); later nothing makes them anew, so a lost mount is noticed.

        `reserve_bytes` of the file system stay free: writing stops there.

        Raises:
            StorageFull: there is no room for the folders.
            StorageUnavailable: they cannot be made.
        """
        self._root = os.path.abspath(root)
        self._keyring = keyring
        self._reserve_bytes = reserve_bytes
        self._syncs = DirectorySync()
        self._syncing = ThreadPoolExecutor(_SYNCING_THREADS, thread_name_prefix="sync")
        with _translated():
            for name in ("", *Space):
                make_directory(os.path.join(self._root, name).rstrip("/"))
            for space in Space:
                self._make_leaves(space)
            self._device = os.stat(self._root).st_dev

    def write(
        self, space: Space, object_id: ObjectId, chunks: Iterable[bytes], *, about: Mapping[str, str]
    ) -> StoredObject:
        """Write an object from plain `chunks`; when this returns it is durable, when it raises nothing is visible.

        What `chunks` raises passes through as it is.

        Raises:
            StorageFull: no room is left, or the reserve would be touched.
            StorageUnavailable: the folder cannot be written, or an object of this id exists.
            InvalidRequest: the object id is none of ours, or `about` is longer than 64 KiB.
        """
        if not is_public_id(object_id):
            raise InvalidRequest("An object id is 32 hexadecimal digits.", field="object_id")
        stream = EncryptingStream(
            chunks, space=space, object_id=object_id, epoch_key=self._keyring.current_key(space), about=about
        )
        self._write(space, f"{self._leaf(space, object_id)}/{object_id}", stream)
        return StoredObject(space=space, object_id=object_id, size_bytes=stream.size_bytes)

    def open(self, space: Space, object_id: ObjectId) -> BinaryIO:
        """Open an object for reading: a `DecryptingReader`, which decrypts only the chunks that are read.

        Raises:
            NotFound: there is no such object.
            IntegrityError: on opening or reading, the bytes are not what was written.
            StorageUnavailable: on opening or reading, the folder cannot be read.
        """
        return cast("BinaryIO", self._open(space, object_id))

    def about(self, space: Space, object_id: ObjectId) -> Mapping[str, str]:
        """Return what `write` was told about the object; its content is not read.

        Raises:
            NotFound: there is no such object.
            IntegrityError: the bytes are not what was written.
            StorageUnavailable: the folder cannot be read.
        """
        with self._open(space, object_id) as reader:
            return reader.about

    def delete(self, space: Space, object_id: ObjectId) -> None:
        """Remove an object, durably; one that is not there is no error.

        Raises:
            StorageUnavailable: the folder is missing or cannot be written.
        """
        if not is_public_id(object_id):
            return
        self._require_place(space)
        leaf = self._leaf(space, object_id)
        with _translated():
            with suppress(FileNotFoundError):
                os.unlink(f"{leaf}/{object_id}")
            # Also when there was nothing: an earlier removal may have been cut off before it was durable.
            with suppress(FileNotFoundError):
                self._syncs.sync(leaf)

    def walk(self, space: Space) -> Iterator[ObjectInfo]:
        """Yield every object of a space, in no particular order, without reading its content.

        Raises:
            StorageUnavailable: the folder is missing or cannot be read.
        """
        self._require_place(space)
        now = time.time()
        with _translated():
            for entry in _entries(f"{self._root}/{space.value}", depth=1):
                if not is_public_id(entry.name):
                    continue
                try:
                    stat = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # removed while we walk
                    continue
                yield ObjectInfo(
                    space=space,
                    object_id=ObjectId(entry.name),
                    stored_bytes=stat.st_size,
                    age_s=max(0.0, now - stat.st_mtime),
                    is_whole=not stat.st_mode & _WRITABLE,
                )

    def free_bytes(self) -> int | None:
        """Return the room left above the reserve, in bytes.

        Raises:
            StorageUnavailable: the folder does not answer.
        """
        with _translated():
            return max(0, shutil.disk_usage(self._root).free - self._reserve_bytes)

    def check(self) -> None:
        """Return if the folders are there and may be written; nothing is written.

        Raises:
            StorageUnavailable: they are not, or the file system is mounted read-only.
        """
        for name in Space:
            self._require_place(name)
            if not os.access(f"{self._root}/{name}", os.R_OK | os.W_OK | os.X_OK):
                raise StorageUnavailable("The folder of the object store cannot be written.")

    def _leaf(self, space: Space, object_id: ObjectId) -> str:
        return f"{self._root}/{space.value}/{object_id[:2]}"

    def _open(self, space: Space, object_id: ObjectId) -> DecryptingReader:
        if not is_public_id(object_id):
            raise NotFound("There is no such object.")
        try:
            with _translated():
                source = FileSource(f"{self._leaf(space, object_id)}/{object_id}")
        except StorageUnavailable as error:
            if isinstance(error.__cause__, FileNotFoundError):
                self._require_place(space)
                raise NotFound("There is no such object.") from error
            raise
        try:
            return DecryptingReader(source, space=space, object_id=object_id, key=self._keyring.key)
        except BaseException:
            source.close()
            raise

    def _require_place(self, name: str) -> None:
        """Tell a store that has nothing from one that is not there: its mount was lost, or never came."""
        try:
            is_there = os.stat(f"{self._root}/{name}").st_dev == self._device
        except OSError as error:
            raise StorageUnavailable("The folder of the object store is missing.") from error
        if not is_there:
            raise StorageUnavailable("The folder of the object store lies on another file system than at the start.")

    def _make_leaves(self, space: Space) -> None:
        place = f"{self._root}/{space.value}"
        for leaf in LEAVES:
            with suppress(FileExistsError):
                os.mkdir(f"{place}/{leaf}", 0o700)
        sync_directory(place)  # also when all were there: whoever made them may not have come to that

    def _write(self, space: Space, path: str, stream: EncryptingStream) -> None:
        """Write a file that is not there yet, and make it durable; when that fails it is gone again."""
        self._require_room(space)
        try:
            with _translated():
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o600)
        except StorageUnavailable as error:
            if isinstance(error.__cause__, FileExistsError):
                raise StorageUnavailable("An object of this id exists.") from error
            raise
        try:
            try:
                self._write_content(space, descriptor, stream)
                with _translated():
                    self._sync(descriptor, os.path.dirname(path))
                _mark_whole(descriptor)
            finally:
                with suppress(OSError):  # what was synced is safe, and the rest is removed
                    os.close(descriptor)
        except BaseException:
            with suppress(OSError):
                os.unlink(path)
            raise

    def _write_content(self, space: Space, descriptor: int, stream: EncryptingStream) -> None:
        room = _RESERVE_CHECKED_EVERY_BYTES
        for piece in stream.borrowed():
            if room <= 0:
                self._require_room(space)
                room = _RESERVE_CHECKED_EVERY_BYTES
            with _translated():
                write_all(descriptor, piece)
            room -= len(piece)

    def _sync(self, descriptor: int, leaf: str) -> None:
        """Sync a file's content and its name at the same time; both have been tried when this returns or raises."""
        name = self._syncing.submit(self._syncs.sync, leaf)
        try:
            sync_file(descriptor)
        finally:
            error = name.exception()
        if error is not None:
            raise error

    def _require_room(self, space: Space) -> None:
        self._require_place(space)
        if self.free_bytes() == 0:
            raise StorageFull("The object store has reached the room that is kept free.")


class FileSource:
    """A file as a `RangeSource`, read at offsets, without a position of its own."""

    def __init__(self, path: str) -> None:
        """Open the file.

        Raises:
            OSError: as `os.open` does.
        """
        self._descriptor = os.open(path, os.O_RDONLY | BINARY)
        self.size = os.fstat(self._descriptor).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer only where the file ends.

        Raises:
            StorageUnavailable: the file cannot be read.
        """
        with _translated():
            data = _read_at(self._descriptor, length, offset)
            while len(data) < length and (more := _read_at(self._descriptor, length - len(data), offset + len(data))):
                data += more
            return data

    def close(self) -> None:
        """Close the file; a second call is no error."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _mark_whole(descriptor: int) -> None:
    """Make an object read-only once it is durable; a crash that comes before that leaves it without this mark.

    So what cannot be read is a leftover without the mark, and damage with it. Nothing waits for the mark to be durable:
    an object that lost it in a crash is still read, and found whole, before anybody removes it.
    """
    if sys.platform != "win32":  # where a file that is read-only cannot be removed
        with suppress(OSError):  # some file systems keep no modes
            os.fchmod(descriptor, _WHOLE)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the system's errors into ours. Neither path nor id goes into the text."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "unknown error"
        if error.errno in _NO_ROOM:
            raise StorageFull(f"The object store has no room left: {reason}.") from error
        raise StorageUnavailable(f"The object store does not answer: {reason}.") from error


def _entries(path: str, *, depth: int) -> Iterator[os.DirEntry[str]]:
    """Yield the files that lie `depth` folders below `path`; what vanishes meanwhile is passed over."""
    try:
        with os.scandir(path) as found:
            for entry in found:
                is_folder = entry.is_dir(follow_symlinks=False)
                if depth and is_folder:
                    yield from _entries(entry.path, depth=depth - 1)
                elif not depth and not is_folder:
                    yield entry
    except FileNotFoundError:
        return


if sys.platform == "win32":
    _SEEKING = threading.Lock()

    def _read_at(descriptor: int, length: int, offset: int) -> bytes:
        with _SEEKING:
            os.lseek(descriptor, offset, os.SEEK_SET)
            return os.read(descriptor, length)
else:

    def _read_at(descriptor: int, length: int, offset: int) -> bytes:
        return os.pread(descriptor, length, offset)
