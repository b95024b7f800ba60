"""Sending files in groups: retries, order, the last request, names, sizes."""

import os
import threading
from contextlib import nullcontext
from pathlib import Path

import httpx
import pytest
from fake_server import UPLOAD_ID, kept, line, problem
from hypothesis import given, settings
from hypothesis import strategies as st

from cauce.cli import sending
from cauce.cli.client import Client
from cauce.cli.found import FileToSend, files_of
from cauce.cli.sending import Sending
from cauce.core.errors import Forbidden, StorageFull, Unavailable


def finals(server):
    return [query.get("final") for query, _, _ in server.uploads]


def test_one_file_is_sent_in_one_request_that_is_final(server, send, files):
    entries, run = send(files(1, size_bytes=10))
    assert server.uploads[0][:2] == ({"project": "default", "final": "true"}, ["many/0000.dcm"])
    assert b"\r\n\r\nxxxxxxxxxx\r\n--" in server.uploads[0][2]
    assert [(entry["status"], entry["name"]) for entry in entries] == [("stored", "many/0000.dcm")]
    assert list(run.studies) == ["study-1"]


def test_nothing_is_sent_where_there_is_nothing(server, send):
    assert send([])[0] == []
    assert server.uploads == []


def test_two_thousand_files_are_one_delivery_in_groups_of_64_and_only_the_last_is_final(server, send, files):
    everything = files(2000)
    entries, run = send(everything)
    assert [entry["path"] for entry in entries] == [str(file.path) for file in everything]
    assert sorted(len(names) for _, names, _ in server.uploads) == [16, *[64] * 31]
    assert finals(server) == [*[None] * 31, "true"]
    assert [query.get("upload") for query, _, _ in server.uploads] == [None, *[UPLOAD_ID] * 31]
    assert run.upload_id == UPLOAD_ID


def test_the_last_request_waits_for_all_others(server, send, files, monkeypatch):
    under_way, most = [], []
    inner = server.handle_request
    lock = threading.Lock()

    def watch(request):
        is_upload = request.method == "POST"
        with lock:
            under_way.append(request) if is_upload else None
            most.append((len(under_way), request.url.params.get("final")))
        try:
            return inner(request)
        finally:
            with lock:
                under_way.remove(request) if is_upload else None

    monkeypatch.setattr(server, "handle_request", watch)
    send(files(64 * 9))
    assert most[-1] == (1, "true")
    assert max(count for count, _ in most) <= sending.CONNECTIONS


@given(sizes=st.lists(st.integers(0, 100), max_size=40))
@settings(max_examples=40, deadline=None)
def test_groups_keep_the_order_and_both_bounds(sizes):
    given_files = [
        FileToSend(path=Path(str(number)), name=str(number), size_bytes=size) for number, size in enumerate(sizes)
    ]
    before = sending.GROUP_FILES_MAX
    sending.GROUP_FILES_MAX = 7
    try:
        groups = list(sending._grouped(given_files, 100))
    finally:
        sending.GROUP_FILES_MAX = before
    assert [file for group in groups for file in group] == given_files
    assert all(0 < len(group) <= 7 for group in groups)
    assert all(sum(file.size_bytes for file in group) <= 100 for group in groups)


def test_a_busy_server_is_asked_again_when_it_says_so(server, send, files, no_waiting):
    server.faults = [problem(503, "busy", headers={"Retry-After": "7"}), problem(503, "busy")]
    entries, _ = send(files(1))
    assert [entry["status"] for entry in entries] == ["stored"]
    assert no_waiting[0] == 7
    assert 0 < no_waiting[1] <= 2
    assert b"\r\n\r\nx\r\n--" in server.uploads[0][2]


def test_a_server_that_stays_busy_is_given_up_after_five_minutes_with_what_it_says(server, send, files, no_waiting):
    server.faults = [problem(503, "The database does not answer now.") for _ in range(100)]
    with pytest.raises(Unavailable, match=r"^The database does not answer now\.$"):
        send(files(1))
    assert sum(no_waiting) == pytest.approx(300)
    assert server.uploads == []


def test_a_full_server_is_not_asked_again(server, send, files, no_waiting):
    server.faults = [problem(507, "The object store has reached the room that is kept free.")]
    with pytest.raises(StorageFull):
        send(files(1))
    assert no_waiting == []


@pytest.mark.parametrize(
    "broken",
    [
        httpx.WriteError("reset"),
        httpx.RemoteProtocolError("gone"),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout(""),
    ],
)
def test_a_connection_that_breaks_is_tried_again_with_the_whole_group(server, send, files, no_waiting, broken):
    server.faults = [broken]
    entries, _ = send(files(3))
    assert [entry["status"] for entry in entries] == ["stored"] * 3
    assert [names for _, names, _ in server.uploads] == [["many/0000.dcm", "many/0001.dcm", "many/0002.dcm"]]


def test_a_wrong_token_is_told_before_anything_is_sent(server, send, files):
    server.documents["/api/"] = problem(401, "The token is not valid.")
    with pytest.raises(Forbidden, match=r"the server does not know this token: The token is not valid\."):
        send(files(1))
    assert server.uploads == []


def test_no_server_is_told_at_once(server, send, files, no_waiting, monkeypatch):
    def refuse(_request):
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(server, "handle_request", refuse)
    with pytest.raises(Unavailable, match="no server answers at http://localhost:8000; start one with: cauce up"):
        send(files(1))
    assert no_waiting == []


def test_a_server_that_breaks_off_the_first_request_and_is_gone_for_a_while_is_waited_for(
    server, send, files, no_waiting, monkeypatch
):
    left = [httpx.ReadError("reset"), httpx.ConnectError("refused"), httpx.ConnectError("refused")]
    inner = server.handle_request

    def refuse(request):
        if left:
            raise left.pop(0)
        return inner(request)

    monkeypatch.setattr(server, "handle_request", refuse)
    entries, _ = send(files(1))
    assert [entry["status"] for entry in entries] == ["stored"]
    assert len(no_waiting) == 3


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        ("process {pid} at http://localhost:8000\n", True),
        ("process {pid} at http://localhost:9000\n", False),
        ("process 999999999 at http://localhost:8000\n", False),
        ("", False),
    ],
)
def test_a_server_that_is_kept_up_here_is_waited_for_from_the_start(
    send, files, no_waiting, lost_connection, data_folder, said, waits
):
    (data_folder / "up.lock").write_text(said.format(pid=os.getpid()))
    with nullcontext() if waits else pytest.raises(Unavailable):
        send(files(1))
    assert len(no_waiting) == waits


@pytest.fixture
def lost_connection(server, monkeypatch):
    """A server that takes no connection the first time."""
    left = [httpx.ConnectError("refused")]
    inner = server.handle_request
    monkeypatch.setattr(server, "handle_request", lambda request: refuse(left) if left else inner(request))


@pytest.fixture
def data_folder(settings_of, tmp_path):
    settings_of(DATA=tmp_path)
    return tmp_path


def refuse(left):
    raise left.pop()


def test_an_address_at_which_nothing_takes_the_connection_is_told_at_once(server, send, files, no_waiting, monkeypatch):
    monkeypatch.setattr(server, "handle_request", lambda _request: refuse([httpx.ConnectTimeout("late")]))
    with pytest.raises(Unavailable, match="nothing at http://localhost:8000 takes a connection in time"):
        send(files(1))
    assert no_waiting == []


def test_a_failure_of_one_group_ends_the_delivery_and_keeps_the_verdicts_before_it(server, files, no_waiting):
    entries = []
    everything = files(64 * 4)
    with Client() as client:
        run = Sending(client=client, project="default", on_verdicts=entries.extend)
        original = run._post

        def fail_later(readings, params):
            if readings[0][0].name == "many/0064.dcm":
                raise Forbidden("This account may not store instances.")
            return original(readings, params)

        sending.Sending._post, before = lambda _self, *arguments: fail_later(*arguments), sending.Sending._post
        try:
            with pytest.raises(Forbidden):
                run.run(everything)
        finally:
            sending.Sending._post = before
    assert len(entries) == 64
    assert finals(server) == [None] * len(server.uploads)


def test_a_group_that_is_too_long_for_a_proxy_goes_in_smaller_ones(server, send, files):
    server.request_bytes_max = 30_000
    entries, run = send(files(65, size_bytes=5_000))
    assert [entry["status"] for entry in entries] == ["stored"] * 65
    assert [entry["name"] for entry in entries] == sorted(entry["name"] for entry in entries)
    assert {query.get("upload") for query, _, _ in server.uploads[1:]} == {UPLOAD_ID}
    assert finals(server) == [None] * (len(server.uploads) - 1) + ["true"]
    assert run.upload_id == UPLOAD_ID


def test_only_a_file_that_is_too_long_by_itself_is_refused(server, send, files):
    server.request_bytes_max = 30_000
    everything = files(5, size_bytes=5_000)
    everything[4].path.write_bytes(b"x" * 40_000)
    entries, _ = send(list(files_of([file.path for file in everything])))
    assert [entry["status"] for entry in entries] == ["stored"] * 4 + ["refused"]
    assert entries[4]["code"] == "too_large"
    assert entries[4]["detail"] == "The server, or a proxy before it, takes no request as long as this."
    assert finals(server)[-1] == "true", "the delivery is complete all the same"


def test_nothing_is_sent_where_even_the_first_file_is_too_long(server, send, files):
    server.request_bytes_max = 10
    entries, run = send(files(3))
    assert [entry["code"] for entry in entries] == ["too_large"] * 3
    assert (server.uploads, run.upload_id) == ([], None)


@pytest.mark.parametrize(
    "name", ["niño ñandú.dcm", 'we"ird.dcm', "two\nlines.dcm", "100%22.dcm", "per%cent.dcm", "日本.dcm"]
)
def test_whatever_a_file_is_called_its_verdict_names_it(server, send, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"x")
    entries, _ = send(list(files_of([path])))
    assert [(entry["status"], entry["path"]) for entry in entries] == [("stored", str(path))]
    assert kept(server.uploads[0][1][0]) == kept(name).replace("\n", " ")


def test_the_token_is_renewed_in_the_middle_and_the_body_is_sent_again(server, send, files, settings_of, monkeypatch):
    from cauce.cli import client

    tokens = iter(["first", "second"])
    settings_of(TOKEN=None)
    monkeypatch.setattr(client, "_local_token", lambda: next(tokens))
    server.faults = [problem(401, "expired")]
    entries, _ = send(files(1, size_bytes=100))
    assert [entry["status"] for entry in entries] == ["stored"]
    assert server.credentials == ["Bearer first", "Bearer first", "Bearer second"]
    assert b"x" * 100 in server.uploads[0][2]


def test_an_archive_that_is_still_unpacked_is_waited_for_and_its_files_reported_once(
    server, send, tmp_path, monkeypatch
):
    monkeypatch.setattr(sending, "_PENDING_POLL_S", 0)
    place = tmp_path / "d"
    place.mkdir()
    for name in ("big.zip", "one.dcm", "small.zip"):
        (place / name).write_bytes(b"x")
    server.verdicts = {
        "d/big.zip": [line("d/big.zip", "pending", study=None)],
        "d/small.zip": [line("d/small.zip/1.dcm")],
    }
    receipt = f"/api/uploads/{UPLOAD_ID}/"
    server.documents[f"{receipt}?status=pending&limit=1"] = [{"results": [1]}, {"results": [1]}, {"results": []}]
    later = [line("d/one.dcm"), line("d/small.zip/1.dcm"), line("d/big.zip/a.dcm", study="study-2")]
    server.documents[f"{receipt}?limit=1000"] = {
        "results": later,
        "next": f"http://localhost:8000{receipt}?limit=1000&cursor=2",
    }
    last = [line("d/big.zip/b.dcm", "refused", code="not_dicom"), line("d/big.zip", "refused", code="interrupted")]
    server.documents[f"{receipt}?limit=1000&cursor=2"] = {"results": last, "next": None}
    entries, run = send(list(files_of([place])))
    assert [(Path(entry["path"]).relative_to(place).as_posix(), entry["status"]) for entry in entries] == [
        ("one.dcm", "stored"),
        ("small.zip/1.dcm", "stored"),
        ("big.zip/a.dcm", "stored"),
        ("big.zip/b.dcm", "refused"),
        ("big.zip", "refused"),
    ]
    assert list(run.studies) == ["study-1", "study-2"]
