"""The main job: every accepted instance comes out stored, catalogued, de-identified, processed and queryable."""

import json
import os
import re
import signal
import time
from pathlib import Path

import httpx
import pytest

from cauce.ports.ledger import LEASE_S
from cauce.samples import write_demo

pytestmark = pytest.mark.xdist_group("system")


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    return folder, write_demo(folder, seed=7)


def test_a_sample_goes_through_the_whole_flow_and_again_is_all_duplicates(start, sample):
    folder, demo = sample
    platform = start()
    verdicts = platform.import_(folder)
    assert [verdict["status"] for verdict in verdicts] == ["stored"] * len(demo.paths)

    studies = {study["modalities"][0]: study for study in platform.await_end()}
    assert studies["CT"]["status"] == "ready"
    assert studies["US"]["status"] == "ready"
    outputs = platform.get(f"/api/studies/{studies['US']['id']}/deidentification/")["outputs"]
    assert [len(output["boxes"]) > 3 for output in outputs] == [True]

    series = platform.get(f"/api/studies/{studies['CT']['id']}/")["series"][0]
    assert series["figures"]["measured"] == series["instances"]
    assert series["figures"]["unit"] == "HU"
    picture = httpx.get(series["preview"], headers=platform.headers)
    assert picture.content.startswith(b"\x89PNG")
    results = platform.rows("/api/results/")
    means = [round(result["mean_before_normalization"], 6) for result in results if result["data_size"]]
    assert len(means) == 2
    assert round(series["figures"]["mean"], 6) in means

    again = platform.import_(folder)
    assert [verdict["status"] for verdict in again] == ["duplicate"] * len(demo.paths)

    _no_identity_outside(platform, demo)
    _stops_cleanly(platform)


def _no_identity_outside(platform, demo):
    """Grep for the sample's names, ids and UIDs where none may stand."""
    known = [text for text in _identity_of(demo.paths) if len(text) >= 5]
    assert len(known) > 5
    jobs = json.dumps([platform.get(f"/api/jobs/{job['id']}/") for job in platform.rows("/api/jobs/")])
    _every_process_logs(platform)
    metrics = httpx.get(f"{platform.url}/metrics").text
    missing = httpx.get(f"{platform.url}/api/studies/{known[0]}/", headers=platform.headers).text.replace(known[0], "")
    names = "\n".join(str(path) for path in platform.data.rglob("*"))
    for place in (platform.logs(), jobs, metrics, missing, names, platform.output.read_text()):
        assert [text for text in known if text in place] == []


def _identity_of(paths):
    from pydicom import dcmread

    found = set()
    for path in paths[:2] + paths[-2:]:
        ds = dcmread(path, stop_before_pixels=True)
        found.update(str(ds.get(name, "")) for name in ("PatientName", "PatientID", "AccessionNumber"))
        found.update(str(ds.get(name, "")) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))
        found.update(part for part in re.split(r"[\^=]", str(ds.get("PatientName", ""))))
        found.add(Path(path).name)
    return sorted(found - {""})


def _stops_cleanly(platform):
    children = platform.children()
    assert sorted(set(children.values())) == ["dimse", "scheduler", "web", "worker"]
    platform.process.send_signal(signal.SIGINT)
    assert platform.process.wait(timeout=40) == 0
    assert platform.output.read_text().rstrip().endswith("stopped")
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


def test_a_killed_workers_job_is_done_by_another_within_two_leases(start, sample):
    folder, _ = sample
    platform = start(CAUCE_WORKERS="2")
    victim, other = [pid for pid, name in platform.children().items() if name == "worker"]
    for pid in (victim, other):
        os.kill(pid, signal.SIGSTOP)  # so that nothing is done before there is something to see
    platform.import_(folder)
    job_id = _kill_in_the_middle(platform, victim)
    killed_at = time.monotonic()
    os.kill(other, signal.SIGCONT)
    job = _await_success(platform, job_id)
    assert time.monotonic() - killed_at < 2 * LEASE_S
    assert [attempt["outcome"] for attempt in job["history"]][-2:] == ["lost", "succeeded"]
    platform.await_end()
    assert {study["status"] for study in platform.rows("/api/studies/")} == {"ready"}
    assert len([name for name in platform.children().values() if name == "worker"]) == 2


def _kill_in_the_middle(platform, victim):
    """Let a worker go on until it holds a job, freeze it, make sure that it still does, then kill it."""
    os.kill(victim, signal.SIGCONT)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for row in platform.rows("/api/jobs/", status="running"):
            os.kill(victim, signal.SIGSTOP)
            if _worker_pid(platform, row["id"]) == victim:
                os.kill(victim, signal.SIGKILL)
                return row["id"]
            os.kill(victim, signal.SIGCONT)
    raise AssertionError("no job was caught while it ran")


def _worker_pid(platform, job_id):
    """Return the process that runs a job now, from the worker's name `<host>-<pid>-<random>`."""
    job = platform.get(f"/api/jobs/{job_id}/")
    return int(job["worker"].split("-")[-2]) if job["status"] == "running" else None


def _await_success(platform, job_id):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        job = platform.get(f"/api/jobs/{job_id}/")
        if job["status"] == "succeeded":
            return job
        time.sleep(0.2)
    raise AssertionError(f"the job is {job['status']}")


def test_a_second_server_on_one_folder_is_refused_and_names_the_first(start):
    platform = start()
    done = platform.cauce("up", check=False)
    assert done.returncode == 2
    assert f"process {platform.process.pid}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_named_with_its_owner(start, tmp_path):
    platform = start()
    environ = {**platform.environ, "CAUCE_DATA": str(tmp_path / "other"), "CAUCE_KEYS": str(tmp_path / "keys")}
    platform.environ = environ
    done = platform.cauce("up", check=False)
    assert done.returncode == 2
    assert f"port {platform.http_port} is in use by" in done.stderr
    assert "CAUCE_HTTP" in done.stderr


def test_when_the_supervisor_is_killed_its_processes_go_too(start):
    platform = start()
    children = platform.children()
    platform.process.kill()
    platform.process.wait()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


def _every_process_logs(platform):
    """An empty log would prove nothing."""
    for role, event in (
        ("web", "request"),
        ("worker", "job.ended"),
        ("dimse", "dimse.listening"),
        ("up", "process.started"),
    ):
        assert f'"event": "{event}"' in (platform.data / "logs" / f"{role}.jsonl").read_text(), role
