"""The command `cauce`: commands put together, and the edge where errors become one plain line and an exit status."""

import os
import sys

import typer
from typer.exceptions import TyperException

from cauce import __version__
from cauce.cli import accounts, demo, doctor, files, importing, looking, roles, up
from cauce.core.errors import CauceError, ConfigurationError, InvalidRequest

DONE, FAILED, WRONG_USE = 0, 1, 2

application = typer.Typer(
    name="cauce",
    help="Medical images in, identity out, results back.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


@application.callback(invoke_without_command=True)
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version and stop.", is_eager=True),
    debug: bool = typer.Option(False, "--debug", help="Show where an error arose."),
) -> None:
    if version:
        typer.echo(f"cauce {__version__}")
        raise typer.Exit
    del debug  # read from the command line by `main`, since it matters before any command runs


for _module in (up, demo, roles, importing, files, doctor, looking, accounts):
    _module.register(application)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status: 0 done, 1 failed, 2 wrong use."""
    given = sys.argv[1:] if arguments is None else arguments
    shows_trace = "--debug" in given
    try:
        result = application(given, standalone_mode=False)
    except (CauceError, TyperException, typer.Abort, KeyboardInterrupt, BrokenPipeError) as error:
        if shows_trace:
            import traceback

            traceback.print_exc()
        return _explain(error)
    except Exception as error:
        if shows_trace:
            raise
        _complain(f"something unexpected went wrong ({type(error).__name__}); --debug shows where")
        return FAILED
    return result if isinstance(result, int) else DONE


def _explain(error: BaseException) -> int:
    if isinstance(error, BrokenPipeError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - nobody reads on; no complaint at exit
        return DONE
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        _complain("stopped")
        return FAILED
    if isinstance(error, TyperException):
        _complain(error.format_message())
        return error.exit_code
    detail = error.detail if isinstance(error, CauceError) else str(error)
    _complain(detail or type(error).__name__)
    return WRONG_USE if isinstance(error, ConfigurationError | InvalidRequest) else FAILED


def _complain(text: str) -> None:
    sys.stderr.write(f"cauce: {text}\n")
