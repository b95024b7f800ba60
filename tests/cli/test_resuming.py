"""`cauce import` that was stopped and is started again."""

import json
import os

import httpx
import pytest
from fake_server import UPLOAD_ID, line, problem

from cauce.cli import sending

RECEIPT = f"/api/uploads/{UPLOAD_ID}/"


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "cauce" / "imports"


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "in"
    place.mkdir()
    for number in range(70):
        (place / f"{number:02}.dcm").write_bytes(b"x")
    return place


@pytest.fixture
def stopped(run, folder, server, monkeypatch):
    """An import of which the first 64 files have their verdict."""

    def call(*options):
        original = sending.Sending._send
        sent = []

        def stop(self, group, *, is_final):
            if sent:
                raise KeyboardInterrupt
            sent.append(group)
            return original(self, group, is_final=is_final)

        with monkeypatch.context() as patched:
            patched.setattr(sending.Sending, "_send", stop)
            done = run("import", *options, folder)
        assert (done.status, done.err[-len(GO_ON) :]) == (1, GO_ON)
        server.uploads.clear()
        return done

    return call


GO_ON = "cauce: stopped. What has a verdict is safe: the same command again sends the rest.\n"


def sent(server):
    return [name for _, names, _ in server.uploads for name in names]


def test_the_rest_is_sent_in_the_same_delivery_which_is_then_complete(run, folder, server, stopped, state):
    stopped()
    done = run("import", folder)
    assert sent(server) == [f"in/{number:02}.dcm" for number in range(64, 70)]
    assert server.uploads[0][0] == {"project": "default", "final": "true", "upload": UPLOAD_ID}
    assert done.err == "going on: 64 files have their verdict from an earlier run (--again sends all)\n"
    assert done.out.splitlines()[6:9] == [
        "",
        "70 files: 70 stored",
        "  64 of them had their verdict from an earlier run",
    ]
    assert done.status == 0
    assert list(state.iterdir()) == []


def test_an_import_that_came_to_its_end_is_sent_again_when_it_is_asked_for_again(run, folder, server):
    run("import", folder)
    server.uploads.clear()
    run("import", folder)
    assert len(sent(server)) == 70


def test_programs_read_a_line_a_file_of_both_runs(run, folder, server, stopped):
    stopped()
    lines = [json.loads(text) for text in run("import", "--json", folder).out.splitlines()]
    assert [one["earlier"] for one in lines] == [True] * 64 + [False] * 6
    assert {one["status"] for one in lines} == {"stored"}
    assert lines[0] == {
        "path": f"{folder}/00.dcm",
        "status": "stored",
        "code": "",
        "detail": "",
        "study": "study-1",
        "sop_instance_uid": None,
        "warnings": None,
        "earlier": True,
    }


def test_a_file_that_changed_since_is_sent_again(run, folder, server, stopped):
    stopped()
    (folder / "03.dcm").write_bytes(b"longer")
    os.utime(folder / "05.dcm", (5, 5))
    run("import", folder)
    assert sent(server) == ["in/03.dcm", "in/05.dcm", *(f"in/{number}.dcm" for number in range(64, 70))]


def test_a_server_that_dies_before_the_rest_is_sent_is_waited_for(run, folder, server, stopped, monkeypatch):
    stopped()
    monkeypatch.setattr("time.sleep", lambda _s: None)
    gone = [httpx.ConnectError("refused"), httpx.ReadError("reset")]
    inner = server.handle_request

    def refuse(request):
        if request.url.path == RECEIPT and gone:
            raise gone.pop()
        return inner(request)

    monkeypatch.setattr(server, "handle_request", refuse)
    done = run("import", folder)
    assert (done.status, gone) == (0, [])
    assert "waiting for up to 5 minutes" in done.err


def test_again_sends_everything(run, folder, server, stopped):
    stopped()
    done = run("import", "--again", folder)
    assert len(sent(server)) == 70
    assert "upload" not in server.uploads[0][0]
    assert done.err == ""


def test_a_server_that_does_not_know_the_delivery_gets_everything(run, folder, server, stopped):
    stopped()
    server.documents[RECEIPT] = problem(404, "There is no such upload of yours.")
    done = run("import", folder)
    assert len(sent(server)) == 70
    assert done.err == "the server does not know what an earlier run has sent: that is sent again\n"


def test_a_file_that_was_refused_for_good_is_not_sent_again_and_still_counts(run, folder, server, stopped):
    server.verdicts = {"in/07.dcm": [line("in/07.dcm", "refused", code="truncated", detail="It ends early.")]}
    stopped()
    done = run("import", folder)
    assert "in/07.dcm" not in sent(server)
    assert done.status == 1
    assert done.out.splitlines()[0] == f"refused    {folder}/07.dcm  truncated: It ends early."
    assert "  1 refused: truncated" in done.out


def test_a_file_that_was_not_taken_to_its_end_is_sent_again(run, folder, server, state):
    server.verdicts = {"in/07.dcm": [line("in/07.dcm", "refused", code="storage_full", detail="There is no room.")]}
    assert run("import", folder).status == 1
    server.verdicts, _ = {}, server.uploads.clear()
    assert run("import", folder).status == 0
    assert sent(server) == ["in/07.dcm"]
    assert list(state.iterdir()) == []


def test_where_only_the_last_word_was_missing_it_is_said(run, folder, server, monkeypatch, state):
    def stop(_self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sending.Sending, "_await_pending", stop)
        run("import", folder)
    server.uploads.clear()
    assert run("import", folder).status == 0
    assert [(query, names) for query, names, _ in server.uploads] == [
        ({"project": "default", "final": "true", "upload": UPLOAD_ID}, [])
    ]
    assert list(state.iterdir()) == []


def test_an_archive_goes_on_as_a_whole_in_a_delivery_of_its_own(run, tmp_path, server, monkeypatch):
    monkeypatch.setattr(sending, "_PENDING_POLL_S", 0)
    (tmp_path / "a.zip").write_bytes(b"x")
    server.verdicts = {"a.zip": [line("a.zip", "pending", study=None)]}
    server.documents[f"{RECEIPT}?status=pending&limit=1"] = httpx.Response(403, json={"detail": "no"})
    assert run("import", tmp_path / "a.zip").status == 1
    server.verdicts, _ = {"a.zip": [line("a.zip/1.dcm")]}, server.uploads.clear()
    done = run("import", tmp_path / "a.zip")
    assert [(names, query.get("upload")) for query, names, _ in server.uploads] == [(["a.zip"], None)]
    assert done.status == 0


def test_a_file_that_was_given_relatively_is_found_again_absolutely(run, folder, server, stopped, monkeypatch):
    stopped()
    monkeypatch.chdir(folder.parent)
    run("import", "in")
    assert len(sent(server)) == 6


def test_without_a_place_to_note_it_an_import_is_none_the_worse(run, folder, server, monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    done = run("import", folder)
    assert done.status == 0
    assert len(sent(server)) == 70
    assert done.err == (
        f"{tmp_path}/file/cauce/imports cannot be written (Not a directory): stopped, this import starts anew\n"
    )


def test_a_journal_that_can_no_longer_be_written_does_not_end_the_import(run, folder, server, monkeypatch):
    import sqlite3

    from cauce.cli.imports.journal import Journal

    def full(_self, _verdicts, *, upload_id):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Journal, "record", full)
    done = run("import", folder)
    assert (done.status, len(sent(server))) == (0, 70)
    assert done.err.count("\n") == 1
