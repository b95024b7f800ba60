"""The key ring on a file: epoch keys of each space and named secrets, all wrapped under the key service.

A JSON file, replaced as a whole and durably under a lock that all processes share:

    {"version": 1,
     "epochs": {"originals": [{"id": "<hex>", "created": "<UTC>", "wrapped": "<base64>"}], ...},
     "secrets": {"<name>": "<base64>"}}

The last epoch of a space is the current one. Older ones stay, so that rotation rewrites no object.
"""

import base64
import binascii
import errno
import json
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from cauce.adapters import durable_files
from cauce.core.errors import IntegrityError, StorageFull, StorageUnavailable
from cauce.core.statuses import Space
from cauce.ports.keys import KeyService

KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 16

_VERSION = 1
_Added = TypeVar("_Added")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Epoch:
    """One epoch key: under it the data keys of objects are wrapped while it is current."""

    space: Space
    key_id: bytes
    created: str
    wrapped: bytes = field(repr=False)

    @property
    def context(self) -> bytes:
        return f"epoch/{self.space.value}/{self.key_id.hex()}/{self.created}".encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ring:
    """What the file said when it was read. `stamp` tells whether it has been replaced since."""

    epochs: tuple[_Epoch, ...] = ()
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    stamp: tuple[int, ...] = ()

    def current(self, space: Space) -> _Epoch | None:
        return next((epoch for epoch in reversed(self.epochs) if epoch.space is space), None)

    def find(self, key_id: bytes) -> _Epoch | None:
        return next((epoch for epoch in self.epochs if epoch.key_id == key_id), None)


class FileKeyRing:
    """Epoch keys and secrets in a file beside the data; each is unwrapped once and then held in memory.

    Fulfils `cauce.ports.keys.KeyRing`. Safe for any number of threads and processes at the same time.
    """

    def __init__(self, path: Path, service: KeyService) -> None:
        """Name the ring's file; it is read when first needed, and made with the first key."""
        self._path = path.absolute()
        self._service = service
        self._lock = threading.Lock()
        self._ring = _Ring()
        self._opened: dict[tuple[bytes, bytes], bytes] = {}

    def current_key(self, space: Space) -> tuple[bytes, bytes]:
        """Return (key id of 16 bytes, 32-byte key) for new objects of `space`; a rotation elsewhere is seen at once.

        Raises:
            IntegrityError: the ring is damaged, or does not open under the root key.
            StorageUnavailable: the ring cannot be read, or written when the space has no key yet.
        """
        epoch = self._fresh().current(space) or self._changed(lambda ring: self._with_current(ring, space))
        return epoch.key_id, self._open(epoch.wrapped, epoch.context)

    def key(self, key_id: bytes) -> bytes:
        """Return the 32-byte epoch key with this id.

        Raises:
            IntegrityError: the ring does not hold it, is damaged, or does not open under the root key.
            StorageUnavailable: the ring cannot be read.
        """
        epoch = self._ring.find(key_id) or self._fresh().find(key_id)
        if epoch is None:
            raise IntegrityError(f"The key ring {self._path} does not hold the key of a stored object.")
        return self._open(epoch.wrapped, epoch.context)

    def secret(self, name: str) -> bytes:
        """Return the 32-byte secret of this name; it is made on first use and durable before this returns.

        Raises:
            IntegrityError: the ring is damaged, or does not open under the root key.
            StorageUnavailable: the ring cannot be read, or written when the secret is new.
        """
        wrapped = (
            self._ring.secrets.get(name)
            or self._fresh().secrets.get(name)
            or self._changed(lambda ring: self._with_secret(ring, name))
        )
        return self._open(wrapped, _secret_context(name))

    def secret_names(self) -> frozenset[str]:
        """Return the names of all secrets that have been made so far, by any process.

        Raises:
            IntegrityError: the ring is damaged.
            StorageUnavailable: the ring cannot be read.
        """
        return frozenset(self._fresh().secrets)

    def rotate(self, space: Space) -> bytes:
        """Give `space` a new current epoch key, durably, and return its id; older objects stay readable as they are.

        Raises:
            IntegrityError: the ring is damaged, or does not open under the root key.
            StorageUnavailable: the ring cannot be read or written.
        """
        return self._changed(lambda ring: self._with_epoch(ring, space)).key_id

    def _open(self, wrapped: bytes, context: bytes) -> bytes:
        """Return the key in `wrapped`, unwrapping it the first time."""
        key = self._opened.get((wrapped, context))
        if key is None:
            try:
                key = self._service.unwrap(wrapped, context=context)
            except IntegrityError as error:
                raise IntegrityError(f"The key ring {self._path} does not open. {error.detail}") from error
            self._opened[wrapped, context] = key
        return key

    def _with_current(self, ring: _Ring, space: Space) -> tuple[_Ring, _Epoch]:
        found = ring.current(space)
        return (ring, found) if found else self._with_epoch(ring, space)

    def _with_epoch(self, ring: _Ring, space: Space) -> tuple[_Ring, _Epoch]:
        created = datetime.now(UTC).isoformat(timespec="seconds")
        epoch = _Epoch(space=space, key_id=secrets.token_bytes(KEY_ID_BYTES), created=created, wrapped=b"")
        epoch = replace(epoch, wrapped=self._service.wrap(secrets.token_bytes(KEY_BYTES), context=epoch.context))
        return replace(ring, epochs=(*ring.epochs, epoch)), epoch

    def _with_secret(self, ring: _Ring, name: str) -> tuple[_Ring, bytes]:
        found = ring.secrets.get(name)
        if found:
            return ring, found
        wrapped = self._service.wrap(secrets.token_bytes(KEY_BYTES), context=_secret_context(name))
        return replace(ring, secrets={**ring.secrets, name: wrapped}), wrapped

    def _changed(self, change: Callable[[_Ring], tuple[_Ring, _Added]]) -> _Added:
        """Apply `change` to the ring as it stands, under the lock of all processes, and return what it added."""
        with self._lock:
            try:
                durable_files.make_directory(str(self._path.parent))
                with durable_files.locked(f"{self._path}.lock"):
                    ring = self._fresh()
                    # A key of another root would go into the ring unseen: what is there has to open first.
                    for epoch in ring.epochs[:1]:
                        self._open(epoch.wrapped, epoch.context)
                    for name, wrapped in list(ring.secrets.items())[:1]:
                        self._open(wrapped, _secret_context(name))
                    changed, added = change(ring)
                    if changed is not ring:
                        durable_files.replace(str(self._path), _encode(changed))
                        self._ring = replace(changed, stamp=_stamp(self._path.stat()))
            except OSError as error:
                raise _translated(error) from error
            return added

    def _fresh(self) -> _Ring:
        """Return the ring as the file has it now, read again only when the file was replaced."""
        known = self._ring
        try:
            if known.stamp and _stamp(self._path.stat()) == known.stamp:
                return known
            with self._path.open("rb") as file:
                ring = _decode(file.read(), path=self._path, stamp=_stamp(os.fstat(file.fileno())))
            # Another process may just have put it there: nothing is done under its keys before they are durable.
            durable_files.sync_name(str(self._path))
        except FileNotFoundError as error:
            if known.stamp:
                raise IntegrityError(f"The key ring {self._path} has disappeared.") from error
            return known
        except OSError as error:
            raise _translated(error) from error
        self._ring = ring
        return ring


def _secret_context(name: str) -> bytes:
    return f"secret/{name}".encode()


def _stamp(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def _encode(ring: _Ring) -> bytes:
    """Return the text of the file."""
    epochs: dict[str, list[dict[str, str]]] = {space.value: [] for space in Space}
    for epoch in ring.epochs:
        epochs[epoch.space.value].append(
            {"id": epoch.key_id.hex(), "created": epoch.created, "wrapped": base64.b64encode(epoch.wrapped).decode()}
        )
    named = {name: base64.b64encode(wrapped).decode() for name, wrapped in ring.secrets.items()}
    document = {"version": _VERSION, "epochs": epochs, "secrets": named}
    return f"{json.dumps(document, indent=1)}\n".encode()


def _decode(text: bytes, *, path: Path, stamp: tuple[int, ...]) -> _Ring:
    """Return what `_encode` was given.

    Raises:
        IntegrityError: this is not its text.
    """
    try:
        document: Any = json.loads(text)
        if document["version"] != _VERSION:
            raise IntegrityError(f"The key ring {path} is of a version that this program does not know.")
        epochs = tuple(
            _Epoch(
                space=Space(space),
                key_id=bytes.fromhex(entry["id"]),
                created=str(entry["created"]),
                wrapped=base64.b64decode(entry["wrapped"], validate=True),
            )
            for space, entries in document["epochs"].items()
            for entry in entries
        )
        named = {name: base64.b64decode(text, validate=True) for name, text in document["secrets"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise IntegrityError(f"The key ring {path} is damaged.") from error
    return _Ring(epochs=epochs, secrets=named, stamp=stamp)


def _translated(error: OSError) -> StorageFull | StorageUnavailable:
    reason = os.strerror(error.errno) if error.errno else "unknown error"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StorageFull(f"There is no room for the key ring: {reason}.")
    return StorageUnavailable(f"The key ring does not answer: {reason}.")
