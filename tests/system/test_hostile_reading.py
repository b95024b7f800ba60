"""Everything that was taken of the corpora, and hostile requests at every transaction, on a running platform.

Each request is answered soon by a status of the reference; slow clients hold nobody up; nothing dies, nothing of ours
breaks, and no process holds 512 MB.
"""

import asyncio
import contextlib
import json
import logging
import time
from io import BytesIO

import numpy as np
import pytest
from big_instance import BigInstance
from memory_watch import MemoryWatch
from pydicom import dcmread

from cauce import samples
from hostile_bodies import RELATED, multipart, stored, stored_json, work_items
from hostile_client import ANSWERED_WITHIN_S, Client, head
from hostile_queries import queries
from hostile_reads import JSON, Ask, listed, reads_of

MEMORY_MIB = 512
SHARE = 300
"""One in so many extremes is asked of each object, another of the next."""
STORED_WITHIN_S = 40
"""One of the files that are stored unfolds to hundreds of megabytes; what is read is answered as soon as all else."""
SLICES = 96
CLIENTS = 50
ROOT = "/projects/default/dicom-web"
CLEAN = "/projects/default/deid/dicom-web"

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("system"), pytest.mark.timeout(900)]

_log = logging.getLogger("hostile")


@pytest.fixture
def platform(start):
    return start(CAUCE_STUDY_QUIET_S="1")


@pytest.fixture
def client(platform):
    """A client; what it met is judged at the end, together with the platform's logs and memory."""
    asking = Client(platform.http_port, platform.token, within_s=STORED_WITHIN_S)
    children = platform.children()
    with MemoryWatch(platform) as watch:
        yield asking
    _log.info(
        "statuses %s, slowest %s, peaks %s, cut %d", asking.statuses, asking.slowest, watch.peaks(), len(asking.cut)
    )
    assert asking.problems == []
    assert watch.above(MEMORY_MIB) == {}
    assert platform.children() == children
    assert [line[:2000] for line in platform.logs().splitlines() if '"level": "error"' in line] == []


def _store(files):
    for data in files:
        body = multipart(("Content-Type: application/dicom\r\n", data))
        yield Ask(method="POST", target=f"{ROOT}/studies", more={"content-type": RELATED}, body=body)


async def _read_all(client, root, *, turns):
    client.within_s = ANSWERED_WITHIN_S
    found = listed((await client.ask(Ask(target=f"{root}/instances", accept=JSON))).body)

    async def reads():
        for one in source:
            answer = await client.ask(Ask(target=f"{one.levels[2]}/metadata", accept=JSON))
            for ask in reads_of(one, json.loads(answer.body)[0], turn=next(turns), share=SHARE):
                await client.ask(ask)

    source = iter(found)
    await asyncio.gather(*(reads() for _ in range(4)))
    return found


@pytest.mark.corpus
def test_what_was_taken_of_the_malformed_corpus_is_read_in_every_way(platform, client, malformed):
    files = sorted(path for path in malformed.rglob("*") if path.suffix == ".dcm")
    turns = iter(range(10**6))

    async def run():
        await client.all(_store(path.read_bytes() for path in files))
        originals = await _read_all(client, ROOT, turns=turns)
        assert len(originals) > 150
        await asyncio.to_thread(platform.await_end, timeout=240)
        assert await _read_all(client, CLEAN, turns=turns)

    asyncio.run(run())


@pytest.mark.corpus
def test_what_was_taken_of_the_public_corpus_is_read_in_every_way(client, corpus):
    files = sorted(path for path in corpus.rglob("*") if path.is_file())[::8]

    async def run():
        await client.all(_store(path.read_bytes() for path in files))
        assert len(await _read_all(client, ROOT, turns=iter(range(10**6)))) > 70

    asyncio.run(run())


def test_hostile_requests_and_bodies_are_answered_at_every_transaction(client):
    client.within_s = ANSWERED_WITHIN_S

    async def run():
        await client.all(_store(samples.small_instance() for _ in range(20)))
        one, *_ = listed((await client.ask(Ask(target=f"{ROOT}/instances?limit=1"))).body)
        await client.all(queries(ROOT, one, seed=6))
        for make in (stored, stored_json, work_items):
            await client.all(make(ROOT))

    asyncio.run(run())


def test_slow_lying_and_many_clients_hold_nobody_up(client):
    study, files = _series()
    client.within_s = ANSWERED_WITHIN_S

    async def run():
        await client.all(_store(files))
        slow = [
            asyncio.create_task(_read_slowly(client, Ask(target=f"{ROOT}/studies/{study}", accept="application/zip")))
            for _ in range(12)
        ]
        slow += [asyncio.create_task(_send_slowly(client)) for _ in range(12)]
        slow += [asyncio.create_task(_send_half(client, number)) for number in range(12)]
        await asyncio.sleep(1)
        began = time.monotonic()
        asks = [
            Ask(target=f"{ROOT}/studies/{study}/metadata", accept=JSON),
            Ask(target=f"{ROOT}/studies?limit=5"),
            Ask(target="/healthz"),
        ]
        await client.all(asks * 60, at_once=CLIENTS)
        _log.info("%d requests of %d clients beside slow ones: %.1f s", 3 * 60, CLIENTS, time.monotonic() - began)
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        await client.all(_store([samples.small_instance()]))

    asyncio.run(run())
    assert set(client.statuses) == {200}


def test_large_objects_are_read_by_many_in_bounded_memory(client):
    study, files = _series()
    big = BigInstance(500 << 20)
    place = ROOT + big.place
    wide = _wide_frame()
    frames = ",".join(map(str, range(1, 41)))

    async def run():
        await client.all(_store([b"".join(big.chunks())]))
        await client.all(_store([*files, wide]), at_once=20)
        (one,) = listed((await client.ask(Ask(target=f"{ROOT}/instances?Rows=5000"))).body)
        asks = [Ask(target=f"{ROOT}/studies/{study}", accept="application/zip")] * 8
        asks += [Ask(target=f"{place}/frames/{frames}")] * 8
        asks += [Ask(target=f"{place}/frames/{frames}/rendered", accept='multipart/related; type="image/jpeg"')] * 4
        asks += [Ask(target=f"{ROOT}/studies/{study}/metadata", accept=JSON)] * 8
        asks += [Ask(target=f"{one.levels[2]}/frames/1", accept="application/octet-stream")] * 8
        asks += [Ask(target=f"{one.levels[2]}/rendered?quality={80 + n}", accept="image/jpeg") for n in range(8)]
        asks += [Ask(target=one.levels[2], accept="application/dicom; transfer-syntax=1.2.840.10008.1.2.4.80")] * 4
        for ask in asks[::8]:
            await client.all([ask] * 8, at_once=8)

    asyncio.run(run())
    assert set(client.statuses) == {200}
    assert client.cut == []


def _series():
    study, series = samples.stable_uid("hostile", "study"), samples.stable_uid("hostile", "series")
    return study, [
        samples.small_instance(StudyInstanceUID=study, SeriesInstanceUID=series, InstanceNumber=n)
        for n in range(SLICES)
    ]


def _wide_frame(side=5000):
    ds = dcmread(BytesIO(samples.small_instance()))
    ds.Rows = ds.Columns = side
    ds.PixelData = (np.arange(side * side, dtype=np.uint32) % 4000).astype("<u2").tobytes()
    file = BytesIO()
    ds.save_as(file)
    return file.getvalue()


async def _read_slowly(client, ask):
    """Read a byte a second, until canceled."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port, limit=1)
    with contextlib.closing(writer):
        writer.write(head(ask, client.token))
        while await reader.read(1):  # noqa: ASYNC110 - the pause is what is tried
            await asyncio.sleep(1)


async def _send_slowly(client):
    """Send a byte of a chunked body a second, until canceled."""
    ask = Ask(
        method="POST",
        target=f"{ROOT}/studies",
        more={"content-type": RELATED, "content-length": None, "transfer-encoding": "chunked"},
    )
    _, writer = await asyncio.open_connection("127.0.0.1", client.port)
    with contextlib.closing(writer):
        writer.write(head(ask, client.token))
        for byte in multipart(("Content-Type: application/dicom\r\n", samples.small_instance())):
            writer.write(b"1\r\n%c\r\n" % byte)
            await writer.drain()
            await asyncio.sleep(1)


async def _send_half(client, number):
    """Announce more than is sent, or less, or send half of it; then leave."""
    body = multipart(("Content-Type: application/dicom\r\n", samples.small_instance()))
    length = (len(body) * 2, len(body) // 2, len(body))[number % 3]
    ask = Ask(method="POST", target=f"{ROOT}/studies", more={"content-type": RELATED, "content-length": str(length)})
    _, writer = await asyncio.open_connection("127.0.0.1", client.port)
    with contextlib.closing(writer), contextlib.suppress(ConnectionError):
        writer.write(head(ask, client.token) + body[: len(body) // (1 + number % 2)])
        await writer.drain()
        await asyncio.sleep(1)
