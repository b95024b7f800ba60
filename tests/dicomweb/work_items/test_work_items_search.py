"""Searches of a worklist: what matches, what comes back, and in which order."""

import json

import pytest
from work_item_rows import code, dataset, new_item, value

from cauce.core.actors import Actor
from cauce.core.statuses import Role
from cauce.core.work_items import WorkItemState
from cauce.readings.work_items.attributes import RETURNED

pytestmark = pytest.mark.django_db(transaction=True)

ITEMS = {
    "1.2.1": {
        "PatientName": "García^Ana=山田^花子",
        "PatientID": "A-1",
        "ScheduledProcedureStepPriority": "HIGH",
        "ScheduledProcedureStepStartDateTime": "20260301120000",
        "ScheduledStationNameCodeSequence": [code("WS1", "99H"), code("WS2", "99X")],
        "ReferencedRequestSequence": [
            {"AccessionNumber": "ACC-1", "RequestedProcedureID": "RP1"},
            {"AccessionNumber": "ACC-2", "RequestedProcedureID": "RP2"},
        ],
        "ScheduledHumanPerformersSequence": {
            "HumanPerformerCodeSequence": code("DR7", "99H"),
            "HumanPerformerName": "Siete",
            "HumanPerformerOrganization": "H",
        },
        "ExpectedCompletionDateTime": "20260302",
    },
    "1.2.2": {
        "PatientName": "Muñoz^Beatriz",
        "PatientID": "A-2",
        "WorklistLabel": "PROCESSING",
        "ScheduledProcedureStepStartDateTime": "20260301233000-0500",
        "InputInformationSequence": [{"StudyInstanceUID": "1.9.1"}, {"StudyInstanceUID": "1.9.2"}],
        "StudyInstanceUID": "1.9.9",
    },
    "1.2.3": {
        "PatientName": None,
        "PatientID": None,
        "PatientBirthDate": "19500102",
        "InputReadinessState": "INCOMPLETE",
        "ScheduledProcedureStepStartDateTime": "202604",
        "ScheduledStationNameCodeSequence": code("WS2", "99H"),
    },
}
FOUND = [  # a query, and what it finds: newest first
    ("", "3 2 1"),
    ("ProcedureStepState=SCHEDULED", "3 1"),
    ("00741000=IN%20PROGRESS", "2"),
    ("ProcedureStepState=COMPLETED,SCHEDULED", "3 1"),
    ("ProcedureStepState=*", "3 2 1"),
    ("ProcedureStepState=SCHED*", "3 1"),
    ("PatientID=A-1", "1"),
    ("PatientID=A-*", "2 1"),
    ("PatientID=%2A-?", "2 1"),
    ("PatientID=a-1", ""),
    ("PatientID=%22%22&emptyvaluematching=true", "3"),
    ("PatientName=garcia*", "1"),
    ("PatientName=garcia", ""),
    ("PatientName=GARC%C3%8DA%5EANA", "1"),
    ("PatientName=%E5%B1%B1%E7%94%B0*", "1"),
    ("PatientName=munoz&fuzzymatching=true", "2"),
    ("PatientName=bea%20mun&fuzzymatching=true", "2"),
    ("PatientName=%E8%8A%B1&fuzzymatching=true", "1"),
    ("PatientBirthDate=19500101-19500103", "3"),
    ("PatientBirthDate=-19500101", ""),
    ("SOPInstanceUID=1.2.1,1.2.3", "3 1"),
    ("SOPClassUID=1.2.840.10008.5.1.4.34.6.1", "3 2 1"),
    ("StudyInstanceUID=1.9.9", "2"),
    ("ScheduledProcedureStepPriority=HIGH", "1"),
    ("InputReadinessState=INCOMPLETE&ProcedureStepState=SCHEDULED", "3"),
    ("InputReadinessState=INCOMPLETE&ProcedureStepState=IN%20PROGRESS", ""),
    ("WorklistLabel=PROCESSING", "2"),
    ("ScheduledProcedureStepStartDateTime=20260301", "1"),  # in UTC the second starts on the next day
    ("ScheduledProcedureStepStartDateTime=20260302043000", "2"),
    ("ScheduledProcedureStepStartDateTime=20260301233000-0500", "2"),
    ("ScheduledProcedureStepStartDateTime=202603", "2 1"),
    ("ScheduledProcedureStepStartDateTime=20260302-", "3 2"),
    ("ScheduledProcedureStepStartDateTime=-20260301", "1"),
    ("ScheduledProcedureStepStartDateTime=20260301-20260302", "2 1"),
    ("ScheduledProcedureStepStartDateTime=20260301-0500-20260302-0500", "2 1"),
    ("ScheduledProcedureStepStartDateTime=2026", "3 2 1"),
    ("ExpectedCompletionDateTime=20260302", "1"),
    ("ScheduledStationNameCodeSequence.CodeValue=WS2", "3 1"),
    ("00404025.00080100=WS2&00404025.00080102=99H", "3"),  # both of one item
    ("ScheduledStationNameCodeSequence.CodeValue=WS1&ScheduledStationNameCodeSequence.CodingSchemeDesignator=99H", "1"),
    ("ScheduledWorkitemCodeSequence.CodeValue=110005", "3 2 1"),
    ("ScheduledHumanPerformersSequence.HumanPerformerCodeSequence.CodeValue=DR7", "1"),
    ("ReferencedRequestSequence.AccessionNumber=ACC-2", "1"),
    ("0040A370.00080050=ACC-2&0040A370.00401001=RP2", "1"),
    ("0040A370.00080050=ACC-2&0040A370.00401001=RP1", ""),
    ("InputInformationSequence.StudyInstanceUID=1.9.2", "2"),
    ("PatientID=A%25", ""),
    ("PatientID=A_1", ""),
]


@pytest.fixture
def worklist(services):
    """Three work items, of which the second has been claimed."""
    from cauce import flow

    project = services.catalogue.project("default")
    actor = Actor(kind="user", name="tester", role=Role.TECHNOLOGIST)
    for uid, attributes in ITEMS.items():
        services.work_items.create(
            project,
            new_item(**attributes),
            uid=uid,
            actor=actor,
            pipelines=(flow.PIPELINE,),
            profile=flow.default_profile(),
        )
    services.work_items.change_state(project, "1.2.2", to=WorkItemState.IN_PROGRESS, transaction_uid="1.5", actor=actor)
    return services.work_items, project, actor


def found(answer):
    assert answer.status == 200, answer.body
    return " ".join(value(one, "SOPInstanceUID").rpartition(".")[2] for one in json.loads(answer.body))


def test_searches_find_what_matches(worklist, get):
    for query, expected in FOUND:
        answer = get(f"/workitems?{query}")
        assert found(answer) == expected, query
        assert "warning" not in answer.headers, query
        assert answer.headers["x-total-count"] == str(len(expected.split()))


def test_what_was_changed_is_found_as_it_is_now(worklist, get):
    items, project, actor = worklist
    items.update(
        project, "1.2.1", dataset(WorklistLabel="LATER"), transaction_uid="", actor=actor, pipelines=("basic-1",)
    )
    assert found(get("/workitems?WorklistLabel=READING")) == "3"
    assert found(get("/workitems?WorklistLabel=LATER")) == "1"
    assert found(get("/workitems?PatientID=A-1")) == "1"
    items.request_to_cancel(project, "1.2.1", {}, actor=actor)
    assert found(get("/workitems?ProcedureStepState=CANCELED")) == "1"


def test_results_have_what_every_result_has_and_what_is_asked_for(worklist, get):
    (document,) = get("/workitems?PatientID=A-1").json()
    assert set(document) == RETURNED - {"00741224", "00101002"}
    assert "00081195" not in document
    (document,) = get("/workitems?PatientID=A-1&includefield=ExpectedCompletionDateTime,00400400").json()
    assert value(document, "ExpectedCompletionDateTime") == "20260302"
    assert document["00400400"] == {"vr": "LT"}
    assert "00741216" not in document
    (document,) = get("/workitems?PatientID=A-1&includefield=00741216").json()
    assert document["00741216"] == {"vr": "SQ"}
    (document,) = get("/workitems?PatientID=A-1&includefield=all").json()
    (whole,) = get("/workitems/1.2.1").json()
    assert document == whole


def test_pages_of_results_tell_how_many_there_are_beyond(worklist, get):
    answer = get("/workitems?limit=2")
    assert found(answer) == "3 2"
    assert answer.headers["warning"] == (
        "299 http://testserver/dicom-web: There are 1 additional results that can be requested"
    )
    assert answer.headers["x-total-count"] == "3"
    assert found(get("/workitems?limit=2&offset=2")) == "1"
    assert found(get("/workitems?limit=0")) == ""
    assert found(get("/workitems?offset=9")) == ""


def test_no_result_is_an_empty_list(worklist, get):
    answer = get("/workitems?PatientID=none")
    assert (answer.status, answer.body) == (200, b"[]")


def test_results_come_as_xml_too(worklist, get):
    answer = get("/workitems?PatientID=A-*", accept='multipart/related; type="application/dicom+xml"')
    assert answer.body.count(b"<NativeDicomModel") == 2
    assert answer.headers["content-type"].startswith("multipart/related")
    assert get("/workitems", accept="text/html").status == 406


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("ScheduledProcedureStepStartDateTime=yesterday", 400),
        ("ScheduledProcedureStepStartDateTime=20261301", 400),
        ("ScheduledProcedureStepStartDateTime=20260101-x", 400),
        ("ScheduledProcedureStepStartDateTime=-", 400),
        ("SOPInstanceUID=x", 400),
        ("PatientBirthDate=1950", 400),
        ("limit=-1", 400),
        ("fuzzymatching=maybe", 400),
        ("PatientID=%00", 400),
        ("PatientID=" + "*?" * 40, 400),
        ("includefield=(", 400),
        ("CommentsOnTheScheduledProcedureStep=x", 200),
        ("TransactionUID=1.5", 200),
        ("nonsense=x", 200),
    ],
)
def test_what_cannot_be_asked_is_refused_or_passed_over_with_a_warning(worklist, get, query, status):
    answer = get(f"/workitems?{query}")
    assert answer.status == status
    if status == 200:
        assert found(answer) == "3 2 1"
        assert "ignored" in answer.headers["warning"]


@pytest.mark.parametrize(
    ("query", "drives", "asks"),
    [
        ("PatientID=A-1&PatientName=garcia*&WorklistLabel=READING", 1, 2),
        ("PatientName=ana%20gar%20x&fuzzymatching=true", 1, 2),
        ("WorklistLabel=READING&PatientSex=F", 0, 2),  # they tell too little: the newest are asked one by one
        ("ScheduledProcedureStepStartDateTime=2026&PatientID=*", 1, 0),
    ],
)
def test_one_condition_drives_a_search_and_the_others_are_asked_of_what_it_finds(
    worklist, get, monkeypatch, query, drives, asks
):
    from cauce.adapters import work_item_search

    statements, fetch = [], work_item_search.fetch
    monkeypatch.setattr(work_item_search, "fetch", lambda sql, **given: statements.append(sql) or fetch(sql, **given))
    assert get(f"/workitems?{query}").status == 200
    (said,) = statements
    assert (said.count("w.id IN ("), said.count("EXISTS (")) == (drives, asks)
