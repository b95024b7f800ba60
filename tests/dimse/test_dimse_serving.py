"""The listener as `cauce dimse` runs it: processes of its own, on a data folder of its own."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from dimse_peers import WAIT_S, Wire, data, echo_status, encoded, instance, status_of, store_command
from pydicom import uid

CT = str(uid.CTImageStorage)
EXPLICIT = str(uid.ExplicitVRLittleEndian)

MIGRATE = """
from django.core.management import call_command
from cauce import bootstrap
bootstrap.setup()
call_command("migrate", verbosity=0)
"""
SERVE = """
import os
from cauce.dimse.serving import serve_dimse
from cauce.settings import environment
serve_dimse(
    environment.current(), processes=2, ready=lambda address: os.write(1, f"{address[1]} {os.getpid()}\\n".encode())
)
"""
COUNT = """
from cauce import bootstrap
bootstrap.setup()
from cauce.records.models import UploadItem
print(",".join(UploadItem.objects.order_by("pk").values_list("status", flat=True)))
"""


def environ(tmp_path):
    ours = {
        "CAUCE_DATA": tmp_path / "data",
        "CAUCE_KEYS": tmp_path / "keys" / "keys.json",
        "CAUCE_DIMSE": "127.0.0.1:0",
    }
    return {**os.environ, **{name: str(value) for name, value in ours.items()}, "CAUCE_RESERVE_MB": "0"}


def run(tmp_path, program):
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ(tmp_path), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def serving(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", SERVE], env=environ(tmp_path), stdout=subprocess.PIPE, text=True)
    try:
        port, pid = map(int, process.stdout.readline().split())
        yield port, pid
        process.terminate()
        assert process.wait(WAIT_S * 2) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def send(port, content):
    with Wire(port) as wire:
        wire.associate([(CT, (EXPLICIT,))])
        wire.send(data(1, 3, store_command(CT, "1.2.3")), data(1, 2, content))
        status = status_of(wire.receive()[1])
        wire.send(b"\5\0\0\0\0\4" + bytes(4))
        assert wire.receive()[0] == 0x06
    return status


def children(pid):
    return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_instances_are_stored_by_processes_that_may_be_killed_and_the_log_names_no_one(tmp_path):
    run(tmp_path, MIGRATE)
    first, second = encoded(instance()), encoded(instance(pixels=b"\1" * 8192))
    with serving(tmp_path) as (port, pid):
        assert send(port, first) == 0x0000
        assert send(port, first) == 0x0000
        before = children(pid)
        for child in before:
            os.kill(child, signal.SIGKILL)
        end = time.monotonic() + WAIT_S
        while len(children(pid)) < 2 or set(children(pid)) & set(before):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert echo_status(port) == 0x0000
        assert send(port, second) == 0x0000
    assert run(tmp_path, COUNT) == "stored,duplicate,stored"
    log = (tmp_path / "data" / "logs" / "dimse.jsonl").read_text()
    assert log.count('"dimse.process.died"') == 2
    assert "dimse.association.finished" in log
    assert "Traceback" not in log
    for secret in ("Zzyzx", "PID-77123", "2.25.1234567890"):
        assert secret not in log
