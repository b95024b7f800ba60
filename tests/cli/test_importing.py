"""`cauce import`: what people and programs read, and how it ends."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading

import httpx
import pytest
from fake_server import UPLOAD_ID, line, problem
from rich.console import Console

from cauce.cli import sending


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "in"
    place.mkdir()
    for name in ("a.dcm", "b.dcm", "c.dcm", "d.dcm", "notes.txt"):
        (place / name).write_bytes(b"x")
    return place


@pytest.fixture
def verdicts(server):
    server.verdicts = {
        "in/a.dcm": [line("in/a.dcm")],
        "in/b.dcm": [line("in/b.dcm", "duplicate")],
        "in/c.dcm": [line("in/c.dcm", "conflict", code="differs", detail="another content", study="study-2")],
        "in/d.dcm": [line("in/d.dcm", "refused", code="truncated", detail="It ends early.", study=None)],
        "in/notes.txt": [line("in/notes.txt", "skipped", code="accompanying_file", detail="No instance.", study=None)],
    }


def test_each_file_has_a_line_and_a_summary_follows(run, folder, verdicts):
    done = run("import", folder)
    assert done.status == 1
    assert done.err == ""
    assert done.out.splitlines() == [
        f"stored     {folder}/a.dcm",
        f"duplicate  {folder}/b.dcm",
        f"conflict   {folder}/c.dcm  differs: another content",
        f"refused    {folder}/d.dcm  truncated: It ends early.",
        f"skipped    {folder}/notes.txt  accompanying_file: No instance.",
        "",
        "5 files: 1 stored, 1 duplicate, 1 conflict, 1 refused, 1 skipped",
        "  1 refused: truncated",
        f"2 studies; receipt: http://localhost:8000/api/uploads/{UPLOAD_ID}/",
        "what becomes of them: cauce studies list",
    ]


def test_json_is_one_object_a_file_and_nothing_else(run, folder, verdicts):
    done = run("import", "--json", folder)
    assert done.status == 1
    assert done.err == ""
    lines = [json.loads(text) for text in done.out.splitlines()]
    assert lines[0] == {
        "path": f"{folder}/a.dcm",
        "status": "stored",
        "code": "",
        "detail": "",
        "study": "study-1",
        "sop_instance_uid": "1.2.3",
        "warnings": [],
        "earlier": False,
    }
    assert [(entry["status"], entry["code"]) for entry in lines] == [
        ("stored", ""),
        ("duplicate", ""),
        ("conflict", "differs"),
        ("refused", "truncated"),
        ("skipped", "accompanying_file"),
    ]
    assert {tuple(entry) for entry in lines} == {
        ("path", "status", "code", "detail", "study", "sop_instance_uid", "warnings", "earlier")
    }


def test_json_of_a_file_that_cannot_be_read_has_the_same_keys(run, folder, server, monkeypatch):
    from cauce.cli import importing
    from cauce.cli.found import files_of

    def vanish(paths, **options):
        files = list(files_of(paths, **options))
        (folder / "a.dcm").unlink()
        return files

    monkeypatch.setattr(importing, "files_of", vanish)
    done = run("import", "--json", folder)
    assert done.status == 1
    assert json.loads(done.out.splitlines()[0]) == {
        "path": f"{folder}/a.dcm",
        "status": "refused",
        "code": "unreadable",
        "detail": "No such file or directory",
        "study": None,
        "sop_instance_uid": None,
        "warnings": None,
        "earlier": False,
    }


def test_it_ends_with_0_when_nothing_was_refused(run, folder, server):
    done = run("import", folder / "a.dcm", folder / "b.dcm")
    assert done.status == 0
    assert "2 files: 2 stored\n1 study; receipt: " in done.out


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_bar_on_standard_error_leaves_standard_output_to_the_program_that_reads_it(
    run, folder, verdicts, monkeypatch, options
):
    from cauce.cli.imports import reporting

    plain = run("import", *options, folder)
    screen = io.StringIO()
    monkeypatch.setattr(reporting, "Console", lambda **_options: Console(file=screen, force_terminal=True, width=80))
    assert run("import", *options, folder) == plain
    assert "import" in screen.getvalue()
    assert "stored" not in screen.getvalue()


def test_a_bar_on_the_terminal_leaves_a_line_a_file(run, folder, verdicts, monkeypatch):
    from cauce.cli import importing
    from cauce.cli.imports import reporting

    plain = run("import", folder).out.splitlines()
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, color_system=None, width=500, highlight=False, soft_wrap=True)
    for module in (importing, reporting):
        monkeypatch.setattr(module, "console", lambda: terminal)
    run("import", folder)
    shown = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).strip("\r") for text in screen.getvalue().splitlines()]
    assert [text for text in plain if text] == [text for text in shown if text and not text.startswith("import ")]


def test_an_empty_folder_is_no_failure(run, tmp_path, server):
    assert run("import", tmp_path) == (0, "no files\n", "")


def test_the_project_is_passed_on(run, folder, server):
    run("import", folder / "a.dcm", "--project", "trial")
    assert server.uploads[0][0]["project"] == "trial"


def test_a_name_does_not_command_the_terminal(run, tmp_path, server):
    path = tmp_path / "\x1b[31mred.dcm"
    path.write_bytes(b"x")
    done = run("import", path)
    assert done.out.splitlines()[0] == f"stored     {tmp_path}/\ufffd[31mred.dcm"


def test_a_name_that_is_no_text_is_printed_with_its_bytes(run, tmp_path, server):
    os.close(os.open(os.fsencode(tmp_path) + b"/caf\xe9.dcm", os.O_CREAT | os.O_WRONLY))
    done = run("import", "--json", tmp_path)
    assert done.status == 0
    assert os.fsencode(json.loads(done.out)["path"]).endswith(b"/caf\xe9.dcm")
    assert run("import", tmp_path).out.splitlines()[0] == f"stored     {tmp_path}/caf\ufffd.dcm"


def test_a_server_that_dies_in_the_middle_is_told_with_how_to_go_on(run, tmp_path, server, no_waiting):
    for number in range(70):
        (tmp_path / f"{number}.dcm").write_bytes(b"x")
    server.faults = []
    original = server.handle_request

    def die_after_the_first(request):
        if server.uploads and request.method == "POST":
            raise httpx.ConnectError("refused")
        return original(request)

    server.handle_request = die_after_the_first
    done = run("import", tmp_path)
    assert done.status == 1
    assert done.out.count("stored") == 64
    assert done.err == (
        "no server answers at http://localhost:8000; start one with: cauce up: waiting for up to 5 minutes, it goes on "
        "by itself\n"
        "cauce: no server answers at http://localhost:8000; start one with: cauce up. "
        "What has a verdict is safe: the same command again sends the rest.\n"
    )
    assert sum(no_waiting) == pytest.approx(300)


def test_a_server_that_never_took_anything_is_told_without_that(run, folder, server, no_waiting):
    server.faults = [problem(507, "There is no room left.")]
    assert run("import", folder) == (1, "", "cauce: there is no room left\n")


def test_an_unknown_project_is_told_in_the_servers_words(run, folder, server):
    server.faults = [problem(404, "There is no such project.")]
    assert run("import", folder, "--project", "none") == (1, "", "cauce: there is no such project\n")


def test_ctrl_c_ends_it_with_one_line_that_says_how_to_go_on(run, folder, server, monkeypatch):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(sending.Sending, "_send", interrupted)
    done = run("import", folder)
    assert done == (1, "", "cauce: stopped. What has a verdict is safe: the same command again sends the rest.\n")


AS_ON_A_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)  # which is ignored where tests run in the background
os.execv(sys.executable, [sys.executable, "-m", "cauce", "import", sys.argv[1]])
"""


def test_ctrl_c_does_not_wait_for_a_server_that_does_not_answer(tmp_path):
    """The real thing: a process of its own, a server that takes everything and stays silent."""
    import http.server

    silent = threading.Event()
    asked = threading.Event()

    class Silent(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def do_POST(self):
            asked.set()
            silent.wait(60)

        def log_message(self, *_arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "a.dcm").write_bytes(b"x")
    environ = {**os.environ, "CAUCE_HTTP": f"127.0.0.1:{server.server_port}", "CAUCE_TOKEN": "of a test"}
    process = subprocess.Popen(
        [sys.executable, "-c", AS_ON_A_TERMINAL, tmp_path],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        silent.set()
        process.kill()
        server.shutdown()
    assert process.returncode == 1
    assert out == ""
    assert err == "cauce: stopped. What has a verdict is safe: the same command again sends the rest.\n"
