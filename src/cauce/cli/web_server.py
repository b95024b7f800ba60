"""The HTTP server under the ASGI application: processes that share one port."""

import logging
import os

from granian import Granian
from granian.constants import Interfaces, Loops
from granian.log import LogLevels

from cauce.settings.environment import Settings

PROCESSES_MAX = 4
BACKLOG = 1024
# Anything but an incremental configuration closes every handler of the process, the log file's among them.
_LEAVES_OUR_LOGS_ALONE = {"incremental": True, "formatters": {}, "handlers": {}, "loggers": {}}


def serve_web(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    host, port = settings.http_address
    logging.getLogger("_granian").setLevel(logging.WARNING)
    server = Granian(
        "cauce.api.asgi:application",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        loop=Loops.auto,
        workers=_processes(),
        backlog=BACKLOG,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        websockets=False,
        log_enabled=False,
        log_level=LogLevels.warning,
        log_dictconfig=_LEAVES_OUR_LOGS_ALONE,
        ssl_cert=settings.tls_cert,
        ssl_key=settings.tls_key,
    )
    server.serve()


def _processes() -> int:
    """Return how many processes serve: half of the cores, since the embedded database takes one writer at a time.

    Of two cores both: one process alone cannot keep them busy, whatever it does.
    """
    cores = os.cpu_count() or 1
    return min(max(cores // 2, min(cores, 2)), PROCESSES_MAX)
