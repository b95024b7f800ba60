"""Two who write the same results at the same moment: one succeeds, the other hears of a conflict, no copy is left."""

import datetime as dt
import json
import threading

import pytest
import rest_rows as rows
from django.db import connection

from cauce.api.rest import result_changes
from cauce.core.statuses import Role
from cauce.records.models import ProcessingResult

pytestmark = pytest.mark.django_db

KNOWN = {"id": "r1", "device_name": "CT SCAN", "raw_data": ["2 4 8"]}


def send(client, method, path, body):
    return client.generic(method, path, json.dumps(body), content_type="application/json")


def held():
    return sorted(ProcessingResult.objects.values_list("pk", flat=True))


def at_once(*requests):
    """Run requests in threads that all begin together; returns their statuses, sorted."""
    ready, statuses = threading.Barrier(len(requests)), []

    def run(request):
        try:
            ready.wait()
            statuses.append(request().status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(statuses)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_post_one_id_at_once_one_succeeds(client_of):
    clients = [client_of(rows.user(Role.ADMIN)) for _ in range(4)]
    for number in range(5):
        body = {**KNOWN, "id": f"r{number}"}
        posts = [lambda client=client, body=body: send(client, "POST", "/api/results/", body) for client in clients]
        assert at_once(*posts) == [201, 409, 409, 409]
    assert held() == [f"r{number}" for number in range(5)]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_rename_one_record_at_once_one_succeeds_and_no_copy_is_left(client_of, monkeypatch):
    from cauce.api.rest import results

    clients = [client_of(rows.user(Role.ADMIN)) for _ in range(2)]
    both_have_read, read = threading.Barrier(2, timeout=30), results.result_of

    def read_and_wait(*arguments):
        found = read(*arguments)
        both_have_read.wait()
        return found

    monkeypatch.setattr(results, "result_of", read_and_wait)
    for targets in (("b", "c"), ("d", "d")):
        rows.result(id="a")
        renames = [
            lambda client=client, to=to: send(client, "PATCH", "/api/results/a/", {"id": to})
            for client, to in zip(clients, targets, strict=True)
        ]
        assert at_once(*renames) == [200, 409]
        assert len(held()) == 1
        assert held()[0] in targets
        ProcessingResult.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_whoever_renames_a_record_just_after_another_did_hears_of_a_conflict(client_of, monkeypatch):
    clients = [client_of(rows.user(Role.ADMIN)) for _ in range(4)]
    for number in range(5):
        rows.result(id=f"r{number}")
        renames = [
            lambda client=client, old=number, to=f"{number}-{to}": send(
                client, "PATCH", f"/api/results/r{old}/", {"id": to}
            )
            for to, client in enumerate(clients)
        ]
        assert at_once(*renames) == [200, 409, 409, 409]
    assert len(held()) == 5
    late = send(clients[0], "PUT", "/api/results/r0/", {"device_name": "X"})
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    assert late.json()["detail"] == "This result was renamed a moment ago; its id is now another."
    assert clients[0].get("/api/results/r0/").status_code == 404
    assert clients[0].delete("/api/results/r0/").status_code == 404
    monkeypatch.setattr(result_changes, "AT_ONCE", dt.timedelta(0))
    assert send(clients[0], "PATCH", "/api/results/r0/", {"id": "new"}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_two_records_renamed_to_one_id_at_once_one_keeps_its_own(client_of):
    clients = [client_of(rows.user(Role.ADMIN)) for _ in range(2)]
    rows.result(id="a")
    rows.result(id="b")
    renames = [
        lambda client=client, old=old: send(client, "PATCH", f"/api/results/{old}/", {"id": "c"})
        for client, old in zip(clients, "ab", strict=True)
    ]
    assert at_once(*renames) == [200, 409]
    assert held() in (["a", "c"], ["b", "c"])
