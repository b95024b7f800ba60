"""`cauce up`: the whole platform on one machine, in one command."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import httpx
import typer
from rich.console import Console

from cauce import bootstrap
from cauce.cli import start
from cauce.cli.application import Application
from cauce.cli.output import console
from cauce.cli.room import Room
from cauce.cli.supervisor import Supervisor
from cauce.core.errors import CauceError, ConfigurationError
from cauce.settings import environment
from cauce.settings.environment import Settings
from cauce.settings.full_disk import Mark

READY_WITHIN_S = 60.0
_POLL_S = 0.1


class NotReady(CauceError):
    """The platform did not come up in time."""

    code = "not_ready"


def register(application: Application) -> None:
    """Add the command."""
    application.command()(up)


def up(
    lan: Annotated[
        bool, typer.Option("--lan", help="Listen on all interfaces; HTTP then needs CAUCE_TLS_CERT and CAUCE_TLS_KEY.")
    ] = False,
) -> None:
    """Run the whole platform on this machine until Ctrl-C.

    Web server, DICOM listener, workers and scheduler, each watched and replaced when it dies.
    """
    settings = _on_all_interfaces() if lan else environment.current()
    with running(settings, console()) as platform:
        platform.watch()


def _on_all_interfaces() -> Settings:
    """Return the settings with every address opened up, for this process and those it starts.

    Raises:
        ConfigurationError: HTTP would be served without TLS.
    """
    settings = environment.current()
    if settings.tls_cert is None:
        raise ConfigurationError("--lan serves HTTP to the network: set CAUCE_TLS_CERT and CAUCE_TLS_KEY")
    for name, (_, port) in (("CAUCE_HTTP", settings.http_address), ("CAUCE_DIMSE", settings.dimse_address)):
        os.environ[name] = f"0.0.0.0:{port}"
    environment.current.cache_clear()
    return environment.current()


@contextmanager
def running(settings: Settings, out: Console) -> Iterator[Supervisor]:
    """Start the platform, say where it is, and stop it when the block is left.

    Raises:
        ConfigurationError: the folder or a port is taken, or a setting is wrong.
        NotReady: a process ended, or did not answer in time.
    """
    bootstrap.setup("up")
    with start.only_one(settings):
        start.require_free_port("CAUCE_HTTP", settings.http_address)
        start.require_free_port("CAUCE_DIMSE", settings.dimse_address)
        _say_where(settings, out)
        start.require_catalogue(settings)
        start.require_database(settings)
        start.migrate()
        password = start.ensure_admin(settings)
        _say_password(out, password)
        mark = Mark(settings.data_folder / "logs")
        room = Room(settings, mark=mark, say=lambda text: out.print(text, style="yellow", markup=False))
        supervisor = Supervisor(_commands(settings), environ=_environ(settings), also=room.look)
        with _stopped_by_signals(supervisor.stop):
            try:
                supervisor.start()
                await_ready(settings, supervisor)
                if not supervisor.is_stopping:
                    _say_ready(settings, out)
                yield supervisor
            finally:
                supervisor.stop()
                supervisor.end()
                out.print("stopped", style="dim")


def _commands(settings: Settings) -> dict[str, list[str]]:
    workers = {f"worker-{number}": ["worker", "--attached"] for number in range(1, settings.workers + 1)}
    return {
        "web": ["web", "--attached"],
        "dimse": ["dimse", "--attached"],
        "scheduler": ["scheduler", "--attached"],
        **workers,
    }


def _environ(settings: Settings) -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if name != "CAUCE_ADMIN_PASSWORD"}
    return {**given, "CAUCE_DATA": str(settings.data_folder)}


@contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    before = {
        number: signal.signal(number, lambda _number, _frame: stop()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def await_ready(settings: Settings, supervisor: Supervisor) -> None:
    """Return once HTTP says that it is ready and the DICOM port answers, or when told to stop.

    Raises:
        NotReady: a process ended, or the time is over.
    """
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and not supervisor.is_stopping:
        failed = supervisor.failed_at_start()
        if failed:
            raise NotReady(f"{failed} ended while it started; {settings.data_folder / 'logs'} says why")
        if _answers_http(settings) and _answers_dimse(settings):
            return
        time.sleep(_POLL_S)
    if not supervisor.is_stopping:
        raise NotReady(f"not ready after {READY_WITHIN_S:.0f} s; {settings.data_folder / 'logs'} says why")


def own_url(settings: Settings) -> str:
    """Return where this machine itself reaches the web process, whatever stands in front of it for others."""
    host, port = settings.http_address
    host = _reachable(host)
    return f"{'https' if settings.tls_cert else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def _answers_http(settings: Settings) -> bool:
    """Tell whether HTTP is served; what it lacks (room, say) is no reason not to start."""
    answer = _ask(settings, "/healthz")
    return answer is not None and answer.status_code == httpx.codes.OK


def _ask(settings: Settings, path: str) -> httpx.Response | None:
    try:
        # The certificate names the public host, not the address that is asked here.
        return httpx.get(f"{own_url(settings)}{path}", timeout=5, trust_env=False, verify=False)  # noqa: S501
    except httpx.HTTPError:
        return None


def _answers_dimse(settings: Settings) -> bool:
    host, port = settings.dimse_address
    try:
        socket.create_connection((_reachable(host), port), timeout=2).close()
    except OSError:
        return False
    return True


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only compared


def _say_where(settings: Settings, out: Console) -> None:
    out.print(f"[bold]Cauce[/bold]  data in {settings.data_folder}, keys in {settings.keys}")


def _say_password(out: Console, password: str | None) -> None:
    """Print the first administrator's password at once: it is made once, whatever happens next."""
    if password:
        out.print(f"  sign in   user [bold]{start.ADMIN}[/bold], password [bold]{password}[/bold]  (shown once)")
    else:
        out.print(f"  sign in   user {start.ADMIN} (a new password: cauce users password {start.ADMIN})", style="dim")


def _say_ready(settings: Settings, out: Console) -> None:
    host, port = settings.dimse_address
    out.print(f"  portal    [bold]{settings.base_url}/[/bold]")
    out.print(f"  API       {settings.base_url}/api/docs/")
    out.print(f"  DICOM     {settings.ae_title} at {host}:{port}")
    answer = _ask(settings, "/readyz")
    if answer is not None and answer.status_code != httpx.codes.OK:
        out.print("  warning   not everything is ready; cauce doctor says what is missing", style="yellow")
    out.print("  stop      Ctrl-C", style="dim")
