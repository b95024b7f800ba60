"""Work items that name a pipeline: the platform carries them out, says how far it is, and ends them."""

import datetime as dt
import json

import pytest
from work_item_rows import JSON, LOCK, STUDY, body, change, code, dataset, processing_item, value

from asgi_driver import call, related
from cauce import flow
from cauce.core.errors import CauceError, Unexpected
from cauce.core.statuses import Role
from cauce.samples import small_instance, stable_uid

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/workitems/1.2.3.4"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
PROGRESS = "ProcedureStepProgressInformationSequence"
PASS = ["close", "deidentify", "process", "summarise", "deliver"]


def image(number, **attributes):
    return small_instance(
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=stable_uid(7, "series"),
        SOPInstanceUID=stable_uid(7, "instance", str(number)),
        InstanceNumber=number,
        **attributes,
    )


@pytest.fixture
def send(web, token):
    def do(method, path, document=None, *, role=Role.TECHNOLOGIST):
        sent = b"" if document is None else body(document)
        headers = {"authorization": f"Bearer {token(role)}", "content-type": JSON}
        return call(web, method, f"/dicom-web{path}", headers=headers, chunks=sent)

    return do


@pytest.fixture
def ask(send):
    """Ask for processing; returns the answer."""

    def do(uid="1.2.3.4", **attributes):
        return send("POST", f"/workitems?{uid}", processing_item(**attributes))

    return do


@pytest.fixture
def stored(web, token, run):
    """Store images of the study and take them through the flow."""

    def store(*numbers, runs=True):
        kind, sent = related([image(number) for number in numbers])
        headers = {"authorization": f"Bearer {token()}", "content-type": kind, "accept": JSON}
        assert call(web, "POST", "/dicom-web/studies", headers=headers, chunks=sent).status == 200
        close_now()
        if runs:
            assert run() == PASS

    return store


def close_now():
    """Let the quiet time of all studies be over."""
    from django.utils import timezone

    from cauce.records.models import Job

    Job.objects.filter(step="close", status="queued").update(due_at=timezone.now())


@pytest.fixture
def run(services):
    """Run due jobs as a worker would, up to a step where one is named; returns the steps."""

    def do(*, until=None, fails=()):
        steps = []
        while (until is None or until not in steps) and (job := services.ledger.claim("worker")):
            steps.append(job.step)
            if job.step in fails:
                services.ledger.fail(job, worker="worker", error=fails[job.step], log="a trace")
                continue
            try:
                flow.STEPS[job.step](services, job)
            except CauceError as error:
                services.ledger.fail(job, worker="worker", error=error, log="a trace")
            else:
                assert services.ledger.succeed(job, worker="worker")
        return steps

    return do


@pytest.fixture
def held(get):
    """Return a work item as it is retrieved."""

    def retrieve(path=PATH):
        answer = get(path)
        assert answer.status == 200
        (document,) = json.loads(answer.body)
        return document

    return retrieve


def dead(detail="it broke"):
    error = Unexpected(detail)
    error.retryable = False
    return error


def revisions():
    from cauce.records.models import Revision

    return list(Revision.objects.order_by("number").values_list("number", "status"))


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


@pytest.fixture
def admin():
    from cauce.core.actors import Actor

    return Actor(kind="user", name="tester", role=Role.ADMIN)


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
    held_back = image(1, BurnedInAnnotation="YES")
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
