"""Elements of numbers, each of one device: `{"1": {"id": "a1", "data": ["78 83 21"], "deviceName": "CT SCAN"}, …}`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cauce.core.errors import InvalidRequest
from cauce.core.normalisation import Averages, averages, numbers_of

_KEYS = ("id", "deviceName", "data")


@dataclass(frozen=True, kw_only=True, slots=True)
class Element:
    """One element; `rows` are as they were given."""

    id: str
    device_name: str
    rows: Sequence[Any]

    def averages(self) -> Averages:
        """Return the averages of its numbers.

        Raises:
            InvalidRequest: they are none, not numbers, or cannot be normalised; `field` is `data`.
        """
        try:
            return averages(numbers_of(self.rows))
        except InvalidRequest as error:
            raise InvalidRequest(error.detail, field="data") from error


def element_of(given: object) -> Element:
    """Return an element whose numbers have not been looked at yet.

    Raises:
        InvalidRequest: it is not one; `field` names the key of it that is missing or wrong.
    """
    if not isinstance(given, Mapping):
        raise InvalidRequest("is not an object with id, deviceName and data")
    for key in _KEYS:
        if key not in given:
            raise InvalidRequest("is missing", field=key)
    for key in _KEYS[:2]:
        if not isinstance(given[key], str) or not given[key].strip():
            raise InvalidRequest("wants a text that is not blank", field=key)
        if any("\ud800" <= letter <= "\udfff" for letter in given[key]):
            raise InvalidRequest("holds half a character (a lone surrogate), which is no text", field=key)
    if not isinstance(given["data"], list):
        raise InvalidRequest("wants a list of rows of numbers", field="data")
    return Element(id=given["id"].strip(), device_name=given["deviceName"].strip(), rows=given["data"])


def read_elements(path: Path) -> Mapping[str, object]:
    """Return the elements of a file by their keys, none of them looked at yet.

    Raises:
        InvalidRequest: the file is no JSON object of elements; the text says where it breaks.
        OSError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig") as source:
            document = json.load(source, object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:
        raise InvalidRequest(f"is not JSON: {error.msg}, line {error.lineno}, column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"is not UTF-8: byte {error.start + 1} is no part of a character") from error
    except ValueError as error:
        raise InvalidRequest("is not JSON that can be read: a number has thousands of digits") from error
    except RecursionError as error:
        raise InvalidRequest("is nested too deep to be elements") from error
    if not isinstance(document, dict):
        raise InvalidRequest("wants an object of elements by their keys")
    if not document:
        raise InvalidRequest("holds no elements")
    return document


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequest(f"has the key {twice[:40]!r} twice in one object")
    return made
