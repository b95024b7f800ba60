"""QIDO-RS in the de-identified space: its own objects are found, and nothing of the originals."""

import datetime as dt

import pytest
import search_cases as cases
from django.utils import timezone
from test_search_answers import only

from cauce import samples
from cauce.core.statuses import Role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cleaned(stow, services):
    """Three images of one patient, one of them held back, through de-identification."""
    from cauce import flow
    from cauce.records.models import Job

    about = {"PatientName": "Muñoz^José", "PatientID": "P-1", "StudyDate": "20240110", "AccessionNumber": "ACC-1"}
    files = [cases.instance("munoz", number, **about) for number in (1, 2)]
    files.append(cases.instance("munoz", 3, "MR", RecognizableVisualFeatures="YES", **about))
    assert stow(files).status == 200
    Job.objects.update(due_at=timezone.now() - dt.timedelta(seconds=1))
    while job := services.ledger.claim("worker"):
        flow.STEPS[job.step](services, job)
        assert services.ledger.succeed(job, worker="worker")
    return "/projects/default/deid/dicom-web"


def test_the_de_identified_space_is_searched_by_what_its_own_objects_say(cleaned, get):
    (study,) = get("/studies", root=cleaned, role=Role.RESEARCHER).json()
    pseudonym, uid = study["00100020"]["Value"][0], study["0020000D"]["Value"][0]
    assert (study["00201208"]["Value"], study["00201206"]["Value"], study["00080061"]["Value"]) == ([2], [1], ["CT"])
    for query in (
        f"PatientID={pseudonym}",
        f"StudyInstanceUID={uid}",
        "ModalitiesInStudy=CT",
        "SOPClassesInStudy=1.2.840.10008.5.1.4.1.1.2",
        f"fuzzymatching=true&PatientName={study['00100010']['Value'][0]['Alphabetic'][:5]}",
    ):
        assert len(get(f"/studies?{query}", root=cleaned).json()) == 1, query
    instances = get(f"/studies/{uid}/instances", root=cleaned).json()
    assert [one["00200013"]["Value"] for one in instances] == [[1], [2]]
    place = f"/studies/{uid}/series/{instances[0]['0020000E']['Value'][0]}/instances"
    assert len(get(place, root=cleaned).json()) == 2
    assert get(place, root=cleaned).json()[0]["00081190"]["Value"][0].startswith(f"http://testserver{cleaned}/studies/")
    for query in (
        "InstanceNumber=1",
        "SOPClassUID=1.2.840.10008.5.1.4.1.1.2&InstanceNumber=1",
        "Rows=32&InstanceNumber=2",
    ):
        assert len(get(f"/instances?{query}", root=cleaned).json()) == 1


@pytest.mark.parametrize("few", [1000, 0])
def test_nothing_of_an_original_is_found_or_told_in_the_de_identified_space(cleaned, get, monkeypatch, few):
    from cauce.adapters import search_sql, search_statements

    monkeypatch.setattr(search_sql, "FEW", few)
    monkeypatch.setattr(search_statements, "FEW", few)
    for query in (
        "PatientID=P-1",
        "PatientName=mu*",
        "fuzzymatching=true&PatientName=jose",
        "StudyDate=20240110",
        "AccessionNumber=ACC-1",
        f"StudyInstanceUID={cases.uid('munoz')}",
        f"SOPInstanceUID={cases.uid('munoz', '1')}",
        "ModalitiesInStudy=MR",
        "Modality=MR",
        "InstanceNumber=3",
    ):
        for level in ("studies", "series", "instances"):
            assert get(f"/{level}?{query}", root=cleaned).json() == [], (level, query)
    for level in ("studies", "series", "instances"):
        told = get(f"/{level}?includefield=all", root=cleaned).body
        for secret in (
            "Muñoz",
            "P-1",
            "ACC-1",
            "20240110",
            cases.uid("munoz"),
            cases.uid("munoz-CT"),
            cases.uid("munoz", "1"),
        ):
            assert secret.encode() not in told
    assert get(f"/studies/{cases.uid('munoz')}/series", root=cleaned).json() == []


def test_the_de_identified_space_is_closed_to_who_sees_no_study(cleaned, get):
    assert get("/studies", root=cleaned, role=Role.AUDITOR).status == 403


def test_what_was_stored_before_is_made_searchable(cleaned, get):
    """The migration fills what arrivals would have written."""
    import importlib

    from django.apps import apps
    from django.db import connection

    from cauce.records import models

    made = (
        models.StudyName,
        models.SeriesKind,
        models.SeriesRequest,
        models.CleanStudy,
        models.CleanSeries,
        models.CleanName,
        models.CleanKind,
        models.CleanRequest,
    )

    def held():
        rows = {model: sorted(model.objects.values_list(*plain(model))) for model in made}
        clean = models.DeidentifiedInstance.objects.order_by("pk").values_list(
            "content_date", "clean_series__series_instance_uid"
        )
        return rows, list(clean), sorted(models.Version.objects.values_list("bits_allocated", "timezone_offset"))

    def plain(model):
        keys = {"id", "study_id", "series_id"} if model.__name__.startswith("Clean") else {"id"}
        return [field.attname for field in model._meta.concrete_fields if field.attname not in keys]

    before = held()
    assert before[0][models.StudyName]
    models.Version.objects.update(bits_allocated=None)
    models.DeidentifiedInstance.objects.update(clean_series=None, content_date="")
    for model in reversed(made):
        model.objects.all().delete()
    migration = importlib.import_module("cauce.records.migrations.0015_searching_held")
    with connection.schema_editor() as editor:
        migration.make_searchable(apps, editor)
    assert held() == before
    assert len(get("/studies", root=cleaned).json()) == 1


def test_a_series_that_is_written_again_under_another_profile_says_what_the_new_objects_say(cleaned, get):
    from cauce.adapters.clean_index import index_clean
    from cauce.ports.catalogue import WrittenInstance
    from cauce.records import models
    from cauce.stages import validate

    row = models.DeidentifiedInstance.objects.exclude(object_id="").first()
    file = samples.small_instance(
        StudyInstanceUID=row.study_instance_uid,
        SeriesInstanceUID=row.series_instance_uid,
        SOPInstanceUID=row.sop_instance_uid,
        PatientName="Another^Pseudonym",
        PatientID="NEW",
    )
    header = read(validate, file)
    written = WrittenInstance(version_pk=row.version_id, outcome=None, object_id=row.object_id, header=header)
    index_clean([written], profile="another")
    assert only(get("/studies?fuzzymatching=true&PatientName=another", root=cleaned))["00100020"]["Value"] == ["NEW"]
    assert models.CleanName.objects.filter(kind=0).count() == 1


def read(validate, file):
    from io import BytesIO

    from cauce.core.limits import DEFAULTS

    return validate.read_header(BytesIO(file), size_bytes=len(file), limits=DEFAULTS)
