"""What starts and fills the API: fallback, order, working folder."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

EXERCISES = Path(__file__).resolve().parents[2] / "exercises"
NOBODY = "postgres://user:hunter2@127.0.0.1:1/cauce"


@pytest.fixture
def run(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run_command(*words, output=subprocess.PIPE, **environ):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CAUCE_", "DJANGO"))}
        return subprocess.run(
            [sys.executable, *map(str, words)],
            cwd=tmp_path,  # anywhere but where the files are
            env={
                **kept,
                "PYTHONDONTWRITEBYTECODE": "1",
                "CAUCE_DATA": str(tmp_path / "data"),
                "CAUCE_KEYS": str(tmp_path / "keys.json"),
                "CAUCE_HTTP": f"127.0.0.1:{port}",
                **environ,
            },
            check=False,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )

    return run_command


def test_the_database_is_filled_once_whatever_the_working_folder(run, tmp_path):
    manage, populate = EXERCISES / "manage.py", EXERCISES / "medical_images_api/populate_data.py"
    early = run(populate)
    assert (early.returncode, early.stdout) == (1, "")
    assert early.stderr == "there are no tables yet, or no administrator: python manage.py migrate\n"
    assert "the tables are not up to date: python manage.py migrate" in run(manage, "runserver").stderr
    first, second = run(manage, "migrate"), run(manage, "migrate")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert first.stdout.count("password: ") == 1
    assert "password" not in second.stdout
    filled, again = run(populate), run(manage, "populate_data")
    assert filled.stdout.endswith("50 created, 0 already there, 0 refused\n"), filled.stderr
    assert "element 50: created\n" in filled.stdout
    assert again.stdout.endswith("0 created, 50 already there, 0 refused\n"), again.stderr
    (tmp_path / "bad.json").write_text(json.dumps({"7": {"id": "x", "data": ["a"], "deviceName": "CT"}}))
    bad = run(populate, tmp_path / "bad.json")
    assert bad.returncode == 1
    assert "element 7: refused (400): {'7': {'data': ['row 1, value 1 is not a number']}}" in bad.stdout
    one = {"id": "aabbcc1", "data": ["1"], "deviceName": "CT"}
    half = {**one, "id": "\ud800"}
    (tmp_path / "odd.json").write_text(json.dumps({"1": one, "2": half, "\ud800": one, "4": {**one, "id": "new"}}))
    odd = run(populate, tmp_path / "odd.json")
    assert (odd.returncode, odd.stderr) == (1, "")
    assert odd.stdout.splitlines()[1:] == [
        "element 1: refused: id: exists with other data",
        "element 2: refused: id: holds half a character (a lone surrogate), which is no text",
        "element ?: refused: holds what cannot be written as JSON",
        "element 4: created",
        "1 created, 0 already there, 3 refused",
    ]
    if Path("/dev/full").exists():
        for words in ([populate], [manage, "populate_data"]):
            with Path("/dev/full").open("w") as full:
                unwritten = run(*words, output=full)
            assert unwritten.returncode == 1
            assert unwritten.stderr.count("\n") == 1, unwritten.stderr
            assert "No space left" in unwritten.stderr
    assert "none.json" in run(populate, tmp_path / "none.json").stderr


def test_postgresql_that_does_not_answer_is_replaced_with_a_loud_warning(run, tmp_path):
    done = run(EXERCISES / "manage.py", "migrate", CAUCE_DATABASE_URL=NOBODY)
    assert done.returncode == 0, done.stderr
    assert "WARNING: PostgreSQL at 127.0.0.1:1 does not answer.\nSQLite is used in its place" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
    assert (tmp_path / "data" / "cauce.db").is_file()


def test_postgresql_that_refuses_is_not_replaced(run, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_refuse_everybody, args=(server,), daemon=True).start()
        port = server.getsockname()[1]
        url = f"postgres://user:hunter2@127.0.0.1:{port}/cauce?sslmode=disable"
        done = run(EXERCISES / "manage.py", "migrate", CAUCE_DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("PostgreSQL is there, but this cannot work with it: ")
    assert "password … is wrong" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr
    assert not (tmp_path / "data" / "cauce.db").exists()


def _refuse_everybody(server):
    """Answer each start-up message as PostgreSQL answers a wrong password, and no request for encryption."""
    fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword hunter2 is wrong\0\0"
    while True:
        try:
            caller, _ = server.accept()
        except OSError:
            return
        with caller:
            while len(asked := caller.recv(4096)) == 8:  # SSLRequest, GSSENCRequest
                caller.sendall(b"N")
            if asked:
                caller.sendall(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)


@pytest.mark.parametrize("command", [["up"], ["web"], ["worker"], ["dimse"], ["scheduler"], ["migrate"]])
def test_the_platform_itself_refuses_to_start_then(run, tmp_path, command):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dimse = f"127.0.0.1:{probe.getsockname()[1]}"
    done = run("-m", "cauce", *command, CAUCE_DATABASE_URL=NOBODY, CAUCE_DIMSE=dimse)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("cauce: the database at 127.0.0.1:1 does not answer")
    assert "hunter2" not in done.stderr
    assert not (tmp_path / "data" / "cauce.db").exists()


def test_a_url_that_is_none_is_wrong_for_both(run):
    for words in ([EXERCISES / "manage.py", "migrate"], ["-m", "cauce", "migrate"]):
        done = run(*words, CAUCE_DATABASE_URL="mysql://a:hunter2@b/c")
        assert done.returncode != 0
        assert "CAUCE_DATABASE_URL: wants postgres://" in done.stderr
        assert "hunter2" not in done.stderr
