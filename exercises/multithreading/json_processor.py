"""Elements of a JSON file: one thread an element, four at once; averages before and after normalising."""

import contextlib
import logging
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from output import one_line

from cauce.core.bounded_threads import run_each
from cauce.core.errors import InvalidRequest, Unavailable
from cauce.readings.elements import element_of, read_elements

THREADS_MAX = 4
LOG_FILE = Path(__file__).resolve().parent / "json_processor.log"

log = logging.getLogger("exercises.json_processor")


def process_file(path: Path, *, log_file: Path = LOG_FILE) -> bool:
    """Print and log the averages of each element of a file; return whether all of them were good.

    A bad element is reported and the others go on.

    Raises:
        InvalidRequest: the file is no JSON of elements; the text names it and says why.
        Unavailable: the log file cannot be written; the text names it.
        OSError: the file cannot be read, or nothing can be printed.
    """
    try:
        elements = read_elements(path)
    except InvalidRequest as error:
        raise InvalidRequest(f"{path} {error.detail}") from error
    handler = _LogFile(log_file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(threadName)s %(levelname)s %(message)s"))
    log.addHandler(handler)  # a handler has a lock: lines of different threads never mix
    log.propagate = False
    try:
        return _Processing().run(elements)
    finally:
        log.removeHandler(handler)
        with contextlib.suppress(OSError):  # said already
            handler.close()


class _LogFile(logging.FileHandler):
    """The log file; what cannot be written to it ends the run."""

    def __init__(self, path: Path) -> None:
        """Open it."""
        try:
            super().__init__(path, encoding="utf-8")
        except OSError as error:
            raise Unavailable(f"{path} cannot be written: {error.strerror}") from error

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the library's signature
        """Raise what went wrong.

        Raises:
            Unavailable: the file cannot be written.
        """
        error = sys.exception()
        reason = getattr(error, "strerror", None) or error
        raise Unavailable(f"{self.baseFilename} cannot be written: {reason}") from error


class _Processing:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bad = 0

    def run(self, elements: Mapping[str, object]) -> bool:
        run_each(self._process, elements.items(), at_most=THREADS_MAX, name="element")
        return self._bad == 0

    def _process(self, item: tuple[str, object]) -> None:
        key, given = item
        try:
            element = element_of(given)
            found = element.averages()
        except InvalidRequest as error:
            where = f"element {key!r}" + (f", {error.field}" if error.field else "")
            with self._lock:
                self._bad += 1
            self._say(f"{where}: {error.detail}", level=logging.ERROR)
            return
        self._say(
            f"id {element.id}: average before normalization {found.mean:.6f}, "
            f"after {found.mean_normalised:.6f}, data size {found.size}"
        )

    def _say(self, text: str, *, level: int = logging.INFO) -> None:
        line = one_line(text)  # one record is one line
        log.log(level, "%s", line)
        with self._lock:
            print(line, flush=True)
