"""The command `cauce`: commands put together, and the edge where errors become one plain line and an exit status."""

import os
import sys
from contextlib import suppress

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from cauce import __version__
from cauce.cli import (
    accounts,
    deciding,
    demo,
    doctor,
    file_profiles,
    files,
    importing,
    looking,
    reviewing,
    roles,
    signed_receipts,
    up,
)
from cauce.cli.application import Application
from cauce.core.errors import CauceError, ConfigurationError, InvalidRequest

DONE, FAILED, WRONG_USE = 0, 1, 2
DEBUG = "--debug"
_INTERRUPTED = 130
"""What typer makes of Ctrl-C."""

application = Application("Medical images in, identity out, results back.", name="cauce")


@application.callback(invoke_without_command=True)
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version and stop.", is_eager=True),
    debug: bool = typer.Option(False, DEBUG, help="Show where an error arose."),
) -> None:
    if version:
        typer.echo(f"cauce {__version__}")
        raise typer.Exit
    del debug  # `main` takes it from the command line, wherever it stands there


for _module in (
    up,
    demo,
    importing,
    looking,
    reviewing,
    signed_receipts,
    deciding,
    accounts,
    files,
    file_profiles,
    doctor,
    roles,
):
    _module.register(application)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status: 0 done, 1 failed, 2 wrong use."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # not a text file
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # file names may hold anything
    given = list(sys.argv[1:] if arguments is None else arguments)
    ours = given[: given.index("--")] if "--" in given else given
    shows_trace = DEBUG in ours
    given = [word for word in ours if word != DEBUG] + given[len(ours) :]
    try:
        result = application(given, prog_name="cauce", standalone_mode=False)
        sys.stdout.flush()
    except SystemExit:  # typer's answer to an output that nobody reads
        return _explain(BrokenPipeError(), given)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the edge: whatever it is, it is said in one line
        if shows_trace:
            import traceback

            traceback.print_exc()
        return _explain(error, given)
    if result == _INTERRUPTED:
        return _explain(KeyboardInterrupt(), given)
    return result if isinstance(result, int) else DONE


def _explain(error: BaseException, given: list[str]) -> int:
    """Say in one line on standard error what went wrong; return the exit status."""
    if isinstance(error, BrokenPipeError):
        _let_go_of_output()
        return DONE
    if isinstance(error, TyperException):
        return _explain_wrong_use(error, given)
    if isinstance(error, InvalidRequest):
        _complain(f"{error.detail.rstrip('.')}; {_see(given)}")
        return WRONG_USE
    if isinstance(error, CauceError):
        _complain(error.detail or type(error).__name__)
        return WRONG_USE if isinstance(error, ConfigurationError) else FAILED
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        _complain("stopped")
    elif isinstance(error, OSError) and error.filename is not None:
        _complain(f"{error.filename} cannot be used: {error.strerror}")
    elif _is_of_database(error):
        _complain("the database does not answer as it should; `cauce doctor` says what is wrong")
    else:
        _complain(f"something unexpected went wrong ({type(error).__name__}); {DEBUG} shows where")
    return FAILED


def _explain_wrong_use(error: TyperException, given: list[str]) -> int:
    text = error.format_message()
    if text.startswith("Usage: "):  # a group without a command of it: its help
        sys.stderr.write(f"{text}\n")
    else:
        words = " ".join(text.split()).replace("Value error, ", "").rstrip(".")
        _complain(f"{words}; {_see(given)}")
    return WRONG_USE


def _see(given: list[str]) -> str:
    """Return where the help of the command is that was meant."""
    path = ["cauce"]
    command = typer.main.get_command(application)
    for word in given:
        if isinstance(command, TyperGroup) and word in command.commands:
            path.append(word)
            command = command.commands[word]
    return f"see: {' '.join(path)} --help"


def _is_of_database(error: BaseException) -> bool:
    if "django" not in sys.modules:
        return False
    from django.db import Error

    return isinstance(error, Error)


def _let_go_of_output() -> None:
    """Nobody reads on: what is still buffered goes nowhere, so that nothing complains at exit."""
    with suppress(OSError):  # a stream without a descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str) -> None:
    """Write a line that goes on after the name of the program, whoever phrased it."""
    if text[:1].isupper() and not text[1:2].isupper():
        text = text[:1].lower() + text[1:]
    sys.stderr.write(f"cauce: {text if '. ' in text else text.rstrip('.')}\n")
