"""The whole platform as its users start it: `cauce up` in processes of its own, on free loopback ports."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

PASSWORD = "long enough for a test"


@dataclass
class Platform:
    """A running `cauce up` and how to reach it."""

    process: subprocess.Popen
    environ: dict
    http_port: int
    dimse_port: int
    data: Path
    output: Path
    token: str = ""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.token}"}

    def get(self, path, **query):
        answer = httpx.get(f"{self.url}{path}", params=query, headers=self.headers, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def rows(self, path, **query):
        page = self.get(path, **query)
        rows = page["results"]
        while page["next"]:
            page = httpx.get(page["next"], headers=self.headers, timeout=60).json()
            rows += page["results"]
        return rows

    def cauce(self, *arguments, check=True, timeout=300):
        """Run one command against this platform."""
        done = subprocess.run(
            [sys.executable, "-m", "cauce", *map(str, arguments)],
            env=self.environ,
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert not check or done.returncode == 0, done.stderr + done.stdout
        return done

    def import_(self, *paths, check=True, timeout=300):
        """Import files; returns the verdicts by path."""
        done = self.cauce("import", "--json", *paths, check=check, timeout=timeout)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def await_end(self, *, timeout=120):
        """Wait until every study is ready or waits for a person; returns the studies."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            studies = self.rows("/api/studies/")
            if studies and {study["status"] for study in studies} <= {"ready", "attention"}:
                return studies
            time.sleep(0.3)
        waiting = [study for study in studies if study["status"] not in {"ready", "attention"}]
        raise AssertionError(f"not at an end after {timeout} s: {waiting[:3]}, {self.rows('/api/jobs/')[:5]}")

    def children(self):
        """Process ids of the platform's own processes, by command."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(stat[1]) == self.process.pid:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    found[int(entry.name)] = words[words.index(b"cauce") + 1].decode()
        return found

    def family(self):
        """Process ids of the platform and of all that descend from it, the platform's first."""
        parents = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        family = [self.process.pid]
        for pid in family:
            family += [child for child, parent in parents.items() if parent == pid]
        return family

    def kill(self):
        """End every process at once, as a cut of power would."""
        family = self.family()
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        deadline = time.monotonic() + 30
        while any(_is_running(pid) for pid in family):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def logs(self):
        return "".join(path.read_text() for path in (self.data / "logs").glob("*.jsonl"))


def _is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environ(folder, **settings):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CAUCE_")}
    http_port, dimse_port = free_port(), free_port()
    return {
        **kept,
        "CAUCE_DATA": str(folder / "data"),
        "CAUCE_KEYS": str(folder / "keys" / "keys.json"),
        "CAUCE_HTTP": f"127.0.0.1:{http_port}",
        "CAUCE_DIMSE": f"127.0.0.1:{dimse_port}",
        "CAUCE_ADMIN_PASSWORD": PASSWORD,
        "CAUCE_RESERVE_MB": "0",
        "CAUCE_WORKERS": "2",
        **settings,
    }


def start_platform(folder, **settings):
    environ = clean_environ(folder, **settings)
    output = folder / "output.txt"
    with output.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "cauce", "up"],
            env=environ,
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    port = int(environ["CAUCE_HTTP"].rpartition(":")[2])
    dimse_port = int(environ["CAUCE_DIMSE"].rpartition(":")[2])
    platform = Platform(process, environ, port, dimse_port, Path(environ["CAUCE_DATA"]), output)
    deadline = time.monotonic() + 60
    while "stop      Ctrl-C" not in output.read_text():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)
    answer = httpx.post(f"{platform.url}/api/auth/token", json={"username": "admin", "password": PASSWORD}, timeout=30)
    # A token that outlives the fifteen minutes of a session's.
    made = httpx.post(
        f"{platform.url}/api/tokens/",
        json={"name": "tests"},
        headers={"Authorization": f"Bearer {answer.json()['access']}"},
        timeout=30,
    )
    platform.token = made.json()["token"]
    return platform


def stop_platform(platform):
    if platform.process.poll() is None:
        platform.process.send_signal(signal.SIGTERM)
        try:
            platform.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            os.killpg(platform.process.pid, signal.SIGKILL)
            platform.process.wait()
