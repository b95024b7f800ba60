"""The two servers that are compared, each on a fresh folder and free loopback ports."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

START_WITHIN_S = 60.0
PASSWORD = "a password of the benchmark"  # noqa: S105 - of a server that lives for a minute


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where a server answers."""

    name: str
    dicomweb: str
    headers: dict[str, str]
    dimse_port: int
    ae_title: str


def free_port() -> int:
    """Return a loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def has_orthanc() -> bool:
    """Tell whether Debian's Orthanc is installed."""
    return shutil.which("Orthanc") is not None


@contextmanager
def cauce(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run `cauce up`, with more `settings`. Studies do not close while intake is measured."""
    http_port, dimse_port = free_port(), free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CAUCE_")}
    environ |= {
        "CAUCE_DATA": str(folder / "data"),
        "CAUCE_KEYS": str(folder / "keys"),
        "CAUCE_HTTP": f"127.0.0.1:{http_port}",
        "CAUCE_DIMSE": f"127.0.0.1:{dimse_port}",
        "CAUCE_ADMIN_PASSWORD": PASSWORD,
        "CAUCE_STUDY_QUIET_S": "3600",
        "CAUCE_RESERVE_MB": "0",
        **(settings or {}),
    }
    base = f"http://127.0.0.1:{http_port}"
    with process([sys.executable, "-m", "cauce", "up"], environ):
        await_success(f"{base}/readyz")
        answer = httpx.post(f"{base}/api/auth/token", json={"username": "admin", "password": PASSWORD}, timeout=30)
        headers = {"Authorization": f"Bearer {answer.json()['access']}"}
        yield Server(
            name="Cauce", dicomweb=f"{base}/dicom-web", headers=headers, dimse_port=dimse_port, ae_title="CAUCE"
        )


@contextmanager
def orthanc(folder: Path) -> Iterator[Server]:
    """Run Debian's Orthanc with DICOMweb, synced to disk as it is by default."""
    http_port, dimse_port = free_port(), free_port()
    folder.mkdir(parents=True)
    configuration = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "HttpPort": http_port,
        "DicomPort": dimse_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": ["/usr/share/orthanc/plugins"],
        "DicomWeb": {"Enable": True},
        "DicomAlwaysAllowStore": True,
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(configuration))
    base = f"http://127.0.0.1:{http_port}"
    with process(["Orthanc", str(path)], dict(os.environ)):
        await_success(f"{base}/system")
        yield Server(
            name="Orthanc", dicomweb=f"{base}/dicom-web", headers={}, dimse_port=dimse_port, ae_title="ORTHANC"
        )


@contextmanager
def process(command: list[str], environ: dict[str, str]) -> Iterator[None]:
    """Run a server until the block is left."""
    process = subprocess.Popen(  # noqa: S603 - our own program, or Orthanc
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def await_success(url: str) -> None:
    """Wait until `url` answers.

    Raises:
        TimeoutError: it does not for `START_WITHIN_S`.
    """
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise TimeoutError(url)
