"""Work items under many hands at once: one claim wins, one creation wins, an update never mixes with an end."""

import threading
from functools import partial

import pytest
from work_item_rows import dataset, new_item, performed, value

from cauce import flow
from cauce.core.actors import Actor
from cauce.core.errors import Conflicting
from cauce.core.statuses import Role
from cauce.core.work_items import Ruling, WorkItemRefused, WorkItemState

pytestmark = pytest.mark.django_db(transaction=True)

ACTOR = Actor(kind="user", name="tester", role=Role.TECHNOLOGIST)
HANDS = 6


@pytest.fixture
def project(services):
    return services.catalogue.project("default")


def at_once(*deeds):
    """Do all at the same time, each in a thread of its own; returns what each returned or raised."""
    ready, outcomes = threading.Barrier(len(deeds)), [None] * len(deeds)

    def run(number, deed):
        from django.db import connection

        ready.wait()
        try:
            outcomes[number] = deed()
        except Conflicting as error:
            outcomes[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def create(services, project, uid):
    return services.work_items.create(
        project, new_item(), uid=uid, actor=ACTOR, pipelines=(flow.PIPELINE,), profile=flow.default_profile()
    )


def change(services, project, uid, state, lock):
    return services.work_items.change_state(project, uid, to=state, transaction_uid=lock, actor=ACTOR)


def test_of_claims_at_once_one_wins_and_holds_the_lock(services, project):
    from cauce.records.models import WorkItem

    for turn in range(4):
        uid = f"1.2.{turn}"
        create(services, project, uid)
        claims = [
            partial(change, services, project, uid, WorkItemState.IN_PROGRESS, f"1.7.{hand}") for hand in range(HANDS)
        ]
        outcomes = at_once(*claims)
        (winner,) = [hand for hand, outcome in enumerate(outcomes) if outcome is Ruling.DONE]
        refused = [outcome.ruling for outcome in outcomes if isinstance(outcome, WorkItemRefused)]
        assert refused == [Ruling.TRANSACTION_INCORRECT] * (HANDS - 1)
        assert WorkItem.objects.get(sop_instance_uid=uid).transaction_uid == f"1.7.{winner}"


def test_of_creations_at_once_one_wins(services, project):
    from cauce.records.models import WorkItem, WorkItemKey

    for turn in range(4):
        outcomes = at_once(*[partial(create, services, project, f"1.2.{turn}")] * HANDS)
        assert sum(isinstance(outcome, Conflicting) for outcome in outcomes) == HANDS - 1
    assert WorkItem.objects.count() == 4
    assert WorkItemKey.objects.filter(path="00741204").count() == 4


def test_a_claim_and_a_request_to_cancel_at_once_leave_one_of_the_two(services, project):
    states = set()
    for turn in range(8):
        uid = f"1.2.{turn}"
        create(services, project, uid)
        claimed, canceled = at_once(
            partial(change, services, project, uid, WorkItemState.IN_PROGRESS, "1.7"),
            partial(services.work_items.request_to_cancel, project, uid, {}, actor=ACTOR),
        )
        state = services.work_items.find(project, uid).state
        states.add(state)
        expected = {
            WorkItemState.IN_PROGRESS: (Ruling.DONE, Ruling.PERFORMER_UNREACHABLE),
            WorkItemState.CANCELED: (Ruling.TRANSACTION_INCORRECT, Ruling.DONE),
        }[state]
        assert tuple(getattr(outcome, "ruling", outcome) for outcome in (claimed, canceled)) == expected
    assert states <= {WorkItemState.IN_PROGRESS, WorkItemState.CANCELED}


def test_updates_at_once_are_each_whole(services, project):
    create(services, project, "1.2.1")
    change(services, project, "1.2.1", WorkItemState.IN_PROGRESS, "1.7")
    services.work_items.update(project, "1.2.1", performed(), transaction_uid="1.7", actor=ACTOR, pipelines=())
    pairs = [(f"label {hand}", f"comment {hand}") for hand in range(HANDS)]

    def update(label, comment):
        return services.work_items.update(
            project,
            "1.2.1",
            dataset(ProcedureStepLabel=label, CommentsOnTheScheduledProcedureStep=comment),
            transaction_uid="1.7",
            actor=ACTOR,
            pipelines=(),
        )

    at_once(*[partial(update, *pair) for pair in pairs])
    document = services.work_items.find(project, "1.2.1").document
    found = value(document, "ProcedureStepLabel"), value(document, "CommentsOnTheScheduledProcedureStep")
    assert found in pairs
    assert value(document, "UnifiedProcedureStepPerformedProcedureSequence", "PerformedProcedureStepEndDateTime")
