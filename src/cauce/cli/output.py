"""What commands print: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

NOTHING = "-"
"""Stands where there is no value."""

_STYLES = {
    "ready": "green",
    "stored": "green",
    "succeeded": "green",
    "ok": "green",
    "attention": "yellow",
    "conflict": "yellow",
    "retrying": "yellow",
    "warning": "yellow",
    "refused": "red",
    "dead": "red",
    "failed": "red",
    "processing": "cyan",
    "running": "cyan",
    "receiving": "cyan",
    "queued": "cyan",
}


def console() -> Console:
    """Return the console of standard output; without colour where that is no terminal."""
    return Console(highlight=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """Print one JSON document on a line of its own."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "nothing yet") -> None:
    """Print rows under column titles; `empty` where there are none."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    count = 0
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
        count += 1
    console().print(table if count else Text(empty, style="dim"))


def print_facts(facts: Mapping[str, Any]) -> None:
    """Print names and values, a pair a line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, _cell(value))
    console().print(table)


def status_text(status: str) -> Text:
    """Return a status in its colour."""
    return Text(status, style=_STYLES.get(status, ""))


def _cell(value: Any) -> Text:
    if isinstance(value, Text):
        return value
    if value is None or value == "":
        return Text(NOTHING, style="dim")
    if isinstance(value, float):
        return Text(f"{value:.4g}")
    return status_text(str(value))


def size_text(size_bytes: float) -> str:
    """Return a size as people read it."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000 or unit == "GB":  # noqa: PLR2004 - decimal units
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return ""
