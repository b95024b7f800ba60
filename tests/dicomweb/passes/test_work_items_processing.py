"""Work items that name a pipeline: the platform carries them out, says how far it is, and ends them."""

import datetime as dt

import pytest
from work_item_passes import PASS, PATH, PERFORMED, PROGRESS, close_now, dead, image, revisions
from work_item_rows import JSON, STUDY, code, dataset, value

from asgi_driver import call, related
from cauce import flow
from cauce.core.errors import Unexpected

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_work_item_is_processed_to_its_end(stored, ask, run, held, get):
    from cauce.records.models import DeidentifiedInstance, WorkItem

    stored(1, 2)
    assert ask().status == 201
    assert value(held(), "ProcedureStepState") == "SCHEDULED"
    assert run() == ["perform", "close", "deidentify", "settle", "process", "summarise", "deliver", "settle"]
    document = held()
    assert value(document, "ProcedureStepState") == "COMPLETED"
    assert revisions() == [(1, "ready"), (2, "ready")]
    assert value(document, PROGRESS, "ProcedureStepProgress") == 100
    said = value(document, PROGRESS, "ProcedureStepProgressDescription")
    assert said == "2 of 2 images de-identified and measured."
    done = value(document, PERFORMED)
    assert value(done, "PerformedWorkitemCodeSequence", "CodeValue") == "basic-1"
    assert value(done, "PerformedStationNameCodeSequence", "CodeValue") == "CAUCE"
    assert value(done, "PerformedProcedureStepStartDateTime") <= value(done, "PerformedProcedureStepEndDateTime")
    parameters = {
        value(item, "ConceptNameCodeSequence", "CodeValue"): value(item, "TextValue")
        for item in done["00741212"]["Value"]
    }
    assert (parameters["pipeline"], parameters["revision"]) == ("basic-1", "2")
    (output,) = done["00404033"]["Value"]
    rows = DeidentifiedInstance.objects.order_by("version__instance_number")
    assert [value(one, "ReferencedSOPInstanceUID") for one in output["00081199"]["Value"]] == [
        row.sop_instance_uid for row in rows
    ]
    address = value(output, "WADORSRetrievalSequence", "RetrieveURL")
    series = f"/studies/{rows[0].study_instance_uid}/series/{rows[0].series_instance_uid}"
    assert address == f"http://testserver/projects/default/deid/dicom-web{series}"
    answer = get(f"{series}/metadata", root="/projects/default/deid/dicom-web")
    assert [value(one, "SOPInstanceUID") for one in answer.json()] == [row.sop_instance_uid for row in rows]
    assert WorkItem.objects.get().transaction_uid
    assert "00081195" not in document


def test_progress_is_told_while_it_goes_on(stored, ask, run, held):
    stored(1, 2)
    ask()
    seen = []
    for step in ("perform", "close", "deidentify", "process", "summarise"):
        assert run(until=step)[-1] == step
        document = held()
        assert value(document, "ProcedureStepState") == "IN PROGRESS"
        seen.append(value(document, PROGRESS, "ProcedureStepProgress"))
    assert seen == [0, 0, 25, 50, 75]
    assert value(document, PROGRESS, "ProcedureStepProgressDescription") == "2 of 2 images measured."
    assert value(document, PERFORMED, "PerformedStationNameCodeSequence", "CodeValue") == "CAUCE"


def test_a_work_item_begins_on_its_day(stored, ask, run, held, send, services, monkeypatch):
    from django.utils import timezone

    from cauce.records.models import Job

    stored(1)
    tomorrow = timezone.now().replace(microsecond=0) + dt.timedelta(days=1)
    ask(ScheduledProcedureStepStartDateTime=tomorrow.strftime("%Y%m%d%H%M%S+0000"))
    assert run() == []
    services.ledger.reap()  # what is due later than a retry can be is left alone
    assert Job.objects.get(step="perform").due_at == tomorrow
    assert run() == []
    earlier = dataset(ScheduledProcedureStepStartDateTime="20260102")
    assert send("POST", PATH, earlier).status == 200
    assert value(held(), "ScheduledProcedureStepStartDateTime") == "20260102"
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + dt.timedelta(seconds=1))
    assert run()[0] == "perform"
    assert value(held(), "ProcedureStepState") == "COMPLETED"


@pytest.mark.parametrize(
    "attributes",
    [
        {"InputInformationSequence": {"StudyInstanceUID": "1.2.3"}},
        {"InputInformationSequence": [{"StudyInstanceUID": STUDY}, {"StudyInstanceUID": "1.2.3"}]},
        {"ScheduledWorkitemCodeSequence": [code("basic-1"), code("basic-1")]},
        {"ScheduledWorkitemCodeSequence": code("basic-2")},
        {
            "ScheduledProcessingParametersSequence": {
                "ValueType": "TEXT",
                "ConceptNameCodeSequence": code("profile"),
                "TextValue": "Another Profile",
            }
        },
        {"ScheduledProcessingParametersSequence": {"ValueType": "TEXT", "ConceptNameCodeSequence": code("colour")}},
        {"ScheduledProcessingParametersSequence": {"ValueType": "CODE", "ConceptNameCodeSequence": code("profile")}},
    ],
)
def test_what_there_is_not_is_refused_and_nothing_is_begun(stored, ask, run, get, attributes):
    stored(1)
    assert ask(**attributes).status == 400
    assert run() == []
    assert get(PATH).status == 404


@pytest.mark.parametrize("named", ["name", "digest", "short"])
def test_a_work_item_counts_on_the_profile_that_it_names(stored, ask, run, held, services, named):
    stored(1)
    profile = flow.default_profile()
    wanted = {"name": profile.name, "digest": profile.digest, "short": profile.digest[:16]}[named]
    parameter = {"ValueType": "TEXT", "ConceptNameCodeSequence": code("profile"), "TextValue": wanted}
    assert ask(ScheduledProcessingParametersSequence=parameter).status == 201
    run()
    assert value(held(), "ProcedureStepState") == "COMPLETED"


def test_a_profile_that_has_changed_before_the_day_cancels_the_work_item(stored, ask, run, held, services, admin):
    from cauce.stages.deidentify import LONGITUDINAL
    from cauce.stages.deidentify.profile import profile_yaml

    stored(1)
    digest = flow.default_profile().digest
    parameter = {"ValueType": "TEXT", "ConceptNameCodeSequence": code("profile"), "TextValue": digest}
    assert ask(ScheduledProcessingParametersSequence=parameter).status == 201
    other = flow.read_profile(profile_yaml(LONGITUDINAL))
    services.profiles.save(services.catalogue.project("default"), other, actor=admin)
    assert run() == ["perform", "settle"]
    document = held()
    assert value(document, "ProcedureStepState") == "CANCELED"
    said = value(document, PROGRESS, "ReasonForCancellation")
    assert said == "The project is under another profile than the work item counts on."
    assert revisions() == [(1, "ready")]


def test_under_another_profile_the_study_is_deidentified_anew(stored, ask, run, held, services, admin):
    from cauce.records.models import DeidentifiedInstance
    from cauce.stages.deidentify import LONGITUDINAL
    from cauce.stages.deidentify.profile import profile_yaml

    stored(1)
    services.profiles.save(
        services.catalogue.project("default"), flow.read_profile(profile_yaml(LONGITUDINAL)), actor=admin
    )
    ask()
    run()
    (output,) = value(held(), PERFORMED)["00404033"]["Value"]
    first, second = DeidentifiedInstance.objects.order_by("pk")
    assert first.profile != second.profile
    assert value(output, "ReferencedSOPSequence", "ReferencedSOPInstanceUID") == second.sop_instance_uid


@pytest.mark.parametrize("step", ["deidentify", "process", "summarise", "deliver", "close", "perform"])
def test_a_pass_that_fails_for_good_cancels_the_work_item_with_the_reason(stored, ask, run, held, step):
    stored(1)
    if step in {"deidentify", "process"}:
        stored(2, runs=False)  # so that there is something left to do
    ask()
    run(fails={step: dead()})
    document = held()
    assert value(document, "ProcedureStepState") == "CANCELED"
    assert value(document, PROGRESS, "ReasonForCancellation") in {f"{step}: it broke", "it broke"}
    item = document["00741002"]["Value"][0]
    assert value(item, "ProcedureStepDiscontinuationReasonCodeSequence", "CodeValue") == "110513"


def test_a_step_that_is_tried_again_does_not_cancel_it(stored, ask, run, held, services):
    from django.utils import timezone

    from cauce.records.models import Job

    stored(1)
    ask()
    run(fails={"close": Unexpected("once")}, until="close")
    assert value(held(), "ProcedureStepState") == "IN PROGRESS"
    Job.objects.filter(status="retrying").update(due_at=timezone.now())
    run()
    assert value(held(), "ProcedureStepState") == "COMPLETED"


def test_a_worker_that_is_killed_does_not_lose_it(stored, ask, run, held, services, monkeypatch):
    from django.utils import timezone

    from cauce.records.models import WorkItem

    stored(1)
    ask()
    real, hours, killed, locks = timezone.now, [0], [], set()
    monkeypatch.setattr(timezone, "now", lambda: real() + dt.timedelta(hours=hours[0]))
    while job := services.ledger.claim("worker"):
        flow.STEPS[job.step](services, job)
        locks.add(WorkItem.objects.get().transaction_uid)
        if job.step in killed:
            assert services.ledger.succeed(job, worker="worker")
            continue
        killed.append(job.step)  # it has done its work, and dies before it can say so
        hours[0] += 1
        assert services.ledger.reap() == 1
        assert not services.ledger.succeed(job, worker="worker")
    assert sorted(killed) == sorted(["perform", *PASS, "settle"])
    assert len(locks) == 1
    assert value(held(), "ProcedureStepState") == "COMPLETED"
    assert revisions() == [(1, "ready"), (2, "ready")]


def test_a_late_image_is_in_the_pass_that_ends_the_work_item(stored, ask, run, held):
    stored(1)
    ask()
    run(until="deidentify")
    stored(2, runs=False)
    run()
    assert revisions() == [(1, "ready"), (2, "cancelled"), (3, "ready")]
    (output,) = value(held(), PERFORMED)["00404033"]["Value"]
    assert len(output["00081199"]["Value"]) == 2


def test_a_study_that_still_receives_is_waited_for(stored, ask, run, held, web, token):
    kind, sent = related([image(1)])
    headers = {"authorization": f"Bearer {token()}", "content-type": kind, "accept": JSON}
    call(web, "POST", "/dicom-web/studies", headers=headers, chunks=sent)
    assert ask().status == 201
    assert run() == ["perform"]
    assert value(held(), PROGRESS, "ProcedureStepProgressDescription") == "The study is about to be closed."
    close_now()
    run()
    assert value(held(), "ProcedureStepState") == "COMPLETED"
    assert revisions() == [(1, "ready")]


def test_several_work_items_of_a_study_are_ended_together(stored, ask, run, held):
    stored(1)
    ask("1.2.1")
    ask("1.2.2")
    run()
    for uid in ("1.2.1", "1.2.2"):
        assert value(held(f"/workitems/{uid}"), "ProcedureStepState") == "COMPLETED"
