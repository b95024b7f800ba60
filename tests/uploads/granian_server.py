"""A real server process on a free loopback port, on a data folder of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

_PREPARE = """
import sys
from cauce import bootstrap
bootstrap.setup("tests")
from django.core.management import call_command
call_command("migrate", verbosity=0)
from cauce.accounts.models import ApiToken, User
print(ApiToken.issue(User.objects.create_user("sender", role="admin"), name="tests")[1])
"""


class Server:
    """One granian with one worker process."""

    def __init__(self, folder, *, app="cauce.api.asgi:application"):
        self._app = app
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CAUCE_")}
        self.data = folder / "data"
        self._environ = {
            **kept,
            "CAUCE_DATA": str(self.data),
            "CAUCE_KEYS": str(folder / "keys" / "keys.json"),
            "CAUCE_RESERVE_MB": "0",
            "PYTHONPATH": str(Path(__file__).parent),
        }
        done = subprocess.run(
            [sys.executable, "-c", _PREPARE], env=self._environ, check=True, capture_output=True, text=True
        )
        self.headers = {"authorization": f"Bearer {done.stdout.strip()}"}
        self.start()

    def start(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        options = [
            "--interface",
            "asgi",
            "--loop",
            "asyncio",
            "--no-ws",
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "granian", *options, self._app],
            env=self._environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while not self.is_alive():
            assert self._process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)

    def kill(self):
        """End the worker as a loss of power would, then its parent."""
        for pid in self.workers():
            os.kill(pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def is_alive(self):
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/healthz", timeout=10).status_code == 200
        return False

    def workers(self):
        """Process ids of the workers."""
        path = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def peak_memory_bytes(self):
        """The most memory that a worker has held since it started."""
        peaks = []
        for pid in self.workers():
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            peaks += [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")]
        return max(peaks)

    def post(self, path, **options):
        headers = {**self.headers, **options.pop("headers", {})}
        return httpx.post(f"{self.url}{path}", headers=headers, timeout=120, **options)

    def get(self, path):
        return httpx.get(f"{self.url}{path}", headers=self.headers, timeout=60).json()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def log(self):
        return (self.data / "logs" / "web.jsonl").read_text()
