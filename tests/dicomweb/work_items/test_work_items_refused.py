"""What the worklist service refuses: by state, by lock, by role; and that its table of transactions is true."""

import json

import pytest
from work_item_rows import (
    INCONSISTENT,
    JSON,
    LOCK,
    NOT_UPDATED,
    OTHER_LOCK,
    body,
    change,
    code,
    dataset,
    held,
    new_item,
    value,
    warned,
)

from asgi_driver import call
from cauce.api.dicomweb.work_items.transactions import WORK_ITEM_TRANSACTIONS
from cauce.core.statuses import Role

pytestmark = pytest.mark.django_db(transaction=True)

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
