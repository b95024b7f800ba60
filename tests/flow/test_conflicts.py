"""Conflicts: two contents under one UID, settled by a person."""

import pytest
from test_the_flow import image, the_study

from cauce.core.actors import Actor
from cauce.core.errors import Conflicting, Forbidden, NotFound
from cauce.core.statuses import Role


@pytest.fixture
def contested(deliver, run_all):
    """A study of three images, one of them contested; returns the contested version."""
    from cauce.records.models import Version

    deliver(image(1), image(2), image(3))
    run_all()
    deliver(image(2, StudyDescription="another content"))
    return Version.objects.get(state="conflict")


def served():
    from cauce.records.models import Version

    return set(Version.objects.filter(state="current").values_list("object_id", flat=True))


def processed():
    """Objects whose clean copies belong to the newest revision."""
    from cauce.adapters.progress_sql import batches_of
    from cauce.records.models import Version

    newest = the_study().revisions.order_by("-number").first()
    return set(Version.objects.filter(batch_items__batch__in=batches_of(newest)).values_list("object_id", flat=True))


def test_an_accepted_version_takes_the_place_of_the_first_and_makes_a_revision(contested, services, admin, run_all):
    from cauce.audit.models import AuditEvent
    from cauce.records.models import DeidentifiedInstance, Revision

    before = served()
    made = DeidentifiedInstance.objects.count()
    services.conflicts.accept(contested.object_id, actor=admin)
    assert the_study().status == "queued"
    run_all()
    assert (the_study().status, Revision.objects.count()) == ("ready", 2)
    assert contested.object_id in served()
    assert len(served() & before) == 2
    assert processed() == served()
    assert DeidentifiedInstance.objects.count() == made + 1  # the two neighbours were not worked on again
    assert AuditEvent.objects.get(action="conflict.accept").subject == contested.object_id


def test_a_rejected_version_is_kept_and_changes_nothing_that_is_served(contested, services, admin, run_all):
    before = served()
    services.conflicts.reject(contested.object_id, actor=admin)
    assert run_all() == []
    assert served() == before
    contested.refresh_from_db()
    assert contested.state == "superseded"


def test_the_summary_counts_each_instance_once_after_settling(contested, services, admin, run_all):
    from cauce.records.models import ProcessingResult

    services.conflicts.accept(contested.object_id, actor=admin)
    run_all()
    assert ProcessingResult.objects.get().measurements["instances"] == 3


def test_what_is_settled_cannot_be_settled_again(contested, services, admin):
    services.conflicts.reject(contested.object_id, actor=admin)
    with pytest.raises(Conflicting):
        services.conflicts.accept(contested.object_id, actor=admin)
    with pytest.raises(NotFound):
        services.conflicts.accept("0" * 32, actor=admin)


def test_who_may_not_see_originals_may_not_settle(contested, services):
    researcher = Actor(kind="user", name="r", role=Role.RESEARCHER)
    with pytest.raises(Forbidden):
        services.conflicts.accept(contested.object_id, actor=researcher)
    contested.refresh_from_db()
    assert contested.state == "conflict"


def test_an_accepted_version_whose_first_was_never_processed_is_processed(deliver, services, admin, run_all):
    from cauce.records.models import Version

    deliver(image(1), final=False)
    deliver(image(1, StudyDescription="another content"), final=False)
    services.conflicts.accept(Version.objects.get(state="conflict").object_id, actor=admin)
    deliver(image(2))
    run_all()
    assert the_study().status == "ready"
    assert processed() == served()


@pytest.mark.parametrize(
    ("attributes", "what"),
    [
        ({"StudyInstanceUID": "1.2.3.4"}, "study"),
        ({"SeriesInstanceUID": "1.2.3.5"}, "series"),
        ({"SeriesInstanceUID": "1.2.3.5", "PatientID": "ANOTHER"}, "series, patient"),
    ],
)
def test_an_image_that_names_another_study_or_series_is_not_filed_here(deliver, services, admin, attributes, what):
    from cauce.records.models import Version

    deliver(image(1))
    deliver(image(1, **attributes))
    contested = Version.objects.get(state="conflict")
    for accept in (services.conflicts.accept, services.conflicts.accept_study):
        with pytest.raises(Conflicting, match=f"it names another {what} than"):
            accept(contested.object_id, actor=admin)
    services.conflicts.reject(contested.object_id, actor=admin)


@pytest.mark.parametrize("attributes", [{"PatientID": "ANOTHER"}, {"IssuerOfPatientID": "ANOTHER"}])
def test_an_image_of_another_patient_is_only_taken_with_its_whole_study(deliver, services, admin, attributes):
    from cauce.records.models import Version

    deliver(image(1), image(2))
    deliver(image(1, **attributes))
    contested = Version.objects.get(state="conflict")
    with pytest.raises(Conflicting, match="it names another patient than its study"):
        services.conflicts.accept(contested.object_id, actor=admin)
    with pytest.raises(Conflicting, match="1 of the 2 images of the study have not come with that patient"):
        services.conflicts.accept_study(contested.object_id, actor=admin)
    assert Version.objects.filter(state="current", instance__versions=contested).count() == 1
    assert the_study().patient_id != "ANOTHER"


def test_a_study_that_came_whole_with_a_corrected_patient_moves_to_that_patient(deliver, services, admin, run_all):
    from cauce.audit.models import AuditEvent
    from cauce.records.models import DeidentifiedInstance, Version

    deliver(image(1), image(2, SeriesInstanceUID="1.2.3.77"))
    run_all()
    first = set(DeidentifiedInstance.objects.values_list("study_instance_uid", flat=True))
    corrected = {"PatientID": "RIGHT-1", "PatientName": "RIGHT^ONE"}
    deliver(image(1, **corrected), image(2, SeriesInstanceUID="1.2.3.77", **corrected))
    contested = Version.objects.filter(state="conflict").first()
    assert services.conflicts.accept_study(contested.object_id, actor=admin) == 2
    run_all()
    study = the_study()
    assert (study.status, study.patient_id, study.patient_name) == ("ready", "RIGHT-1", "RIGHT^ONE")
    assert processed() == served()
    newest = DeidentifiedInstance.objects.filter(version__state="current")
    second = set(newest.values_list("study_instance_uid", flat=True))
    assert (len(first), len(second), first & second) == (1, 1, set())  # of another pseudonym, all of it
    assert Version.objects.filter(state="superseded", settled_at__isnull=False).count() == 2
    event = AuditEvent.objects.get(action="conflict.accept_study")
    assert (event.detail["count"], event.detail["patient"]) == (2, "corrected")
    assert "RIGHT" not in str(event.detail)


def test_a_study_moves_once_and_its_neighbours_stay(deliver, services, admin):
    from cauce.records.models import Study, Version

    other = {"StudyInstanceUID": "1.2.3.88", "SeriesInstanceUID": "1.2.3.89", "SOPInstanceUID": "1.2.3.90"}
    deliver(image(1), image(1, **other))
    deliver(image(1, PatientID="RIGHT-1"), image(1, PatientID="RIGHT-1", **other))
    contested = Version.objects.filter(state="conflict").order_by("pk").first()
    assert services.conflicts.accept_study(contested.object_id, actor=admin) == 1
    patients = dict(Study.objects.values_list("study_instance_uid", "patient_id"))
    assert (patients.pop("1.2.3.88") == "RIGHT-1", list(patients.values())) == (False, ["RIGHT-1"])
    with pytest.raises(Conflicting):
        services.conflicts.accept_study(contested.object_id, actor=admin)


def test_what_came_again_with_the_same_change_is_settled_together(deliver, services, admin, run_all):
    from cauce.records.models import Version

    deliver(image(1), image(2), image(3))
    deliver(image(1, StudyDescription="corrected"), image(2, StudyDescription="corrected"))
    deliver(image(1, StudyDescription="corrected twice"), image(3, PatientID="ANOTHER"))
    oldest, *_ = Version.objects.filter(state="conflict").order_by("pk")
    assert services.conflicts.accept_study(oldest.object_id, actor=admin) == 2
    oldest.refresh_from_db()
    assert oldest.state == "current"  # the one that was pointed at, though a newer one came
    left = Version.objects.filter(state="conflict").order_by("pk")
    assert [version.instance_number for version in left] == [1, 3]
    assert services.conflicts.reject_study(left[0].object_id, actor=admin) == 1
    assert [version.instance_number for version in left.all()] == [3]
    run_all()
    assert the_study().study_description == "corrected"


def test_what_is_settled_says_when(contested, services, admin):
    from django.utils import timezone

    before = timezone.now()
    services.conflicts.accept(contested.object_id, actor=admin)
    times = dict(contested.instance.versions.values_list("state", "settled_at"))
    assert before <= times["superseded"] == times["current"] <= timezone.now()


def test_study_and_series_are_described_as_the_content_that_holds_has_them(deliver, services, admin, run_all):
    from cauce.records.models import Version

    deliver(image(1))
    run_all()
    changed = {
        "PatientName": "MUÑOZ^ÁGATA",
        "StudyDescription": "corrected",
        "SeriesDescription": "axial",
        "SeriesNumber": "7",
        "ReferringPhysicianName": None,
    }
    deliver(image(1, **changed))
    services.conflicts.accept(Version.objects.get(state="conflict").object_id, actor=admin)
    run_all()
    study = the_study()
    assert (study.patient_name, study.study_description) == ("MUÑOZ^ÁGATA", "corrected")
    assert study.referring_physician_name == ""
    (series,) = study.series.all()
    assert (series.series_description, series.series_number, series.modality) == ("axial", 7, "CT")
    assert study.revisions.count() == 2


def test_a_rejected_content_describes_nothing(contested, services, admin):
    services.conflicts.reject(contested.object_id, actor=admin)
    assert the_study().study_description != "another content"
