"""The report of a revision: what went in, what came out, under which digest; kept as it was."""

import hashlib
import json

import pytest
from test_the_flow import image, the_study

from cauce.core.errors import Conflicting, Unexpected
from cauce.core.identifiers import ObjectId
from cauce.core.statuses import Space
from cauce.samples import small_instance


def reports():
    from cauce.records.models import DeidentificationReport

    return list(DeidentificationReport.objects.order_by("pk"))


def outputs():
    from cauce.records.models import DeidentifiedInstance

    return list(DeidentifiedInstance.objects.exclude(object_id="").order_by("version_id"))


def test_every_output_is_named_with_the_digest_of_its_bytes(deliver, run_all, services):
    deliver(*(image(number) for number in range(1, 4)))
    run_all()
    (kept,) = reports()
    document = kept.document
    assert bytes(kept.sha256) == hashlib.sha256(kept.text).digest()
    assert json.loads(kept.text) == document
    by_uid = {one["sop_instance_uid"]: one for one in document["outputs"]}
    assert len(by_uid) == 3
    for row in outputs():
        with services.objects.open(Space.DEIDENTIFIED, ObjectId(row.object_id)) as stored:
            content = stored.read()
        entry = by_uid[row.sop_instance_uid]
        assert entry["sha256"] == hashlib.sha256(content).hexdigest() == bytes(row.file_sha256).hex()
        assert entry["dataset_sha256"] == bytes(row.dataset_sha256).hex()
        assert entry["size_bytes"] == len(content)
    total = sum(sum(row.actions.values()) for row in outputs())
    assert sum(document["actions"].values()) == total > 0


def test_no_identity_is_in_a_report(deliver, run_all):
    planted = {
        "PatientName": "ZYXWVUT^PLANTED",
        "PatientID": "MRN-PLANTED-77",
        "AccessionNumber": "ACC-PLANTED-5",
        "ReferringPhysicianName": "PLANTED^PHYSICIAN",
        "InstitutionName": "PLANTED HOSPITAL",
    }
    deliver(image(1, **planted), image(2, RecognizableVisualFeatures="YES", **planted))
    run_all()
    (kept,) = reports()
    study = the_study()
    uids = [study.study_instance_uid, *study.series.values_list("series_instance_uid", flat=True)]
    uids += study.series.get().instances.values_list("sop_instance_uid", flat=True)
    for word in ("ZYXWVUT", "PLANTED", "MRN-", "ACC-", *uids):
        assert word.encode() not in kept.text


def test_what_was_lost_on_the_way_is_counted_and_asks_for_a_person(deliver, run_all):
    deliver(*(image(number) for number in range(1, 4)))
    run_all(fails={"deidentify": Unexpected("a defect")})
    from cauce.records.models import Job

    while Job.objects.filter(status="retrying").exists():
        Job.objects.filter(status="retrying").update(due_at="2000-01-01T00:00:00Z")
        run_all(fails={"deidentify": Unexpected("a defect")})
    study = the_study()
    assert study.status == "attention"
    assert {one["cause"]: one["count"] for one in study.causes} == {"job_dead": 1, "unaccounted": 3}
    assert reports()[0].document["instances"] == {"in": 3, "written": 0, "held": 0, "rejected": 0, "unaccounted": 3}


def test_a_revision_that_is_delivered_again_with_another_outcome_gets_another_report(deliver, run_all, services, admin):
    from cauce import flow
    from cauce.records.models import Job

    deliver(image())
    while (job := services.ledger.claim("w")) is not None and job.step != "deidentify":
        flow.STEPS[job.step](services, job)
        services.ledger.succeed(job, worker="w")
    services.ledger.fail(job, worker="w", error=Conflicting("no retry helps"), log="")
    run_all()
    services.ledger.replay(Job.objects.get(step="deidentify").public_id, actor=admin)
    run_all()
    assert the_study().status == "ready"
    first, second = reports()
    assert (first.number, second.number, first.revision_id) == (1, 2, second.revision_id)
    assert [one.document["instances"]["written"] for one in (first, second)] == [0, 1]


def test_delivering_twice_what_has_not_changed_keeps_one_report(deliver, run_all, services):
    from cauce import flow
    from cauce.records.models import Revision

    deliver(image())
    run_all()
    kept = services.work.profile_of(Revision.objects.get().pk)
    about = {name: value for name, value in reports()[0].document["profile"].items() if name not in {"number", "key"}}
    services.work.deliver(Revision.objects.get().pk, profile=kept.key, pipeline=flow.PIPELINE, about=about)
    assert len(reports()) == 1


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_each_study_has_a_report_of_its_own(deliver, run_all, modality):
    deliver(small_instance(modality), image())
    run_all()
    assert {one.document["instances"]["in"] for one in reports()} == {1}
    assert len({one.document["study"] for one in reports()}) == 2
