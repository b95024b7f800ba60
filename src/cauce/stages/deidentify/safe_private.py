"""Private attributes that hold no identity (PS3.15 Table E.3.10-1), by their private creator."""

import json
from functools import cache
from importlib import resources
from typing import Any

_FILE = "safe_private.json"


@cache
def safe_private() -> dict[tuple[str, int], bytes]:
    """Return the VR of each, by creator and tag without the block: `("SIEMENS MR HEADER", 0x0019000C)`."""
    return {(creator, int(tag, 16)): vr.encode() for creator, tag, vr, _ in _table()["rows"]}


def edition() -> str:
    """Return the edition of the standard that the list is from."""
    return str(_table()["edition"])


@cache
def _table() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(resources.files(__package__).joinpath("data", _FILE).read_text("utf-8"))
    return loaded
