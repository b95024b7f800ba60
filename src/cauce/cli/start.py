"""The first steps of every start: one server a data folder, tables up to date, an administrator, free ports."""

import errno
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cauce.cli.local import LOCK_NAME
from cauce.core.errors import ConfigurationError, DatabaseUnavailable
from cauce.core.statuses import Space
from cauce.settings.environment import Settings

ADMIN = "admin"
_PASSWORD_BYTES = 15
LOST_CATALOGUE: Final = (
    "the database is missing, but originals are stored: put it back from a backup, or make the catalogue anew from "
    "them with `cauce doctor --repair`"
)


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the data folder for this process; the lock goes with the process, however it ends.

    Raises:
        ConfigurationError: another server runs on this folder; the text names it.
    """
    path = settings.data_folder / LOCK_NAME
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _try_lock(descriptor):
            first = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
            raise ConfigurationError(f"another server runs on {settings.data_folder}: {first or 'it gives no name'}")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} at {settings.base_url}\n".encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def require_database(settings: Settings) -> None:
    """Return if the database that is configured answers. Needs `bootstrap.setup`; leaves no connection behind.

    The embedded database is never taken in its place: that would part the data in two.

    Raises:
        DatabaseUnavailable: PostgreSQL does not answer, or does not let us in.
    """
    if not settings.database_url:
        return
    from django.db import DatabaseError, connection

    try:
        connection.ensure_connection()
    except DatabaseError as error:
        host, port = connection.settings_dict["HOST"] or "localhost", connection.settings_dict["PORT"] or "5432"
        raise DatabaseUnavailable(
            f"the database at {host}:{port} does not answer, or does not let us in: see CAUCE_DATABASE_URL"
        ) from error
    finally:
        connection.close()


def migrate() -> None:
    """Bring the tables up to date. Needs `bootstrap.setup`."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def has_lost_catalogue(settings: Settings) -> bool:
    """Tell whether originals are held that no catalogue can know of, since the embedded database is missing."""
    if settings.database_url or (settings.data_folder / "cauce.db").exists():
        return False
    originals = settings.data_folder / "objects" / Space.ORIGINALS.value
    return any(entry.is_file() for leaf in _folders(originals) for entry in leaf.iterdir())


def _folders(folder: Path) -> Iterator[Path]:
    return (entry for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else iter(())


def require_catalogue(settings: Settings) -> None:
    """Return unless the catalogue was lost: an empty one over a full store would look as if nothing were there.

    Raises:
        ConfigurationError: it was.
    """
    if has_lost_catalogue(settings):
        raise ConfigurationError(LOST_CATALOGUE)


def pending_migrations() -> bool:
    """Tell whether the tables are behind the program. Needs `bootstrap.setup`."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def ensure_admin(settings: Settings) -> str | None:
    """Make the first administrator if there is no account yet; return the password when it was generated here.

    Raises:
        ConfigurationError: `CAUCE_ADMIN_PASSWORD` is too weak.
    """
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    from cauce import audit
    from cauce.accounts.models import User
    from cauce.core.actors import Actor
    from cauce.core.statuses import Role

    if User.objects.exists():
        return None
    password = settings.admin_password or secrets.token_urlsafe(_PASSWORD_BYTES)
    try:
        validate_password(password)
    except ValidationError as error:
        raise ConfigurationError(f"CAUCE_ADMIN_PASSWORD: {' '.join(error.messages)}") from error
    user = User.objects.create_user(username=ADMIN, password=password, role=Role.ADMIN.value, is_staff=True)
    audit.record(Actor.platform(), "user.create", subject=user.public_id, role=Role.ADMIN.value)
    return None if settings.admin_password else password


def require_free_port(variable: str, address: tuple[str, int]) -> None:
    """Return if the address can be listened on.

    Raises:
        ConfigurationError: it cannot; the text names the variable and, where it can be told, who listens there.
    """
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                owner = _owner_of(port)
                raise ConfigurationError(
                    f"port {port} is in use by {owner or 'another program'}: stop it, or set {variable}"
                ) from error
            raise ConfigurationError(f"{variable}: cannot listen on {host}:{port}: {error.strerror}") from error


def _owner_of(port: int) -> str:
    """Return name and process id of who listens on a port, where the system tells (Linux, own processes)."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    if not inodes:
        return ""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                if str(descriptor.readlink()) in inodes:
                    name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                    return f"{name} (process {process.name})"
    return ""
