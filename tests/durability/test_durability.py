"""Accepted means safe, at all four entrances: read off the system calls of the processes that answered."""

import http.client
import json
import zipfile
from dataclasses import dataclass
from io import BytesIO

import pytest
from pydicom import dcmread
from pynetdicom import AE
from sync_trace import Call, answers_on, commits_in_series, commits_too_early, missing_before_answer
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
    deliveries = _deliver(start())
    assert _missing(deliveries) == {entrance: set() for entrance in ENTRANCES}
    commits = {each.entrance: commits_in_series(each.calls, each.object_id, each.answer) for each in deliveries}
    assert (commits["stow"], commits["store"]) == (1, 1)
    assert max(commits.values()) <= 3  # a form waits for the end of its receipt, a zip for its own line in it as well


@pytest.mark.parametrize("forgotten", ["file", "directory", "commit"])
def test_a_server_that_leaves_a_sync_out_is_found_out_at_every_entrance(start, forgotten):
    assert _missing(_deliver(start(forget=forgotten))) == {entrance: {forgotten} for entrance in ENTRANCES}


def test_a_stow_request_of_several_instances_answers_after_the_syncs_of_each(start):
    node = start()
    files = [small_instance() for _ in range(8)]
    port = _post(node, "/dicom-web/studies", _related(*files), kind='related; type="application/dicom"')
    held = node.held()
    calls = node.stop()["web"]
    (answer,) = answers_on(calls, "HTTP/1.1 200", port=port)
    assert [missing_before_answer(calls, held[_uid(file)], answer) for file in files] == [set()] * 8


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """One instance that came in by one entrance: the calls of the process that took it, and its answer among them."""

    entrance: str
    object_id: str
    calls: list
    answer: Call


def _missing(deliveries):
    """Return what was not durable when each was answered; what was is committed only after that."""
    missing = {}
    for each in deliveries:
        missing[each.entrance] = missing_before_answer(each.calls, each.object_id, each.answer)
        if not missing[each.entrance] & {"file", "directory"}:
            assert commits_too_early(each.calls, each.object_id) == []
    return missing


def _deliver(node):
    """Bring one instance in by each entrance, one after the other."""
    files = {entrance: small_instance() for entrance in ENTRANCES}
    ports = {
        "upload": _post(node, "/api/uploads/", _form("a.dcm", files["upload"]), kind="form-data"),
        "zip": _post(node, "/api/uploads/", _form("a.zip", _zip(files["zip"])), kind="form-data"),
        "stow": _post(node, "/dicom-web/studies", _related(files["stow"]), kind='related; type="application/dicom"'),
    }
    _store(node, files["store"])
    _import(node, files["import"])
    held = node.held()
    calls = node.stop()
    answers = {
        "upload": answers_on(calls["web"], "HTTP/1.1 201", port=ports["upload"]),
        "zip": answers_on(calls["web"], "HTTP/1.1 201", port=ports["zip"]),
        "stow": answers_on(calls["web"], "HTTP/1.1 200", port=ports["stow"]),
        "store": answers_on(calls["dimse"], r"\4"),  # P-DATA-TF: the only one is the C-STORE response
        "import": answers_on(calls["web"], "HTTP/1.1 201")[-1:],
    }
    assert {entrance: len(found) for entrance, found in answers.items()} == dict.fromkeys(ENTRANCES, 1)
    return [
        Delivered(
            entrance=entrance,
            object_id=held[_uid(files[entrance])],
            calls=calls["dimse" if entrance == "store" else "web"],
            answer=answers[entrance][0],
        )
        for entrance in ENTRANCES
    ]


def _import(node, file):
    path = node.folder / "import.dcm"
    path.write_bytes(file)
    (verdict,) = node.run("-m", "cauce", "import", "--json", path).splitlines()
    assert json.loads(verdict)["status"] == "stored"


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
