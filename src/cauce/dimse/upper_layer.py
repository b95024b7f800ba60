"""The upper layer (PS3.8) on the association's own thread: PDUs are read, acted on and answered in one place.

pynetdicom's provider is a second thread that looks at the socket, at its queues and at its timers every
millisecond, and the association's thread looks at it just as often: two sleeps of a millisecond in the way of every
message, and a processor kept busy by associations that do nothing. Here the thread sleeps in the socket. The state
machine, the PDU classes and the negotiation stay pynetdicom's; what differs is who calls them, and that data fragments
go from the receive buffer straight to their consumer.
"""

import contextlib
import queue
import socket
import struct
import time
from collections.abc import Callable

from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.transport import AssociationSocket

from cauce.core.limits import KIB, MIB

PDU_BYTES_ANNOUNCED = 128 * KIB
"""Longest PDU that peers are asked to send (PS3.8 annex D.1): DCMTK sends none longer whatever it is told."""
PDU_BYTES_MAX = 1 * MIB
"""Longest PDU taken all the same: some peers pay no heed to the maximum, and requests list many contexts."""

_HEADER = struct.Struct(">BxL")
_PDV_HEADER = struct.Struct(">LBB")
_P_DATA = 0x04
_PDU_KINDS = frozenset(range(0x01, 0x08))
_BUFFER_BYTES = 256 * KIB
_LINGER_S = 2.0
_LINGER_BYTES = 64 * MIB
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Acknowledge at once (Linux; it wears off, so it is set before each read). Senders that leave Nagle's algorithm on,
DCMTK among them, hold back the last segment of an instance until all before it are acknowledged: 40 ms each."""
_ESTABLISHED = "Sta6"
_CLOSED = "Sta1"
_AWAITING_CLOSE = "Sta13"

Fragment = Callable[[int, int, memoryview], None]
"""What takes a fragment of a message: presentation context id, message control header, bytes (PS3.8 annex E.2)."""


class Silent(Exception):
    """The peer said nothing, or did not finish what it began, in the time it had."""


class Cut(Exception):
    """The association is to end now, by order of another thread."""


class UpperLayer(DULServiceProvider):  # type: ignore[misc]  # pynetdicom is not typed for others
    """The DUL provider of one association as acceptor; `receive` and `send_pdu` do all work on the calling thread."""

    def __init__(self, association: Association, connection: socket.socket, *, send_timeout_s: float) -> None:
        super().__init__(association)
        self._connection = connection
        self._send_timeout_s = send_timeout_s
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._is_cut = False

    def open(self) -> None:
        """Enter the state in which a request for an association is awaited (Sta2)."""
        self.socket = AssociationSocket(self.assoc, client_socket=self._connection)
        self._act()

    def receive(self, fragment: Fragment, *, timeout_s: float) -> None:
        """Wait for one PDU and act on it; fragments of messages go to `fragment`, all else to the queue for users.

        Raises:
            Silent: no PDU began within `timeout_s`, or one that began did not end within as much again.
            Cut: another thread called `cut`.
        """
        try:
            kind, length = self._header(timeout_s)
            if kind not in _PDU_KINDS or length > PDU_BYTES_MAX:
                self.event_queue.put("Evt19")
            elif kind == _P_DATA:
                self._receive_data(fragment, length, timeout_s)
            else:
                self._receive_other(length, timeout_s)
        except TimeoutError as error:
            raise Silent from error
        except OSError:
            self.event_queue.put("Evt17")
        self._act()

    def send_pdu(self, primitive: object) -> None:
        """Send `primitive` to the peer now (it is a pynetdicom service primitive); to nobody if the peer is gone."""
        if self.state_machine.current_state == _CLOSED:
            return
        self._connection.settimeout(self._send_timeout_s)
        super().send_pdu(primitive)
        self._process_recv_primitive()
        self._act()

    def is_alive(self) -> bool:
        """Tell whether the connection is still worth something; there is no thread here that could be alive."""
        return not self._kill_thread

    @property
    def has_answered(self) -> bool:
        """Whether the last PDU of the association is ours, so that only the end of the connection is awaited."""
        return bool(self.state_machine.current_state == _AWAITING_CLOSE)

    def stop_dul(self) -> bool:
        """Do nothing: there is no thread to stop."""
        return True

    def cut(self) -> None:
        """Wake the thread that waits in `receive`, or will; may be called from any thread."""
        self._is_cut = True
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        """Give the peer a moment to close the connection first, so that our last PDU reaches it, then close."""
        deadline = time.monotonic() + _LINGER_S
        drained = 0
        try:
            if self.state_machine.current_state != _CLOSED:
                self._connection.shutdown(socket.SHUT_WR)
            while self.state_machine.current_state != _CLOSED and drained < _LINGER_BYTES:
                self._connection.settimeout(max(deadline - time.monotonic(), 0.001))
                count = self._connection.recv_into(self._view)
                if not count:
                    break
                drained += count
        except OSError:
            pass
        self._connection.close()
        self._kill_thread = True

    def _act(self) -> None:
        """Act on the events at hand; in the idle state none has a meaning any more, such as the end of a connection."""
        while True:
            try:
                event = self.event_queue.get(block=False)
            except queue.Empty:
                return
            self.state_machine.do_action(event)
            if self.state_machine.current_state == _CLOSED:
                return

    def _header(self, timeout_s: float) -> tuple[int, int]:
        self._fill(_HEADER.size, time.monotonic() + timeout_s)
        kind, length = _HEADER.unpack_from(self._buffer, self._start)
        return kind, length

    def _receive_other(self, length: int, timeout_s: float) -> None:
        pdu_bytes = self._pdu(length, timeout_s)
        try:
            pdu, event = self._decode_pdu(bytearray(pdu_bytes))
        except Exception:  # noqa: BLE001 - hostile bytes make pynetdicom's decoders raise anything
            self.event_queue.put("Evt19")
            return
        self._recv_pdu.put(pdu)
        self.event_queue.put(event)

    def _receive_data(self, fragment: Fragment, length: int, timeout_s: float) -> None:
        pdu_bytes = self._pdu(length, timeout_s)
        if self.state_machine.current_state != _ESTABLISHED:
            self._recv_pdu.put(P_DATA_TF())
            self.event_queue.put("Evt10")
            return
        position = _HEADER.size
        while position < len(pdu_bytes):
            if len(pdu_bytes) - position < _PDV_HEADER.size:
                self.event_queue.put("Evt19")
                return
            item_length, context_id, control = _PDV_HEADER.unpack_from(pdu_bytes, position)
            end = position + 4 + item_length
            if item_length < 2 or end > len(pdu_bytes):  # noqa: PLR2004 - context id and control header
                self.event_queue.put("Evt19")
                return
            fragment(context_id, control, pdu_bytes[position + _PDV_HEADER.size : end])
            position = end

    def _pdu(self, length: int, timeout_s: float) -> memoryview:
        size = _HEADER.size + length
        self._fill(size, time.monotonic() + timeout_s)
        pdu_bytes = self._view[self._start : self._start + size]
        self._start += size
        return pdu_bytes

    def _fill(self, wanted: int, deadline: float) -> None:
        """Have at least `wanted` unread bytes in the buffer, reading no more often than needed."""
        if self._start == self._end:
            self._start = self._end = 0
        if self._start + wanted > len(self._buffer):
            self._make_room(wanted)
        while self._end - self._start < wanted:
            if self._is_cut:
                raise Cut
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            self._connection.settimeout(remaining)
            if _QUICKACK is not None:
                self._connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
            count = self._connection.recv_into(self._view[self._end :])
            if not count:
                raise Cut if self._is_cut else ConnectionResetError
            self._end += count

    def _make_room(self, wanted: int) -> None:
        unread = bytes(self._view[self._start : self._end])
        if wanted > len(self._buffer):
            self._buffer = bytearray(_HEADER.size + PDU_BYTES_MAX)
            self._view = memoryview(self._buffer)
        self._view[: len(unread)] = unread
        self._start, self._end = 0, len(unread)
