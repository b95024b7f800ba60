"""The edge of the command line: help, wrong use, failures, each with its exit status and one plain line."""

import os
import subprocess
import sys

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from cauce.cli.main import application


def commands():
    """Every command and group, as the words that name it."""
    found = [()]
    waiting = [((), get_command(application))]
    while waiting:
        path, group = waiting.pop()
        for name, command in group.commands.items():
            found.append((*path, name))
            if isinstance(command, TyperGroup):
                waiting.append(((*path, name), command))
    return sorted(found)


def command_of(path):
    command = get_command(application)
    for word in path:
        command = command.commands[word]
    return command


EVERY = pytest.mark.parametrize("path", commands(), ids=lambda path: " ".join(path) or "cauce")


@EVERY
def test_every_command_has_help_without_words_of_the_programming_language(run, path):
    done = run(*path, "--help")
    assert done.status == 0
    assert done.err == ""
    assert done.out.startswith(f"Usage: {' '.join(('cauce', *path))} [OPTIONS]")
    assert not any(word in done.out for word in ("<", ">", "{", "}", "Path]", "None", "...\n"))
    assert "  -h, --help" in done.out


@EVERY
def test_every_command_explains_every_option_and_argument(path):
    for parameter in command_of(path).params:
        assert parameter.help, f"{path}: {parameter.name}"


@EVERY
def test_an_unknown_option_is_wrong_use_and_says_where_the_help_is(run, path):
    done = run(*path, "--no-such-option")
    assert done.status == 2
    assert done.out == ""
    assert done.err == f"cauce: no such option: --no-such-option; see: {' '.join(('cauce', *path))} --help\n"


@pytest.mark.parametrize("path", [path for path in commands() if isinstance(command_of(path), TyperGroup)])
def test_a_group_alone_is_wrong_use_and_shows_its_help(run, path):
    done = run(*path)
    assert done.status == 2
    assert done.out == ""
    assert done.err == run(*path, "--help").out


def test_dash_h_is_help(run):
    assert run("import", "-h") == run("import", "--help")


def test_the_version_is_told(run):
    from cauce import __version__

    assert run("--version") == (0, f"cauce {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bogus"], "no such command 'bogus'; see: cauce --help"),
        (["stats"], "no such command 'stats'. Did you mean 'status'?; see: cauce --help"),
        (["import"], "missing argument 'PATH…'; see: cauce import --help"),
        (
            ["import", "/nowhere/at all"],
            "invalid value for 'PATH…': path '/nowhere/at all' does not exist; see: cauce import --help",
        ),
        (["process", "."], "missing argument 'OUT'; see: cauce process --help"),
        (["studies", "list", "--limit", "0"], None),
        (
            ["users", "create", "x", "--role", "king"],
            (
                "invalid value for '--role': 'king' is not one of 'admin', 'clinician', 'technologist', 'researcher', "
                "'auditor', 'service'; see: cauce users create --help"
            ),
        ),
        (
            ["deidentify", ".", "out", "--profile", "none"],
            (
                "there is no profile none; there are: basic, modified-dates, quality, research, research-full, "
                "sharing, standard, or a file in YAML; see: cauce deidentify --help"
            ),
        ),
        (
            ["process", ".", "out", "--pipeline", "none"],
            "there is no pipeline none; there is: basic-1; see: cauce process --help",
        ),
    ],
)
def test_wrong_use_ends_with_2_and_one_line(run, arguments, said):
    done = run(*arguments)
    assert done.status == 2
    assert done.out == ""
    assert done.err.count("\n") == 1
    if said:
        assert done.err == f"cauce: {said}\n"


def test_an_unknown_setting_names_itself(run, settings_of):
    settings_of(WORKER="3")
    done = run("status")
    assert done.status == 2
    assert done.err == (
        "cauce: CAUCE_WORKER is not a setting of Cauce; docs/reference/configuration.md lists them all\n"
    )


def test_a_wrong_setting_is_named_and_its_value_is_not_told(run, settings_of):
    settings_of(HTTP="secret")
    done = run("doctor")
    assert done.status == 2
    assert done.err == "cauce: CAUCE_HTTP: wants host:port, such as 127.0.0.1:8000\n"


def test_no_server_is_told_in_one_line(run, settings_of):
    settings_of(HTTP="127.0.0.1:1", TOKEN="of a test")
    done = run("status")
    assert done.status == 1
    assert done.out == ""
    assert done.err == "cauce: no server answers at http://localhost:1; start one with: cauce up\n"


def test_without_token_and_data_folder_it_is_said_what_is_missing_and_nothing_is_made(run, settings_of, tmp_path):
    settings_of(DATA=tmp_path / "none", TOKEN=None, HTTP="127.0.0.1:1")
    done = run("status")
    assert done.status == 2
    assert done.err == (
        f"cauce: {tmp_path}/none holds no platform: start one there with `cauce up`, or set CAUCE_DATA to the folder "
        "of the one at http://localhost:1, or CAUCE_TOKEN to an API token of it\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--debug", "status"], ["status", "--debug"]])
def test_debug_shows_where_an_error_arose_wherever_it_stands(run, settings_of, arguments):
    settings_of(HTTP="127.0.0.1:1", TOKEN="of a test")
    done = run(*arguments)
    assert done.status == 1
    assert done.err.startswith("Traceback (most recent call last):\n")
    assert done.err.endswith("cauce: no server answers at http://localhost:1; start one with: cauce up\n")


def test_debug_after_two_dashes_is_an_argument_like_any_other(run):
    done = run("validate", "--", "--debug")
    assert done.status == 2
    assert done.err == "cauce: invalid value for 'PATH…': path '--debug' does not exist; see: cauce validate --help\n"


def _raise(error):
    def fail(*_arguments, **_options):
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), 1, "stopped"),
        (RuntimeError("secret"), 1, "something unexpected went wrong (RuntimeError); --debug shows where"),
        (PermissionError(13, "Permission denied", "/some/place"), 1, "/some/place cannot be used: Permission denied"),
        (OSError("without a file"), 1, "something unexpected went wrong (OSError); --debug shows where"),
    ],
)
def test_what_goes_wrong_is_said_in_one_line_without_traceback(run, monkeypatch, error, status, said):
    from cauce.cli import doctor

    monkeypatch.setattr(doctor, "_findings", _raise(error))
    assert run("doctor") == (status, "", f"cauce: {said}\n")


def test_a_database_that_does_not_answer_is_told_in_one_line(run, monkeypatch):
    from django.db import OperationalError

    from cauce.cli import local

    monkeypatch.setattr(local, "has_platform", _raise(OperationalError("no such table: secret")))
    done = run("users", "list")
    assert done == (1, "", "cauce: the database does not answer as it should; `cauce doctor` says what is wrong\n")


def test_who_stops_reading_is_no_error(tmp_path):
    for number in range(600):  # more than a pipe holds, which nobody reads but its start
        (tmp_path / f"{'x' * 200}{number}").write_bytes(b"no DICOM")
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "cauce", "validate", "--all", tmp_path], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    first = os.read(reader, 10)
    os.close(reader)
    _, said = process.communicate(timeout=120)
    assert first.startswith(b"refused")
    assert said == ""
    assert process.returncode == 0


def test_who_stops_reading_before_the_end_of_a_short_answer_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "cauce", "--version"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_list_of_commands_cuts_no_line(run):
    for path in commands():
        if isinstance(command_of(path), TyperGroup):
            lines = run(*path, "--help").out.splitlines()
            assert [line for line in lines if line.endswith("...")] == []
