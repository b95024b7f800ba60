"""Accepted means safe, at all four entrances: read off the system calls of the processes that answered."""

import http.client
import json
import zipfile
from io import BytesIO

import pytest
from pydicom import dcmread
from pynetdicom import AE
from sync_trace import answers_on, commits_too_early, missing_before_answer
from traced_node import TracedNode, require_strace

from cauce.samples import small_instance

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

ENTRANCES = ("upload", "stow", "store", "import", "zip")
_MULTIPART = "multipart/{kind}; boundary=BOUNDARY"


@pytest.fixture
def start(tmp_path):
    require_strace()
    started = []

    def begin(**options):
        started.append(TracedNode(tmp_path, **options))
        return started[-1]

    yield begin
    for node in started:
        node.kill()


def test_no_entrance_answers_success_before_file_directory_and_commit_have_been_synced(start):
    assert _missing(start()) == {entrance: set() for entrance in ENTRANCES}


@pytest.mark.parametrize("forgotten", ["file", "directory", "commit"])
def test_a_server_that_leaves_a_sync_out_is_found_out_at_every_entrance(start, forgotten):
    assert _missing(start(forget=forgotten)) == {entrance: {forgotten} for entrance in ENTRANCES}


def test_a_stow_request_of_several_instances_answers_after_the_syncs_of_each(start):
    node = start()
    files = [small_instance() for _ in range(8)]
    port = _post(node, "/dicom-web/studies", _related(*files), kind='related; type="application/dicom"')
    held = node.held()
    calls = node.stop()["web"]
    (answer,) = answers_on(calls, "HTTP/1.1 200", port=port)
    assert [missing_before_answer(calls, held[_uid(file)], answer) for file in files] == [set()] * 8


def _missing(node):
    """Bring one instance in by each entrance, one after the other; return what was not durable at each answer."""
    files = {entrance: small_instance() for entrance in ENTRANCES}
    path = node._folder / "import.dcm"
    path.write_bytes(files["import"])
    ports = {
        "upload": _post(node, "/api/uploads/", _form("a.dcm", files["upload"]), kind="form-data"),
        "stow": _post(node, "/dicom-web/studies", _related(files["stow"]), kind='related; type="application/dicom"'),
        "zip": _post(node, "/api/uploads/", _form("a.zip", _zip(files["zip"])), kind="form-data"),
    }
    _store(node, files["store"])
    (verdict,) = node.run("-m", "cauce", "import", "--json", path).splitlines()
    assert json.loads(verdict)["status"] == "stored"
    held = node.held()
    calls = node.stop()
    answers = {
        "upload": answers_on(calls["web"], "HTTP/1.1 201", port=ports["upload"]),
        "stow": answers_on(calls["web"], "HTTP/1.1 200", port=ports["stow"]),
        "zip": answers_on(calls["web"], "HTTP/1.1 201", port=ports["zip"]),
        "store": answers_on(calls["dimse"], r"\4"),  # P-DATA-TF: the only one is the C-STORE response
        "import": answers_on(calls["web"], "HTTP/1.1 201")[-1:],
    }
    assert {entrance: len(found) for entrance, found in answers.items()} == dict.fromkeys(ENTRANCES, 1)
    missing = {}
    for entrance in ENTRANCES:
        trace, object_id = calls["dimse" if entrance == "store" else "web"], held[_uid(files[entrance])]
        missing[entrance] = missing_before_answer(trace, object_id, answers[entrance][0])
        if not missing[entrance] & {"file", "directory"}:
            assert commits_too_early(trace, object_id) == []
    return missing


def _post(node, path, body, *, kind):
    """Post on a connection of its own; return the client's port, by which the trace knows the connection."""
    connection = http.client.HTTPConnection("127.0.0.1", node.http_port, timeout=60)
    connection.connect()
    port = connection.sock.getsockname()[1]
    connection.request("POST", path, body, {**node.headers, "Content-Type": _MULTIPART.format(kind=kind)})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status in {200, 201}, text
    assert "refused" not in json.loads(text).get("counts", {}) or json.loads(text)["counts"]["stored"] == 1
    return port


def _form(name, content):
    head = f'--BOUNDARY\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--BOUNDARY--\r\n"


def _related(*files):
    head = b"--BOUNDARY\r\nContent-Type: application/dicom\r\n\r\n"
    return b"".join(head + file + b"\r\n" for file in files) + b"--BOUNDARY--\r\n"


def _zip(content):
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.dcm", content)
    return packed.getvalue()


def _store(node, file):
    ds = dcmread(BytesIO(file))
    ae = AE()
    ae.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    assoc = ae.associate("127.0.0.1", node.dimse_port, ae_title="CAUCE")
    assert assoc.is_established
    assert assoc.send_c_store(ds).Status == 0
    assoc.release()


def _uid(file):
    return str(dcmread(BytesIO(file), stop_before_pixels=True).SOPInstanceUID)
