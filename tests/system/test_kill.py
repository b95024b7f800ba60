"""The whole platform is killed at random moments of a delivery; what was acknowledged is there when it is back.

KILL_ROUNDS says how often each entrance is killed. The moments are drawn from a seed: shortly after so many files were
acknowledged, or, where one answer speaks of all, after so much of the time that a delivery takes.
"""

import hashlib
import logging
import os
import random
import struct
import threading
import time
import zipfile
from contextlib import suppress
from io import BytesIO

import httpx
import pytest
from dicom_sender import Association
from held_data import held
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from cauce.samples import small_instance

ROUNDS = int(os.environ.get("KILL_ROUNDS", "2"))
FILES = 400
STUDIES = 4

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("system"), pytest.mark.timeout(180 + 60 * ROUNDS)]

_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_CUT_OFF = (httpx.HTTPError, OSError)
_log = logging.getLogger("kill")


def _uid(number):
    return f"2.25.{10**38 + number}"


_TEMPLATE = small_instance(**{name: _uid(number) for number, name in enumerate(_UIDS)})


def instances_of(delivery):
    """Return `FILES` instances in a few studies, (SOP Instance UID, file) pairs, other ones for each delivery."""
    made = []
    for number in range(FILES):
        study = number * STUDIES // FILES
        file = _TEMPLATE
        for place, part in enumerate((study, STUDIES + study, 2 * STUDIES + number)):
            file = file.replace(_uid(place).encode(), _uid((delivery + 1) * 10**6 + part).encode())
        made.append((_uid((delivery + 1) * 10**6 + 2 * STUDIES + number), file))
    return made


def dataset_of(file):
    """Return the data set of a Part 10 file, which is all that a sender over DIMSE sends."""
    return file[144 + struct.unpack_from("<L", file, 140)[0] :]


class Delivery:
    """One delivery in a thread of its own; `acknowledged` is what the sender heard success of, with its digest."""

    variants = (1,)

    def __init__(self, platform, instances, *, at_once):
        self.platform, self.instances, self.at_once = platform, instances, at_once
        self.acknowledged = {}
        self._digests = {uid: hashlib.sha256(self.sent(file)).hexdigest() for uid, file in instances}
        self._error = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def acknowledges_one_by_one(self):
        return self.at_once < FILES

    @property
    def has_ended(self):
        return not self._thread.is_alive()

    def join(self):
        self._thread.join()
        if self._error is not None:
            raise self._error

    def sent(self, file):
        return file

    def heard(self, uid, status):
        if status not in {"stored", "duplicate"}:
            raise AssertionError(f"an instance is {status}")
        self.acknowledged[uid] = self._digests[uid]

    def post(self, files, upload=None):
        answer = httpx.post(
            f"{self.platform.url}/api/uploads/",
            params={"upload": upload} if upload else {},
            files=[("files", (f"{number}.dcm", file)) for number, file in enumerate(files)],
            headers=self.platform.headers,
            timeout=120,
        )
        assert answer.status_code == 201, answer.text
        for line in answer.json()["files"]:
            if line["status"] != "pending":
                self.heard(line["sop_instance_uid"], line["status"])
        return answer.json()["id"]

    def _run(self):
        try:
            self.deliver()
        except _CUT_OFF:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by who joins
            self._error = error


class FormUpload(Delivery):
    """One upload, in several requests or in one."""

    variants = (20, FILES)

    def deliver(self):
        upload = None
        for start in range(0, FILES, self.at_once):
            upload = self.post([file for _, file in self.instances[start : start + self.at_once]], upload)


class StoreStream(Delivery):
    """One association."""

    def sent(self, file):
        return dataset_of(file)

    def deliver(self):
        with Association(self.platform.dimse_port, CTImageStorage, ExplicitVRLittleEndian) as association:
            for uid, file in self.instances:
                assert association.store(uid, [dataset_of(file)]) == 0
                self.heard(uid, "stored")


class ZipImport(Delivery):
    """One zip. The sender reads the receipt meanwhile: what stands there is acknowledged."""

    def deliver(self):
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, (_, file) in enumerate(self.instances):
                archive.writestr(f"{number}.dcm", file)
        upload = self.post([self.instances[0][1]])
        has_ended = threading.Event()
        reader = threading.Thread(target=self._read, args=(upload, has_ended))
        reader.start()
        try:
            self.post([packed.getvalue()], upload)
        finally:
            has_ended.set()
            reader.join()

    def _read(self, upload, has_ended):
        with suppress(*_CUT_OFF):
            while not has_ended.wait(0.05):
                for line in self.platform.rows(f"/api/uploads/{upload}/"):
                    if line["status"] != "pending":
                        self.heard(line["sop_instance_uid"], line["status"])


@pytest.mark.parametrize("kind", [FormUpload, StoreStream, ZipImport])
def test_what_was_acknowledged_outlives_a_kill_at_any_moment(start, kind):
    platform = start(CAUCE_STUDY_QUIET_S="2")
    took_s = {at_once: _undisturbed(platform, kind, -1 - at_once, at_once) for at_once in kind.variants}
    acknowledged = {}
    for number in range(ROUNDS):
        rng = random.Random(f"{kind.__name__} {number}")
        at_once = kind.variants[number % len(kind.variants)]
        delivery = kind(platform, instances_of(number), at_once=at_once)
        _await_moment(delivery, rng, took_s[at_once])
        platform.kill()
        delivery.join()
        _log.info("%s %d: %d acknowledged", kind.__name__, number, len(delivery.acknowledged))
        acknowledged |= delivery.acknowledged
        _check(platform, delivery.acknowledged, repairs=number % 2 == 0)
        platform = start(on=platform, CAUCE_STUDY_QUIET_S="2")
        _assert_no_upload_is_pending(platform)
    _send_all_again(platform, kind, ROUNDS - 1)
    studies = platform.await_end(timeout=300)
    assert {study["status"] for study in studies} == {"ready"}
    platform.process.terminate()
    platform.process.wait()
    found = held(platform, acknowledged, "--all")
    assert found == _GOOD | {"instances": found["instances"]}


_GOOD = {"wrong": {}, "damaged": [], "orphans": 0, "spooled": 0, "integrity": [], "pending": 0, "dead": 0}


def _undisturbed(platform, kind, number, at_once):
    """Return how long a delivery takes that nobody cuts short, in seconds."""
    began = time.monotonic()
    delivery = kind(platform, instances_of(1000 + abs(number)), at_once=at_once)
    delivery.join()
    assert len(delivery.acknowledged) == FILES
    return time.monotonic() - began


def _await_moment(delivery, rng, took_s):
    if delivery.acknowledges_one_by_one:
        number = rng.randrange(FILES)
        while len(delivery.acknowledged) < number and not delivery.has_ended:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 10 * took_s / FILES))
    else:
        time.sleep(rng.uniform(0, took_s))


def _check(platform, acknowledged, *, repairs):
    """Look at what the kill has left, then bring it into step, as `doctor --repair` or the sweep does it."""
    found = held(platform, acknowledged)
    _log.info("orphans %d, spooled %d, pending %d", found["orphans"], found["spooled"], found["pending"])
    assert (found["wrong"], found["integrity"]) == ({}, [])
    if repairs:
        platform.cauce("doctor", "--repair")
        found = held(platform, acknowledged)
    else:
        found = held(platform, acknowledged, "--sweep")
    left = {name: found[name] for name in ("wrong", "orphans", "integrity", "dead")}
    assert left == {"wrong": {}, "orphans": 0, "integrity": [], "dead": 0}


def _assert_no_upload_is_pending(platform):
    """What was being unpacked is settled at the start, so that nobody waits for it."""
    assert [upload["id"] for upload in platform.rows("/api/uploads/") if upload["counts"].get("pending")] == []


def _send_all_again(platform, kind, number):
    """A sender that was cut off sends everything again: nothing is taken twice, nothing is missing at the end."""
    again = kind(platform, instances_of(number), at_once=FILES)
    again.join()
    assert len(again.acknowledged) == FILES
