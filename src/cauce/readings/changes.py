"""What de-identification did to a header: two documents of the DICOM JSON model, compared at every depth."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydicom.datadict import keyword_for_tag

from cauce.core import person_names

SHOWN_MAX: Final = 128
"""Longest value that is shown, in characters; the end of a longer one is left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One element that is not as it was. `path` names it from the outside in, as `00081140[0].00081155`.

    `change` is `removed`, `emptied`, `replaced` or `added`; `before` and `after` are its values as text.
    """

    path: str
    keyword: str
    vr: str
    change: str
    before: str | None
    after: str | None


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Compare two documents of the DICOM JSON model (PS3.18 annex F), in the order of their tags.

    Of values that are left out of them (`BulkDataURI`) only the lengths are compared. Items of a sequence are compared
    by their places.
    """
    old, new = dict(_flat(before)), dict(_flat(after))
    found = []
    for path in sorted({*old, *new}):
        ours, theirs = old.get(path), new.get(path)
        if ours != theirs:
            vr, _ = theirs or ours or ("", None)
            was, became = (None if one is None else one[1] for one in (ours, theirs))
            found.append(
                Change(
                    path=path,
                    keyword=_keyword(path),
                    vr=vr,
                    change=_kind(was, became),
                    before=_cut(was),
                    after=_cut(became),
                )
            )
    return found


def kept(before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
    """Return how many elements, at all depths, are as they were."""
    new = dict(_flat(after))
    return sum(new.get(path) == value for path, value in _flat(before))


def _kind(before: str | None, after: str | None) -> str:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    return "emptied" if after == "" else "replaced"


def _flat(document: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield (path, (VR, value as text)) of every element; of a sequence itself the number of its items."""
    levels = [("", document)]
    while levels:
        prefix, data_set = levels.pop()
        for tag, element in data_set.items():
            path = f"{prefix}{tag}"
            vr = str(element.get("vr", ""))
            values = element.get("Value", [])
            if vr == "SQ":
                yield path, (vr, "1 item" if len(values) == 1 else f"{len(values)} items")
                levels.extend((f"{path}[{number}].", item) for number, item in enumerate(values) if item)
            else:
                yield path, (vr, _text(element, values))


def _text(element: Mapping[str, Any], values: list[Any]) -> str:
    if "BulkDataURI" in element:
        return f"{str(element['BulkDataURI']).rpartition(':')[2]} bytes"
    return "\\".join(_value(value) for value in values) if values else str(element.get("InlineBinary", ""))


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return person_names.text_of(value)
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 1]}…"


def _keyword(path: str) -> str:
    return keyword_for_tag(int(path.rpartition(".")[2], 16))
