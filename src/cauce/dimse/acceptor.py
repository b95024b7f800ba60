"""One process of the listener: takes connections from the shared socket and gives each a thread."""

import ipaddress
import selectors
import socket
import time

import structlog
from pynetdicom.ae import ApplicationEntity

from cauce.core.file_head import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from cauce.dimse.association import StorageAssociation, Surroundings
from cauce.dimse.body import Spool
from cauce.dimse.configuration import ListenerSettings
from cauce.dimse.places import Places
from cauce.dimse.quiet import quieten
from cauce.dimse.receiver import Receiver
from cauce.dimse.upper_layer import PDU_BYTES_ANNOUNCED
from cauce.dimse.waking import Waker

log = structlog.get_logger(__name__)

_WAITING_CONNECTIONS = 64
_HESITATION_S = 0.002
_HESITATIONS_MAX = 5
_POLL_S = 0.05
_EXHAUSTED_S = 0.2
_CUT_S = 5.0


class Acceptor:
    """Accepts associations until `stop` is called, then lets the running ones finish within the grace time."""

    def __init__(
        self, settings: ListenerSettings, *, listening: socket.socket, receiver: Receiver, places: Places
    ) -> None:
        quieten()
        self._settings = settings
        self._listening = listening
        self._places = places
        self._associations: set[StorageAssociation] = set()
        self._is_stopping = False
        self._is_aborting = False
        self._waker = Waker()
        self._surroundings = Surroundings(
            settings=settings, receiver=receiver, places=places, spool=Spool(settings), ae=_entity(settings)
        )

    def run(self, *, life: int | None = None) -> None:
        """Accept until stopped. `life` is a file descriptor whose end of file means stop, too (a parent's pipe)."""
        self._listening.settimeout(0)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listening, selectors.EVENT_READ)
            selector.register(self._waker, selectors.EVENT_READ)
            if life is not None:
                selector.register(life, selectors.EVENT_READ)
            while not self._is_stopping:
                ready = {key.fileobj for key, _ in selector.select()}
                if life in ready:
                    self._is_stopping = True
                elif self._listening in ready:
                    self._accept()
        self._finish()

    def stop(self) -> None:
        """Stop accepting and let associations finish within the grace time. Safe in a signal handler."""
        self._is_stopping = True
        self._waker.wake()

    def abort(self) -> None:
        """Stop, and abort the associations now. Safe in a signal handler."""
        self._is_aborting = True
        self.stop()

    def _accept(self) -> None:
        time.sleep(_HESITATION_S * min(self._places.surplus(), _HESITATIONS_MAX))  # one with less to do goes first
        try:
            connection, address = self._listening.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:
            log.warning("dimse.accept.failed", error=type(error).__name__)
            time.sleep(_EXHAUSTED_S)
            return
        self._associations = {association for association in self._associations if association.is_alive()}
        if len(self._associations) >= self._settings.associations_max + _WAITING_CONNECTIONS:
            log.warning("dimse.connection.dropped", address=_plain(address[0]))
            connection.close()
            return
        self._start(connection, address)

    def _start(self, connection: socket.socket, address: tuple[str, int]) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            association = StorageAssociation(self._surroundings, connection, (_plain(address[0]), address[1]))
            association.start()
        except (OSError, RuntimeError) as error:  # the peer is gone already, or no thread can be had
            log.warning("dimse.connection.dropped", error=type(error).__name__)
            connection.close()
            return
        self._associations.add(association)

    def _finish(self) -> None:
        self._listening.close()
        deadline = time.monotonic() + self._settings.grace_s
        while self._running() and time.monotonic() < deadline and not self._is_aborting:
            time.sleep(_POLL_S)
        cut = self._running()
        for association in cut:
            association.cut()
        deadline = time.monotonic() + _CUT_S
        for association in cut:
            association.join(timeout=max(deadline - time.monotonic(), 0))
        log.info("dimse.stopped", cut=len(cut))
        self._waker.close()

    def _running(self) -> list[StorageAssociation]:
        return [association for association in self._associations if association.is_alive()]


def _entity(settings: ListenerSettings) -> ApplicationEntity:
    """Return the application entity whose name, limits and implementation the associations announce."""
    entity = ApplicationEntity(ae_title=settings.ae_title)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.maximum_pdu_size = PDU_BYTES_ANNOUNCED
    entity.maximum_associations = 1_000_000  # counted across processes by `Places` instead
    return entity


def _plain(address: str) -> str:
    """Return a numeric address; an IPv4 one that came in through an IPv6 socket in its own form."""
    parsed = ipaddress.ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
