"""What de-identification holds back, and what a person decides: each decision makes a revision, once."""

import threading

import pytest
from test_the_flow import image, the_study

from cauce.core.actors import Actor
from cauce.core.errors import Conflicting, Forbidden, InvalidRequest, NotFound
from cauce.core.statuses import Role, Space

REASON = "looked at all frames, nothing legible"
RISKY = {"RecognizableVisualFeatures": "YES"}


def held(**wanted):
    from cauce.records.models import HeldInstance

    return list(HeldInstance.objects.filter(**wanted).order_by("pk"))


def report():
    from cauce.records.models import DeidentificationReport

    return DeidentificationReport.objects.order_by("-pk").first().document


def events(prefix="quarantine."):
    from cauce.audit.models import AuditEvent

    return list(AuditEvent.objects.filter(action__startswith=prefix).order_by("pk"))


def clean_objects(services):
    from cauce.records.models import DeidentifiedInstance

    rows = DeidentifiedInstance.objects.exclude(object_id="").values_list("object_id", flat=True)
    return sorted(rows), sorted(found.object_id for found in services.objects.walk(Space.DEIDENTIFIED))


@pytest.fixture
def one_held(deliver, run_all):
    """A study of three images, one of them held because of its pixels."""
    deliver(image(1), image(2, **RISKY), image(3))
    run_all()
    (one,) = held()
    return one


@pytest.fixture
def leaking(monkeypatch):
    """Let the proof find identity wherever these bytes are left in the header."""
    from cauce.stages.deidentify import deidentification
    from cauce.stages.deidentify.proof import Leak

    def make(text):
        def proven(_run, _plan, made, _head):
            left = any(isinstance(part, bytes) and text in part for part in made.parts)
            return made, (Leak("value", 0x00180015, b"CS"),) if left else ()

        monkeypatch.setattr(deidentification._Run, "_proven", proven)

    return make


def test_what_is_held_back_waits_in_quarantine_with_its_cause(one_held):
    assert (one_held.status, one_held.cause) == ("held", "pixels_unproven")
    assert one_held.detail == "Its header says that the patient can be recognised."
    assert one_held.version.instance_number == 2
    assert one_held.study == the_study()
    assert report()["instances"] == {"in": 3, "written": 2, "held": 1, "rejected": 0, "unaccounted": 0}
    assert report()["held"] == [
        {
            "id": one_held.public_id,
            "status": "held",
            "cause": "pixels_unproven",
            "detail": one_held.detail,
            "decisions": [],
        }
    ]


def test_a_released_instance_gets_its_output_and_the_report_says_who_and_why(one_held, services, admin, run_all):
    before = report()
    services.quarantine.release(one_held.public_id, reason=REASON, actor=admin)
    assert the_study().status == "queued"
    run_all()
    study = the_study()
    assert (study.status, study.causes, study.revisions.count()) == ("ready", [], 2)
    after = report()
    assert after["revision"]["number"] == 2
    assert after["instances"] == {"in": 3, "written": 3, "held": 0, "rejected": 0, "unaccounted": 0}
    (entry,) = [one for one in after["outputs"] if one["decisions"]]
    (decision,) = entry["decisions"]
    assert (decision["decision"], decision["by"], decision["reason"]) == ("released", "tester", REASON)
    assert decision["cause"] == "pixels_unproven"
    first = study.revisions.get(number=1).reports.get().document
    assert first == before  # what was reported before stays as it was
    (event,) = events()
    assert (event.action, event.subject) == ("quarantine.release", one_held.public_id)
    assert event.detail["reason"] == REASON
    referred, stored = clean_objects(services)
    assert set(referred) <= set(stored)
    assert len(referred) == 3


def test_the_neighbours_of_a_released_instance_keep_their_outputs(one_held, services, admin, run_all):
    before = {one["sop_instance_uid"]: one["sha256"] for one in report()["outputs"]}
    services.quarantine.release(one_held.public_id, reason=REASON, actor=admin)
    run_all()
    after = {one["sop_instance_uid"]: one["sha256"] for one in report()["outputs"]}
    assert len(after) == 3
    assert before.items() <= after.items()


def test_a_rejected_instance_stays_out_and_its_study_becomes_ready(one_held, services, admin, run_all):
    services.quarantine.reject(one_held.public_id, reason="a screenshot with a name", actor=admin)
    run_all()
    assert (the_study().status, the_study().causes) == ("ready", [])
    assert report()["instances"] == {"in": 3, "written": 2, "held": 0, "rejected": 1, "unaccounted": 0}
    (entry,) = report()["held"]
    assert (entry["status"], entry["decisions"][0]["reason"]) == ("rejected", "a screenshot with a name")
    assert len(clean_objects(services)[0]) == 2


def test_an_element_that_a_person_names_is_removed_and_the_rest_is_proven_again(
    deliver, services, admin, run_all, leaking
):
    leaking(b"HANDWRITTEN")
    deliver(image(1, BodyPartExamined="HANDWRITTEN"))
    run_all()
    (one,) = held(status="held")
    assert one.cause == "identity_suspected"
    services.quarantine.redact(one.public_id, reason=REASON, elements=[0x00180015], actor=admin)
    run_all()
    assert the_study().status == "ready"
    (entry,) = report()["outputs"]
    assert [(made["decision"], made["elements"]) for made in entry["decisions"]] == [("redacted", ["00180015"])]


def test_a_redaction_that_is_not_enough_holds_it_back_again(deliver, services, admin, run_all, leaking):
    leaking(b"HANDWRITTEN")
    deliver(image(1, BodyPartExamined="HANDWRITTEN"))
    run_all()
    services.quarantine.redact(held()[0].public_id, reason=REASON, elements=[0x00180050], actor=admin)
    run_all()
    assert [one.status for one in held()] == ["redacted", "held"]
    assert the_study().status == "attention"


def test_a_decision_counts_once(one_held, services, admin, run_all):
    for _ in range(3):
        services.quarantine.release(one_held.public_id, reason=REASON, actor=admin)
    with pytest.raises(Conflicting, match="It is released already"):
        services.quarantine.reject(one_held.public_id, reason=REASON, actor=admin)
    run_all()
    services.quarantine.release(one_held.public_id, reason=REASON, actor=admin)
    assert run_all() == []
    assert (len(events()), the_study().revisions.count()) == (1, 2)


def test_of_two_people_at_once_one_decides(one_held, services, run_all):
    from django.db import connection

    together, outcomes = threading.Barrier(2), []

    def decide(name, how):
        actor = Actor(kind="user", name=name, role=Role.CLINICIAN)
        together.wait(timeout=30)
        try:
            getattr(services.quarantine, how)(one_held.public_id, reason=REASON, actor=actor)
            outcomes.append(name)
        except Conflicting:
            outcomes.append("too late")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=pair) for pair in (("anna", "release"), ("ben", "reject"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run_all()
    (one,) = held()
    assert sorted(outcomes) == sorted([one.decided_by, "too late"])
    assert (one.decided_by, one.status) in {("anna", "released"), ("ben", "rejected")}
    assert len(events()) == 1
    assert the_study().status == "ready"


@pytest.mark.parametrize("role", [Role.RESEARCHER, Role.AUDITOR, Role.SERVICE])
@pytest.mark.parametrize("how", ["release", "redact", "reject"])
def test_who_is_no_person_that_sees_originals_decides_nothing(one_held, services, role, how):
    more = {"boxes": [(0, 0, 1, 1)]} if how == "redact" else {}
    with pytest.raises(Forbidden):
        getattr(services.quarantine, how)(
            one_held.public_id, reason=REASON, actor=Actor(kind="user", name="x", role=role), **more
        )
    one_held.refresh_from_db()
    assert one_held.status == "held"
    assert events() == []


@pytest.mark.parametrize("reason", ["", "  ok ", "x" * 501, "it is MUSTER who asked", "ask for P-100-X", "a\x1bbcde"])
def test_a_decision_wants_a_reason_that_names_nobody(deliver, services, admin, run_all, reason):
    deliver(image(1, PatientName="MUSTER^ANNA", PatientID="P-100-X", **RISKY))
    run_all()
    (one,) = held()
    with pytest.raises(InvalidRequest) as caught:
        services.quarantine.release(one.public_id, reason=reason, actor=admin)
    assert caught.value.field == "reason"
    one.refresh_from_db()
    assert one.status == "held"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({}, "boxes"),
        ({"elements": [0x00104000]}, "boxes"),  # it is the pixels that are in question
        ({"boxes": [(0, 0, 0, 5)]}, "boxes"),
        ({"boxes": [(-1, 0, 5, 5)]}, "boxes"),
        ({"boxes": [(65_000, 0, 5_000, 5)]}, "boxes"),
        ({"boxes": [(2_000, 0, 5, 5)]}, "boxes"),  # beside the image
        ({"boxes": [(0, 0, 5, 5)] * 201}, "boxes"),
        ({"boxes": [(0, 0, 5, 5)], "elements": [0x00080018]}, "elements"),
        ({"boxes": [(0, 0, 5, 5)], "elements": [0x00020010]}, "elements"),
        ({"boxes": [(0, 0, 5, 5)], "elements": [0x7FE00010]}, "elements"),
    ],
)
def test_a_redaction_says_what_it_wants(one_held, services, admin, more, field):
    with pytest.raises(InvalidRequest) as caught:
        services.quarantine.redact(one_held.public_id, reason=REASON, actor=admin, **more)
    assert caught.value.field == field
    one_held.refresh_from_db()
    assert one_held.status == "held"


def test_what_cannot_be_rewritten_can_only_be_rejected(deliver, services, admin, run_all, monkeypatch):
    from cauce.core.errors import Refused
    from cauce.core.statuses import RefusalCode
    from cauce.stages.deidentify import batch

    def failing(*_args, **_options):
        raise Refused(RefusalCode.TOO_DEEP, "Sequences are nested too deeply.")

    monkeypatch.setattr(batch, "deidentify_instance", failing)
    deliver(image(1))
    run_all()
    (one,) = held(cause="deidentification_failed")
    with pytest.raises(Conflicting, match="only be rejected"):
        services.quarantine.release(one.public_id, reason=REASON, actor=admin)
    services.quarantine.reject(one.public_id, reason=REASON, actor=admin)
    run_all()
    assert the_study().status == "ready"


def test_what_nobody_knows_is_not_found(services, admin):
    with pytest.raises(NotFound):
        services.quarantine.release("0" * 32, reason=REASON, actor=admin)


def test_a_release_lets_pass_what_was_seen_and_nothing_else(deliver, services, admin, run_all, leaking):
    """Pixels that were looked at are released; identity that is found in the header afterwards still holds it."""
    leaking(b"HANDWRITTEN")
    deliver(image(1, BodyPartExamined="HANDWRITTEN", **RISKY))
    run_all()
    (one,) = held()
    services.quarantine.release(one.public_id, reason=REASON, actor=admin)
    run_all()
    again = held(status="held")[0]
    assert again.cause == "identity_suspected"
    assert (the_study().status, report()["instances"]["held"]) == ("attention", 1)
    services.quarantine.release(again.public_id, reason=REASON, actor=admin)
    run_all()
    assert (the_study().status, the_study().revisions.count()) == ("ready", 3)
    (entry,) = report()["outputs"]
    assert [one["cause"] for one in entry["decisions"]] == ["pixels_unproven", "identity_suspected"]


def test_a_conflict_that_takes_the_place_of_a_held_image_asks_anew(one_held, deliver, services, admin, run_all):
    from cauce.records.models import Version

    deliver(image(2, StudyDescription="another content", **RISKY))
    services.conflicts.accept(Version.objects.get(state="conflict").object_id, actor=admin)
    run_all()
    assert [one.status for one in held()] == ["outdated", "held"]
    with pytest.raises(Conflicting, match="It is outdated already"):
        services.quarantine.release(one_held.public_id, reason=REASON, actor=admin)


def test_a_late_image_asks_no_question_twice(one_held, deliver, run_all):
    deliver(image(4))
    run_all()
    assert [one.public_id for one in held()] == [one_held.public_id]
    assert report()["instances"]["in"] == 4


def test_decisions_in_a_row_become_one_revision(deliver, services, admin, run_all):
    deliver(*(image(number, **RISKY) for number in range(1, 6)))
    run_all()
    for number, one in enumerate(held()):
        how = services.quarantine.reject if number % 2 else services.quarantine.release
        how(one.public_id, reason=REASON, actor=admin)
    run_all()
    assert (the_study().status, the_study().revisions.count()) == ("ready", 2)
    assert report()["instances"] == {"in": 5, "written": 3, "held": 0, "rejected": 2, "unaccounted": 0}


def test_a_decision_after_a_closing_that_died_is_carried_out_all_the_same(one_held, services, admin, run_all):
    from cauce.records.models import Job

    services.quarantine.release(one_held.public_id, reason=REASON, actor=admin)
    run_all(fails={"close": Conflicting("no retry helps")})
    assert Job.objects.filter(step="close", status="dead").count() == 1
    again = held()[0]
    assert (again.status, again.is_applied) == ("released", False)
    job = Job.objects.get(step="close", status="dead")
    services.ledger.replay(job.public_id, actor=admin)
    run_all()
    assert the_study().status == "ready"


def test_a_decision_while_the_study_still_receives_waits_for_the_rest(one_held, deliver, services, admin, run_all):
    deliver(image(4), final=False)
    assert the_study().status == "receiving"
    services.quarantine.release(one_held.public_id, reason=REASON, actor=admin)
    assert run_all() == []
    deliver(image(5))
    run_all()
    assert (the_study().status, the_study().revisions.count()) == ("ready", 2)
    assert report()["instances"]["written"] == 5


def test_boxes_are_blanked_in_the_output_and_stand_in_the_report(one_held, services, admin, run_all):
    import io

    import pydicom

    from cauce.core.identifiers import ObjectId
    from cauce.records.models import DeidentifiedInstance

    services.quarantine.redact(one_held.public_id, reason=REASON, boxes=[(1, 2, 3, 4)], actor=admin)
    run_all()
    assert (the_study().status, report()["instances"]["written"]) == ("ready", 3)
    (entry,) = [one for one in report()["outputs"] if one["boxes"]]
    assert entry["boxes"] == entry["decisions"][0]["boxes"] == [[1, 2, 3, 4]]
    row = DeidentifiedInstance.objects.get(version=one_held.version)
    pixels = []
    for space, object_id in (
        (Space.ORIGINALS, one_held.version.object_id),
        (Space.DEIDENTIFIED, row.object_id),
    ):
        with services.objects.open(space, ObjectId(object_id)) as stored:
            pixels.append(pydicom.dcmread(io.BytesIO(stored.read())).pixel_array)
    before, after = pixels
    before = before.copy()
    before[2:6, 1:4] = 0
    assert (before == after).all()
