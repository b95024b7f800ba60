"""The states of work items: every state, every request, with the Transaction UID right, wrong and missing."""

import itertools

import pytest

from cauce.core.work_items import (
    Performer,
    Ruling,
    Transaction,
    WorkItemState,
    change_of_state,
    request_to_cancel,
    transaction_of,
    update,
)

SCHEDULED, IN_PROGRESS, COMPLETED, CANCELED = WorkItemState
RIGHT, WRONG, MISSING = Transaction.RIGHT, Transaction.WRONG, Transaction.MISSING

CHANGES = {  # PS3.4 table CC.1.1-2, the rows "with correct transaction UID": one column a state
    IN_PROGRESS: (0x0000, 0xC302, 0xC300, 0xC300),
    COMPLETED: (0xC310, 0x0000, 0xB306, 0xC300),
    CANCELED: (0xC310, 0x0000, 0xC300, 0xB304),
    SCHEDULED: (0xC303, 0xC303, 0xC303, 0xC303),
}


@pytest.mark.parametrize(
    ("state", "to", "transaction", "performer"),
    list(itertools.product(WorkItemState, WorkItemState, Transaction, Performer)),
)
def test_a_change_of_state_is_ruled_as_the_transition_table_has_it(state, to, transaction, performer):
    ruling = change_of_state(state, to=to, transaction=transaction, performer=performer)
    expected = CHANGES[to][list(WorkItemState).index(state)]
    if to is not SCHEDULED and transaction is not RIGHT:
        expected = 0xC301  # the rows "without correct transaction UID": whatever the state
    if (state, to, transaction, performer) == (SCHEDULED, IN_PROGRESS, RIGHT, Performer.PLATFORM):
        expected = 0x0124  # not authorised: the platform carries it out itself
    assert ruling.status == expected
    assert ruling.is_failure == (expected not in {0x0000, 0xB304, 0xB306})
    if expected == 0xC301:
        missing = transaction is MISSING
        assert ruling is (Ruling.TRANSACTION_MISSING if missing else Ruling.TRANSACTION_INCORRECT)


@pytest.mark.parametrize(("state", "transaction"), list(itertools.product(WorkItemState, Transaction)))
def test_an_update_is_ruled_by_state_and_lock(state, transaction):
    expected = {
        (SCHEDULED, MISSING): 0x0000,
        (SCHEDULED, RIGHT): 0xC310,
        (SCHEDULED, WRONG): 0xC310,
        (IN_PROGRESS, MISSING): 0xC301,
        (IN_PROGRESS, RIGHT): 0x0000,
        (IN_PROGRESS, WRONG): 0xC301,
    }.get((state, transaction), 0xC300)
    assert update(state, transaction=transaction).status == expected


@pytest.mark.parametrize(("state", "performer"), list(itertools.product(WorkItemState, Performer)))
def test_a_request_to_cancel_is_ruled_by_state_and_performer(state, performer):
    expected = {
        SCHEDULED: 0x0000,
        IN_PROGRESS: 0xC313 if performer is Performer.PLATFORM else 0xC312,
        COMPLETED: 0xC311,
        CANCELED: 0xB304,
    }[state]
    assert request_to_cancel(state, performer=performer).status == expected


@pytest.mark.parametrize(
    ("given", "held", "expected"),
    [
        ("", "", MISSING),
        ("", "1.2.3", MISSING),
        ("1.2.3", "", RIGHT),
        ("1.2.3", "1.2.3", RIGHT),
        ("1.2.4", "1.2.3", WRONG),
        ("not a uid", "", WRONG),
        ("ñ", "1.2.3", WRONG),
        ("1." * 40 + "1", "", WRONG),
    ],
)
def test_a_transaction_uid_is_right_when_it_is_the_one_held_or_the_first_one(given, held, expected):
    assert transaction_of(given, held=held) is expected


def test_every_ruling_has_a_status_of_the_standard():
    assert {f"{ruling.status:04X}" for ruling in Ruling} == {
        *("0000", "0124", "B304", "B306", "C300", "C301", "C302", "C303", "C304", "C310", "C311", "C312", "C313")
    }


def test_only_the_last_two_states_are_final():
    assert [state for state in WorkItemState if state.is_final] == [COMPLETED, CANCELED]
