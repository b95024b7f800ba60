"""What the listener needs of the rest of the platform: one Protocol, and the statuses it answers with."""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Protocol

from cauce.core.errors import (
    CauceError,
    Conflicting,
    ExceedsNodes,
    Forbidden,
    IntegrityError,
    InvalidRequest,
    Refused,
    Unavailable,
    Undecodable,
)
from cauce.core.messages import Incoming
from cauce.core.statuses import RefusalCode


class Status(IntEnum):
    """Statuses of a C-STORE response that the listener and its receiver use (PS3.4 Table B.2-1, PS3.7 Annex C)."""

    SUCCESS = 0x0000
    PROCESSING_FAILURE = 0x0110
    INVALID_OBJECT_INSTANCE = 0x0117
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NOT_AUTHORIZED = 0x0124
    OUT_OF_RESOURCES = 0xA700
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    COERCION_OF_DATA_ELEMENTS = 0xB000
    CANNOT_UNDERSTAND = 0xC000


class Access(Enum):
    """How far a calling AE gets."""

    ACCEPTED = "accepted"
    ECHO_ONLY = "echo_only"
    REJECTED = "rejected"


class RejectionReason(IntEnum):
    """Why an association is rejected for good: diagnostics of the service user (PS3.8 Table 9-21)."""

    NO_REASON_GIVEN = 1
    CALLING_AE_TITLE_NOT_RECOGNIZED = 3
    CALLED_AE_TITLE_NOT_RECOGNIZED = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Admission:
    """The receiver's answer to a request for an association. `reason` counts only for a rejection."""

    access: Access
    reason: RejectionReason = RejectionReason.NO_REASON_GIVEN


class Receiver(Protocol):
    """Where instances go. One is built per process; its methods are called from one thread per association."""

    def admit(self, *, calling_ae: str, called_ae: str, address: str) -> Admission:
        """Decide on a request for an association, and note the attempt of one that is not known.

        `address` is the numeric address of the peer, without port. An error rejects the association as transient.
        """

    def store(self, instance: Incoming, *, calling_ae: str, called_ae: str, address: str, association: str) -> int:
        """Take one instance; the sender hears what this returns, so success means durable and committed.

        `instance` is a Part 10 file. Its file object, if it has one, is closed once this returns. A CauceError
        is answered as `status_of` says.
        """

    def finished(self, *, association: str, aborted: bool) -> None:
        """Learn that an admitted association has ended. Whatever `store` took is kept, aborted or not.

        It is called by the association's thread, as `admit` and `store` were, and is the last that happens on it.
        """


_REFUSALS = {
    RefusalCode.STORAGE_FULL: Status.OUT_OF_RESOURCES,
    RefusalCode.TOO_LARGE: Status.OUT_OF_RESOURCES,
    RefusalCode.FORBIDDEN: Status.NOT_AUTHORIZED,
    RefusalCode.UNSUPPORTED_SOP_CLASS: Status.SOP_CLASS_NOT_SUPPORTED,
}

_STATUSES: tuple[tuple[type[CauceError], Status], ...] = (
    (Refused, Status.CANNOT_UNDERSTAND),
    (Unavailable, Status.OUT_OF_RESOURCES),
    (ExceedsNodes, Status.OUT_OF_RESOURCES),
    (Forbidden, Status.NOT_AUTHORIZED),
    (Undecodable, Status.CANNOT_UNDERSTAND),
    (InvalidRequest, Status.CANNOT_UNDERSTAND),
    (IntegrityError, Status.PROCESSING_FAILURE),
    (Conflicting, Status.PROCESSING_FAILURE),
)


def is_stored(status: int) -> bool:
    """Tell whether a C-STORE status means that the instance was taken: success, or success with a warning."""
    return status == Status.SUCCESS or status & 0xF000 == Status.COERCION_OF_DATA_ELEMENTS


def status_of(error: CauceError) -> Status:
    """Return the C-STORE status that an error of ours is answered with."""
    if isinstance(error, Refused) and error.refusal in _REFUSALS:
        return _REFUSALS[error.refusal]
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return status
    return Status.PROCESSING_FAILURE
