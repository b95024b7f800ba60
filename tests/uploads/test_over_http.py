"""The same routes over a real server: what only shows with sockets, processes and a clock."""

import io
import json
import socket
import time
import zipfile

import pytest
from granian_server import Server

from asgi_driver import BOUNDARY, form, related
from cauce import samples
from cauce.core.limits import MIB


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


def request_head(server, path, *, kind, length, more=""):
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: {server.headers['authorization']}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {length}\r\n{more}\r\n"
    ).encode()


def answer_of(connection):
    """Read until the server closes; returns (status line, body)."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0].decode(), body


def zipped(contents):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for number, content in enumerate(contents):
            made.writestr(f"{number:04}", content)
    return buffer.getvalue()


def test_three_hundred_files_by_form_then_by_zip_then_by_stow(server):
    contents = [samples.small_instance() for _ in range(300)]
    files = [("files", (f"{number:04}", content)) for number, content in enumerate(contents)]
    receipt = server.post("/api/uploads/?final=true", files=files).json()
    assert receipt["counts"]["stored"] == len(receipt["files"]) == 300
    assert [line["name"] for line in receipt["files"]] == [f"{number:04}" for number in range(300)]
    receipt = server.post("/api/uploads/", files=[("files", ("all.zip", zipped(contents)))]).json()
    assert (receipt["counts"]["duplicate"], receipt["finished"]) == (300, True)
    kind, body = related(contents)
    answer = server.post("/dicom-web/studies", content=body, headers={"content-type": kind})
    assert (answer.status_code, len(answer.json()["00081199"]["Value"])) == (200, 300)
    assert server.get(f"/api/uploads/{receipt['id']}/")["counts"] == {"duplicate": 300}


def test_a_long_body_that_is_refused_unread_still_gets_its_answer(server):
    kind, _ = form([])
    with server.connect() as connection:
        head = request_head(server, "/api/uploads/", kind=kind, length=200 * MIB).replace(
            b"Bearer cauce_", b"Bearer no"
        )
        connection.sendall(head)
        try:
            for _ in range(200):
                connection.sendall(bytes(MIB))
        except OSError:
            pass  # the server has hung up, which it may
        status, body = answer_of(connection)
    assert status == "HTTP/1.1 401 Unauthorized"
    assert json.loads(body)["code"] == "unauthenticated"


def test_a_client_that_asks_first_is_told_before_it_sends(server):
    kind, _ = form([])
    with server.connect() as connection:
        more = "Expect: 100-continue\r\n"
        head = request_head(server, "/api/uploads/?project=nowhere", kind=kind, length=10**9, more=more)
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 404 ")


def test_what_a_client_had_sent_whole_before_its_cable_was_cut_is_kept(server):
    contents = [samples.small_instance() for _ in range(3)]
    kind, body = form([(str(number), content) for number, content in enumerate(contents)])
    known = {row["id"] for row in server.get("/api/uploads/")["results"]}
    with server.connect() as connection:
        connection.sendall(request_head(server, "/api/uploads/", kind=kind, length=len(body)) + body[:-1000])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, not an orderly end
    deadline = time.monotonic() + 20
    ended = []
    while not ended and time.monotonic() < deadline:
        rows = server.get("/api/uploads/")["results"]
        ended = [row for row in rows if row["id"] not in known and row["finished_at"]]
        time.sleep(0.05)
    assert [row["counts"] for row in ended] == [{"stored": 2}]
    receipt = server.post("/api/uploads/", files=[("files", (str(n), c)) for n, c in enumerate(contents)]).json()
    assert [line["status"] for line in receipt["files"]] == ["duplicate", "duplicate", "stored"]


def test_a_client_that_sends_byte_by_byte_is_served(server):
    kind, body = form([("1", samples.small_instance())])
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = request_head(server, "/api/uploads/", kind=kind, length=len(body), more="Connection: close\r\n")
        for start in range(0, len(head), 50):
            connection.sendall(head[start : start + 50])
        for start in range(0, len(body), 40):
            connection.sendall(body[start : start + 40])
        status, answer = answer_of(connection)
    assert status == "HTTP/1.1 201 Created"
    assert json.loads(answer)["counts"]["stored"] == 1


def test_a_chunked_gigabyte_passes_through_a_process_of_bounded_memory(server):
    block = bytes(1 * MIB)
    start = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="long"\r\n\r\n'.encode()

    def body():
        yield start
        for _ in range(1024):
            yield block
        yield f"\r\n--{BOUNDARY}--".encode()

    kind, _ = form([])
    answer = server.post("/api/uploads/", content=body(), headers={"content-type": kind})
    assert answer.json()["files"][0]["code"] == "not_dicom"
    assert server.peak_memory_bytes() < 400 * MIB


@pytest.mark.corpus
def test_hostile_instances_are_answered_and_the_server_stays(server, malformed):
    paths = sorted(path for path in malformed.rglob("*") if path.suffix in {".dcm", ".zip", ".gz"})[::8]
    statuses = {}
    for path in paths:
        kind, body = related([path.read_bytes()])
        answer = server.post("/dicom-web/studies", content=body, headers={"content-type": kind})
        statuses[path.name] = answer.status_code
    assert set(statuses.values()) <= {200, 202, 409}
    assert len(statuses) > 40
    assert server.is_alive()
    assert "request.failed" not in server.log()
    assert "intake.failed" not in server.log()


def test_a_server_killed_over_an_archive_says_so_after_its_next_start(tmp_path):
    server = Server(tmp_path, app="impatient:application")
    try:
        archive = zipped([samples.small_instance() for _ in range(1000)])
        receipt = server.post("/api/uploads/", files=[("files", ("large.zip", archive))]).json()
        assert [line["status"] for line in receipt["files"]] == ["pending"]
        server.kill()
        server.start()
        after = server.get(f"/api/uploads/{receipt['id']}/")
        assert after["counts"]["refused"] == 1
        assert after["counts"].get("stored", 0) < 1000
        assert after["finished_at"] is not None
        refused = server.get(f"/api/uploads/{receipt['id']}/?status=refused")["results"][0]
        assert (refused["name"], refused["code"]) == ("large.zip", "interrupted")
    finally:
        server.stop()
