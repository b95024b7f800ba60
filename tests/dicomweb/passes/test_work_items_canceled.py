"""Work items that are canceled, that somebody else reaches for, or whose images wait for a person."""

import pytest
from work_item_passes import PASS, PATH, PERFORMED, PROGRESS, close_now, image, revisions
from work_item_rows import JSON, LOCK, change, code, dataset, processing_item, value

from asgi_driver import call, related
from cauce import flow
from cauce.core.statuses import Role

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_that_was_canceled_in_time_is_never_begun(stored, ask, run, held, send):
    from cauce.records.models import Job

    stored(1)
    ask()
    assert send("POST", f"{PATH}/cancelrequest", dataset(ReasonForCancellation="Not needed")).status == 202
    assert run() == []
    assert Job.objects.get(step="perform").status == "cancelled"
    document = held()
    assert value(document, "ProcedureStepState") == "CANCELED"
    assert value(document, PROGRESS, "ReasonForCancellation") == "Not needed"
    assert revisions() == [(1, "ready")]


def test_one_that_is_canceled_while_its_job_is_in_hand_is_not_begun(stored, ask, run, held, send, services):
    stored(1)
    ask()
    job = services.ledger.claim("worker")
    assert send("POST", f"{PATH}/cancelrequest").status == 202
    flow.STEPS["perform"](services, job)
    assert services.ledger.succeed(job, worker="worker")
    assert run() == []
    assert value(held(), "ProcedureStepState") == "CANCELED"
    assert revisions() == [(1, "ready")]


def test_one_that_has_begun_goes_on(stored, ask, run, held, send):
    stored(1)
    ask()
    run(until="perform")
    answer = send("POST", f"{PATH}/cancelrequest")
    assert answer.status == 409
    assert answer.headers["warning"] == "299 http://testserver/dicom-web: Performer chooses not to cancel."
    run()
    assert value(held(), "ProcedureStepState") == "COMPLETED"


def test_a_job_that_an_administrator_takes_back_cancels_its_work_item(stored, ask, run, held, services, admin):
    from cauce.records.models import Job

    stored(1)
    ask()
    services.ledger.cancel(Job.objects.get(step="perform").public_id, actor=admin)
    assert run() == ["settle"]
    document = held()
    assert value(document, "ProcedureStepState") == "CANCELED"
    assert value(document, PROGRESS, "ReasonForCancellation") == "taken back by an administrator"
    services.ledger.replay(Job.objects.get(step="perform").public_id, actor=admin)
    assert run() == ["perform"]
    assert value(held(), "ProcedureStepState") == "CANCELED"


def test_nobody_else_claims_or_moves_what_the_platform_carries_out(stored, ask, run, held, send):
    stored(1)
    ask()
    assert send("PUT", f"{PATH}/state", change("IN PROGRESS")).status == 409
    for attributes in (
        {"ScheduledWorkitemCodeSequence": code("110005", "DCM")},
        {"InputInformationSequence": {"StudyInstanceUID": "1.2.3"}},
        {"InputInformationSequence": None},
    ):
        assert send("POST", PATH, dataset(**attributes)).status == 400
    assert send("POST", PATH, dataset(ProcedureStepLabel="Mine")).status == 200
    run(until="perform")
    assert send("PUT", f"{PATH}/state", change("COMPLETED")).status == 400
    assert send("POST", f"{PATH}?{LOCK}", dataset(ProcedureStepLabel="Yours")).status == 400
    run()
    assert value(held(), "ProcedureStepLabel") == "Mine"


def test_images_that_wait_for_a_person_are_counted_not_output(ask, run, held, web, token):
    held_back = image(1, RecognizableVisualFeatures="YES")
    kind, sent = related([held_back, image(2)])
    headers = {"authorization": f"Bearer {token()}", "content-type": kind, "accept": JSON}
    call(web, "POST", "/dicom-web/studies", headers=headers, chunks=sent)
    ask()
    close_now()
    run()
    document = held()
    assert revisions() == [(1, "attention")]
    assert value(document, "ProcedureStepState") == "COMPLETED"
    said = value(document, PROGRESS, "ProcedureStepProgressDescription")
    assert said == "1 of 2 images de-identified and measured."
    (output,) = value(document, PERFORMED)["00404033"]["Value"]
    assert len(output["00081199"]["Value"]) == 1


def test_a_service_account_may_ask_for_processing(stored, send, run, held):
    stored(1)
    assert send("POST", "/workitems?1.2.3.4", processing_item(), role=Role.SERVICE).status == 201
    run()
    assert value(held(), "ProcedureStepState") == "COMPLETED"


def test_studies_without_work_items_have_no_jobs_for_them(stored, services):
    from cauce.records.models import Job

    stored(1)
    assert set(Job.objects.values_list("step", flat=True)) == set(PASS)
