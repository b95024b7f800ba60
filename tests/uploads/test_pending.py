"""Archives that take long: `pending` in the answer, settled in the receipt, and never forgotten."""

import asyncio
import datetime as dt
import io
import json
import zipfile

import pytest
from asgi_driver import exchange, form

from cauce import samples
from cauce.api.uploads import pending
from cauce.records.models import Job, Upload, UploadItem

pytestmark = pytest.mark.django_db(transaction=True)


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in files:
            made.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def slow_web(make_web):
    """An application whose answers do not wait for archives."""
    return make_web(unpack_wait_s=0)


@pytest.fixture
def holding(monkeypatch):
    """Hold unpacking up until `release` is set."""
    import threading

    from cauce.api.uploads.unpacking import Unpacking

    release = threading.Event()
    unpack = Unpacking.run

    def run(self, file):
        release.wait(20)
        return unpack(self, file)

    monkeypatch.setattr(Unpacking, "run", run)
    yield release
    release.set()


async def finish(web, holding):
    """Let archives be unpacked to their end."""
    holding.set()
    await asyncio.gather(*web.start()._background)
    await web.stop()


def items():
    return sorted(UploadItem.objects.values_list("name", "status", "code"))


def test_an_archive_that_takes_long_is_pending_and_its_files_follow(slow_web, sender, holding):
    kind, body = form([("plain", samples.small_instance()), ("z.zip", zipped([("1", samples.small_instance())]))])
    seen = {}

    async def send_and_wait():
        answer = await exchange(
            slow_web, "POST", "/api/uploads/?final=true", headers={**sender, "content-type": kind}, chunks=body
        )
        seen["then"] = await asyncio.to_thread(
            lambda: (items(), Upload.objects.get(), Job.objects.select_related("study").get())
        )
        await finish(slow_web, holding)
        return answer

    answer = asyncio.run(send_and_wait())
    assert answer.status == 201
    assert answer.verdicts == [("plain", "stored", ""), ("z.zip", "pending", "")]
    assert (answer.json()["finished"], answer.json()["counts"]["pending"]) == (False, 1)
    then, upload, job = seen["then"]
    assert then == [("plain", "stored", ""), ("z.zip", "pending", "")]
    assert (upload.finished_at, upload.final) == (None, True)
    assert job.due_at == job.study.last_received_at + dt.timedelta(seconds=60)  # not closed while some may follow
    assert items() == [("plain", "stored", ""), ("z.zip/1", "stored", "")]
    upload.refresh_from_db()
    assert upload.finished_at is not None
    assert Job.objects.filter(step="close", due_at__lte=upload.finished_at).count() == 2


def test_an_archive_that_turns_out_to_be_cut_is_refused_in_the_receipt(slow_web, sender, holding):
    kind, body = form([("z.zip", zipped([("1", samples.small_instance())])[:-8])])

    async def send_and_wait():
        headers = {**sender, "content-type": kind}
        answer = await exchange(slow_web, "POST", "/api/uploads/", headers=headers, chunks=body)
        await finish(slow_web, holding)
        return answer

    assert asyncio.run(send_and_wait()).verdicts == [("z.zip", "pending", "")]
    assert items() == [("z.zip", "refused", "truncated")]
    assert Upload.objects.get().finished_at is not None


def test_a_server_that_is_stopped_says_what_it_had_not_unpacked(slow_web, sender, holding):
    files = [(str(number), samples.small_instance()) for number in range(50)]
    kind, body = form([("z.zip", zipped(files))])

    async def send_and_stop():
        headers = {**sender, "content-type": kind}
        await exchange(slow_web, "POST", "/api/uploads/", headers=headers, chunks=body)
        slow_web.start().is_stopping.set()
        holding.set()
        await slow_web.stop()

    asyncio.run(send_and_stop())
    assert ("z.zip", "refused", "interrupted") in items()
    assert 1 <= UploadItem.objects.filter(status="stored").count() < 50
    assert Upload.objects.get().finished_at is not None


@pytest.fixture
def abandoned(services):
    """An archive whose process has died over it: its line is pending, its marker is there and nobody holds it."""
    from cauce.core.actors import Actor
    from cauce.core.statuses import Role

    actor = Actor(kind="user", name="tester", role=Role.ADMIN)
    upload = services.catalogue.open_upload(services.catalogue.project("default"), actor=actor, source="upload")
    archive_pk = services.catalogue.begin_archive(upload, "z.zip")
    folder = services.spool / "archives"
    folder.mkdir(parents=True)
    project = {"pk": upload.project.pk, "slug": "default"}
    marker = folder / str(archive_pk)
    marker.write_text(json.dumps({"pk": upload.pk, "id": upload.public_id, "project": project}))
    return marker


def test_the_next_start_says_what_a_dead_process_had_not_unpacked(web, abandoned):
    sent = []

    async def start():
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive():
            return next(messages)

        async def send(message):
            sent.append(message["type"])

        await web({"type": "lifespan"}, receive, send)

    asyncio.run(start())
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert items() == [("z.zip", "refused", "interrupted")]
    assert Upload.objects.get().finished_at is not None
    assert not abandoned.exists()


def test_an_archive_that_another_process_is_unpacking_is_left_alone(services, abandoned):
    import fcntl

    with abandoned.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert pending.settle_abandoned(services.spool, services.catalogue) == 0
        assert items() == [("z.zip", "pending", "")]
    assert pending.settle_abandoned(services.spool, services.catalogue) == 1


def test_a_marker_that_was_never_written_whole_is_removed(services, abandoned):
    abandoned.write_text('{"pk": 1')
    assert pending.settle_abandoned(services.spool, services.catalogue) == 1
    assert not abandoned.exists()
    assert pending.settle_abandoned(services.spool / "nowhere", services.catalogue) == 0


def test_a_marker_is_held_while_its_archive_is_unpacked(services, abandoned):
    from cauce.core.messages import ProjectRef, UploadRef

    upload = UploadRef(pk=1, public_id="0" * 32, project=ProjectRef(pk=1, slug="default"))
    abandoned.unlink()
    with pending.marked(services.spool, upload, 17):
        assert pending.settle_abandoned(services.spool, services.catalogue) == 0
        assert [path.name for path in (services.spool / "archives").iterdir()] == ["17"]
    assert list((services.spool / "archives").iterdir()) == []
