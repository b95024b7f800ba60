import json
import logging
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from multiprocessing import get_context

import pytest
import structlog

from cauce.core.errors import NotFound
from cauce.settings import logging as subject
from cauce.settings.environment import load

SECRET = "DOE^JANE"


@pytest.fixture
def lines(tmp_path, capsys):
    """Configure logging as a process of ours does, and return what the file holds; the runner's is put back after."""
    root, hooks = logging.getLogger(), (warnings.showwarning, threading.excepthook, sys.unraisablehook)
    before = root.handlers[:], root.level, logging.raiseExceptions
    root.handlers = []  # those of the runner are not to be closed
    subject.configure(load({"CAUCE_DATA": str(tmp_path)}), role="web")

    def read():
        return [json.loads(line) for line in (tmp_path / "logs" / "web.jsonl").read_text().splitlines()]

    yield read
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level, logging.raiseExceptions = before
    warnings.showwarning, threading.excepthook, sys.unraisablehook = hooks
    assert SECRET not in "".join(capsys.readouterr())
    for path in (tmp_path / "logs").iterdir():
        assert SECRET not in path.read_text()
        assert "JANE" not in path.read_text()


@pytest.fixture
def log():
    return structlog.get_logger("cauce.test")


def fail():
    raise ValueError(f"bad name {SECRET}")


# --- events of ours ------------------------------------------------------------------------------------------------


def test_an_event_is_one_line_of_json_with_level_and_time(lines, log):
    log.info("instance.stored", size_bytes=7, project="default")
    (line,) = lines()
    moment = line.pop("timestamp")
    assert moment.endswith("Z")
    assert line == {"event": "instance.stored", "size_bytes": 7, "project": "default", "level": "info"}


def test_what_is_bound_to_the_context_is_in_every_line(lines, log):
    with structlog.contextvars.bound_contextvars(job="abc"):
        log.warning("job.slow")
    assert lines()[0]["job"] == "abc"


def test_levels_below_the_setting_are_not_written(lines, log):
    log.debug("too.fine")
    log.info("fine")
    assert [line["event"] for line in lines()] == ["fine"]


def test_an_exception_is_written_as_types_and_places(lines, log):
    try:
        fail()
    except ValueError as error:
        log.exception("step.failed")
        log.warning("step.failed", exc_info=error)
        log.warning("step.failed", exc_info=(type(error), error, error.__traceback__))
    for line in lines():
        assert line["error"].startswith("builtins.ValueError\n")
        assert line["error"].splitlines()[-1].endswith(" fail")
        assert "exc_info" not in line


def test_the_words_of_our_own_errors_are_written(lines, log):
    log.warning("study.missing", exc_info=NotFound("There is no such study."))
    assert lines()[0]["error"] == "cauce.core.errors.NotFound: There is no such study."


def test_no_exception_is_written_where_there_is_none(lines, log):
    log.warning("odd", exc_info=True)  # noqa: LOG014 - the subject
    assert "error" not in lines()[0]


def test_objects_are_written_as_their_types_and_errors_among_the_values_as_traces(lines, log):
    class Header:
        def __repr__(self):
            return SECRET

    log.info("x", header=Header(), raw=SECRET.encode(), error=ValueError(SECRET), deep={"list": [Header(), 1]})
    line = lines()[0]
    assert line["header"].endswith("Header>")
    assert line["raw"] == "<builtins.bytes>"
    assert line["error"] == "builtins.ValueError"
    assert line["deep"]["list"][1] == 1


# --- libraries -----------------------------------------------------------------------------------------------------


def test_what_a_library_says_is_not_quoted_only_where_and_as_which_template(lines):
    library = logging.getLogger("some.library")
    library.warning("name %s is odd", SECRET)
    library.warning(f"name {SECRET} is odd")
    library.warning(ValueError(SECRET))
    with_arguments, without, an_error = lines()
    assert with_arguments["event"] == "library.message"
    assert with_arguments["logger"] == "some.library"
    assert with_arguments["level"] == "warning"
    assert with_arguments["template"] == "name %s is odd"
    assert with_arguments["place"].startswith("test_logging:")
    assert "template" not in without
    assert "template" not in an_error


def test_the_exception_of_a_library_is_written_as_types_and_places(lines):
    try:
        fail()
    except ValueError:
        logging.getLogger("some.library").exception("failed for %s", SECRET)
        logging.getLogger("django.request").exception("Internal Server Error: %s", f"/studies/{SECRET}")
        logging.getLogger("asyncio").exception(f"exception was never retrieved {SECRET}")  # noqa: G004 - as asyncio
    assert [line["error"].splitlines()[0] for line in lines()] == ["builtins.ValueError"] * 3
    assert [line.get("template") for line in lines()] == ["failed for %s", None, None]


def test_a_record_that_cannot_be_formatted_quotes_nothing_either(lines):
    logging.getLogger("some.library").warning("two %s %s", SECRET)  # noqa: PLE1206 - the subject
    logging.getLogger("some.library").warning("a number %d", SECRET)
    assert [line["template"] for line in lines()] == ["two %s %s", "a number %d"]


def test_what_libraries_say_below_warnings_is_not_written(lines):
    logging.getLogger("some.library").info("reading %s", SECRET)
    logging.getLogger("some.library").debug("reading %s", SECRET)
    assert lines() == []


@pytest.mark.parametrize("name", ["pydicom", "pynetdicom.assoc", "django.request", "httpx", "PIL.Image", "asyncio"])
def test_libraries_that_quote_what_they_read_are_quiet_whatever_level_they_set_themselves(lines, name):
    library = logging.getLogger(name)
    before = library.level
    library.setLevel(logging.DEBUG)  # as pydicom does when it is imported
    library.warning("odd value: %s", SECRET)
    library.error("worse value: %s", SECRET)
    library.setLevel(before)
    (line,) = lines()
    assert (line["level"], line["logger"]) == ("error", name)
    assert "template" not in line


def test_a_stack_of_a_library_is_left_out(lines):
    logging.getLogger("some.library").warning("here %s", SECRET, stack_info=True)
    assert set(lines()[0]) == {"event", "logger", "place", "template", "level", "timestamp"}


def test_warnings_of_python_are_written_by_category_and_place(lines):
    warnings.showwarning(UserWarning(SECRET), UserWarning, "/lib/odd.py", 7)
    line = lines()[0]
    assert (line["event"], line["category"], line["place"]) == ("python.warning", "UserWarning", "/lib/odd.py:7")


def test_a_process_of_ours_keeps_identity_off_its_file_and_its_terminal(tmp_path):
    """Warnings, a thread that dies, an error in clean-up, and pydicom imported after the logs were set up."""
    code = textwrap.dedent(
        f"""
        import gc, threading, warnings
        from cauce.settings import logging
        from cauce.settings.environment import load
        logging.configure(load({{"CAUCE_DATA": {str(tmp_path)!r}}}), role="worker")
        import pydicom
        from pydicom.dataset import Dataset
        ds = Dataset()
        ds.PatientBirthDate = "{SECRET}"
        ds.StudyInstanceUID = "{SECRET}"
        pydicom.config.logger.warning("value %s", "{SECRET}")
        warnings.warn("about {SECRET}")
        def die():
            raise ValueError("{SECRET}")
        thread = threading.Thread(target=die); thread.start(); thread.join()
        class Untidy:
            def __del__(self):
                raise ValueError("{SECRET}")
        Untidy(); gc.collect()
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    content = (tmp_path / "logs" / "worker.jsonl").read_text()
    assert SECRET not in content + done.stdout + done.stderr
    assert events_in(content) == ["python.warning", "thread.died", "python.unraisable"]
    assert events_in(done.stderr) == ["thread.died", "python.unraisable"]  # errors alone
    assert done.stdout == ""


def events_in(text):
    return [json.loads(line)["event"] for line in text.splitlines()]


def test_hooks_of_a_host_stay(tmp_path, lines):
    assert threading.excepthook is not subject._log_end_of_thread  # the runner's own
    subject._log_end_of_thread(threading.ExceptHookArgs((SystemExit, SystemExit(1), None, None)))
    assert lines() == []


# --- the file ------------------------------------------------------------------------------------------------------


def test_folder_and_file_are_their_owners_alone(lines, tmp_path):
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "logs" / "web.jsonl").stat().st_mode & 0o777 == 0o600


def test_configured_twice_every_line_is_written_once(lines, log, tmp_path):
    subject.configure(load({"CAUCE_DATA": str(tmp_path)}), role="web")
    log.info("once")
    assert [line["event"] for line in lines()] == ["once"]


def test_a_full_file_is_set_aside_while_the_process_runs(tmp_path):
    path = tmp_path / "web.jsonl"
    handler = subject.RoleFile(path, bytes_max=1_000)
    for number in range(100):
        handler.emit(record(f"{number:0>49}"))  # 50 bytes a line
    handler.close()
    handler.close()
    lines = path.read_text().splitlines()
    aside = (tmp_path / "web.1.jsonl").read_text().splitlines()
    assert [int(line) for line in aside + lines] == list(range(100 - len(aside) - len(lines), 100))
    assert len(aside) == 21
    assert path.stat().st_mode & 0o777 == 0o600


def record(text):
    return logging.LogRecord("x", logging.INFO, "f", 1, text, None, None)


def test_processes_share_a_file_and_lose_no_line_over_a_turn(tmp_path):
    context = get_context("fork")

    def work(number):
        handler = subject.RoleFile(tmp_path / "worker.jsonl", bytes_max=60_000)
        for turn in range(100):
            handler.emit(record(f"{number}:{turn}:" + "x" * (10_000 if turn == 50 else 100)))
        handler.close()

    processes = [context.Process(target=work, args=(number,)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    written = "".join(path.read_text() for path in tmp_path.iterdir()).splitlines()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["worker.1.jsonl", "worker.jsonl"]
    assert sorted(line.rsplit(":", 1)[0] for line in written) == sorted(
        f"{number}:{turn}" for number in range(4) for turn in range(100)
    )
    assert {line.rsplit(":", 1)[1] for line in written} == {"x" * 100, "x" * 10_000}


def test_who_waited_while_another_set_the_file_aside_leaves_it_where_it_is(tmp_path, monkeypatch):
    path, aside = tmp_path / "web.jsonl", tmp_path / "web.1.jsonl"
    locked = []

    def lock(_descriptor, how):
        if how == subject.fcntl.LOCK_EX and not locked:
            path.rename(aside)  # the other process was first
            path.write_text("its next line\n")
        locked.append(how)

    handler = subject.RoleFile(path, bytes_max=10)
    handler.emit(record("a long first line"))
    monkeypatch.setattr(subject.fcntl, "flock", lock)
    handler.emit(record("second"))
    handler.close()
    assert locked == [subject.fcntl.LOCK_EX, subject.fcntl.LOCK_UN]
    assert aside.read_text() == "a long first line\n"
    assert path.read_text() == "its next line\nsecond\n"


def test_a_file_that_was_moved_away_is_made_anew(tmp_path):
    handler = subject.RoleFile(tmp_path / "web.jsonl")
    handler.emit(record("one"))
    (tmp_path / "web.jsonl").rename(tmp_path / "taken")
    handler.emit(record("two"))
    (tmp_path / "web.jsonl").unlink()
    handler.emit(record("three"))
    handler.close()
    assert (tmp_path / "taken").read_text() == "one\n"
    assert (tmp_path / "web.jsonl").read_text() == "three\n"


def test_a_disk_that_is_full_stops_nobody(lines, log, monkeypatch):
    def full(*_args):
        raise OSError(28, SECRET)

    monkeypatch.setattr(subject.os, "write", full)
    log.info("lost")
    monkeypatch.undo()
    log.info("kept")
    assert [line["event"] for line in lines()] == ["kept"]


def test_threads_write_whole_lines(lines, log):
    def work():
        for number in range(50):
            log.info("event", number=number)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines()) == 400
    assert time.strptime(lines()[0]["timestamp"][:10], "%Y-%m-%d").tm_year >= 2025
