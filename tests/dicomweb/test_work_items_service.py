"""The worklist service: who asks, for what, and with which status and warning that is answered."""

import json
import re

import pytest
from work_item_rows import JSON, LOCK, OTHER_LOCK, body, change, code, dataset, new_item, performed, value

from asgi_driver import call
from cauce.api.dicomweb.work_items.transactions import WORK_ITEM_TRANSACTIONS
from cauce.core.statuses import Role

pytestmark = pytest.mark.django_db(transaction=True)

SERVICE = "http://testserver/dicom-web"
INCONSISTENT = "The submitted request is inconsistent with the state of the UPS Instance."
NOT_UPDATED = "The submitted request is inconsistent with the current state of the Workitem."


@pytest.fixture
def send(web, token):
    """Send a data set to an address; returns the answer."""

    def do(method, path, document=None, *, role=Role.TECHNOLOGIST, kind=JSON, root="/dicom-web", raw=None):
        sent = raw if raw is not None else b"" if document is None else body(document)
        headers = {"authorization": f"Bearer {token(role)}", "content-length": str(len(sent))}
        if sent or document is not None:
            headers["content-type"] = kind
        return call(web, method, root + path, headers=headers, chunks=sent)

    return do


@pytest.fixture
def made(send):
    """Make a work item; returns the path of its address."""

    def make(uid="1.2.3.4", **attributes):
        answer = send("POST", f"/workitems?workitem={uid}", new_item(**attributes))
        assert answer.status == 201, answer.body
        return f"/workitems/{uid}"

    return make


def warned(answer):
    """Return what an answer warns of."""
    found = re.fullmatch(rf"299 {re.escape(SERVICE)}: (.+)", answer.headers.get("warning", ""))
    return found[1] if found else answer.headers.get("warning")


def held(get, path):
    answer = get(path)
    assert answer.status == 200
    (document,) = json.loads(answer.body)
    return document


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


CHANGES = [  # the state it is in, the change asked for, its Transaction UID, status, warning
    ("SCHEDULED", "IN PROGRESS", "", 400, "The Transaction UID is missing."),
    ("SCHEDULED", "IN PROGRESS", "no uid", 400, "The Transaction UID is incorrect."),
    ("SCHEDULED", "COMPLETED", LOCK, 409, INCONSISTENT),
    ("SCHEDULED", "CANCELED", LOCK, 409, INCONSISTENT),
    ("SCHEDULED", "SCHEDULED", LOCK, 400, INCONSISTENT),
    ("SCHEDULED", "DONE", LOCK, 400, INCONSISTENT),
    ("IN PROGRESS", "IN PROGRESS", LOCK, 409, INCONSISTENT),
    ("IN PROGRESS", "IN PROGRESS", OTHER_LOCK, 400, "The Transaction UID is incorrect."),
    ("IN PROGRESS", "COMPLETED", OTHER_LOCK, 400, "The Transaction UID is incorrect."),
    ("IN PROGRESS", "CANCELED", "", 400, "The Transaction UID is missing."),
    ("COMPLETED", "IN PROGRESS", LOCK, 409, INCONSISTENT),
    ("COMPLETED", "CANCELED", LOCK, 409, INCONSISTENT),
    ("COMPLETED", "COMPLETED", OTHER_LOCK, 400, "The Transaction UID is incorrect."),
    ("CANCELED", "IN PROGRESS", LOCK, 409, INCONSISTENT),
    ("CANCELED", "COMPLETED", LOCK, 409, INCONSISTENT),
]


@pytest.fixture
def in_state(send, made):
    """Make a work item and take it to a state; returns the path of its address."""

    def take(state, uid="1.2.3.4"):
        path = made(uid)
        if state != "SCHEDULED":
            assert send("PUT", f"{path}/state", change("IN PROGRESS")).status == 200
        if state in {"COMPLETED", "CANCELED"}:
            assert send("POST", f"{path}?{LOCK}", performed()).status == 200
            assert send("PUT", f"{path}/state", change(state)).status == 200
        return path

    return take


def test_a_change_that_is_refused_leaves_the_work_item_as_it_is(send, in_state, get):
    for number, (state, to, lock, status, warning) in enumerate(CHANGES):
        path = in_state(state, f"1.2.{number}")
        before = held(get, path)
        answer = send("PUT", f"{path}/state", change(to, lock))
        assert (answer.status, warned(answer)) == (status, warning), (state, to, lock)
        assert held(get, path) == before


UPDATES = [  # the state it is in, the query, the data set, status, warning
    ("SCHEDULED", "", {"ProcedureStepLabel": "Read the knee"}, 200, None),
    ("SCHEDULED", f"?{LOCK}", {}, 409, "The target URI did not reference a claimed Workitem."),
    ("SCHEDULED", "", {"TransactionUID": LOCK}, 409, "The target URI did not reference a claimed Workitem."),
    ("IN PROGRESS", "", {}, 400, NOT_UPDATED),
    ("IN PROGRESS", f"?transaction-uid={OTHER_LOCK}", {}, 400, NOT_UPDATED),
    ("IN PROGRESS", f"?transaction-uid={LOCK}", {}, 200, None),
    ("IN PROGRESS", "", {"TransactionUID": LOCK}, 200, None),
    ("IN PROGRESS", f"?{OTHER_LOCK}", {"TransactionUID": LOCK}, 400, NOT_UPDATED),
    ("COMPLETED", f"?{LOCK}", {}, 400, NOT_UPDATED),
    ("CANCELED", f"?{LOCK}", {}, 400, NOT_UPDATED),
    ("SCHEDULED", "", {"PatientName": "Otra"}, 400, NOT_UPDATED),
    ("SCHEDULED", "", {"ProcedureStepState": "IN PROGRESS"}, 400, NOT_UPDATED),
    ("SCHEDULED", "", {"SOPInstanceUID": "1.2.3.4"}, 400, NOT_UPDATED),
    ("SCHEDULED", "", {"ProcedureStepLabel": None}, 400, NOT_UPDATED),
    ("SCHEDULED", "", {"InputReadinessState": "MAYBE"}, 400, NOT_UPDATED),
    ("SCHEDULED", "", {"WorklistLabel": "NEUTRAL", "ScheduledProcedureStepPriority": "LOW"}, 200, None),
    ("SCHEDULED", "", {"ScheduledWorkitemCodeSequence": code("basic-1")}, 400, NOT_UPDATED),
]


def test_an_update_is_all_or_nothing(send, in_state, get):
    changed_at = "ScheduledProcedureStepModificationDateTime"
    for number, (state, query, attributes, status, warning) in enumerate(UPDATES):
        path = in_state(state, f"1.2.{number}")
        before = held(get, path)
        answer = send("POST", path + query, dataset(CommentsOnTheScheduledProcedureStep="Once more", **attributes))
        assert (answer.status, warned(answer)) == (status, warning), (state, query, attributes)
        after = held(get, path)
        if status != 200:
            assert after == before
            continue
        assert value(after, "CommentsOnTheScheduledProcedureStep") == "Once more"
        assert value(after, changed_at) >= value(before, changed_at)
        assert "00081195" not in after
        for keyword in set(attributes) - {"TransactionUID"}:
            assert value(after, keyword) == attributes[keyword]


@pytest.mark.parametrize(
    ("state", "status", "warning"),
    [
        ("SCHEDULED", 202, None),
        ("IN PROGRESS", 409, "The performer cannot be contacted."),
        ("COMPLETED", 409, "The UPS is already COMPLETED."),
        ("CANCELED", 202, "The UPS is already in the requested state of CANCELED."),
    ],
)
def test_a_request_to_cancel_is_answered_by_state(send, in_state, get, state, status, warning):
    path = in_state(state)
    answer = send("POST", f"{path}/cancelrequest")
    assert (answer.status, warned(answer)) == (status, warning)
    expected = "CANCELED" if state == "SCHEDULED" else state
    assert value(held(get, path), "ProcedureStepState") == expected


def test_a_request_to_cancel_says_why_and_whom_to_ask(send, made, get):
    path = made()
    why = dataset(
        ReasonForCancellation="Ordered twice",
        ContactDisplayName="Desk 3",
        ContactURI="tel:+34911",
        ProcedureStepDiscontinuationReasonCodeSequence=code("110514", "DCM", "Incorrect worklist entry selected"),
    )
    assert send("POST", f"{path}/cancelrequest", why).status == 202
    progress = held(get, path)["00741002"]["Value"][0]
    assert value(progress, "ReasonForCancellation") == "Ordered twice"
    assert value(progress, "ProcedureStepDiscontinuationReasonCodeSequence", "CodeValue") == "110514"
    contact = ("ProcedureStepCommunicationsURISequence",)
    assert value(progress, *contact, "ContactDisplayName") == "Desk 3"
    assert value(progress, *contact, "ContactURI") == "tel:+34911"
    assert send("PUT", f"{path}/state", change("IN PROGRESS")).status == 400  # the lock is not the client's


@pytest.mark.parametrize(
    ("method", "resource", "status", "warning"),
    [
        ("POST", "1.2.840.10008.5.1.4.34.5.1", 403, "Filtered Worklist Subscriptions are not supported."),
        ("POST", "1.2.840.10008.5.1.4.34.5", 501, None),
        ("POST", "1.2.3.4", 501, None),
        ("DELETE", "1.2.3.4", 501, None),
        ("DELETE", "1.2.840.10008.5.1.4.34.5.1", 501, None),
    ],
)
def test_subscriptions_are_declined(send, method, resource, status, warning):
    answer = send(method, f"/workitems/{resource}/subscribers/WATCHER")
    assert (answer.status, warned(answer)) == (status, warning)
    assert send("POST", f"/workitems/{resource}/subscribers/WATCHER/suspend").status in {403, 501}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/workitems/1.2.3.4", "GET, HEAD, POST"),
        ("PUT", "/workitems", "GET, HEAD, POST"),
        ("GET", "/workitems/1.2.3.4/state", "PUT"),
        ("PUT", "/workitems/1.2.3.4/cancelrequest", "POST"),
    ],
)
def test_other_methods_are_named_in_the_answer(send, method, path, allowed):
    answer = send(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)


SEE_ORIGINALS = {Role.ADMIN, Role.CLINICIAN, Role.TECHNOLOGIST, Role.SERVICE}


@pytest.mark.parametrize("role", list(Role))
def test_who_may_not_see_originals_has_nothing_to_do_with_work_items(send, made, get, role):
    path = made()
    may = role in SEE_ORIGINALS
    before = held(get, path)
    expected = {
        ("GET", "/workitems"): 200,
        ("GET", path): 200,
        ("POST", "/workitems?1.2.8"): 201,
        ("POST", path): 400,  # an empty body
        ("PUT", f"{path}/state"): 400,
        ("POST", "/workitems/1.2.840.10008.5.1.4.34.5/subscribers/X"): 501,
    }
    for (method, target), status in expected.items():
        sent = new_item() if "1.2.8" in target else None
        kind = {"raw": b"{", "document": {}} if status == 400 else {"document": sent}
        assert send(method, target, role=role, **kind).status == (status if may else 403), (method, target)
    if not may:
        assert send("POST", f"{path}/cancelrequest", role=role).status == 403
        assert held(get, path) == before
        assert get("/workitems/1.2.8").status == 404


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/workitems"), ("POST", "/workitems"), ("PUT", "/workitems/1/state")]
)
def test_nobody_is_served_without_a_credential(web, method, path):
    assert call(web, method, f"/dicom-web{path}", headers={"content-type": JSON}, chunks=body(new_item())).status == 401


def test_what_is_done_and_read_goes_into_the_audit_trail_without_identity(send, in_state, get, web):
    import asyncio

    from cauce.audit.models import AuditEvent
    from cauce.records.models import WorkItem

    path = in_state("COMPLETED")
    get(path)
    get("/workitems?PatientName=garcia*&ProcedureStepState=COMPLETED")
    send("POST", "/workitems", new_item(), role=Role.RESEARCHER)
    asyncio.run(web.stop())
    item = WorkItem.objects.get()
    rows = AuditEvent.objects.filter(action__startswith="work_item").values_list("action", "subject", "outcome")
    assert sorted(rows) == [
        ("work_item.change_state", item.public_id, "success"),
        ("work_item.change_state", item.public_id, "success"),
        ("work_item.create", item.public_id, "success"),
        ("work_item.read", item.public_id, "success"),
        ("work_item.update", item.public_id, "success"),
        ("work_item.write", "", "forbidden"),
        ("work_items.search", "", "success"),
    ]
    details = json.dumps(list(AuditEvent.objects.values_list("detail", flat=True)))
    assert "Garc" not in details
    assert "garcia" not in details
    assert "1.2.3.4" not in details
    assert '"by": "PatientName,ProcedureStepState"' in details


def test_every_row_of_the_table_of_transactions_is_true(send, in_state, get):
    filled = {"{workitem}": "1.2.3.4", "{aetitle}": "WATCHER"}
    in_state("SCHEDULED")
    sent = {
        "11.4": new_item(),
        "11.6": dataset(ProcedureStepLabel="Later"),
        "11.7": change("IN PROGRESS"),
        "11.8": {},
    }
    statuses = {}
    for row in WORK_ITEM_TRANSACTIONS:
        path = row.path.replace("{workitem}", filled["{workitem}"]).replace("{aetitle}", filled["{aetitle}"])
        for media_type in row.media_types:
            answer = get(path, accept=media_type)
            assert answer.status == 200, row.name
            assert answer.headers["content-type"].startswith(media_type), row.name
        for media_type in row.accepts:
            statuses[row.section] = send(row.method, path, sent[row.section], kind=media_type).status
        if row.declined:
            assert send(row.method, path).status == row.declined, row.name
    assert statuses == {"11.4": 201, "11.6": 200, "11.7": 409, "11.8": 409}  # the second time each, for the last two


def test_the_deidentified_space_has_no_worklist_in_its_capabilities(get):
    assert b"workitems" in get("", method="OPTIONS").body
    assert b"workitems" not in get("", method="OPTIONS", root="/projects/default/deid/dicom-web").body
