"""A web process and a DICOM listener that run under strace, on a data folder of their own."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from sync_trace import SYSTEM_CALLS, calls_of

FORGETFUL = Path(__file__).with_name("forgetful.py")
PASSWORD = "long enough for a test"

_HELD = """
import json
from cauce import bootstrap
bootstrap.setup("tests")
from cauce.records.models import Version
print(json.dumps(dict(Version.objects.values_list("instance__sop_instance_uid", "object_id"))))
"""


def require_strace():
    """Skip, loudly, where strace is absent or may not trace."""
    if shutil.which("strace") is None:
        pytest.skip("STRACE IS ABSENT: it is not on the path, so nothing is proven about syncs")
    if subprocess.run(["strace", "-f", "-o", os.devnull, "true"], check=False, capture_output=True).returncode:
        pytest.skip("STRACE MAY NOT TRACE HERE, so nothing is proven about syncs")


class TracedNode:
    """Both roles, with `forget` naming the sync that they leave out."""

    def __init__(self, folder, *, forget=None):
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CAUCE_")}
        self.http_port, self.dimse_port = _free_port(), _free_port()
        self.environ = {
            **kept,
            "CAUCE_DATA": str(folder / "data"),
            "CAUCE_KEYS": str(folder / "keys" / "keys.json"),
            "CAUCE_HTTP": f"127.0.0.1:{self.http_port}",
            "CAUCE_DIMSE": f"127.0.0.1:{self.dimse_port}",
            "CAUCE_ADMIN_PASSWORD": PASSWORD,
            "CAUCE_RESERVE_MB": "0",
        }
        self._program = [sys.executable, *([str(FORGETFUL), forget] if forget else ["-m", "cauce"])]
        self.run("-m", "cauce", "migrate")
        self._tracers = {role: self._start(role) for role in ("web", "dimse")}
        self._await_ready()
        credentials = {"username": "admin", "password": PASSWORD}
        token = httpx.post(f"{self.url}/api/auth/token", json=credentials, timeout=60).json()["access"]
        self.headers = {"Authorization": f"Bearer {token}"}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http_port}"

    def run(self, *arguments):
        """Run Python beside the node, untraced; return its output."""
        done = subprocess.run(
            [sys.executable, *map(str, arguments)], env=self.environ, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def held(self):
        """Return the id of the object of each instance, by SOP Instance UID."""
        return json.loads(self.run("-c", _HELD))

    def stop(self):
        """Stop both roles and return what each did, by role."""
        for tracer in self._tracers.values():
            for pid in _children(tracer.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        for tracer in self._tracers.values():
            try:
                tracer.wait(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(tracer.pid, signal.SIGKILL)
                raise
        return {
            role: calls_of(self._trace(role).read_text(encoding="utf-8", errors="replace").splitlines())
            for role in self._tracers
        }

    def kill(self):
        """End whatever still runs, after a failure."""
        for tracer in self._tracers.values():
            if tracer.poll() is None:
                os.killpg(tracer.pid, signal.SIGKILL)
                tracer.wait()

    def _trace(self, role):
        return self.folder / f"{role}.trace"

    def _start(self, role):
        strace = ["strace", "-f", "-yy", "-s", "64", "-e", f"trace={SYSTEM_CALLS}", "-o", str(self._trace(role)), "--"]
        with (self.folder / f"{role}.txt").open("w") as sink:
            return subprocess.Popen(
                [*strace, *self._program, role],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _await_ready(self):
        deadline = time.monotonic() + 90
        while not (self._answers_http() and self._answers_dimse()):
            for role, tracer in self._tracers.items():
                assert tracer.poll() is None, (self.folder / f"{role}.txt").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def _answers_http(self):
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200
        return False

    def _answers_dimse(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.dimse_port), timeout=5).close()
            return True
        return False


def _children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
