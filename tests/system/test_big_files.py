"""A multi-frame file of gigabytes goes through the platform, each process of which holds at most 512 MB.

BIG_GIB says how large it is. It is made while it is sent, so no process here holds it either.
"""

import hashlib
import http.client
import json
import logging
import os
import shutil
import time

import pytest
from big_instance import ENHANCED_CT, BigInstance
from dicom_sender import Association
from held_data import held
from memory_watch import MemoryWatch
from pydicom.uid import RLELossless

SIZE_BYTES = int(float(os.environ.get("BIG_GIB", "1")) * (1 << 30))
MEMORY_MIB = 512
PATIENCE_S = 300 + 300 * SIZE_BYTES // (1 << 30)

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("system"), pytest.mark.timeout(2 * PATIENCE_S)]

_BOUNDARY = "BOUNDARY"
_END = f"\r\n--{_BOUNDARY}--\r\n".encode()
_log = logging.getLogger("big")


@pytest.fixture
def platform(start):
    running = start(CAUCE_STUDY_QUIET_S="1", CAUCE_WORKERS="1")
    yield running
    running.kill()
    shutil.rmtree(running.data)  # test runs are kept for a while, and these are long


def by_upload(platform, big):
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="big.dcm"\r\n\r\n'.encode()
    receipt = _post(platform, "/api/uploads/", head, big, f"multipart/form-data; boundary={_BOUNDARY}")
    return receipt["files"][0]["status"]


def by_stow(platform, big):
    head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    kind = f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}'
    answer = _post(platform, "/dicom-web/studies", head, big, kind)
    return "refused" if "00081198" in answer else "stored"


def by_store(platform, big):
    with Association(platform.dimse_port, ENHANCED_CT, RLELossless, timeout_s=PATIENCE_S) as association:
        status = association.store(big.sop_instance_uid, big.dataset())
    return "stored" if status == 0 else f"{status:04X}"


def _post(platform, path, head, big, content_type):
    def body():
        yield head
        yield from big.chunks()
        yield _END

    length = len(head) + big.size_bytes + len(_END)
    headers = {**platform.headers, "Content-Type": content_type, "Content-Length": str(length)}
    connection = http.client.HTTPConnection("127.0.0.1", platform.http_port, timeout=PATIENCE_S)
    connection.request("POST", path, body(), headers)
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    assert answer.status in {200, 201}, document
    return document


@pytest.mark.parametrize("entrance", [by_upload, by_stow, by_store])
def test_a_file_of_gigabytes_is_taken_and_processed_in_bounded_memory(platform, entrance):
    big = BigInstance(SIZE_BYTES)
    began = time.monotonic()
    with MemoryWatch(platform) as watch:
        assert entrance(platform, big) == "stored"
        _log.info("%s: %d bytes in %.1f s", entrance.__name__, big.size_bytes, time.monotonic() - began)
        _log.info("peaks in MiB: %s", watch.peaks())
        (study,) = platform.await_end(timeout=PATIENCE_S)
        _log.info("at its end after %.1f s", time.monotonic() - began)
    _log.info("peaks in MiB: %s", watch.peaks())
    assert watch.above(MEMORY_MIB) == {}
    assert study["status"] == "ready", study
    (series,) = platform.get(f"/api/studies/{study['id']}/")["series"]
    assert series["figures"]["measured"] == 1
    sent = big.dataset() if entrance is by_store else big.chunks()
    assert held(platform, {big.sop_instance_uid: _digest(sent)})["wrong"] == {}


def _digest(chunks):
    found = hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
    return found.hexdigest()
