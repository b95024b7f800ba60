"""All of the malformed corpus at every entrance: each input is answered soon, in bounded memory, and nothing dies.

What stands beside a hostile input is stored as if it came alone.
"""

import http.client
import json
import logging
import socket
import time
import zipfile
from io import BytesIO

import pytest
from dicom_sender import Association
from memory_watch import MemoryWatch
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from cauce.samples import small_instance

ANSWERED_WITHIN_S = 10
MEMORY_MIB = 1024
NEIGHBOURS_EVERY = 20

pytestmark = [pytest.mark.cluster, pytest.mark.corpus, pytest.mark.xdist_group("system"), pytest.mark.timeout(600)]

_log = logging.getLogger("hostile")
_FORM = b'--BOUNDARY\r\nContent-Disposition: form-data; name="files"; filename="x"\r\n\r\n%b\r\n--BOUNDARY--\r\n'
_RELATED = b"--BOUNDARY\r\nContent-Type: application/dicom\r\n\r\n%b\r\n--BOUNDARY--\r\n"
_FORM_TYPE = "multipart/form-data; boundary=BOUNDARY"
_RELATED_TYPE = 'multipart/related; type="application/dicom"; boundary=BOUNDARY'


class Attack:
    """Sends one hostile input after the other and looks after the server; `problems` says what went wrong."""

    def __init__(self, platform):
        self.platform = platform
        self.problems = []
        self.slowest = (0.0, "")
        self.statuses = {}

    def post(self, name, path, body, content_type):
        """Send one body; it has to be answered, in time, and not by an error of the server's own."""
        began = time.monotonic()
        headers = {**self.platform.headers, "Content-Type": content_type}
        connection = http.client.HTTPConnection("127.0.0.1", self.platform.http_port, timeout=4 * ANSWERED_WITHIN_S)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            document = answer.read()
        except OSError as error:
            self.problems.append((name, path, f"no answer: {type(error).__name__}"))
            return {}
        finally:
            connection.close()
            self._note_time(name, path, time.monotonic() - began)
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        if answer.status >= 500:
            self.problems.append((name, path, answer.status))
        self._require_alive(name, path)
        return json.loads(document)

    def send_bytes(self, name, data):
        """Send bytes to the DICOM port; it has to answer or hang up, in time, and to take an instance after that."""
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.platform.dimse_port), timeout=3 * ANSWERED_WITHIN_S) as peer:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            try:
                peer.recv(4096)
            except ConnectionResetError:
                pass
            except TimeoutError:
                self.problems.append((name, "dimse", "silence"))
        self._note_time(name, "dimse", time.monotonic() - began)
        self._require_association(name)

    def _note_time(self, name, path, took_s):
        self.slowest = max(self.slowest, (took_s, f"{name} {path}"))
        if took_s > ANSWERED_WITHIN_S:
            self.problems.append((name, path, f"{took_s:.1f} s"))

    def _require_alive(self, name, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.platform.http_port, timeout=ANSWERED_WITHIN_S)
        try:
            connection.request("GET", "/healthz")
            status = connection.getresponse().status
        except OSError as error:
            status = type(error).__name__
        finally:
            connection.close()
        if status != 200:
            self.problems.append((name, path, f"afterwards {status}"))

    def _require_association(self, name):
        file = small_instance()
        with Association(self.platform.dimse_port, CTImageStorage, ExplicitVRLittleEndian) as association:
            status = association.store(_uid(file), [file[_dataset_offset(file) :]])
        if status != 0:
            self.problems.append((name, "dimse", f"afterwards {status:04X}"))


@pytest.fixture
def inputs(malformed):
    """The hostile inputs by name, as bytes."""
    files = sorted(path for path in malformed.rglob("*") if path.is_file() and path.name != "MANIFEST.tsv")
    return {path.relative_to(malformed).as_posix(): path.read_bytes() for path in files}


def test_every_hostile_input_is_answered_and_its_neighbours_are_stored(start, inputs):
    assert len(inputs) == 436
    platform = start(CAUCE_STUDY_QUIET_S="1")
    for slug in ("stow", "bodies", "zip"):
        platform.cauce("projects", "create", slug)
    attack = Attack(platform)
    children = platform.children()
    with MemoryWatch(platform) as watch:
        neighbours = {}
        for deliver in (_by_form, _by_stow, _raw, _in_one_zip):
            began = time.monotonic()
            neighbours |= deliver(attack, inputs)
            _log.info("%s: %.1f s", deliver.__name__, time.monotonic() - began)
        platform.await_end(timeout=300)
    _log.info("statuses %s, slowest %s, peaks %s", attack.statuses, attack.slowest, watch.peaks())
    assert attack.problems == []
    assert watch.above(MEMORY_MIB) == {}
    assert platform.children() == children
    assert set(neighbours.values()) == {"stored"}


def _by_form(attack, inputs):
    neighbours = {}
    for number, (name, data) in enumerate(inputs.items()):
        attack.post(name, "/api/uploads/", _FORM % data, _FORM_TYPE)
        if number % NEIGHBOURS_EVERY == 0:
            receipt = attack.post("neighbour", "/api/uploads/", _FORM % small_instance(), _FORM_TYPE)
            neighbours[f"form {number}"] = receipt["files"][0]["status"]
    return neighbours


def _by_stow(attack, inputs):
    path = "/projects/stow/dicom-web/studies"
    neighbours = {}
    for number, (name, data) in enumerate(inputs.items()):
        attack.post(name, path, _RELATED % data, _RELATED_TYPE)
        if number % NEIGHBOURS_EVERY == 0:
            answer = attack.post("neighbour", path, _RELATED % small_instance(), _RELATED_TYPE)
            neighbours[f"stow {number}"] = "refused" if "00081198" in answer else "stored"
    return neighbours


def _raw(attack, inputs):
    bodies = [name for name in inputs if name.endswith(".body")]
    streams = [name for name in inputs if name.startswith("dimse-bytes/")]
    assert (len(bodies), len(streams)) == (8, 7)
    for name in bodies:
        content_type = inputs[name.removesuffix(".body") + ".content-type"].decode().strip()
        attack.post(name, "/projects/bodies/dicom-web/studies", inputs[name], content_type)
    for name in streams:
        attack.send_bytes(name, inputs[name])
    return {}


def _in_one_zip(attack, inputs):
    good = {}
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, data) in enumerate(inputs.items()):
            if number % NEIGHBOURS_EVERY == 0:
                file = small_instance()
                good[_uid(file)] = f"zip {number}"
                archive.writestr(f"good/{number}.dcm", file)
            archive.writestr(f"bad/{name}", data)
    receipt = attack.post("one zip", "/api/uploads/?project=zip", _FORM % packed.getvalue(), _FORM_TYPE)
    path = f"/api/uploads/{receipt['id']}/"
    deadline = time.monotonic() + 120
    while attack.platform.get(path)["finished_at"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    found = dict.fromkeys(good.values(), "missing")
    for line in attack.platform.rows(path):
        if line["sop_instance_uid"] in good:
            found[good[line["sop_instance_uid"]]] = line["status"]
    return found


def _uid(file):
    return str(dcmread(BytesIO(file), stop_before_pixels=True).SOPInstanceUID)


def _dataset_offset(file):
    return 144 + int.from_bytes(file[140:144], "little")
