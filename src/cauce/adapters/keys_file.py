"""The key service on a file: one random root key of 256 bits, readable by its owner alone.

The file is two lines of text, so that it can be printed and kept in a safe:

    cauce root key v1
    <64 hexadecimal digits>
"""

import os
import re
import secrets
import stat
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cauce.adapters import durable_files
from cauce.core.errors import ConfigurationError, IntegrityError

KEY_BYTES: Final = 32

_FIRST_LINE = "cauce root key v1"
_FORM = re.compile(rf"{_FIRST_LINE}\r?\n([0-9a-fA-F]{{64}})\s*")
_FILE_BYTES_MAX = 1024
_VERSION = b"\x01"
_NONCE_BYTES = 12
_PURPOSE = b"cauce wrapped key v1\x00"


class FileKeyService:
    """Wraps keys with AES-256-GCM under the root key of a file; the file is read once. Safe for threads.

    Fulfils `cauce.ports.keys.KeyService`. A wrapped key is a version byte, a random nonce of 12 bytes, and the
    encrypted key with its tag.
    """

    def __init__(self, path: Path) -> None:
        """Name the key file; it is looked at when first needed, and `wrap` makes it (0600) when there is none."""
        self._path = path.absolute()
        self._lock = threading.Lock()
        self._opened: AESGCM | None = None

    def wrap(self, plain: bytes, *, context: bytes) -> bytes:
        """Encrypt a short key under the root, bound to `context`. The first call ever makes the key file, durably.

        Raises:
            ConfigurationError: the key file cannot be made or read, is malformed, or others may read it.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = self._cipher(makes_file=True)
        return _VERSION + nonce + cipher.encrypt(nonce, plain, _PURPOSE + context)

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """Decrypt what `wrap` made for the same `context`.

        Raises:
            IntegrityError: another root, another context, altered bytes, or the key file is gone.
            ConfigurationError: the key file cannot be read, is malformed, or others may read it.
        """
        cipher = self._cipher(makes_file=False)
        nonce, body = wrapped[1 : 1 + _NONCE_BYTES], wrapped[1 + _NONCE_BYTES :]
        if wrapped[:1] != _VERSION or len(nonce) < _NONCE_BYTES:
            raise IntegrityError("A wrapped key is of no form that this program knows.")
        try:
            return cipher.decrypt(nonce, body, _PURPOSE + context)
        except InvalidTag as error:
            raise IntegrityError(f"The root key in {self._path} does not open what was wrapped.") from error

    def _cipher(self, *, makes_file: bool) -> AESGCM:
        with self._lock:
            if self._opened is None:
                self._opened = AESGCM(self._root(makes_file=makes_file))
            return self._opened

    def _root(self, *, makes_file: bool) -> bytes:
        """Return the root key, from the file, which is made when it is missing and may be."""
        try:
            if not makes_file:
                return self._read()
        except FileNotFoundError as error:
            raise IntegrityError(f"The key file {self._path} is missing; what it wrapped cannot open.") from error
        try:
            if not self._path.exists():
                durable_files.make_directory(str(self._path.parent))
                with suppress(FileExistsError):  # another process made it at the same moment: its key counts
                    durable_files.write_new(str(self._path), _text(secrets.token_bytes(KEY_BYTES)))
            key = self._read()
            # What is wrapped from now on needs the file to outlast a cut of power, whoever has just made it.
            durable_files.sync_name(str(self._path))
        except OSError as error:
            raise ConfigurationError(f"The key file {self._path} cannot be made: {_reason(error)}.") from error
        return key

    def _read(self) -> bytes:
        """Return the key in the file.

        Raises:
            FileNotFoundError: there is no file.
            ConfigurationError: there is one, but not as it must be.
        """
        try:
            with self._path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read(_FILE_BYTES_MAX)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise ConfigurationError(f"The key file {self._path} cannot be read: {_reason(error)}.") from error
        if sys.platform != "win32" and stat.S_IMODE(mode) & 0o077:
            raise ConfigurationError(f"Others may read the key file {self._path}: take that from them with chmod 600.")
        found = _FORM.fullmatch(content.decode("ascii", "replace"))
        if found is None:
            raise ConfigurationError(f"The key file {self._path} is malformed: a line and 64 hexadecimal digits.")
        return bytes.fromhex(found[1])


def _text(key: bytes) -> bytes:
    return f"{_FIRST_LINE}\n{key.hex()}\n".encode("ascii")


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else "unknown error"
