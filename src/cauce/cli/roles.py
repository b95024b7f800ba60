"""One role a process: `cauce web`, `dimse`, `worker`, `migrate`. `cauce up` runs them together on one machine."""

import os
import signal
from typing import Annotated

import typer

from cauce import bootstrap
from cauce.cli.application import Application
from cauce.settings import environment


def register(application: Application) -> None:
    """Add the commands."""
    application.command()(web)
    application.command()(dimse)
    application.command()(worker)
    application.command()(scheduler)
    application.command()(migrate)


_Attached = Annotated[bool, typer.Option("--attached", help="Stop when the process that started this one ends.")]


def web(attached: _Attached = False) -> None:
    """Serve HTTP: portal, REST, uploads, DICOMweb."""
    from cauce.cli import start
    from cauce.cli.web_server import serve_web

    settings = environment.current()
    start.require_free_port("CAUCE_HTTP", settings.http_address)
    _require_database("web")
    _follow(attached)
    serve_web(settings)


def dimse(attached: _Attached = False) -> None:
    """Listen for DICOM associations: C-ECHO, C-STORE."""
    from cauce.dimse.serving import serve_dimse

    settings = environment.current()
    if settings.database_url:  # elsewise nothing is set up before `serve_dimse` does it
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as there: before anything that a fork would carry along
        _require_database("dimse")
    _follow(attached)
    serve_dimse(settings, ready=lambda _address: None)


def worker(attached: _Attached = False) -> None:
    """Run jobs: de-identify, process, deliver.

    One process; start as many as there are cores.
    """
    import cv2

    from cauce.worker.loop import Worker

    _require_database("worker")
    _follow(attached)
    cv2.setNumThreads(1)  # a worker is one slot: more of them run beside it
    running = Worker(bootstrap.services())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: running.stop())
    running.run()


def scheduler(attached: _Attached = False) -> None:
    """Put back lost jobs, sweep the object store."""
    from cauce.worker.housekeeping import Housekeeping

    _require_database("scheduler")
    _follow(attached)
    running = Housekeeping(bootstrap.services())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: running.stop())
    running.run()


def migrate() -> None:
    """Bring the database's tables up to date.

    On the first run this also makes the administrator.
    """
    from cauce.cli import start

    settings = environment.current()
    bootstrap.setup()
    start.require_catalogue(settings)
    start.require_database(settings)
    start.migrate()
    password = start.ensure_admin(settings)
    typer.echo("tables are up to date")
    if password:
        typer.echo(f"administrator: {start.ADMIN}\npassword:      {password}   (shown once)")


def _require_database(role: str) -> None:
    from cauce.cli import start

    bootstrap.setup(role)
    start.require_database(environment.current())


def _follow(attached: bool) -> None:
    if attached:
        from cauce.cli.supervisor import die_with_parent

        die_with_parent()
