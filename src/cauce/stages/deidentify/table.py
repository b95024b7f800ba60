"""Table E.1-1 of PS3.15: what the confidentiality profiles do to each attribute, as data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

PRIVATE_ROW = "PRIVATE"
_FILE = "ps315_2026d.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row: `tag` is eight hexadecimal digits, `x` standing for any digit, or `PRIVATE`.

    `basic` is the action of the Basic Profile (`X`, `X/Z/D`, …), `options` maps an option's name to its action.
    """

    tag: str
    basic: str
    vr: str
    name: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """The whole table and the edition of the standard that it was taken from."""

    edition: str
    rows: tuple[Row, ...]


@cache
def load_table() -> Table:
    """Return the table that ships with this package (PS3.15 Table E.1-1)."""
    text = resources.files(__package__).joinpath("data", _FILE).read_text(encoding="utf-8")
    content = json.loads(text)
    rows = tuple(
        Row(tag=tag, basic=basic, vr=vr, name=name, options=options[0] if options else {})
        for tag, basic, vr, name, *options in content["rows"]
    )
    return Table(edition=content["edition"], rows=rows)
