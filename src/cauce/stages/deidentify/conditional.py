"""Conditional actions of Table E.1-1 (X/Z, X/D, Z/D, X/Z/D), decided by the attribute's type in the object's IOD.

PS3.15 E.1.1: removed unless the IOD wants the attribute (type 2: may be empty, type 1: has a value). Conditional types
count as if their condition held, optional modules as if they were there. Inside of sequences, and in objects whose IOD
the table does not have, the action that is right for every type is taken.
"""

import json
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final

STRICTEST: Final = {"X/Z": "Z", "X/D": "D", "Z/D": "D", "X/Z/D": "D"}
_FILE = "attribute_types.json"
_WANTED_OF_TYPE: Final = {1: "DZX", 2: "ZDX", 3: "XZD"}


def resolved(code: str, tag: int, sop_class_uid: str) -> str:
    """Return the action, `X`, `Z` or `D`, for a conditional `code` of `tag` at the root of an object of a SOP Class."""
    types = _types(sop_class_uid)
    if types is None:
        return STRICTEST[code]
    allowed = code.split("/")
    return next(action for action in _WANTED_OF_TYPE[types.get(tag, 3)] if action in allowed)


def iod_of(sop_class_uid: str) -> str:
    """Return the name of the IOD of a SOP Class, "" where the table does not have it."""
    return str(_table()["sop_classes"].get(sop_class_uid, ""))


def edition() -> str:
    """Return the edition of PS3.3 that the types are from."""
    return str(_table()["edition"])


@lru_cache(maxsize=256)
def _types(sop_class_uid: str) -> dict[int, int] | None:
    iod = iod_of(sop_class_uid)
    if not iod:
        return None
    return {int(tag, 16): int(kind) for kind, tags in _table()["iods"][iod].items() for tag in tags}


@cache
def _table() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(resources.files(__package__).joinpath("data", _FILE).read_text("utf-8"))
    return loaded
