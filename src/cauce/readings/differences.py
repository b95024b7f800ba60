"""Two contents under one UID: in which attributes of the top level they differ, for a person to read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydicom.datadict import keyword_for_tag

from cauce.core import person_names

SHOWN_MAX: Final = 64
"""Longest value that is shown, in characters; the end of a longer one is left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One attribute. `held` and `contested` are its values as text; an absent one is `None`, an empty one ""."""

    tag: str
    keyword: str
    held: str | None
    contested: str | None


def differences(held: Mapping[str, Any], contested: Mapping[str, Any]) -> list[Difference]:
    """Compare two documents of the DICOM JSON model (PS3.18 annex F), in the order of their tags.

    Of values that are left out of them (`BulkDataURI`) only the lengths are compared: where pixels alone differ,
    nothing is found.
    """
    found = []
    for tag in sorted({*held, *contested}):
        ours, theirs = _comparable(held.get(tag)), _comparable(contested.get(tag))
        if ours != theirs:
            found.append(
                Difference(
                    tag=tag,
                    keyword=keyword_for_tag(int(tag, 16)),
                    held=_shown(held.get(tag)),
                    contested=_shown(contested.get(tag)),
                )
            )
    return found


def _comparable(element: Any) -> Any:
    """Return an element without the places of values that are left out, which mean nothing in another file."""
    if isinstance(element, list):
        return [_comparable(one) for one in element]
    if not isinstance(element, dict):
        return element
    return {
        name: value.rpartition(":")[2] if name == "BulkDataURI" and isinstance(value, str) else _comparable(value)
        for name, value in element.items()
    }


def _shown(element: Mapping[str, Any] | None) -> str | None:
    if element is None:
        return None
    if "BulkDataURI" in element:
        return f"{str(element['BulkDataURI']).rpartition(':')[2]} bytes"
    values = element.get("Value", [])
    if element.get("vr") == "SQ":
        text = "1 item" if len(values) == 1 else f"{len(values)} items"
    else:
        text = "\\".join(_value(value) for value in values) if values else str(element.get("InlineBinary", ""))
    return text if len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 1]}…"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return person_names.text_of(value)
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)
