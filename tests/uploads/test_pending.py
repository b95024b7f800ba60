"""Archives that take long: `pending` in the answer, settled in the receipt, and never forgotten."""

import asyncio
import datetime as dt
import io
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


async def stopped_in_the_middle(web, sender, holding, count):
    """Send an archive of so many files and stop the server while it is unpacked."""
    kind, body = form([("z.zip", zipped([(str(number), samples.small_instance()) for number in range(count)]))])
    headers = {**sender, "content-type": kind}
    await exchange(web, "POST", "/api/uploads/?final=true", headers=headers, chunks=body)
    web.start().is_stopping.set()
    holding.set()
    await web.stop()


async def live(web, *, until_done=True):
    """Start a server as its lifespan does, let it work through what was left, and stop it."""
    begun, done = asyncio.Event(), asyncio.Event()

    async def receive():
        if begun.is_set():
            await done.wait()
            return {"type": "lifespan.shutdown"}
        begun.set()
        return {"type": "lifespan.startup"}

    async def send(message):
        if message["type"] == "lifespan.startup.complete":
            if until_done:
                await asyncio.gather(*web.start()._background)
            done.set()

    await web({"type": "lifespan"}, receive, send)


def markers(services):
    folder = services.spool / "archives"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def held_archives():
    from cauce import bootstrap
    from cauce.core.statuses import Space

    return [info.object_id for info in bootstrap.held_archives().walk(Space.ORIGINALS)]


@pytest.fixture(autouse=True)
def nothing_is_left_held():
    yield
    assert held_archives() == []


def test_an_archive_is_gone_on_with_when_the_server_runs_again(slow_web, make_web, services, sender, holding):
    asyncio.run(stopped_in_the_middle(slow_web, sender, holding, 50))
    assert ("z.zip", "pending", "") in items()
    before = UploadItem.objects.filter(status="stored").count()
    assert 1 <= before < 50
    assert Upload.objects.get().finished_at is None
    assert len(markers(services)) == len(held_archives()) == 1
    asyncio.run(live(make_web()))
    assert items() == sorted((f"z.zip/{number}", "stored", "") for number in range(50))
    upload = Upload.objects.get()
    assert upload.finished_at is not None
    assert Job.objects.filter(step="close", due_at__lte=upload.finished_at).count() == 50
    assert markers(services) == []


def test_held_bytes_are_encrypted(slow_web, make_web, services, sender, holding):
    from cauce.settings import environment

    asyncio.run(stopped_in_the_middle(slow_web, sender, holding, 30))
    (held,) = held_archives()
    folder = environment.current().spool_folder / "held" / "originals" / held[:2]
    content = (folder / held).read_bytes()
    assert b"PK\x03\x04" not in content
    asyncio.run(live(make_web()))


def test_an_archive_whose_bytes_are_damaged_gets_its_verdict(slow_web, make_web, services, sender, holding):
    from cauce.settings import environment

    asyncio.run(stopped_in_the_middle(slow_web, sender, holding, 30))
    (held,) = held_archives()
    path = environment.current().spool_folder / "held" / "originals" / held[:2] / held
    path.chmod(0o600)
    path.write_bytes(b"x" + path.read_bytes()[1:])
    asyncio.run(live(make_web()))
    assert ("z.zip", "refused", "interrupted") in items()
    assert Upload.objects.get().finished_at is not None


def test_an_archive_that_cannot_be_held_says_what_to_do(slow_web, sender, holding, monkeypatch):
    from cauce import bootstrap
    from cauce.core.errors import StorageFull

    def full(*_, **__):
        raise StorageFull("no room")

    monkeypatch.setattr(bootstrap.held_archives(), "write", full)
    asyncio.run(stopped_in_the_middle(slow_web, sender, holding, 50))
    assert ("z.zip", "refused", "interrupted") in items()
    detail = UploadItem.objects.get(name="z.zip").detail
    assert detail.endswith("Send it again: what was taken in is not lost.")
    assert 1 <= UploadItem.objects.filter(status="stored").count() < 50
    assert Upload.objects.get().finished_at is not None


@pytest.fixture
def archive(services):
    """The line of an archive that is pending, of an upload that nobody else works on."""
    from cauce.core.actors import Actor
    from cauce.core.statuses import Role

    actor = Actor(kind="user", name="tester", role=Role.ADMIN)
    upload = services.catalogue.open_upload(services.catalogue.project("default"), actor=actor, source="upload")
    return services.catalogue.begin_archive(upload, "z.zip")


@pytest.fixture
def abandoned(services, archive):
    """The same after its process has died over it: its marker is there and nobody holds it."""
    marker = pending.Marker.make(services.spool, archive)
    marker.begin()
    marker.leave()
    return services.spool / "archives" / str(archive)


def hold(marker_path, content):
    """Hold the bytes of an archive and say so in its marker."""
    from cauce import bootstrap
    from cauce.core.identifiers import new_object_id
    from cauce.core.statuses import Space

    held = new_object_id()
    bootstrap.held_archives().write(Space.ORIGINALS, held, [content], about={})
    (marker,) = pending.abandoned(marker_path.parent.parent)
    marker.held = held
    marker.write(durably=True)
    return marker


def test_an_archive_that_was_not_held_gets_its_verdict_at_the_next_start(web, abandoned):
    asyncio.run(live(web))
    assert items() == [("z.zip", "refused", "interrupted")]
    assert Upload.objects.get().finished_at is not None
    assert not abandoned.exists()


def test_a_process_that_was_killed_is_gone_on_from_without_a_line_twice(make_web, services, abandoned):
    files = [(str(number), samples.small_instance()) for number in range(20)]
    upload = Upload.objects.get()
    noted = [UploadItem(upload=upload, name=f"z.zip/{number}", status="stored") for number in range(12)]
    UploadItem.objects.bulk_create(noted)
    marker = hold(abandoned, zipped(files))
    marker.settled = 12
    marker.write()
    marker.leave()
    asyncio.run(live(make_web()))
    assert items() == sorted((f"z.zip/{number}", "stored", "") for number in range(20))


def test_a_file_whose_line_was_lost_is_taken_in_again(make_web, services, abandoned):
    """Verdicts that add nothing are written a little later: a process may die in between."""
    files = [(str(number), samples.small_instance()) for number in range(3)]
    UploadItem.objects.create(upload=Upload.objects.get(), name="z.zip/0", status="stored")
    marker = hold(abandoned, zipped(files))
    marker.settled = 2
    marker.write()
    marker.leave()
    asyncio.run(live(make_web()))
    assert items() == [(f"z.zip/{number}", "stored", "") for number in range(3)]


def test_a_file_of_another_archive_of_that_name_is_no_reason_to_leave_one_out(make_web, services, abandoned):
    UploadItem.objects.create(upload=Upload.objects.get(), name="z.zip/0", status="stored")
    hold(abandoned, zipped([("0", samples.small_instance())])).leave()
    asyncio.run(live(make_web()))
    assert items() == [("z.zip/0", "stored", ""), ("z.zip/0", "stored", "")]


def test_an_archive_that_ends_its_process_again_and_again_is_given_up(make_web, services, abandoned):
    marker = hold(abandoned, zipped([("0", samples.small_instance())]))
    marker.attempts = pending.ATTEMPTS_MAX
    marker.write()
    marker.leave()
    asyncio.run(live(make_web()))
    assert items() == [("z.zip", "refused", "interrupted")]
    assert markers(services) == []


def test_an_archive_that_another_process_is_unpacking_is_left_alone(services, make_web, archive):
    marker = pending.Marker.make(services.spool, archive)
    asyncio.run(live(make_web()))
    assert items() == [("z.zip", "pending", "")]
    marker.leave()
    asyncio.run(live(make_web()))
    assert items() == [("z.zip", "refused", "interrupted")]


def test_a_line_whose_marker_was_never_made_gets_its_verdict_once_no_process_is_left(make_web, services, archive):
    from cauce.api.uploads.resuming import Presence

    other = Presence(services.spool)
    assert other.is_alone
    other.share()
    asyncio.run(live(make_web()))
    assert items() == [("z.zip", "pending", "")]
    del other
    asyncio.run(live(make_web()))
    assert items() == [("z.zip", "refused", "interrupted")]


def test_a_marker_that_was_never_written_whole_still_names_its_archive(make_web, services, abandoned):
    abandoned.write_text('{"held": 1')
    asyncio.run(live(make_web()))
    assert items() == [("z.zip", "refused", "interrupted")]
    assert not abandoned.exists()


def test_a_marker_of_an_archive_that_is_settled_only_goes(make_web, services, abandoned):
    UploadItem.objects.update(status="refused", code="truncated")
    hold(abandoned, b"x").leave()
    asyncio.run(live(make_web()))
    assert items() == [("z.zip", "refused", "truncated")]
    assert markers(services) == []


def test_held_bytes_that_nothing_names_go_after_a_while(make_web, services, monkeypatch):
    from cauce import bootstrap
    from cauce.api.uploads import resuming
    from cauce.core.identifiers import new_object_id
    from cauce.core.statuses import Space

    bootstrap.held_archives().write(Space.ORIGINALS, new_object_id(), [b"x"], about={})
    asyncio.run(live(make_web()))
    assert len(held_archives()) == 1
    monkeypatch.setattr(resuming, "_LEFTOVER_AGE_S", -1.0)
    asyncio.run(live(make_web()))
    assert held_archives() == []


def test_a_marker_is_held_while_its_archive_is_unpacked(services):
    marker = pending.Marker.make(services.spool, 17)
    assert list(pending.abandoned(services.spool)) == []
    assert (pending.is_marked(services.spool, 17), pending.is_marked(services.spool, 18)) == (True, False)
    marker.remove()
    assert markers(services) == []
    assert list(pending.abandoned(services.spool / "nowhere")) == []
