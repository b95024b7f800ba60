"""The worklist service: who asks, for what, and with which status and warning that is answered."""

import json
import re

import pytest
from work_item_rows import (
    INCONSISTENT,
    JSON,
    LOCK,
    SERVICE,
    change,
    code,
    dataset,
    held,
    new_item,
    performed,
    value,
    warned,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("query", "attributes"),
    [
        ("?workitem=1.2.3.4", {}),
        ("?1.2.3.4", {}),
        ("", {"SOPInstanceUID": "1.2.3.4"}),
        ("?workitem=1.2.3.4", {"SOPInstanceUID": "1.2.3.4"}),
        ("", {"AffectedSOPInstanceUID": "1.2.3.4"}),
    ],
)
def test_a_work_item_is_made_under_the_uid_that_is_asked_for(send, get, query, attributes):
    answer = send("POST", f"/workitems{query}", new_item(**attributes))
    assert (answer.status, answer.body) == (201, b"")
    assert answer.headers["location"] == f"{SERVICE}/workitems/1.2.3.4"
    assert "warning" not in answer.headers
    document = held(get, "/workitems/1.2.3.4")
    assert value(document, "SOPInstanceUID") == "1.2.3.4"
    assert value(document, "SOPClassUID") == "1.2.840.10008.5.1.4.34.6.1"
    assert value(document, "ProcedureStepState") == "SCHEDULED"
    assert value(document, "PatientName") == {"Alphabetic": "García^Ana"}
    assert value(document, "SpecificCharacterSet") == "ISO_IR 192"
    assert re.fullmatch(r"\d{14}\+0000", value(document, "ScheduledProcedureStepModificationDateTime"))
    assert "00081195" not in document
    assert "00001000" not in document


def test_without_a_uid_one_is_made(send, get):
    answer = send("POST", "/workitems", new_item())
    found = re.fullmatch(rf"{SERVICE}(/workitems/2\.25\.\d+)", answer.headers["location"])
    assert answer.status == 201
    assert value(held(get, found[1]), "ProcedureStepLabel") == "Read the chest"


def test_what_may_be_empty_and_is_missing_is_added_with_a_warning(send, get):
    answer = send(
        "POST",
        "/workitems?1.2.3",
        dataset(
            ScheduledProcedureStepPriority="HIGH",
            ProcedureStepLabel="Read",
            ScheduledProcedureStepStartDateTime="202601010800",
            InputReadinessState="READY",
            ProcedureStepState="SCHEDULED",
        ),
    )
    assert (answer.status, warned(answer)) == (201, "The Workitem was created with modifications.")
    document = held(get, "/workitems/1.2.3")
    assert value(document, "WorklistLabel") == "default"
    assert document["00404018"] == {"vr": "SQ"}
    assert document["00100010"] == {"vr": "PN"}


BROKEN = [  # what is wrong with a creation, and the attribute that the answer names
    ({"ProcedureStepLabel": "absent"}, "ProcedureStepLabel"),
    ({"ProcedureStepLabel": None}, "ProcedureStepLabel"),
    ({"ProcedureStepLabel": "x" * 65}, "ProcedureStepLabel"),
    ({"ScheduledProcedureStepPriority": "absent"}, "ScheduledProcedureStepPriority"),
    ({"ScheduledProcedureStepPriority": "URGENT"}, "ScheduledProcedureStepPriority"),
    ({"InputReadinessState": "absent"}, "InputReadinessState"),
    ({"InputReadinessState": "NO"}, "InputReadinessState"),
    ({"ScheduledProcedureStepStartDateTime": "absent"}, "ScheduledProcedureStepStartDateTime"),
    ({"ScheduledProcedureStepStartDateTime": "tomorrow"}, "ScheduledProcedureStepStartDateTime"),
    ({"ScheduledProcedureStepStartDateTime": "20260231"}, "ScheduledProcedureStepStartDateTime"),
    ({"ProcedureStepState": "absent"}, "ProcedureStepState"),
    ({"ProcedureStepState": "IN PROGRESS"}, "ProcedureStepState"),
    ({"TransactionUID": "1.2.3"}, "TransactionUID"),
    (
        {"ProcedureStepProgressInformationSequence": {"ProcedureStepProgress": 10}},
        "ProcedureStepProgressInformationSequence",
    ),
    (
        {"UnifiedProcedureStepPerformedProcedureSequence": {"OutputInformationSequence": None}},
        "UnifiedProcedureStepPerformedProcedureSequence",
    ),
    ({"StudyInstanceUID": "x"}, "StudyInstanceUID"),
    ({"SOPInstanceUID": "1.2.3.5"}, "workitem"),
    ({"ScheduledWorkitemCodeSequence": code("no-such-pipeline")}, "ScheduledWorkitemCodeSequence"),
    ({"ScheduledWorkitemCodeSequence": code("basic-1")}, "InputInformationSequence"),
]


def test_a_creation_that_breaks_the_requirements_is_refused_and_makes_nothing(send, get):
    for attributes, field in BROKEN:
        answer = send("POST", "/workitems?workitem=1.2.3.4", new_item(**attributes))
        assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json"), attributes
        assert field in answer.json()["errors"], attributes
        assert get("/workitems/1.2.3.4").status == 404


NO_DATA_SETS = [
    (b"", 400),
    (b"{", 400),
    (b"[]", 400),
    (b"[{},{}]", 400),
    (b'"text"', 400),
    (b'{"PatientName":"x"}', 400),
    (b'{"00100010":{"vr":"PN","Value":["x"]}}', 400),
    (b'{"00100020":{"vr":"LO","Value":[{"a":1}]}}', 400),
    (b'{"00100020":{"vr":"LO","Value":["\\u0000"]}}', 400),
    (b'{"00100020":{"vr":"LO","Value":["\\ud800"]}}', 400),
    (b'{"00100020":{"vr":"LO","BulkDataURI":"x"}}', 400),
    (b'{"00741004":{"vr":"DS","Value":[NaN]}}', 400),
    (b'{"00741004":{"vr":"DS","Value":[1e999]}}', 400),
    (b'{"00404021":{"vr":"SQ","Value":[' * 40 + b"{}" + b"]}}" * 40, 400),
    (b'{"00404021":{"vr":"SQ","Value":[' * 9000, 400),
    (b"9" * 5000, 400),
    (b"x" * (4 * 1024 * 1024 + 1), 413),
]


def test_a_body_that_is_no_data_set_is_refused(send):
    for raw, status in NO_DATA_SETS:
        assert send("POST", "/workitems", {}, raw=raw).status == status, raw[:60]


@pytest.mark.parametrize(
    "kind", ["application/dicom+xml", 'multipart/related; type="application/dicom+xml"', "text/plain"]
)
def test_other_kinds_of_bodies_are_not_taken(send, kind):
    assert send("POST", "/workitems", new_item(), kind=kind).status == 415


def test_a_uid_is_used_once(send, made, get):
    made()
    answer = send("POST", "/workitems?workitem=1.2.3.4", new_item(ProcedureStepLabel="Another"))
    assert answer.status == 409
    assert value(held(get, "/workitems/1.2.3.4"), "ProcedureStepLabel") == "Read the chest"


def test_each_project_has_a_worklist_of_its_own_and_its_deidentified_space_none(send, made, get, services):
    from cauce.core.actors import Actor

    services.catalogue.ensure_project("other", actor=Actor.platform())
    path = made()
    assert get(path, root="/projects/other/dicom-web").status == 404
    answer = send("POST", "/workitems?workitem=1.2.3.4", new_item(), root="/projects/other/dicom-web")
    assert answer.headers["location"] == "http://testserver/projects/other/dicom-web/workitems/1.2.3.4"
    assert get(path, root="/projects/other/dicom-web").status == 200
    for method, below in [("GET", ""), ("POST", ""), ("GET", "/1.2.3.4"), ("PUT", "/1.2.3.4/state")]:
        answer = send(method, f"/workitems{below}", new_item(), root="/projects/other/deid/dicom-web")
        assert answer.status == 404, (method, below)
    assert send("GET", "/workitems", root="/projects/none/dicom-web").status == 404


def test_a_work_item_is_read_as_json_and_as_xml(made, get):
    path = made()
    assert get(path).headers["content-type"] == JSON
    assert get(path, accept="application/json").headers["content-type"] == "application/json"
    answer = get(path, accept='multipart/related; type="application/dicom+xml"')
    assert answer.headers["content-type"].startswith('multipart/related; type="application/dicom+xml"')
    assert b'<DicomAttribute tag="00741000" vr="CS" keyword="ProcedureStepState">' in answer.body
    assert get(path, accept="application/dicom+xml").headers["content-type"] == "application/dicom+xml"
    assert get(path, accept="image/png").status == 406
    answer = get(path, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("path", ["/workitems/1.2.9", "/workitems/1.2.9/state", "/workitems/1.2.9/cancelrequest"])
def test_what_there_is_not_is_not_found(send, path):
    method = "PUT" if path.endswith("state") else "POST"
    sent = change("IN PROGRESS") if path.endswith("state") else {}
    assert send(method, path, sent).status == 404
    assert send("GET", "/workitems/1.2.9").status == 404
    assert send(method, path.replace("1.2.9", "x"), sent).status == 400


def test_a_performer_claims_reports_and_completes(send, made, get):
    path = made()
    assert send("PUT", f"{path}/state", change("IN PROGRESS")).status == 200
    document = held(get, path)
    assert value(document, "ProcedureStepState") == "IN PROGRESS"
    assert LOCK not in json.dumps(document)
    progress = dataset(ProcedureStepProgressInformationSequence={"ProcedureStepProgress": 40})
    assert send("POST", f"{path}?transaction-uid={LOCK}", progress).status == 200
    assert value(held(get, path), "ProcedureStepProgressInformationSequence", "ProcedureStepProgress") == 40
    refused = send("PUT", f"{path}/state", change("COMPLETED"))
    assert (refused.status, warned(refused)) == (409, INCONSISTENT)
    assert "UnifiedProcedureStepPerformedProcedureSequence" in refused.json()["detail"]
    assert send("POST", f"{path}?{LOCK}", performed()).status == 200
    done = send("PUT", f"{path}/state", change("COMPLETED"))
    assert (done.status, done.body, warned(done)) == (200, b"", None)
    assert value(held(get, path), "ProcedureStepState") == "COMPLETED"
    again = send("PUT", f"{path}/state", change("COMPLETED"))
    assert (again.status, warned(again)) == (200, "The UPS is already in the requested state of COMPLETED.")


REQUIRED_AT_THE_END = [
    "PerformedStationNameCodeSequence",
    "PerformedProcedureStepStartDateTime",
    "PerformedWorkitemCodeSequence",
    "PerformedProcedureStepEndDateTime",
    "OutputInformationSequence",
]


def test_a_completion_names_what_the_final_state_still_requires(send, made):
    path = made()
    send("PUT", f"{path}/state", change("IN PROGRESS"))
    for lacking in REQUIRED_AT_THE_END:
        assert send("POST", f"{path}?{LOCK}", performed(**{lacking: "absent"})).status == 200
        refused = send("PUT", f"{path}/state", change("COMPLETED"))
        assert (refused.status, refused.json()["detail"]) == (409, f"To be completed it lacks: {lacking}.")


def test_a_performer_gives_up_and_the_moment_and_a_reason_are_added(send, made, get):
    path = made()
    send("PUT", f"{path}/state", change("IN PROGRESS"))
    assert send("PUT", f"{path}/state", change("CANCELED")).status == 200
    document = held(get, path)
    assert value(document, "ProcedureStepState") == "CANCELED"
    progress = ("ProcedureStepProgressInformationSequence",)
    assert re.fullmatch(r"\d{14}\+0000", value(document, *progress, "ProcedureStepCancellationDateTime"))
    reason = value(document, *progress, "ProcedureStepDiscontinuationReasonCodeSequence", "CodeValue")
    assert reason == "110513"
    again = send("PUT", f"{path}/state", change("CANCELED"))
    assert (again.status, warned(again)) == (200, "The UPS is already in the requested state of CANCELED.")


def test_what_a_performer_said_of_giving_up_stays(send, made, get):
    path = made()
    send("PUT", f"{path}/state", change("IN PROGRESS"))
    said = {
        "ReasonForCancellation": "The scanner is warm",
        "ProcedureStepCancellationDateTime": "20260101",
        "ProcedureStepDiscontinuationReasonCodeSequence": code("110501", "DCM", "Equipment failure"),
    }
    send("POST", f"{path}?{LOCK}", dataset(ProcedureStepProgressInformationSequence=said))
    assert send("PUT", f"{path}/state", change("CANCELLED")).status == 200  # as PS3.18 11.7.1.4 spells it
    item = held(get, path)["00741002"]["Value"][0]
    assert (value(item, "ReasonForCancellation"), value(item, "ProcedureStepCancellationDateTime")) == (
        "The scanner is warm",
        "20260101",
    )
    assert value(item, "ProcedureStepDiscontinuationReasonCodeSequence", "CodeValue") == "110501"
