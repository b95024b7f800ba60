"""What is downloaded becomes a file of its name once all of it has come, and not before."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from cauce.cli.client import Client
from cauce.core.errors import InvalidRequest


def save(client: Client, path: str, target: Path) -> int:
    """Write what the server has at `path` into `target`, in the place of what was there; return its length in bytes.

    Raises:
        InvalidRequest: the folder of `target` cannot be written.
        NotFound, Forbidden, Unavailable: as for `Client.get`; then nothing is left behind.
    """
    folder = target.absolute().parent
    try:
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=".cauce-download-")
    except OSError as error:
        raise InvalidRequest(f"{folder} cannot be written ({error.strerror or type(error).__name__})") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            client.download(path, file)
            size_bytes = file.tell()
        Path(name).replace(target)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
    return size_bytes
