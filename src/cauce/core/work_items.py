"""Work items (unified procedure steps, PS3.4 annex CC): their states, and what each request does to them."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from cauce.core.errors import Conflicting
from cauce.core.identifiers import PublicId, is_usable_uid

CODING_SCHEME: Final = "99CAUCE"
"""The scheme of our own codes: those of pipelines, and of what they can be told."""


class WorkItemState(StrEnum):
    """The states of a procedure step (table CC.1.1-1). The last two are final."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"

    @property
    def is_final(self) -> bool:
        """Whether nothing can change any more."""
        return self in {WorkItemState.COMPLETED, WorkItemState.CANCELED}


class Performer(StrEnum):
    """Who carries a step out: the platform, or whoever claims it."""

    PLATFORM = "platform"
    OTHERS = "others"


class Transaction(StrEnum):
    """How the Transaction UID of a request stands to the one that the step is locked by."""

    MISSING = "missing"
    RIGHT = "right"
    WRONG = "wrong"


class Ruling(StrEnum):
    """What becomes of a request; `status` is the one of PS3.4 (tables CC.2.1-2, CC.2.2-2, CC.2.5-4, CC.2.6-1)."""

    DONE = "done"
    ALREADY_CANCELED = "already_canceled"
    ALREADY_COMPLETED = "already_completed"
    NO_LONGER_UPDATED = "no_longer_updated"
    TRANSACTION_MISSING = "transaction_missing"
    TRANSACTION_INCORRECT = "transaction_incorrect"
    ALREADY_IN_PROGRESS = "already_in_progress"
    SCHEDULED_BY_CREATION_ONLY = "scheduled_by_creation_only"
    FINAL_STATE_UNMET = "final_state_unmet"
    NOT_IN_PROGRESS = "not_in_progress"
    COMPLETED_BEFORE = "completed_before"
    PERFORMER_UNREACHABLE = "performer_unreachable"
    PERFORMER_DECLINES = "performer_declines"
    PERFORMED_HERE = "performed_here"

    @property
    def status(self) -> int:
        """The status code of a DIMSE response that says this."""
        return _STATUSES[self]

    @property
    def is_failure(self) -> bool:
        """Whether nothing was, or is, as asked."""
        return self not in {Ruling.DONE, Ruling.ALREADY_CANCELED, Ruling.ALREADY_COMPLETED}


_STATUSES: Final = {
    Ruling.DONE: 0x0000,
    Ruling.ALREADY_CANCELED: 0xB304,
    Ruling.ALREADY_COMPLETED: 0xB306,
    Ruling.NO_LONGER_UPDATED: 0xC300,
    Ruling.TRANSACTION_MISSING: 0xC301,
    Ruling.TRANSACTION_INCORRECT: 0xC301,
    Ruling.ALREADY_IN_PROGRESS: 0xC302,
    Ruling.SCHEDULED_BY_CREATION_ONLY: 0xC303,
    Ruling.FINAL_STATE_UNMET: 0xC304,
    Ruling.NOT_IN_PROGRESS: 0xC310,
    Ruling.COMPLETED_BEFORE: 0xC311,
    Ruling.PERFORMER_UNREACHABLE: 0xC312,
    Ruling.PERFORMER_DECLINES: 0xC313,
    Ruling.PERFORMED_HERE: 0x0124,
}

_CHANGES: Final[Mapping[tuple[WorkItemState, WorkItemState], Ruling]] = {
    (WorkItemState.SCHEDULED, WorkItemState.IN_PROGRESS): Ruling.DONE,
    (WorkItemState.SCHEDULED, WorkItemState.COMPLETED): Ruling.NOT_IN_PROGRESS,
    (WorkItemState.SCHEDULED, WorkItemState.CANCELED): Ruling.NOT_IN_PROGRESS,
    (WorkItemState.IN_PROGRESS, WorkItemState.IN_PROGRESS): Ruling.ALREADY_IN_PROGRESS,
    (WorkItemState.IN_PROGRESS, WorkItemState.COMPLETED): Ruling.DONE,
    (WorkItemState.IN_PROGRESS, WorkItemState.CANCELED): Ruling.DONE,
    (WorkItemState.COMPLETED, WorkItemState.IN_PROGRESS): Ruling.NO_LONGER_UPDATED,
    (WorkItemState.COMPLETED, WorkItemState.COMPLETED): Ruling.ALREADY_COMPLETED,
    (WorkItemState.COMPLETED, WorkItemState.CANCELED): Ruling.NO_LONGER_UPDATED,
    (WorkItemState.CANCELED, WorkItemState.IN_PROGRESS): Ruling.NO_LONGER_UPDATED,
    (WorkItemState.CANCELED, WorkItemState.COMPLETED): Ruling.NO_LONGER_UPDATED,
    (WorkItemState.CANCELED, WorkItemState.CANCELED): Ruling.ALREADY_CANCELED,
}


class WorkItemRefused(Conflicting):
    """A request contradicts the state of its work item; `ruling` says in which way."""

    code = "work_item_refused"

    def __init__(self, ruling: Ruling, detail: str) -> None:
        """`detail` says it to people."""
        super().__init__(detail)
        self.ruling = ruling


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a work item asks the platform for: a pipeline on a study.

    `profile` names the de-identification profile that it counts on, or nothing.
    """

    pipeline: str
    study_instance_uid: str
    profile: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Created:
    """A work item that was made. `is_modified` tells that it differs from what was sent."""

    uid: str
    public_id: PublicId
    is_modified: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldWorkItem:
    """A work item as it stands: its data set in the DICOM JSON model, without its Transaction UID."""

    public_id: PublicId
    state: WorkItemState
    document: Mapping[str, Any] = field(repr=False)


def transaction_of(given: str, *, held: str) -> Transaction:
    """Return how the Transaction UID `given` stands to `held`, which is empty until the step is claimed."""
    if not given:
        return Transaction.MISSING
    is_right = hmac.compare_digest(given.encode("utf-8", "replace"), held.encode()) if held else is_usable_uid(given)
    return Transaction.RIGHT if is_right else Transaction.WRONG


def change_of_state(
    state: WorkItemState, *, to: WorkItemState, transaction: Transaction, performer: Performer
) -> Ruling:
    """Return what becomes of a request to change the state (table CC.1.1-2), final state requirements apart.

    A step that the platform carries out is claimed by nobody else.
    """
    if to is WorkItemState.SCHEDULED:
        return Ruling.SCHEDULED_BY_CREATION_ONLY
    if transaction is not Transaction.RIGHT:
        return _unlocked(transaction)
    ruling = _CHANGES[state, to]
    is_claim = ruling is Ruling.DONE and to is WorkItemState.IN_PROGRESS
    return Ruling.PERFORMED_HERE if is_claim and performer is Performer.PLATFORM else ruling


def update(state: WorkItemState, *, transaction: Transaction) -> Ruling:
    """Return what becomes of a request to set attributes (CC.2.6.2, CC.2.6.3)."""
    if state.is_final:
        return Ruling.NO_LONGER_UPDATED
    if state is WorkItemState.SCHEDULED:
        return Ruling.DONE if transaction is Transaction.MISSING else Ruling.NOT_IN_PROGRESS
    return Ruling.DONE if transaction is Transaction.RIGHT else _unlocked(transaction)


def request_to_cancel(state: WorkItemState, *, performer: Performer) -> Ruling:
    """Return what becomes of a request to cancel by who does not carry the step out (CC.2.2.3).

    The platform ends a pass that it has begun, since half of one would leave the study half made. Other performers
    cannot be told, as there are no subscriptions.
    """
    if state is WorkItemState.COMPLETED:
        return Ruling.COMPLETED_BEFORE
    if state is WorkItemState.CANCELED:
        return Ruling.ALREADY_CANCELED
    if state is WorkItemState.SCHEDULED:
        return Ruling.DONE
    return Ruling.PERFORMER_DECLINES if performer is Performer.PLATFORM else Ruling.PERFORMER_UNREACHABLE


def _unlocked(transaction: Transaction) -> Ruling:
    is_missing = transaction is Transaction.MISSING
    return Ruling.TRANSACTION_MISSING if is_missing else Ruling.TRANSACTION_INCORRECT
