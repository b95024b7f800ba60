"""The object store on a folder: `<root>/<space>/<2 hex>/<2 hex>/<object id>`, each file in encryption format v1.

An object is written under a temporary name, synced, linked to its own name (which never overwrites), and the folders
that lead to it are synced, before `write` returns. A crash leaves at worst a temporary file, or a whole object that
no catalogue row names; both are the sweep's.
"""
# Paths are plain strings in here, since pathlib would cost more than the cipher:
# ruff: noqa: PTH100, PTH102, PTH108, PTH116, PTH118, PTH120

import errno
import os
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, cast

from cauce.adapters.durable_files import BINARY, DirectorySync, link_exclusively, make_directory, sync_file, write_all
from cauce.adapters.encryption_v1 import DecryptingReader, EncryptingStream
from cauce.core.errors import InvalidRequest, NotFound, StorageFull, StorageUnavailable
from cauce.core.identifiers import ObjectId, is_public_id
from cauce.core.limits import MIB
from cauce.core.messages import StoredObject
from cauce.core.statuses import Space
from cauce.ports.keys import KeyRing
from cauce.ports.objects import ObjectInfo

TEMPORARY: Final = "tmp"

_RESERVE_CHECKED_EVERY_BYTES = 64 * MIB
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_LEAVES = 1 << 16


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
        # A byte for each folder of the second level, then of the first: set once it and its parents are durable.
        self._durable = {space: bytearray(_LEAVES + 256) for space in Space}
        with _translated():
            for name in ("", TEMPORARY, *Space):
                make_directory(os.path.join(self._root, name).rstrip("/"))
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
        temporary = f"{self._root}/{TEMPORARY}/{object_id}.{secrets.token_hex(4)}"
        try:
            self._make_leaf(space, object_id)
            self._write_temporary(temporary, stream)
            with _translated():
                self._publish(temporary, space, object_id)
        finally:
            with suppress(OSError):
                os.unlink(temporary)
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
            for entry in _entries(f"{self._root}/{space.value}", depth=2):
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
        for name in (TEMPORARY, *Space):
            self._require_place(name)
            if not os.access(f"{self._root}/{name}", os.R_OK | os.W_OK | os.X_OK):
                raise StorageUnavailable("The folder of the object store cannot be written.")

    def sweep_temporary(self, *, older_than_s: float) -> int:
        """Remove temporary files that nothing has been written to for `older_than_s`; return how many.

        Raises:
            StorageUnavailable: the folder is missing, or cannot be read or written.
        """
        self._require_place(TEMPORARY)
        removed = 0
        limit = time.time() - older_than_s
        with _translated():
            for entry in _entries(f"{self._root}/{TEMPORARY}", depth=0):
                with suppress(FileNotFoundError):  # its writer was faster
                    if entry.stat(follow_symlinks=False).st_mtime < limit:
                        os.unlink(entry.path)
                        removed += 1
        return removed

    def _leaf(self, space: Space, object_id: ObjectId) -> str:
        return f"{self._root}/{space.value}/{object_id[:2]}/{object_id[2:4]}"

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

    def _make_leaf(self, space: Space, object_id: ObjectId) -> None:
        """Make the folders of an object; that happens before its file is synced, so one journal commit takes both."""
        if self._durable[space][int(object_id[:4], 16)]:
            return
        leaf = self._leaf(space, object_id)
        with _translated():
            for path in (os.path.dirname(leaf), leaf):
                with suppress(FileExistsError):
                    os.mkdir(path, 0o700)

    def _write_temporary(self, path: str, stream: EncryptingStream) -> None:
        room = 0
        with _translated():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o600)
        try:
            for piece in stream.borrowed():
                if room <= 0:
                    self._require_room()
                    room = _RESERVE_CHECKED_EVERY_BYTES
                with _translated():
                    write_all(descriptor, piece)
                room -= len(piece)
            with _translated():
                sync_file(descriptor)
        finally:
            with suppress(OSError):  # what was synced is safe, and the rest is removed
                os.close(descriptor)

    def _require_room(self) -> None:
        self._require_place(TEMPORARY)
        if self.free_bytes() == 0:
            raise StorageFull("The object store has reached the room that is kept free.")

    def _publish(self, temporary: str, space: Space, object_id: ObjectId) -> None:
        """Give a synced file its name and make the name durable; when that fails the name is gone again."""
        leaf = self._leaf(space, object_id)
        final = f"{leaf}/{object_id}"
        known = self._durable[space]
        first, second = _LEAVES + int(object_id[:2], 16), int(object_id[:4], 16)
        try:
            link_exclusively(temporary, final)
        except FileExistsError as error:
            raise StorageUnavailable("An object of this id exists.") from error
        except FileNotFoundError:
            known[first] = known[second] = 0  # someone removed the folders: the next object makes them anew
            raise
        try:
            self._syncs.sync(leaf)
            # Whoever made these folders may not have synced them yet: our object needs them to be durable now.
            if not known[second]:
                self._syncs.sync(os.path.dirname(leaf))
                if not known[first]:
                    self._syncs.sync(f"{self._root}/{space.value}")
                    known[first] = 1
                known[second] = 1
        except BaseException:
            known[first] = known[second] = 0
            with suppress(OSError):
                os.unlink(final)
            raise


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
