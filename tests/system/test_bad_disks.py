"""A disk that fills up or turns read-only under a running platform: what it says, what it keeps, how it recovers.

The disk is a real file system in memory, so these tests want to mount one.
"""

import hashlib
import itertools
import json
import subprocess
import time

import httpx
import pytest
from held_data import held

from cauce.samples import ct_slice, small_instance, to_part10

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("system"), pytest.mark.timeout(300)]

SIZE_MIB = 48
_numbers = itertools.count(1)


@pytest.fixture
def file_system():
    """Mount file systems of their own, which are gone with the test."""
    mounted = []

    def make(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not mount("-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", folder):
            pytest.skip("NO FILE SYSTEM CAN BE MOUNTED HERE: this test proves nothing")
        mounted.append(folder)
        return folder

    yield make
    for folder in reversed(mounted):
        subprocess.run(["umount", "--lazy", folder], check=True)


def mount(*words):
    return subprocess.run(["mount", *map(str, words)], check=False, capture_output=True).returncode == 0


def files(count, *, make=small_instance):
    """Return so many instances by their UIDs."""
    uids = [f"2.25.{10**38 + next(_numbers)}" for _ in range(count)]
    return {uid: make(SOPInstanceUID=uid) for uid in uids}


def large_instance(**attributes):
    """Return an instance of half a megabyte."""
    ds = ct_slice()
    for name, value in attributes.items():
        setattr(ds, name, value)
    return to_part10(ds)


def upload(platform, instances):
    """Send one form; return its status, the codes of what was refused, and what was said to be held, by UID."""
    form = [("files", (f"{uid}.dcm", file)) for uid, file in instances.items()]
    answer = httpx.post(f"{platform.url}/api/uploads/", files=form, headers=platform.headers, timeout=120)
    document = answer.json()
    lines = document.get("files", [])
    kept = [line["name"].removesuffix(".dcm") for line in lines if line["status"] in {"stored", "duplicate"}]
    codes = {line["code"] for line in lines if line["status"] == "refused"} | {document.get("code")} - {None}
    return answer.status_code, codes, {uid: hashlib.sha256(instances[uid]).hexdigest() for uid in kept}


def await_readiness(platform, *, status, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while True:
        answer = httpx.get(f"{platform.url}/readyz", timeout=30)
        if answer.status_code == status:
            return answer.json()
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)


def test_a_disk_that_fills_up_refuses_by_name_keeps_what_it_took_and_goes_on_when_there_is_room(
    start, tmp_path, file_system
):
    disk = file_system(tmp_path / "disk")
    platform = start(CAUCE_DATA=str(disk / "data"), CAUCE_RESERVE_MB="4", CAUCE_STUDY_QUIET_S="3600")
    kept, refusals = {}, set()
    for _ in range(60):
        status, codes, held_now = upload(platform, files(4, make=large_instance))
        kept |= held_now
        refusals |= codes
        if "storage_full" in refusals:
            break
    assert refusals == {"storage_full"}
    assert status in {201, 507}
    assert len(kept) > 20
    assert httpx.get(f"{platform.url}/healthz", timeout=30).status_code == 200
    assert mount("-o", f"remount,size={4 * SIZE_MIB}m", disk)
    status, codes, held_now = upload(platform, files(1))
    assert (status, codes, len(held_now)) == (201, set(), 1)
    platform.process.terminate()
    platform.process.wait(60)
    found = held(platform, kept | held_now, "--sweep", "--all")
    assert (found["wrong"], found["damaged"], found["integrity"]) == ({}, [], [])
    assert (found["orphans"], found["spooled"], found["instances"]) == (0, 0, len(kept) + 1)


def test_an_object_store_that_turns_read_only_is_named_and_intake_comes_back_with_it(start, tmp_path, file_system):
    data = tmp_path / "data"
    store = file_system(data / "objects")
    platform = start(CAUCE_DATA=str(data), CAUCE_STUDY_QUIET_S="1")
    _, _, kept = upload(platform, files(3))
    assert len(kept) == 3
    platform.await_end()
    assert mount("-o", "remount,ro", store)
    status, codes, held_now = upload(platform, files(1))
    assert (status, codes, held_now) == (503, {"storage_unavailable"}, {})
    not_ready = await_readiness(platform, status=503)
    failed = [check for check in not_ready["checks"] if check["status"] != "ok"]
    assert failed == [{"name": "object_store", "status": "failed", "code": "storage_unavailable"}]
    assert httpx.get(f"{platform.url}/healthz", timeout=30).status_code == 200
    said = platform.cauce("doctor", "--json", check=False)
    assert said.returncode == 1
    failed = [finding for finding in json.loads(said.stdout) if finding["status"] == "failed"]
    assert {finding["name"]: finding["detail"] for finding in failed} == {
        "object store": "The folder of the object store cannot be written.",
        "web": f"http://localhost:{platform.http_port}/readyz answers 503",
    }
    assert mount("-o", "remount,rw", store)
    await_readiness(platform, status=200)
    status, codes, held_now = upload(platform, files(1))
    assert (status, codes, len(held_now)) == (201, set(), 1)
    assert len(platform.await_end()) == 4
    platform.process.terminate()
    platform.process.wait(60)
    found = held(platform, kept | held_now, "--sweep", "--all")
    assert (found["wrong"], found["damaged"], found["orphans"]) == ({}, [], 0)


def test_a_data_folder_on_a_read_only_disk_is_refused_in_one_line(start, tmp_path, file_system):
    disk = file_system(tmp_path / "disk")
    platform = start(CAUCE_DATA=str(disk / "data"), CAUCE_STUDY_QUIET_S="1")
    platform.process.terminate()
    platform.process.wait(60)
    assert mount("-o", "remount,ro", disk)
    said = platform.cauce("up", check=False)
    assert said.returncode == 1
    assert said.stderr.startswith("cauce: ")
    assert "read-only" in said.stderr.lower()
    assert "Traceback" not in said.stderr
