"""Changes are told to who may know of them, and to nobody else."""

import asyncio
import json
import threading

import pytest
import rest_rows as rows
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient

from cauce.accounts.tokens import issue_access
from cauce.api.rest import changes, events
from cauce.api.rest.changes import Looker, Watchtower
from cauce.core.actors import Actor
from cauce.core.statuses import Role

committed = pytest.mark.django_db(transaction=True)


def told(looker):
    return [(change.kind, change.shown["id"], change.shown["status"]) for change in looker.look()]


@pytest.mark.django_db
def test_the_first_look_says_nothing_and_later_ones_what_has_changed():
    study = rows.study(status="receiving")
    looker = Looker()
    assert told(looker) == []
    assert told(looker) == []
    study.status = "processing"
    study.save()
    job = rows.job(study, status="running")
    assert told(looker) == [("study", study.public_id, "processing"), ("job", job.public_id, "running")]
    study.status = "ready"
    study.save()
    job.status = "succeeded"
    job.save()
    assert told(looker) == [("study", study.public_id, "ready"), ("job", job.public_id, "succeeded")]
    assert told(looker) == []


@pytest.mark.django_db
def test_what_is_new_is_told_even_when_it_is_done_already():
    looker = Looker()
    looker.look()
    study = rows.study(status="attention")
    job = rows.job(study, status="succeeded")
    assert told(looker) == [("study", study.public_id, "attention"), ("job", job.public_id, "succeeded")]
    assert told(looker) == []


@pytest.mark.django_db
def test_an_arrival_in_a_receiving_study_and_another_attempt_are_changes():
    study = rows.study(status="receiving")
    job = rows.job(study, status="running", attempts=1)
    looker = Looker()
    looker.look()
    rows.Study.objects.filter(pk=study.pk).update(last_received_at="2031-01-01T00:00:00Z")
    rows.Job.objects.filter(pk=job.pk).update(attempts=2)
    assert told(looker) == [("study", study.public_id, "receiving"), ("job", job.public_id, "running")]


@pytest.mark.django_db
def test_a_look_costs_the_same_however_much_is_stored(django_assert_max_num_queries):
    looker = Looker()
    counts = []
    for _ in range(2):
        for _ in range(5):
            rows.job(rows.study(status="ready"), status="succeeded")
        looker.look()
        with django_assert_max_num_queries(6) as asked:
            looker.look()
        counts.append(len(asked))
    assert counts[0] == counts[1]


@pytest.fixture
def quick(monkeypatch):
    """A tower that looks often, and heartbeats that come soon."""
    tower = Watchtower(period_s=0.02)
    monkeypatch.setattr(events, "watchtower", tower)
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.05)
    return tower


async def streamed(user, until, act=None, **options):
    """Open the stream as `user`, run `act` once it is open, and return the text up to `until`."""
    token = await sync_to_async(issue_access)(user)
    answer = await AsyncClient().get("/api/events/", headers={"authorization": f"Bearer {token}"}, **options)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/event-stream"
    text = ""
    try:
        async with asyncio.timeout(20):
            async for chunk in answer.streaming_content:
                text += chunk.decode()
                if act is not None and ": still here" in text:
                    await sync_to_async(act)()
                    act = None
                if until in text:
                    return text
    finally:
        await sync_to_async(answer.close)()
    return text


def run(coroutine):
    """Run it; the thread that Django's calls were made in keeps no connection."""

    async def whole():
        try:
            return await coroutine
        finally:
            await sync_to_async(connections.close_all)()

    return asyncio.run(whole())


@committed
def test_a_change_arrives_as_an_event_and_the_place_is_given_back(quick, researcher):
    study = rows.study(status="processing")

    def finish():
        rows.Study.objects.filter(pk=study.pk).update(status="ready")

    text = run(streamed(researcher, '"ready"', finish))
    assert text.startswith("retry: 3000\n\n")
    data = json.dumps({"id": study.public_id, "status": "ready"}, separators=(",", ":"))
    assert f"event: study\ndata: {data}\n\n" in text
    assert quick._watchers == set()


@committed
def test_the_thread_ends_with_the_last_watcher(quick, researcher):
    run(streamed(researcher, ": still here"))
    for thread in [thread for thread in threading.enumerate() if thread.name == "watchtower"]:
        thread.join(10)
    assert quick._thread is None


@committed
def test_who_sees_no_study_is_told_of_none(quick, auditor, admin):
    study = rows.study(status="processing")

    async def both():
        async def finish():
            await asyncio.sleep(0.2)
            await sync_to_async(rows.Study.objects.filter(pk=study.pk).update)(status="ready")

        token = await sync_to_async(issue_access)(auditor)
        answer = await AsyncClient().get("/api/events/", headers={"authorization": f"Bearer {token}"})
        change = asyncio.create_task(finish())
        seen = await streamed(admin, '"ready"')
        await change
        text = ""
        async for chunk in answer.streaming_content:
            text += chunk.decode()
            if text.count(": still here") == 5:
                break
        await sync_to_async(answer.close)()
        return seen, text

    seen, text = run(both())
    assert study.public_id in seen
    assert "event:" not in text


@committed
def test_a_session_opens_the_stream_too(quick, researcher):
    async def as_browser():
        client = AsyncClient()
        await client.aforce_login(researcher)
        answer = await client.get("/api/events/")
        await sync_to_async(answer.close)()
        return answer.status_code

    assert run(as_browser()) == 200


@committed
def test_no_more_streams_are_opened_than_one_process_or_one_account_may(quick, researcher, clinician, monkeypatch):
    monkeypatch.setattr(changes, "WATCHERS_OF_ONE_MAX", 2)
    monkeypatch.setattr(changes, "WATCHERS_MAX", 3)

    async def fill():
        answers = []
        for user in (researcher, researcher, researcher, clinician, clinician):
            token = await sync_to_async(issue_access)(user)
            client = AsyncClient()
            answers.append(await client.get("/api/events/", headers={"authorization": f"Bearer {token}"}))
        statuses = [answer.status_code for answer in answers]
        for answer in answers:
            await sync_to_async(answer.close)()
        return statuses, answers[2]

    statuses, refused = run(fill())
    assert statuses == [200, 200, 503, 200, 503]
    assert (refused.json()["code"], refused.headers["Retry-After"]) == ("too_many_streams", "5")
    assert quick._watchers == set()


@committed
def test_a_stream_ends_after_its_life(quick, researcher, monkeypatch):
    monkeypatch.setattr(events, "LIFETIME_S", 0.1)
    text = run(streamed(researcher, "never"))
    assert text.startswith("retry: 3000\n\n")


@committed
def test_a_look_that_fails_costs_one_look(quick, researcher, monkeypatch):
    study = rows.study(status="processing")
    real, fails = Looker.look, iter([False, True, True])

    def sometimes(self):
        if next(fails, False):
            raise OSError("gone")
        return real(self)

    monkeypatch.setattr(Looker, "look", sometimes)

    def finish():
        rows.Study.objects.filter(pk=study.pk).update(status="ready")

    assert study.public_id in run(streamed(researcher, '"ready"', finish))


@committed
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("post", "/api/events/", 405), ("get", "/api/events/?study=1", 400), ("get", "/api/events/", 401)],
)
def test_what_is_no_stream_is_a_problem(method, path, status):
    answer = run(getattr(AsyncClient(), method)(path))
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


def test_a_slow_reader_does_not_fill_the_memory():
    async def slow():
        actor = Actor(kind="user", name="x", role=Role.AUDITOR, user_id=1)
        watcher = changes.Watcher(actor, asyncio.get_running_loop(), asyncio.Queue(changes.WAITING_MAX))
        for _ in range(changes.WAITING_MAX + 10):
            watcher._put([])
        return watcher.waiting.qsize()

    assert run(slow()) == changes.WAITING_MAX
