"""One association, from its request to its end, on one thread (PS3.7, PS3.8)."""

import socket
import time
from dataclasses import dataclass
from typing import cast

import structlog
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_ASSOCIATE, P_DATA
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AddressInformation

from cauce.core.errors import CauceError, InvalidRequest, Unexpected
from cauce.core.file_head import file_head
from cauce.core.identifiers import is_usable_uid, new_public_id
from cauce.core.messages import Incoming
from cauce.core.traces import trace_of
from cauce.dimse.body import Body, Spool
from cauce.dimse.commands import C_CANCEL_RQ, C_ECHO_RQ, C_STORE_RQ, Request, encode_response
from cauce.dimse.configuration import ListenerSettings
from cauce.dimse.contexts import supported_contexts
from cauce.dimse.messages import Assembly, Message, ProtocolViolation
from cauce.dimse.places import Places
from cauce.dimse.receiver import Access, Admission, Receiver, Status, is_stored, status_of
from cauce.dimse.upper_layer import Cut, Silent, UpperLayer

log = structlog.get_logger(__name__)

_TRANSIENT, _PERMANENT = 0x02, 0x01
_SERVICE_USER, _ACSE, _PRESENTATION = 0x01, 0x02, 0x03
_NO_REASON, _LOCAL_LIMIT_EXCEEDED = 0x01, 0x02
_COMMAND, _LAST = 0x01, 0x02
_FRAGMENT_BYTES_MIN = 64
_FRAGMENT_HEAD_BYTES = 6
_ABORTED_BY_USER, _ABORTED_BY_PROVIDER = 0x00, 0x02

_ECHO_ONLY = "forbidden: this AE title may only echo until it is allowed"
_MISMATCH = "SOP class is not that of the presentation context"
_BAD_UID = "invalid_uid: SOP instance UID is missing or unusable"
_COMMENT_LENGTH_MAX = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What all associations of one process share."""

    settings: ListenerSettings
    receiver: Receiver
    places: Places
    spool: Spool
    ae: ApplicationEntity


class StorageAssociation(Association):  # type: ignore[misc]  # pynetdicom is not typed for others
    """An association that we accept: verification and storage, as provider."""

    def __init__(self, surroundings: Surroundings, connection: socket.socket, address: tuple[str, int]) -> None:
        super().__init__(surroundings.ae, "acceptor")
        patience_s = surroundings.settings.idle_timeout_s
        self.dul = UpperLayer(self, connection, send_timeout_s=patience_s)
        self.is_established: bool = False
        self.public_id = new_public_id()
        self.address = address[0]
        self._surroundings = surroundings
        self._assembly = Assembly(self._open_body, patience_s=patience_s)
        self._access = Access.REJECTED
        self._received = 0
        self._stored = 0
        self._stored_bytes = 0
        self._refused = 0
        self.requestor.address_info = AddressInformation.from_tuple((self.address, address[1]))
        self.acceptor.address_info = AddressInformation.from_tuple(connection.getsockname()[:2])
        self.acceptor.ae_title = surroundings.ae.ae_title
        self.acceptor.maximum_length = surroundings.ae.maximum_pdu_size
        self.acceptor.implementation_version_name = surroundings.ae.implementation_version_name

    def run_reactor(self) -> None:
        """Run the association to its end: what its thread does."""
        started = time.monotonic()
        has_place = False
        try:
            self.dul.open()
            if self._await_request():
                has_place = self._surroundings.places.take()
                if self._admit(has_place=has_place):
                    self._exchange()
        except Exception as error:  # noqa: BLE001 - hostile bytes make pynetdicom raise anything; the listener lives
            log.warning("dimse.association.failed", association=self.public_id, trace=trace_of(error))
            self._abort(_ABORTED_BY_PROVIDER)
        finally:
            self._end(duration_s=time.monotonic() - started)
            if has_place:
                self._surroundings.places.give_back()

    def cut(self) -> None:
        """Abort the association from another thread: at once when it waits, else after the instance in hand."""
        self.dul.cut()

    # --- negotiation -------------------------------------------------------------------------------------------

    def _await_request(self) -> bool:
        """Wait for A-ASSOCIATE-RQ; nothing else may come first."""
        try:
            self.dul.receive(_no_fragment, timeout_s=self._surroundings.settings.request_timeout_s)
        except (Silent, Cut):
            return False
        request = self.dul.receive_pdu(wait=False)
        if not isinstance(request, A_ASSOCIATE):
            if self.dul.has_answered:  # not merely closed: someone speaks another protocol, TLS perhaps
                log.warning("dimse.connection.not_understood", address=self.address)
            return False
        self.requestor.primitive = request
        return True

    def _admit(self, *, has_place: bool) -> bool:
        if not has_place:
            self._reject(_TRANSIENT, _PRESENTATION, _LOCAL_LIMIT_EXCEEDED, why="local_limit_exceeded")
            return False
        try:
            admission = self._surroundings.receiver.admit(
                calling_ae=self.calling_ae, called_ae=self.called_ae, address=self.address
            )
        except CauceError as error:
            self._reject(_TRANSIENT, _ACSE, _NO_REASON, why=error.code)
            return False
        return self._negotiate(admission)

    def _negotiate(self, admission: Admission) -> bool:
        if admission.access is Access.REJECTED:
            self._reject(_PERMANENT, _SERVICE_USER, int(admission.reason), why=admission.reason.name.lower())
            return False
        self._access = admission.access
        proposed = cast("A_ASSOCIATE", self.requestor.primitive).presentation_context_definition_list
        self.acceptor.supported_contexts = supported_contexts(str(context.abstract_syntax) for context in proposed)
        self.acse.negotiate_association()
        if not self.is_established:
            return False
        log.info(
            "dimse.association.accepted",
            association=self.public_id,
            calling_ae=self.calling_ae,
            called_ae=self.called_ae,
            address=self.address,
            access=admission.access.value,
            contexts=len(self.accepted_contexts),
        )
        return True

    def _reject(self, result: int, source: int, diagnostic: int, *, why: str) -> None:
        log.warning(
            "dimse.association.rejected",
            calling_ae=self.calling_ae,
            called_ae=self.called_ae,
            address=self.address,
            reason=why,
        )
        self.acse.send_reject(result, source, diagnostic)
        self.is_rejected = True

    @property
    def calling_ae(self) -> str:
        """The calling AE title as it may be shown: printable, without padding."""
        return _printable(cast("A_ASSOCIATE", self.requestor.primitive).calling_ae_title)

    @property
    def called_ae(self) -> str:
        """The called AE title as it may be shown: printable, without padding."""
        return _printable(cast("A_ASSOCIATE", self.requestor.primitive).called_ae_title)

    # --- messages ----------------------------------------------------------------------------------------------

    def _exchange(self) -> None:
        """Take PDUs until the peer releases or aborts, falls silent, or the listener is stopped."""
        while self.is_established:
            try:
                self.dul.receive(self._fragment, timeout_s=self._surroundings.settings.idle_timeout_s)
            except (Silent, Cut, ProtocolViolation, InvalidRequest) as error:
                log.warning("dimse.association.cut", association=self.public_id, reason=type(error).__name__.lower())
                self._abort(_ABORTED_BY_USER)
                return
            if self.acse.is_release_requested():
                self.acse.send_release(is_response=True)
                self.is_released = True
                self.is_established = False
            elif self.acse.is_aborted():
                self.is_aborted = True
                self.is_established = False

    def _abort(self, source: int) -> None:
        """Send A-ABORT, if there is still anyone to send it to."""
        self.is_established = False
        if self.dul.state_machine.current_state in {"Sta1", "Sta2", "Sta13"}:
            return
        try:
            self.acse.send_abort(source)
        except Exception as error:  # noqa: BLE001 - the state machine raises whatever the broken connection raised
            log.debug("dimse.abort.unsent", association=self.public_id, error=type(error).__name__)
        self.is_aborted = True

    def _fragment(self, context_id: int, control: int, data: memoryview) -> None:
        """Take one fragment of a message; the last one has the message served."""
        if context_id not in self._accepted_cx:
            raise ProtocolViolation
        message = self._assembly.take(context_id, control, data)
        if message is not None:
            self._serve(message)

    def _open_body(self, context_id: int, request: Request) -> Body:
        """Make a place for an instance; what will be refused anyway is not kept."""
        context = self._accepted_cx[context_id]
        failure = self._refusal(request, context)
        body = Body(self._surroundings.spool, failure=failure)
        if failure is None:
            body.write(
                file_head(
                    sop_class_uid=request.sop_class_uid,
                    sop_instance_uid=request.sop_instance_uid,
                    transfer_syntax_uid=str(context.transfer_syntax[0]),
                    source_ae_title=self.calling_ae,
                )
            )
        return body

    def _refusal(self, request: Request, context: PresentationContext) -> tuple[Status, str] | None:
        if self._access is not Access.ACCEPTED:
            return Status.NOT_AUTHORIZED, _ECHO_ONLY
        if request.sop_class_uid != context.abstract_syntax:
            return Status.SOP_CLASS_NOT_SUPPORTED, _MISMATCH
        if not is_usable_uid(request.sop_instance_uid):
            return Status.INVALID_OBJECT_INSTANCE, _BAD_UID
        return None

    def _serve(self, message: Message) -> None:
        request = cast("Request", message.request)
        if request.field == C_STORE_RQ:
            status, comment = self._store(cast("Body", message.body))
            self._count(status, cast("Body", message.body))
        elif request.field == C_ECHO_RQ:
            status, comment = Status.SUCCESS, ""
        elif request.field == C_CANCEL_RQ:  # nothing that could be cancelled is under way (PS3.7 section 9.3.2.3)
            return
        else:
            raise ProtocolViolation
        self._respond(message.context_id, encode_response(request, status=status, comment=comment))

    def _store(self, body: Body) -> tuple[int, str]:
        """Hand an instance over; the status and comment to answer."""
        self._received += 1
        try:
            content = body.content()
            if body.failure is not None:
                return body.failure
            incoming = Incoming(
                content=content, size_bytes=body.size_bytes, name=f"C-STORE {self._received}", source="dimse"
            )
            status = self._surroundings.receiver.store(
                incoming,
                calling_ae=self.calling_ae,
                called_ae=self.called_ae,
                address=self.address,
                association=self.public_id,
            )
        except CauceError as error:
            comment = f"{error.code}: {error.detail}" if error.detail else error.code
            return status_of(error), comment[:_COMMENT_LENGTH_MAX]
        except Exception as error:  # noqa: BLE001 - an edge: the sender hears failure, the association goes on
            log.error("dimse.store.failed", association=self.public_id, trace=trace_of(error))  # noqa: TRY400 - no values
            return Status.PROCESSING_FAILURE, Unexpected.code
        else:
            return status, ""
        finally:
            body.close()

    def _count(self, status: int, body: Body) -> None:
        if is_stored(status):
            self._stored += 1
            self._stored_bytes += body.size_bytes
        else:
            self._refused += 1
            log.warning("dimse.store.refused", association=self.public_id, status=f"{status:04X}")

    def _respond(self, context_id: int, command_set: bytes) -> None:
        """Send a command set, in as many fragments as the peer's maximum PDU length asks for."""
        size = (self.requestor.maximum_length or len(command_set) + _FRAGMENT_HEAD_BYTES) - _FRAGMENT_HEAD_BYTES
        size = max(size, _FRAGMENT_BYTES_MIN)
        for start in range(0, len(command_set), size):
            last = _LAST if start + size >= len(command_set) else 0
            primitive = P_DATA()
            fragment = bytes([_COMMAND | last]) + command_set[start : start + size]
            primitive.presentation_data_value_list.append((context_id, fragment))
            self.dul.send_pdu(primitive)

    # --- end ---------------------------------------------------------------------------------------------------

    def _end(self, *, duration_s: float) -> None:
        self._assembly.drop()
        self.dul.close()
        if self._access is Access.REJECTED:
            return
        log.info(
            "dimse.association.finished",
            association=self.public_id,
            aborted=not self.is_released,
            stored=self._stored,
            stored_bytes=self._stored_bytes,
            refused=self._refused,
            duration_s=round(duration_s, 3),
        )
        try:
            self._surroundings.receiver.finished(association=self.public_id, aborted=not self.is_released)
        except Exception as error:  # noqa: BLE001 - an edge: nobody is left to tell
            log.error("dimse.finished.failed", association=self.public_id, trace=trace_of(error))  # noqa: TRY400 - as above


def _no_fragment(_context_id: int, _control: int, _data: memoryview) -> None:
    raise ProtocolViolation


def _printable(ae_title: str | None) -> str:
    """Return an AE title without padding; characters that it may not have become `?` (PS3.5 table 6.2-1)."""
    text = (ae_title or "").strip("\x00 ")
    return "".join(c if c.isascii() and c.isprintable() and c != "\\" else "?" for c in text)[:16]
