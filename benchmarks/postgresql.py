"""A PostgreSQL server of Debian's package, on a folder and a loopback port of its own, for a benchmark or a test."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ACCOUNT = "postgres"
_FOLDERS = Path("/usr/lib/postgresql")
_STARTS = 3


def programs() -> Path | None:
    """Return the folder of the newest installed server's programs."""
    found = sorted(_FOLDERS.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def server(*, syncs: bool = True) -> Iterator[str]:
    """Run a server and yield the URL of an empty database; its folder goes with it.

    The server refuses to run as root: it then runs as Debian's account for it. Without `syncs` it is faster and nothing
    survives a cut of power, which is good enough for a test.

    Raises:
        RuntimeError: it is not installed, or does not start.
    """
    programs_folder = programs()
    if programs_folder is None:
        raise RuntimeError("PostgreSQL is not installed (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="cauce-postgresql-"))
    try:
        if os.geteuid() == 0:
            account = pwd.getpwnam(ACCOUNT)
            os.chown(folder, account.pw_uid, account.pw_gid)
        password = secrets.token_hex(16)
        _initialise(programs_folder, folder, password)
        port = _start(programs_folder, folder, syncs=syncs)
        try:
            yield f"postgres://{ACCOUNT}:{password}@127.0.0.1:{port}/postgres"
        finally:
            _run(programs_folder / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(programs_folder: Path, folder: Path, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password, encoding="ascii")
    if os.geteuid() == 0:
        account = pwd.getpwnam(ACCOUNT)
        os.chown(secret, account.pw_uid, account.pw_gid)
    secret.chmod(0o600)
    options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", f"--username={ACCOUNT}"]
    _run(programs_folder / "initdb", "-D", folder / "data", f"--pwfile={secret}", *options)


def _start(programs_folder: Path, folder: Path, *, syncs: bool) -> int:
    """Start on a free port; another program may take it in between, so it is tried again."""
    for attempt in range(_STARTS):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        options += "" if syncs else " -c fsync=off -c full_page_writes=off"
        try:
            _run(programs_folder / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-o", options, "-w", "start")
        except RuntimeError:
            if attempt + 1 == _STARTS:
                raise
            continue
        return port
    raise RuntimeError("PostgreSQL does not start")


def _run(*command: str | Path) -> None:
    as_account = {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(  # noqa: S603 - Debian's programs
        [str(word) for word in command],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        **as_account,  # type: ignore[call-overload] # one of subprocess's many forms
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name}: {done.stdout[-500:]}")
