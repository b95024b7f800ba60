"""The flow from bytes to `ready`, step by step, on the real adapters."""

import functools
import json
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cauce import flow
from cauce.core.errors import DatabaseUnavailable, StorageUnavailable, Unexpected
from cauce.core.statuses import Space
from cauce.samples import small_instance, stable_uid, to_part10
from cauce.stages import recover

STUDY, SERIES = stable_uid(1, "study"), stable_uid(1, "series")


@functools.cache
def _template(number):
    return small_instance(
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=SERIES,
        SOPInstanceUID=stable_uid(1, "instance", str(number)),
        InstanceNumber=number,
        PatientName="Nadie^Inés",
        PatientID="PID-0815",
    )


def image(number=1, *, transfer_syntax_uid=ExplicitVRLittleEndian, **attributes):
    """The same bytes each time that the same is asked for."""
    ds = dcmread(BytesIO(_template(number)))
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return to_part10(ds, transfer_syntax_uid=transfer_syntax_uid)


def the_study():
    from cauce.records.models import Study

    return Study.objects.get()


def statuses(verdicts):
    return [verdict.status.value for verdict in verdicts]


def objects_in(services, space):
    return sorted(info.object_id for info in services.objects.walk(space))


def test_an_instance_becomes_a_ready_study_with_a_result(deliver, run_all, services):
    from cauce.records.models import DeidentifiedInstance, ProcessingResult

    assert statuses(deliver(image())) == ["stored"]
    assert the_study().status == "receiving"
    assert run_all() == ["close", "deidentify", "process", "summarise", "deliver"]
    assert (the_study().status, the_study().causes) == ("ready", [])
    result = ProcessingResult.objects.get()
    with services.objects.open(Space.ORIGINALS, objects_in(services, Space.ORIGINALS)[0]) as original:
        pixels = dcmread(BytesIO(original.read())).pixel_array
    assert result.measurements["measured"] == 1
    assert result.data_size == pixels.size
    clean = DeidentifiedInstance.objects.get()
    with services.objects.open(Space.DEIDENTIFIED, clean.object_id) as source:
        ds = dcmread(BytesIO(source.read()))
    assert ds.PatientIdentityRemoved == "YES"
    assert "Nadie" not in str(ds.PatientName)
    assert ds.SOPInstanceUID == clean.sop_instance_uid != stable_uid(1, "instance", "1")
    assert (ds.pixel_array == pixels).all()


def test_nothing_runs_before_the_quiet_time_is_over_and_each_arrival_begins_it_anew(deliver, run_all, later):
    deliver(image(1), final=False)
    assert run_all() == []
    later(40)
    deliver(image(2), final=False)
    later(40)
    assert run_all() == []
    later(60)
    assert run_all()[0] == "close"
    assert the_study().status == "ready"


def test_a_late_image_makes_the_next_revision_and_only_new_work(deliver, run_all):
    from cauce.records.models import Revision

    deliver(image(1), image(2))
    run_all()
    deliver(image(3))
    assert the_study().status == "receiving"
    assert run_all() == ["close", "deidentify", "process", "summarise", "deliver"]
    assert [(row.number, row.status) for row in Revision.objects.order_by("number")] == [(1, "ready"), (2, "ready")]
    from cauce.records.models import ProcessingResult

    assert ProcessingResult.objects.get().measurements["instances"] == 3


def test_a_late_image_before_the_end_cancels_what_the_older_revision_has_not_begun(deliver, services):
    from cauce import flow
    from cauce.records.models import Job, Revision

    deliver(image(1))
    for step in ("close", "deidentify", "process"):
        job = services.ledger.claim("w")
        assert job.step == step
        flow.STEPS[step](services, job)
        services.ledger.succeed(job, worker="w")
    deliver(image(2))
    closing = Job.objects.filter(step="close", status="queued").get()
    Job.objects.filter(pk=closing.pk).update(priority=0)
    job = services.ledger.claim("w")
    flow.STEPS["close"](services, job)
    services.ledger.succeed(job, worker="w")
    assert list(Revision.objects.order_by("number").values_list("status", flat=True)) == ["cancelled", "queued"]
    assert Job.objects.filter(step="summarise", revision__number=1).get().status == "cancelled"


def test_series_that_gained_nothing_are_summarised_again_for_the_new_revision_only(deliver, run_all):
    other = stable_uid(1, "other series")
    deliver(image(1), image(2, SeriesInstanceUID=other))
    steps = run_all()
    assert sorted(steps) == sorted(["close", *["deidentify", "process", "summarise"] * 2, "deliver"])
    deliver(image(3, SeriesInstanceUID=other))
    assert sorted(run_all()) == sorted(["close", "deidentify", "process", "summarise", "summarise", "deliver"])


def test_the_same_again_is_a_duplicate_and_changes_nothing(deliver, run_all, services):
    deliver(image())
    run_all()
    held = objects_in(services, Space.ORIGINALS)
    assert statuses(deliver(image())) == ["duplicate"]
    assert run_all() == []
    assert objects_in(services, Space.ORIGINALS) == held
    assert the_study().status == "ready"


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_the_same_in_another_encoding_is_a_duplicate(deliver, services, syntax):
    from cauce.records.models import AlternateEncoding

    deliver(image())
    again = image(transfer_syntax_uid=syntax)
    assert statuses(deliver(again)) == ["duplicate"]
    assert AlternateEncoding.objects.get().transfer_syntax_uid == syntax
    assert statuses(deliver(again)) == ["duplicate"]
    assert len(objects_in(services, Space.ORIGINALS)) == 1


def test_another_content_under_a_known_uid_is_kept_as_a_version_and_the_first_stays_current(deliver, run_all, services):
    from cauce.records.models import Version

    deliver(image())
    run_all()
    verdict = deliver(image(StudyDescription="something else"))[0]
    assert (verdict.status, verdict.code) == ("conflict", "differs")
    assert list(Version.objects.order_by("pk").values_list("state", flat=True)) == ["current", "conflict"]
    assert Version.objects.filter(canonical_digest=None).count() == 0  # the next is compared without reading
    assert len(objects_in(services, Space.ORIGINALS)) == 2
    assert statuses(deliver(image(StudyDescription="something else"))) == ["duplicate"]
    assert the_study().status == "ready"


def test_what_is_no_dicom_is_refused_and_nothing_of_it_is_kept(deliver, services):
    from cauce.records.models import UploadItem

    verdicts = deliver(b"hello", image()[:-100], image())
    assert [(verdict.status, verdict.code) for verdict in verdicts] == [
        ("refused", "not_dicom"),
        ("refused", "truncated"),
        ("stored", ""),
    ]
    assert len(objects_in(services, Space.ORIGINALS)) == 1
    assert sorted(UploadItem.objects.values_list("status", "code")) == [
        ("refused", "not_dicom"),
        ("refused", "truncated"),
        ("stored", ""),
    ]


def test_pixels_that_may_show_a_face_hold_the_study_for_a_person(deliver, run_all, services):
    deliver(image(1), image(2, RecognizableVisualFeatures="YES"))
    run_all()
    assert the_study().status == "attention"
    assert [(cause["cause"], cause["count"]) for cause in the_study().causes] == [("pixels_unproven", 1)]
    from cauce.records.models import DeidentifiedInstance

    assert DeidentifiedInstance.objects.exclude(object_id="").count() == 1


def test_a_step_that_fails_for_good_does_not_hold_up_its_study(deliver, run_all):
    deliver(image())
    steps = run_all(fails={"process": _hopeless()})
    assert steps == ["close", "deidentify", "process", "summarise", "deliver"]
    assert the_study().status == "attention"
    assert [cause["cause"] for cause in the_study().causes] == ["job_dead"]


def test_a_replayed_job_brings_the_study_to_a_good_end(deliver, run_all, services, admin):
    from cauce.records.models import Job

    deliver(image())
    run_all(fails={"deidentify": _hopeless()})
    assert the_study().status == "attention"
    services.ledger.replay(Job.objects.get(status="dead").public_id, actor=admin)
    assert run_all() == ["deidentify", "process", "summarise", "deliver"]
    assert (the_study().status, the_study().causes) == ("ready", [])


def test_every_step_may_run_twice(deliver, services):
    from cauce import flow
    from cauce.records.models import Batch, DeidentifiedInstance, InstanceResult, ProcessingResult, Revision

    deliver(image(1), image(2))
    while job := services.ledger.claim("w"):
        flow.STEPS[job.step](services, job)
        flow.STEPS[job.step](services, job)
        assert services.ledger.succeed(job, worker="w")
    counts = [model.objects.count() for model in (Revision, Batch, DeidentifiedInstance, InstanceResult)]
    assert counts == [1, 1, 2, 2]
    assert ProcessingResult.objects.count() == 1
    assert len(objects_in(services, Space.DEIDENTIFIED)) == 2 + 1  # a preview beside them


def test_a_commit_whose_outcome_is_unknown_leaves_its_object_to_the_sweep(deliver, services, admin, monkeypatch):
    def fails(_arrival):
        raise DatabaseUnavailable("the connection was lost")

    monkeypatch.setattr(services.catalogue, "commit", fails)
    with pytest.raises(DatabaseUnavailable):
        deliver(image())
    assert len(objects_in(services, Space.ORIGINALS)) == 1
    monkeypatch.undo()
    assert flow.sweep(services, actor=admin, older_than_s=0).adopted == 1
    assert statuses(deliver(image())) == ["duplicate"]


def test_a_commit_that_was_interrupted_after_all_keeps_its_object(deliver, services, monkeypatch):
    commit = services.catalogue.commit

    def is_interrupted(arrival):
        commit(arrival)
        raise Unexpected("The commit was interrupted.")

    monkeypatch.setattr(services.catalogue, "commit", is_interrupted)
    with pytest.raises(Unexpected):
        deliver(image())
    *_, done = recover.scrub(services)
    assert (done.contents, done.damaged) == (1, {})


def test_an_object_that_a_sweep_adopts_before_its_own_commit_stays(deliver, services, admin, monkeypatch):
    commit = services.catalogue.commit

    def comes_late(arrival):
        monkeypatch.undo()
        flow.sweep(services, actor=admin, older_than_s=0)
        return commit(arrival)

    monkeypatch.setattr(services.catalogue, "commit", comes_late)
    assert statuses(deliver(image())) == ["duplicate"]
    *_, done = recover.scrub(services)
    assert (done.contents, done.damaged) == (1, {})


def test_a_commit_that_failed_leaves_no_object_behind(deliver, services, monkeypatch):
    def fails(_arrival):
        raise Unexpected("a defect")

    monkeypatch.setattr(services.catalogue, "commit", fails)
    with pytest.raises(Unexpected):
        deliver(image())
    assert objects_in(services, Space.ORIGINALS) == []


def test_a_failed_write_leaves_no_row_behind(deliver, services, monkeypatch):
    from cauce.records.models import Instance, Study

    def fails(*_args, **_kwargs):
        raise StorageUnavailable("gone")

    monkeypatch.setattr(services.objects, "write", fails)
    with pytest.raises(StorageUnavailable):
        deliver(image())
    assert (Instance.objects.count(), Study.objects.count()) == (0, 0)


def test_a_full_disk_is_a_refusal_with_its_code(deliver, services, monkeypatch):
    from cauce.core.errors import StorageFull

    def fails(*_args, **_kwargs):
        raise StorageFull("no room")

    monkeypatch.setattr(services.objects, "write", fails)
    assert [(verdict.status, verdict.code) for verdict in deliver(image())] == [("refused", "storage_full")]


def test_jobs_and_causes_carry_no_identity(deliver, run_all):
    from cauce.records.models import Job, JobAttempt

    deliver(image(1), image(2, RecognizableVisualFeatures="YES"))
    run_all()
    rows = [*Job.objects.values(), *JobAttempt.objects.values()]
    text = json.dumps([rows, the_study().causes], default=str)
    for known in ("Nadie", "PID-0815", STUDY, SERIES, "file 1"):
        assert known not in text


def test_studies_of_two_projects_are_apart(services, admin, run_all):
    from cauce import flow
    from cauce.core.messages import Incoming
    from cauce.records.models import DeidentifiedInstance, Project, Study

    Project.objects.create(slug="other")
    for slug in ("default", "other"):
        upload = services.catalogue.open_upload(services.catalogue.project(slug), actor=admin, source="upload")
        content = image()
        verdict = flow.take_in(
            services, upload, Incoming(content=content, size_bytes=len(content), name="x", source="upload")
        )
        assert verdict.status == "stored"
        services.catalogue.close_upload(upload, final=True)
    run_all()
    assert Study.objects.count() == 2
    assert len(set(DeidentifiedInstance.objects.values_list("sop_instance_uid", flat=True))) == 2


def _hopeless():
    error = Unexpected("broken")
    error.retryable = False
    return error


@pytest.mark.parametrize("step", ["deidentify", "process"])
def test_a_job_taken_back_by_a_person_leaves_its_study_in_attention(deliver, services, admin, run_all, step):
    from cauce import flow
    from cauce.records.models import Job

    deliver(image())
    while (job := services.ledger.claim("w")) is not None:
        flow.STEPS[job.step](services, job)
        services.ledger.succeed(job, worker="w")
        if Job.objects.filter(step=step, status="queued").exists():
            break
    services.ledger.cancel(Job.objects.get(step=step).public_id, actor=admin)
    run_all()
    assert the_study().status == "attention"
    missing = ["unaccounted"] if step == "deidentify" else []
    assert [cause["cause"] for cause in the_study().causes] == ["job_dead", *missing]


def test_a_closing_cannot_be_taken_back(deliver, services, admin):
    from cauce.core.errors import Conflicting
    from cauce.records.models import Job

    deliver(image())
    with pytest.raises(Conflicting):
        services.ledger.cancel(Job.objects.get(step="close").public_id, actor=admin)


def test_a_study_whose_closing_is_dead_waits_for_a_person_and_a_new_arrival_closes_it(deliver, run_all):
    deliver(image(1))
    assert run_all(fails={"close": _hopeless()}) == ["close"]
    assert the_study().status == "attention"
    deliver(image(2))
    assert run_all()[0] == "close"
    assert (the_study().status, the_study().causes) == ("ready", [])
