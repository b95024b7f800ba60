"""Receipts name files as the server keeps names; here each line finds what was sent again."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from cauce.cli.imports.items import Item

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAME_LENGTH_MAX = 1024


def located(sent: Sequence[Item], lines: Sequence[dict[str, Any]]) -> Iterator[tuple[Item | None, dict[str, Any]]]:
    """Yield the lines of a receipt with what each is about.

    Each line gets a `path`: where that is, and what lies in it if it is an archive. Lines come in the order of what was
    sent. An archive has a line for each file in it, then perhaps one for itself.
    """
    position = -1
    is_inside = False
    for line in lines:
        name = line["name"]
        known = kept_name(sent[position].name) if position >= 0 else ""
        stays = position >= 0 and (name.startswith(f"{known}/") or (is_inside and name == known))
        if not stays and position + 1 < len(sent):
            position += 1
            known = kept_name(sent[position].name)
        is_inside = name.startswith(f"{known}/")
        item = sent[position] if sent else None
        shown = item.shown if item else name
        yield item, {**line, "path": f"{shown}{name[len(known) :] if is_inside else ''}"}


def kept_name(name: str) -> str:
    """Return a name as it comes back: browsers' escapes undone, line ends and control characters replaced, its end."""
    text = name.replace("\r", " ").replace("\n", " ")
    text = text.replace("%22", '"').replace("%0D", " ").replace("%0A", " ")
    return _CONTROL.sub("\ufffd", text).encode("utf-8", "replace").decode("utf-8")[-_NAME_LENGTH_MAX:]
