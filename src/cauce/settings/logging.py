"""Structured logs: one JSON object a line, into `CAUCE_DATA/logs/<role>.jsonl`; errors also to standard error.

Events, not sentences. No identity, no original UIDs, no values: exceptions are written as types and places, objects as
their types, and what libraries have to say is never quoted, since they quote what they read.
"""

import datetime as dt
import json
import logging
import os
import sys
import threading
import warnings
from pathlib import Path
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

from cauce.core.traces import trace_of
from cauce.settings.environment import Settings
from cauce.settings.full_disk import Console, Mark

if sys.platform != "win32":
    import fcntl

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
# Chatty below errors, and so full of element values, file names or query strings that not even templates are kept.
_QUIET = ("pydicom", "pynetdicom", "PIL", "asyncio", "httpx", "httpcore", "django", "python_multipart")
_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)

log = structlog.get_logger("cauce")


def configure(settings: Settings, *, role: str) -> None:
    """Send all logs of this process to its role's file, which processes of one role share."""
    folder = settings.data_folder / "logs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _place_of_error,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_foreign_event, *shared],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(serializer=json.dumps, default=_without_value),
        ],
        use_get_message=False,
        pass_foreign_args=True,
    )
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    for handler in (RoleFile(folder / f"{role}.jsonl"), _to_stderr(settings.data_folder)):
        handler.setFormatter(formatter)
        handler.addFilter(_is_worth_a_line)
        root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    logging.raiseExceptions = False  # it would print the values of a record that cannot be formatted
    _take_over_from_stderr()


class RoleFile(logging.Handler):
    """Appends lines to a file that other processes append to as well; above 64 MiB it becomes `<role>.1.jsonl`.

    A line is one write, so lines of different processes never mix. Whoever finds the file too long renames it; the
    others notice with their next line. On Windows, where an open file keeps its name, it grows.
    """

    def __init__(self, path: Path, *, bytes_max: int = FILE_BYTES_MAX) -> None:
        """Open the file (mode 0600).

        Raises:
            OSError: as `os.open` does.
        """
        super().__init__()
        self._path = path
        self._bytes_max = bytes_max
        self._descriptor = os.open(path, _FILE_FLAGS, 0o600)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a file that cannot be written stops nobody's work."""
        try:
            line = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
            self._follow_name()
            if os.fstat(self._descriptor).st_size > self._bytes_max:
                self._set_aside()
            os.write(self._descriptor, line)
        except Exception:  # noqa: BLE001 - logging's own rule: a handler raises nothing
            self.handleError(record)

    def close(self) -> None:
        """Close the file; a second call is no error."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
        super().close()

    def _has_name(self) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def _follow_name(self) -> None:
        if not self._has_name():
            before, self._descriptor = self._descriptor, os.open(self._path, _FILE_FLAGS, 0o600)
            os.close(before)

    def _set_aside(self) -> None:
        if sys.platform == "win32":
            return
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)  # on the file itself: only those who write to it care
        try:
            if self._has_name():
                self._path.replace(self._path.with_suffix(".1.jsonl"))
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._follow_name()


def _to_stderr(data_folder: Path) -> logging.Handler:
    handler = Console(sys.stderr, folder=data_folder, mark=Mark(data_folder / "logs"))
    handler.setLevel(logging.ERROR)
    return handler


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Pass all of ours, libraries from warnings on, and the chatty ones from errors on.

    A filter, not the loggers' levels: libraries set those of theirs when they are imported.
    """
    if hasattr(record, "_logger"):  # it came through structlog
        return True
    return record.levelno >= (logging.ERROR if _is_quiet(record.name) else logging.WARNING)


def _is_quiet(name: str) -> bool:
    return name.split(".", 1)[0] in _QUIET


def _place_of_error(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace exception information by types and places."""
    given = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["error"] = trace_of(error)
    return event


def _foreign_event(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Say of a library's record where it comes from, and its template; never its text, nor its arguments.

    A text without arguments may have been put together from anything, so it is no template.
    """
    record = event["_record"]
    template = event["event"] if event.pop("positional_args", None) and not _is_quiet(record.name) else None
    event["event"] = "library.message"
    event["logger"] = record.name
    event["place"] = f"{record.module}:{record.lineno}"
    if template:
        event["template"] = template
    return event


def _without_value(value: object) -> str:
    """Return what JSON cannot hold as a type; a `repr` might quote anything."""
    if isinstance(value, BaseException):
        return trace_of(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return f"<{type(value).__module__}.{type(value).__qualname__}>"


def _take_over_from_stderr() -> None:
    """Log what Python would print with its text: warnings, errors that end a thread or are raised in clean-up.

    A host that has put hooks of its own in place (a test runner) keeps them.
    """
    warnings.filterwarnings("ignore", module=r"(pydicom|pynetdicom)\b.*")
    warnings.showwarning = _log_warning
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _log_end_of_thread
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _log_unraisable


def _log_warning(
    message: Warning | str,  # noqa: ARG001 - it may quote anything
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - Python's signature
    line: str | None = None,  # noqa: ARG001 - Python's signature
) -> None:
    log.warning("python.warning", category=category.__qualname__, place=f"{filename}:{lineno}")


def _log_end_of_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        log.error("thread.died", exc_info=args.exc_value)


def _log_unraisable(args: "sys.UnraisableHookArgs") -> None:
    if args.exc_value is not None:
        log.error("python.unraisable", exc_info=args.exc_value)
