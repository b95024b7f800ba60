"""Content items of reports by what they are about (PS3.15 E.3.4, Table E.3.4-1), for Clean Structured Content."""

import json
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import resources
from typing import Any, Final

from pydicom.sr._snomed_dict import mapping as _snomed

from cauce.stages.deidentify.options import FULL_DATES, MODIFIED_DATES, UIDS

CONCEPT_NAME: Final = 0x0040A043
VALUE_TYPE: Final = 0x0040A040
CODE_VALUE, CODING_SCHEME = 0x00080100, 0x00080102
_FILE = "content_items.json"


class Verdict(Enum):
    """What becomes of a content item. Compared by identity."""

    DROP = "drop"
    """The item goes, and all that it contains."""
    BLANK = "blank"
    """Its value becomes one that says nothing; references are mapped."""
    CLEAN = "clean"
    KEEP = "keep"

    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class ContentItem:
    """A row: its concept, the type of its value, the action without options, and those of options."""

    code: str
    scheme: str
    value_type: str
    basic: str
    options: dict[str, str]
    meaning: str


@cache
def content_items() -> tuple[ContentItem, ...]:
    """Return the rows of the table."""
    return tuple(ContentItem(*row) for row in _table()["rows"])


def edition() -> str:
    """Return the edition of the standard that the table is from."""
    return str(_table()["edition"])


@cache
def verdicts(options: frozenset[str]) -> dict[tuple[bytes, bytes, bytes], Verdict]:
    """Return the verdict by code, scheme and value type, under `options`; of what is not in it, `usual` tells.

    Codes of SNOMED count in their older form too.
    """
    found: dict[tuple[bytes, bytes, bytes], Verdict] = {}
    for item in content_items():
        actions = {action for option, action in item.options.items() if option in options}
        verdict = _verdict(item.basic, actions)
        found[item.code.encode(), item.scheme.encode(), item.value_type.encode()] = verdict
        older = _snomed["SCT"].get(item.code) if item.scheme == "SCT" else None
        if older:
            found[older.encode(), b"SRT", item.value_type.encode()] = verdict
    return found


def _verdict(basic: str, actions: set[str]) -> Verdict:
    if "K" in actions:
        return Verdict.KEEP
    if "C" in actions:
        return Verdict.CLEAN
    return Verdict.DROP if basic == "X" else Verdict.BLANK


def usual(value_type: bytes, options: frozenset[str]) -> Verdict:
    """Return the verdict for an item of which the table says nothing: texts are cleaned, people and dates go."""
    if value_type == b"TEXT":
        return Verdict.CLEAN
    if value_type == b"PNAME":
        return Verdict.BLANK
    if value_type in {b"DATE", b"TIME", b"DATETIME"}:
        if FULL_DATES in options:
            return Verdict.KEEP
        return Verdict.CLEAN if MODIFIED_DATES in options else Verdict.BLANK
    if value_type == b"UIDREF":
        return Verdict.KEEP if UIDS in options else Verdict.BLANK
    return Verdict.KEEP


@cache
def _table() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(resources.files(__package__).joinpath("data", _FILE).read_text("utf-8"))
    return loaded
