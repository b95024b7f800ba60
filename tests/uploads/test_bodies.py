"""Bodies as they come in practice: long, slow, broken off, hostile."""

import asyncio
import os
import random
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asgi_driver import BOUNDARY, call, exchange, form, pieces, related
from cauce import samples
from cauce.core.limits import GIB, MIB
from cauce.core.statuses import Space
from cauce.records.models import Upload, UploadItem, Version

pytestmark = pytest.mark.django_db(transaction=True)

SLACK_BYTES = 96 * MIB


def rss_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def part_head(name):
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()


FORM = f"multipart/form-data; boundary={BOUNDARY}"


class Watched:
    """Chunks of a body, made as they are asked for; notes how much memory the process holds meanwhile."""

    def __init__(self, *parts):
        self._parts = parts
        self.most = 0

    def __iter__(self):
        for number, chunk in enumerate(chunk for part in self._parts for chunk in part):
            if number % 64 == 0:
                self.most = max(self.most, rss_bytes())
            yield chunk


def test_a_gigabyte_that_is_no_instance_passes_through_without_being_kept(make_web, make_services, sender):
    web = make_web(using=make_services(instance_bytes_max=8 * MIB))
    block = random.Random(1).randbytes(256 * 1024)
    before = rss_bytes()
    body = Watched(
        [part_head("long"), *[block] * (GIB // len(block)), b"\r\n"],
        [part_head("good"), samples.small_instance(), f"\r\n--{BOUNDARY}--".encode()],
    )
    answer = call(web, "POST", "/api/uploads/", headers={**sender, "content-type": FORM}, chunks=body)
    assert answer.verdicts == [("long", "refused", "too_large"), ("good", "stored", "")]
    assert body.most - before < SLACK_BYTES


def long_instance(size_bytes):
    """Yield an instance of one frame after the other, in blocks that are not kept anywhere."""
    block = bytes(1024) * 256
    frames = size_bytes // len(block)
    head = samples.small_instance(
        Rows=512, Columns=512, BitsAllocated=8, BitsStored=8, HighBit=7, NumberOfFrames=frames, PixelData=b"\0" * 8
    )
    start = head.rindex(b"\xe0\x7f\x10\x00")
    yield head[: start + 8]
    yield struct.pack("<L", frames * len(block))
    for _ in range(frames):
        yield block


@pytest.mark.parametrize("route", ["form", "stow"])
def test_a_long_instance_is_stored_in_bounded_memory(web, sender, route):
    size_bytes = 256 * MIB
    before = rss_bytes()
    if route == "form":
        kind, path, start = FORM, "/api/uploads/", part_head("long")
    else:
        kind, path, start = related([])[0], "/dicom-web/studies", f"--{BOUNDARY}\r\n\r\n".encode()
    body = Watched([start], long_instance(size_bytes), [f"\r\n--{BOUNDARY}--".encode()])
    answer = call(web, "POST", path, headers={**sender, "content-type": kind}, chunks=body)
    assert answer.status == (201 if route == "form" else 200)
    assert Version.objects.get().size_bytes > size_bytes
    assert body.most - before < SLACK_BYTES
    assert list((web.start().spool.folder).glob("*")) == []


def test_memory_that_is_used_up_sends_files_to_disk_and_comes_back(make_web, sender):
    web = make_web(memory_bytes_max=5000)
    kind, body = form([(str(number), samples.small_instance()) for number in range(20)])
    answer = call(web, "POST", "/api/uploads/", headers={**sender, "content-type": kind}, chunks=pieces(body, 1000))
    assert answer.json()["counts"]["stored"] == 20
    assert web.start().spool.budget.left_bytes == 5000


def test_a_client_that_falls_silent_is_408_and_what_was_complete_is_kept(make_web, sender):
    web = make_web(idle_timeout_s=0.2)
    _, body = form([("1", samples.small_instance()), ("2", samples.small_instance())])
    headers = {**sender, "content-type": FORM}
    answer = call(web, "POST", "/api/uploads/", headers=headers, chunks=[body[:-200]], then="silence")
    assert (answer.status, answer.json()["code"]) == (408, "timeout")
    assert answer.verdicts == [("1", "stored", "")]
    assert web.start().spool.budget.left_bytes == 128 * MIB


def test_a_slow_client_that_keeps_sending_is_served(make_web, sender):
    web = make_web(idle_timeout_s=5)
    _, body = form([("1", samples.small_instance())])

    async def pause():
        await asyncio.sleep(0.02)

    headers = {**sender, "content-type": FORM}
    answer = call(web, "POST", "/api/uploads/", headers=headers, chunks=pieces(body, 200), pause=pause)
    assert answer.verdicts == [("1", "stored", "")]


@pytest.mark.parametrize("route", ["/api/uploads/", "/dicom-web/studies"])
def test_a_client_that_leaves_loses_only_the_file_it_was_sending(web, sender, route):
    contents = [samples.small_instance() for _ in range(3)]
    kind, body = form([("x", content) for content in contents]) if "uploads" in route else related(contents)
    answer = call(web, "POST", route, headers={**sender, "content-type": kind}, chunks=[body[:-500]], then="disconnect")
    assert answer.status == 0
    assert Version.objects.count() == 2
    assert UploadItem.objects.count() == 2
    services = web.start().services
    services.catalogue.settle()
    assert Upload.objects.get().finished_at is not None
    assert sum(1 for _ in services.objects.walk(Space.ORIGINALS)) == 2
    assert web.start().spool.budget.left_bytes == 128 * MIB


def test_requests_at_the_same_time_do_not_mix(web, sender):
    requests = []
    for client in range(6):
        kind, body = form([(f"{client}/{number}", samples.small_instance()) for number in range(8)])
        options = {"headers": {**sender, "content-type": kind}, "chunks": pieces(body, 3000)}
        requests.append(("POST", "/api/uploads/", options))
    for client, answer in enumerate(call(web, *requests)):
        assert answer.verdicts == [(f"{client}/{number}", "stored", "") for number in range(8)]
    assert Version.objects.count() == 48


def test_the_same_instance_from_many_clients_at_once_is_stored_once(web, sender):
    kind, body = form([("1", samples.small_instance())])
    request = ("POST", "/api/uploads/", {"headers": {**sender, "content-type": kind}, "chunks": body})
    statuses = sorted(answer.verdicts[0][1] for answer in call(web, *[request] * 8))
    assert statuses == ["duplicate"] * 7 + ["stored"]
    assert Version.objects.count() == 1
    assert sum(1 for _ in web.start().services.objects.walk(Space.ORIGINALS)) == 1


def test_more_parts_than_are_allowed_is_400_and_what_was_complete_is_kept(make_web, sender):
    kind, body = form([(str(number), samples.small_instance()) for number in range(4)])
    app = make_web(parts_max=3)
    answer = call(app, "POST", "/api/uploads/", headers={**sender, "content-type": kind}, chunks=body)
    assert (answer.status, answer.json()["code"]) == (400, "malformed_body")
    assert answer.json()["counts"]["stored"] == 3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_changed_in_a_body_it_is_answered(web, sender, data):
    kind, body = form([("1", b"x" * 60), ("2", b"y" * 40)])
    changed = bytearray(body)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(changed) - 1))
        action = data.draw(st.sampled_from(["set", "insert", "delete"]))
        if action == "set":
            changed[at] = data.draw(st.integers(0, 255))
        elif action == "insert":
            changed[at:at] = data.draw(st.binary(max_size=20))
        else:
            del changed[at : at + data.draw(st.integers(1, 20))]
    size = data.draw(st.integers(1, 200))
    headers = {**sender, "content-type": kind}
    answer = call(web, "POST", "/api/uploads/", headers=headers, chunks=pieces(bytes(changed), size) or [b""])
    assert answer.status in {201, 400}
    assert all(line["code"] in {"not_dicom", "truncated", "accompanying_file"} for line in answer.json()["files"])


def test_a_request_that_is_stopped_gives_its_memory_back(web, sender):
    kind, body = form([(str(number), samples.small_instance()) for number in range(40)])

    async def stopped():
        async def pause():
            await asyncio.sleep(0.001)

        headers = {**sender, "content-type": kind}
        sending = asyncio.create_task(
            exchange(web, "POST", "/api/uploads/", headers=headers, chunks=pieces(body, 5000), pause=pause)
        )
        await asyncio.sleep(0.1)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await web.stop()

    intake = web.start()
    asyncio.run(stopped())
    assert intake.spool.budget.left_bytes == 128 * MIB
