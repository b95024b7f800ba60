import datetime as dt

import pytest
import rest_rows as rows
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from cauce import bootstrap
from cauce.core.errors import IntegrityError, StorageUnavailable
from cauce.records.models import WorkerNode

pytestmark = pytest.mark.django_db


def checks(answer):
    return {one["name"]: (one["status"], one["code"]) for one in answer.json()["checks"]}


def test_liveness_looks_at_nothing(anonymous, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = anonymous.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_readiness_names_each_dependency(anonymous):
    answer = anonymous.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert checks(answer) == dict.fromkeys(("database", "object_store", "key_ring", "disk_reserve"), ("ok", ""))
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("role", "method", "error", "name", "code"),
    [
        ("objects", "check", StorageUnavailable("it is at /secret/path"), "object_store", "storage_unavailable"),
        ("keyring", "current_key", IntegrityError("key /secret/key"), "key_ring", "integrity"),
        ("objects", "free_bytes", StorageUnavailable("gone"), "disk_reserve", "storage_unavailable"),
    ],
)
def test_a_broken_dependency_is_named_and_nothing_else_is_told(anonymous, monkeypatch, role, method, error, name, code):
    def broken(*_args):
        raise error

    monkeypatch.setattr(type(getattr(bootstrap.services(), role)), method, broken)
    answer = anonymous.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert {one: found for one, found in checks(answer).items() if found[0] == "failed"} == {name: ("failed", code)}
    assert b"secret" not in answer.content


def test_a_reached_reserve_is_not_ready(anonymous, monkeypatch):
    monkeypatch.setattr(type(bootstrap.services().objects), "free_bytes", lambda _self: 0)
    answer = anonymous.get("/readyz")
    assert answer.status_code == 503
    assert checks(answer)["disk_reserve"] == ("failed", "storage_full")


def test_a_database_that_does_not_answer_is_not_ready(anonymous, monkeypatch):
    from django.db.backends.utils import CursorWrapper

    def broken(*_args, **_options):
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(CursorWrapper, "execute", broken)
    answer = anonymous.get("/readyz")
    assert answer.status_code == 503
    assert checks(answer)["database"] == ("failed", "database_unavailable")


def test_readiness_is_looked_at_once_a_second_however_often_it_is_asked(anonymous, monkeypatch):
    looks = []
    monkeypatch.setattr(type(bootstrap.services().objects), "check", lambda _self: looks.append(1))
    for _ in range(5):
        anonymous.get("/readyz")
    assert looks == [1]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.8.9.1", "::ffff:127.0.0.1"])
def test_metrics_are_open_to_this_machine(address):
    assert Client(REMOTE_ADDR=address).get("/metrics").status_code == 200


@pytest.mark.parametrize("address", ["192.0.2.7", "", "nonsense", "::ffff:192.0.2.7", "10.0.0.1"])
def test_metrics_are_closed_to_others(address):
    answer = Client(REMOTE_ADDR=address).get("/metrics")
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer["WWW-Authenticate"] == 'Bearer realm="cauce"'


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_what_a_proxy_on_this_machine_passes_on_is_not_from_here(header):
    answer = Client(REMOTE_ADDR="127.0.0.1").get("/metrics", headers={header: "192.0.2.7"})
    assert answer.status_code == 401


def test_metrics_are_open_with_a_token(client_of, auditor):
    assert client_of(auditor).get("/metrics").status_code == 200


def test_metrics_are_what_the_database_says(client_of, admin):
    now = timezone.now()
    study = rows.study(status="attention")
    rows.study(status="ready")
    series = rows.series(study)
    for size in (1000, 234):
        rows.instance(series, size_bytes=size)
    rows.job(study, step="process", status="queued", due_at=now - dt.timedelta(seconds=90))
    rows.job(study, step="close", status="queued", due_at=now + dt.timedelta(hours=1))
    rows.job(study, step="process", status="dead")
    for name, ago in (("alive", 5), ("gone", 60)):
        seen = now - dt.timedelta(seconds=ago)
        WorkerNode.objects.create(name=name, host="node", pid=1, started_at=seen, seen_at=seen)
    text = client_of(admin).get("/metrics").content.decode()
    values = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["cauce_studies", "attention"] == 1
    assert values["cauce_studies", "ready"] == 1
    assert values["cauce_studies", "receiving"] == 0
    assert values["cauce_jobs", "process", "queued"] == 1
    assert values["cauce_jobs", "close", "queued"] == 1
    assert values["cauce_jobs", "dead", "process"] == 1
    assert 90 <= values["cauce_oldest_waiting_job_age_seconds",] < 120
    assert values["cauce_instances",] == 2
    assert values["cauce_stored_bytes",] == 1234
    assert values["cauce_workers_alive",] == 1
    assert values["cauce_storage_free_bytes",] > 0
    assert values["cauce_build_info", "0.1.0"] == 1


def test_metrics_take_a_handful_of_queries(client_of, admin, django_assert_max_num_queries):
    client = client_of(admin)
    with django_assert_max_num_queries(7):
        client.get("/metrics")
    with django_assert_max_num_queries(1):
        client.get("/metrics")


def test_the_status_route_tells_queues_workers_room_and_versions(client_of, auditor):
    study = rows.study()
    rows.job(study, status="queued")
    rows.job(study, status="dead")
    seen = timezone.now()
    WorkerNode.objects.create(name="w1", host="node", pid=1, started_at=seen, seen_at=seen)
    status = client_of(auditor).get("/api/status/").json()
    assert status["studies"] == {"receiving": 0, "queued": 0, "processing": 0, "ready": 1, "attention": 0}
    assert status["jobs"] == {"queued": 1, "running": 0, "succeeded": 0, "retrying": 0, "dead": 1, "cancelled": 0}
    assert 5 <= status["oldest_waiting_s"] < 60
    assert [(one["name"], one["host"]) for one in status["workers"]] == [("w1", "node")]
    assert status["free_bytes"] > 0
    assert status["versions"]["cauce"] == "0.1.0"


def test_a_value_is_kept_for_its_time_and_then_read_anew(monkeypatch):
    from cauce.api.operations.figures import Kept

    clock = [0.0]
    monkeypatch.setattr("cauce.api.operations.figures.time.monotonic", lambda: clock[0])
    reads = []
    kept = Kept(lambda: reads.append(1) or len(reads), for_s=2.0)
    assert [kept.get(), kept.get()] == [1, 1]
    clock[0] = 2.1
    assert kept.get() == 2
    kept.forget()
    assert kept.get() == 3


def test_what_takes_long_to_read_is_kept_for_longer(monkeypatch):
    from cauce.api.operations.figures import Kept

    clock, reads = [0.0], []
    monkeypatch.setattr("cauce.api.operations.figures.time.monotonic", lambda: clock[0])

    def slow():
        clock[0] += 1.0
        reads.append(1)
        return len(reads)

    kept = Kept(slow, for_s=2.0)
    kept.get()
    clock[0] = 100.9
    assert kept.get() == 1
    clock[0] = 101.1
    assert kept.get() == 2


def test_a_read_that_fails_is_not_kept():
    from cauce.api.operations.figures import Kept

    answers = iter([ValueError("no"), 7])

    def read():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    kept = Kept(read, for_s=60)
    with pytest.raises(ValueError, match="no"):
        kept.get()
    assert kept.get() == 7
