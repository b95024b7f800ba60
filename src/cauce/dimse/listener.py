"""The DICOM listener: one port, one or more processes that accept on it.

The parent binds and hands the socket to its children, which all wait on it; the one with the fewest associations goes
first. A child that dies is replaced, its places are freed, and what it had stored stays stored.
"""

import socket
from collections.abc import Callable

import structlog

from cauce.core.errors import ConfigurationError
from cauce.dimse.acceptor import Acceptor
from cauce.dimse.body import prepare_folder
from cauce.dimse.configuration import ListenerSettings
from cauce.dimse.places import Places
from cauce.dimse.processes import Parent, stop_signals
from cauce.dimse.receiver import Receiver

__all__ = ["ListenerSettings", "bind", "serve"]

log = structlog.get_logger(__name__)

_BACKLOG = 128


def serve(
    settings: ListenerSettings,
    receiver_factory: Callable[[], Receiver],
    ready: Callable[[tuple[str, int]], None],
) -> None:
    """Listen until SIGTERM or SIGINT, then let associations finish within the grace time; a second signal aborts them.

    `receiver_factory` is called once in each process that accepts, after the fork. `ready` is told the address (host,
    port) once connections are served. With more than one process, call this from a process that has no threads yet.

    Raises:
        ConfigurationError: the address cannot be bound, the spool cannot be used, or no receiver could be built.
    """
    prepare_folder(settings.spool)
    listening = bind(settings)
    places = Places(total=settings.associations_max, processes=settings.processes)
    if settings.processes == 1:
        acceptor = Acceptor(settings, listening=listening, receiver=receiver_factory(), places=places)
        with stop_signals(acceptor.stop, acceptor.abort):
            _announce(listening, ready, settings)
            acceptor.run()
        return
    parent = Parent(settings, listening=listening, places=places, receiver_factory=receiver_factory)
    parent.run(lambda: _announce(listening, ready, settings))


def bind(settings: ListenerSettings) -> socket.socket:
    """Bind the listening socket; port 0 takes a free one.

    Raises:
        ConfigurationError: the address is not ours, or the port is in use or reserved.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    dual = settings.host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            (settings.host, settings.port), family=family, backlog=_BACKLOG, dualstack_ipv6=dual
        )
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise ConfigurationError(f"cannot listen for DICOM on {where}: {error.strerror or error}") from error


def _announce(listening: socket.socket, ready: Callable[[tuple[str, int]], None], settings: ListenerSettings) -> None:
    host, port = listening.getsockname()[:2]
    log.info("dimse.listening", host=host, port=port, ae_title=settings.ae_title, processes=settings.processes)
    ready((host, port))
