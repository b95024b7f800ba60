"""The exercises, by number. `python main.py` says what they take.

Paths are looked for from the working folder, then from this one; backslashes part folders on every system.
"""

import contextlib
import errno
import logging
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from output import drop_output, one_line

from cauce.core.errors import CauceError

HERE = Path(__file__).resolve().parent
DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
USAGE = """\
Usage: python main.py NUMBER …

  1 FOLDER                      what a folder holds
  2 FOLDER FILE                 mean and deviation of a CSV file's columns
  3 FOLDER FILE [TAG …]         patient, date, modality and further elements of a DICOM file;
                                a tag is 0x0008 0x0016, 0x00080016, 0008,0016 or a keyword such as Modality
  4 FILE [DIAGNOSIS]            a study and its patient from a DICOM file, and a new diagnosis
  5 [FILE] [--interval SECONDS] even and odd numbers from two threads; a file is not looked at
  6 FILE                        elements of a JSON file, normalised in at most four threads

FOLDER FILE may be written as one path."""

_OF_WRITING = {errno.ENOSPC, errno.EPIPE, errno.EDQUOT, errno.EFBIG, errno.EBADF, errno.EINVAL}
_TAG_LIKE = re.compile(r"0[xX]|\(?[0-9A-Fa-f]{4},")

log = logging.getLogger("exercises")


class WrongUse(Exception):
    """The arguments are not those of the exercise."""


def main(arguments: Sequence[str]) -> int:
    """Run one exercise; return its exit status: 0 done, 1 failed, 2 wrong use."""
    _prepare_output()
    number, *rest = arguments or ("",)
    exercise = EXERCISES.get(number)
    try:
        status = exercise(rest) if exercise else _explain_no_exercise(number)
        sys.stdout.flush()  # an error of it is one of this exercise
    except WrongUse as error:
        print(f"{error}\n\n{USAGE}", file=sys.stderr)
        return WRONG_USE
    except CauceError as error:
        log.error("%s", one_line(error.detail))  # noqa: TRY400 - said in one line
    except BrokenPipeError:  # who reads the output has seen enough
        drop_output()
    except OSError as error:
        log.error("%s", one_line(_of_system(error)))  # noqa: TRY400 - said in one line
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    else:
        return status
    return FAILED


def _of_system(error: OSError) -> str:
    reason = error.strerror or str(error)
    if error.filename is None and error.errno in _OF_WRITING:
        drop_output()
        return f"the output cannot be written: {reason}"
    return f"{error.filename or 'the file'} cannot be read: {reason}"


def _explain_no_exercise(number: str) -> int:
    raise WrongUse(f"there is no exercise {number!r}" if number else "no exercise is named")


def _prepare_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # names may hold anything
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s", force=True)
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"pydicom\b.*")


def _list_folder(words: Sequence[str]) -> int:
    from file_operations.list_folder import print_folder

    if len(words) != 1:
        raise WrongUse("exercise 1 takes a folder")
    print_folder(found(words[0]), name=words[0])
    return DONE


def _csv(words: Sequence[str]) -> int:
    from file_operations.csv_operations import print_table

    path, rest = file_of(words, exercise=2)
    if rest:
        raise WrongUse("exercise 2 takes one file")
    print_table(path)
    return DONE


def _dicom(words: Sequence[str]) -> int:
    from file_operations.dicom_operations import print_dicom

    from cauce.core.errors import InvalidRequest
    from cauce.readings.dicom_file import tags_of

    path, rest = file_of(words, exercise=3)
    try:
        tags = tags_of(rest)
    except InvalidRequest as error:
        raise WrongUse(error.detail) from error
    print_dicom(path, tags)
    return DONE


def _study(words: Sequence[str]) -> int:
    from oop.study_record import NOT_YET, show_study

    path, rest = file_of(words, exercise=4)
    if len(rest) > 1 or not all(one.strip() for one in rest):
        raise WrongUse("exercise 4 takes one file and at most one diagnosis, which is not blank")
    show_study(path, diagnosis=rest[0] if rest else NOT_YET)
    return DONE


def _even_and_odd(words: Sequence[str]) -> int:
    from multithreading.even_odd_threads import INTERVAL_S, print_even_and_odd

    left = list(words)
    interval_s = INTERVAL_S
    if "--interval" in left:
        place = left.index("--interval")
        interval_s = _seconds(left[place + 1 : place + 2])
        del left[place : place + 2]
    if len(left) > 1:
        raise WrongUse("exercise 5 takes at most one file, which it does not look at")
    print_even_and_odd(interval_s=interval_s)
    return DONE


def _seconds(words: Sequence[str]) -> float:
    with contextlib.suppress(ValueError, IndexError):
        seconds = float(words[0])
        if 0 <= seconds <= 3600:  # noqa: PLR2004 - an hour
            return seconds
    raise WrongUse("--interval wants seconds, from 0 to 3600")


def _elements(words: Sequence[str]) -> int:
    from multithreading.json_processor import process_file

    path, rest = file_of(words, exercise=6)
    if rest:
        raise WrongUse("exercise 6 takes one file")
    return DONE if process_file(path) else FAILED


def file_of(words: Sequence[str], *, exercise: int) -> tuple[Path, Sequence[str]]:
    """Return the file that the first word names, or the first two as folder and name, and the words left.

    Raises:
        WrongUse: no file is named.
    """
    if not words:
        raise WrongUse(f"exercise {exercise} takes a file")
    first = found(words[0])
    if first.is_file() or len(words) < 2 or _TAG_LIKE.match(words[1]):  # noqa: PLR2004 - folder and name
        if first.is_dir():
            raise WrongUse(f"exercise {exercise} takes a file in {words[0]}")
        return first, words[1:]
    return first / words[1].replace("\\", "/"), words[2:]


def found(word: str) -> Path:
    r"""Return the path that is meant by `word`, whether it exists or not.

    A POSIX shell takes the backslashes out of `.\oop\file.dcm`; what is left, `.oopfile.dcm`, still says which file.
    """
    path = Path(word.replace("\\", "/")) if "\\" in word and not Path(word).exists() else Path(word)
    for candidate in (path, HERE / path):
        if candidate.exists():
            return candidate
    for folder in sorted(one for one in HERE.iterdir() if one.is_dir()):
        prefix = f".{folder.name}"
        if word.startswith(prefix) and (folder / word.removeprefix(prefix)).is_file():
            return folder / word.removeprefix(prefix)
    return path


EXERCISES: dict[str, Callable[[Sequence[str]], int]] = {
    "1": _list_folder,
    "2": _csv,
    "3": _dicom,
    "4": _study,
    "5": _even_and_odd,
    "6": _elements,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
