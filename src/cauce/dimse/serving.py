"""Listener and receiver put together: what `cauce dimse` runs."""

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from cauce import bootstrap
from cauce.settings.environment import Settings

if TYPE_CHECKING:
    from cauce.dimse.receiver import Receiver

PROCESSES_MAX = 4


def serve_dimse(settings: Settings, *, ready: Callable[[tuple[str, int]], None], processes: int | None = None) -> None:
    """Listen for DICOM associations until told to stop (SIGTERM, SIGINT).

    `processes` is by default one for two processors, at least two where there are as many, up to `PROCESSES_MAX`: web
    and workers need the others. Where there is no fork it is one. `ready` is told the address once connections are
    served.

    The libraries are loaded here, before the fork, so that the processes share them and a new one is there at once;
    database connections and the key ring's files are opened in each process for itself.

    Raises:
        ConfigurationError: the address cannot be bound, the spool cannot be used, or no receiver could be built.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads, made on import, would not survive the fork
    bootstrap.setup("dimse")

    from django.db import connections

    from cauce import flow  # noqa: F401 - loaded before the fork
    from cauce.dimse.listener import ListenerSettings, serve

    connections.close_all()
    host, port = settings.dimse_address
    listener_settings = ListenerSettings(
        host=host,
        port=port,
        ae_title=settings.ae_title,
        spool=settings.spool_folder,
        processes=processes or _default_processes(),
        memory_instance_bytes_max=settings.limits.memory_instance_bytes_max,
        memory_bytes_max=settings.limits.memory_bytes_max,
        instance_bytes_max=settings.limits.instance_bytes_max,
    )
    serve(listener_settings, partial(_build_receiver, settings), ready)


def _default_processes() -> int:
    if sys.platform == "win32":
        return 1
    cores = os.cpu_count() or 1
    return min(max(cores // 2, min(cores, 2)), PROCESSES_MAX)


def _build_receiver(settings: Settings) -> "Receiver":
    """Build the receiver of one process, after the fork."""
    from cauce import flow
    from cauce.dimse.service import CatalogueReceiver

    services = bootstrap.services()
    return CatalogueReceiver(services, take_in=partial(flow.take_in, services), default_ae_title=settings.ae_title)
