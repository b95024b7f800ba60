"""What commands print: tables for people, JSON for programs."""

import datetime as dt
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from rich.console import Console
from rich.text import Text

NOTHING = "-"
"""Stands where there is no value."""

_GAP = "  "
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DATE_KEY = re.compile(r"(?:^|_)date$")
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}")
_STYLES = {
    "ready": "green",
    "stored": "green",
    "succeeded": "green",
    "ok": "green",
    "attention": "yellow",
    "conflict": "yellow",
    "retrying": "yellow",
    "warning": "yellow",
    "held": "yellow",
    "wants in": "yellow",
    "refused": "red",
    "dead": "red",
    "failed": "red",
    "processing": "cyan",
    "running": "cyan",
    "receiving": "cyan",
    "queued": "cyan",
}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704 - called while the error is handled; `main` ends quietly


@cache
def console() -> Console:
    """Return the console of standard output; without colour where that is no terminal."""
    return _Console(highlight=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """Print one JSON document on a line of its own."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    empty: str = "nothing yet",
    cells_max: int | None = None,
) -> int:
    """Print rows under column titles, a line each; `empty` where there are none. Return their number.

    On a terminal a line ends with it; elsewhere it is whole. With `cells_max` no value between the first and the last
    column makes its column wider than so many cells of the screen (a Chinese letter takes two): on a terminal it is cut
    there, elsewhere only its own line is longer.
    """
    lines = [[text_of(value) for value in row] for row in rows]
    if not lines:
        console().print(Text(empty, style="dim"))
        return 0
    table = [[Text(column, style="bold") for column in columns], *lines]
    _print_aligned(table, cells_max=cells_max)
    return len(lines)


def print_facts(facts: Mapping[str, Any]) -> None:
    """Print names and values that are known, a pair a line."""
    shown = [
        [Text(name.replace("_", " "), style="dim"), text_of(value, name=name)]
        for name, value in facts.items()
        if value is not None and value not in ("", [], {})
    ]
    _print_aligned(shown, may_cut=False)


def _print_aligned(table: list[list[Text]], *, may_cut: bool = True, cells_max: int | None = None) -> None:
    """Print cells in columns as wide as their widest one, or as `cells_max`."""
    is_cut = may_cut and console().is_terminal
    widths = [max(row[column].cell_len for row in table) for column in range(len(table[0]))] if table else []
    if cells_max is not None:
        widths[1:-1] = [min(width, cells_max) for width in widths[1:-1]]
    for row in table:
        line = Text()
        for cell, width in zip(row[:-1], widths, strict=False):
            if is_cut:
                cell.truncate(width, overflow="ellipsis")
            line.append_text(cell).append(" " * (width - cell.cell_len) + _GAP)
        line.append_text(row[-1])
        line.rstrip()
        if is_cut:
            console().print(line, overflow="ellipsis", no_wrap=True, soft_wrap=False)
        else:
            console().print(line)


def status_text(status: str) -> Text:
    """Return a status in its colour."""
    return Text(status, style=_STYLES.get(status.strip(), ""))


def text_of(value: Any, *, name: str = "") -> Text:
    """Return a value as people read it; `name` is that of its field."""
    if isinstance(value, Text):
        return value
    if value is None or value in ("", []):
        return Text(NOTHING, style="dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return status_text(plain(" ".join(_words(value, name).split())))


def _words(value: Any, name: str) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = value.isoformat() if isinstance(value, dt.datetime) else str(value)
    if _MOMENT.match(text):
        return _local(text)
    day = _DATE.fullmatch(text) if _DATE_KEY.search(name) else None
    return "-".join(day.groups()) if day else text


def plain(text: str) -> str:
    """Return text that a terminal shows and does not obey: control characters are replaced."""
    return _CONTROL.sub("\ufffd", text)


def _local(moment: str) -> str:
    """Return a moment in the time zone of whoever reads it, to the second."""
    try:
        return dt.datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return moment


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return `1 study`, `2 studies`."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def size_text(size_bytes: float) -> str:
    """Return a size as people read it."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000 or unit == "GB":  # noqa: PLR2004 - decimal units
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return ""
