"""Results of a search -> DICOM JSON (PS3.18 10.6.3, annex F): each attribute is written as text at once."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any, Final

from cauce.api.dicomweb.addresses import Address
from cauce.api.dicomweb.search_query import Asked
from cauce.core.levels import level_of
from cauce.core.person_names import GROUPS
from cauce.core.searching import ATTRIBUTES, Attribute, Level

_quote: Final[Callable[[str], str]] = encode_basestring
_CONDITIONAL: Final = frozenset(
    {
        "study_timezone",
        "study_description",
        "series_timezone",
        "series_description",
        "performed_procedure_step_start_date",
        "performed_procedure_step_start_time",
        "requests",
        "instance_timezone",
        "number_of_frames",
        "rows",
        "columns",
        "bits_allocated",
    }
)
"""What is left out where there is no value; the others are there and empty."""
_CHARSET: Final = '"00080005":{"vr":"CS","Value":["ISO_IR 192"]}'
_AVAILABLE: Final = '"00080056":{"vr":"CS","Value":["ONLINE"]}'
_RETRIEVE_URL: Final = "00081190"
_BULK_DATA: Final = b'"BulkDataURI":"bulk:'

Row = Mapping[str, Any]


def open_levels(address: Address, level: Level) -> frozenset[Level]:
    """Return the levels whose attributes every answer has: those that the address leaves open."""
    levels = {level}
    if address.study is None:
        levels |= {one for one in Level if one < level}
    elif address.series is None and level is Level.INSTANCE:
        levels.add(Level.SERIES)
    return frozenset(levels)


def levels_of(address: Address, level: Level, asked: Asked) -> frozenset[Level]:
    """Return the levels of which an answer has attributes, those that are asked for included."""
    return open_levels(address, level) | {one for one in map(_level, asked.included) if one < level}


def _level(path: str) -> Level:
    return level_of(path.partition(".")[0])


class Results:
    """Writes the results of one search."""

    def __init__(self, address: Address, level: Level, asked: Asked, *, service: str) -> None:
        """`service` is the address that those of studies begin with."""
        levels, always = levels_of(address, level, asked), open_levels(address, level)
        self._level = level
        self._levels = always
        self._service = service
        self._all = asked.includes_all
        tops = {path.partition(".")[0] for path in asked.included}
        written: dict[str, Attribute] = {}
        for one in ATTRIBUTES:
            is_open = one.level in always and (one.is_returned or asked.includes_all)
            is_place = one.name in _PLACES[level]
            if is_place or ("." not in one.tag and one.level in levels and (is_open or one.tag in tops)):
                written[one.tag] = one  # the deepest level counts where a tag is kept at several
        self._plan = [
            (f'"{one.tag}":{{"vr":"{one.vr}"', one.name, _WRITERS.get(one.vr, _texts), one.name in _CONDITIONAL)
            for one in written.values()
        ]
        self._paths = [
            path
            for path in dict.fromkeys(asked.included)
            if _level(path) in levels and not self._is_written(path, written)
        ]

    @property
    def needs_documents(self) -> bool:
        """Whether anything is asked for that only the headers say."""
        return self._all or bool(self._paths)

    def written(self, rows: Sequence[Row], documents: Sequence[bytes] | None = None) -> Iterator[bytes]:
        """Yield the JSON of each result; `documents` are the headers where they are needed."""
        for number, row in enumerate(rows):
            members = [_CHARSET, _AVAILABLE, self._retrieve_url(row)]
            for opening, name, write, is_conditional in self._plan:
                value = row.get(name)
                text = write(value) if value is not None and value != "" else ""
                if text or not is_conditional:
                    members.append(opening + text + "}")
            if documents is not None:
                members += self._from_header(documents[number], {member[1:9] for member in members})
            members.sort()
            yield ("{" + ",".join(members) + "}").encode("utf-8", "replace")

    @staticmethod
    def _is_written(path: str, written: Mapping[str, Attribute]) -> bool:
        top, _, rest = path.partition(".")
        return top in written and (not rest or any(one.tag == path for one in ATTRIBUTES))

    def _retrieve_url(self, row: Row) -> str:
        url = f"{self._service}/studies/{row['study_instance_uid']}"
        if self._level is not Level.STUDY:
            url += f"/series/{row['series_instance_uid']}"
        if self._level is Level.INSTANCE:
            url += f"/instances/{row['sop_instance_uid']}"
        return f'"{_RETRIEVE_URL}":{{"vr":"UR","Value":[{_quote(url)}]}}'

    def _from_header(self, document: bytes, held: set[str]) -> Iterator[str]:
        """Yield the members that a header adds to those that are there."""
        header = self._addressed(document)
        if self._all:
            for tag, element in header.items():
                if tag not in held and level_of(tag) in self._levels:
                    yield f'"{tag}":{json.dumps(element, ensure_ascii=False, separators=(",", ":"))}'
            return
        found: dict[str, Any] = {}
        for path in self._paths:
            _copy(header, path.split("."), found)
        for tag, element in found.items():
            if tag not in held:
                yield f'"{tag}":{json.dumps(element, ensure_ascii=False, separators=(",", ":"))}'

    def _addressed(self, document: bytes) -> dict[str, Any]:
        """Return a header whose values that are left out have an address."""
        header: dict[str, Any] = json.loads(document)
        if _BULK_DATA in document:
            study, series, instance = (header.get(tag, {}).get("Value", [""])[0] for tag in _UIDS)
            place = f"{self._service}/studies/{study}/series/{series}/instances/{instance}/bulkdata/"
            header = json.loads(document.replace(_BULK_DATA, f'"BulkDataURI":"{place}'.encode()))
        return header


_PLACES: Final = {
    Level.STUDY: (),
    Level.SERIES: ("study_instance_uid",),
    Level.INSTANCE: ("study_instance_uid", "series_instance_uid"),
}
"""UIDs that a result has although the address says them already: clients rely on them."""
_UIDS: Final = ("0020000D", "0020000E", "00080018")


def _copy(source: Mapping[str, Any], path: Sequence[str], target: dict[str, Any]) -> None:
    """Copy the element at a path; of the sequences on the way only what is on a path."""
    tag, *rest = path
    element = source.get(tag)
    if element is None:
        return
    if not rest or element.get("vr") != "SQ":
        target[tag] = element
        return
    items = element.get("Value") or []
    held = target.setdefault(tag, {"vr": "SQ", "Value": [{} for _ in items]})
    for item, copy in zip(items, held.get("Value") or [], strict=False):
        if item and copy is not item:
            _copy(item, rest, copy)


def _texts(value: str) -> str:
    if "\\" not in value:
        return f',"Value":[{_quote(value)}]'
    return ',"Value":[' + ",".join([_quote(part) if part else "null" for part in value.split("\\")]) + "]"


def _names(value: str) -> str:
    names = []
    for name in value.split("\\"):
        groups = zip(GROUPS, name.split("=", len(GROUPS) - 1), strict=False)
        names.append("{" + ",".join([f'"{key}":{_quote(text)}' for key, text in groups if text]) + "}")
    return ',"Value":[' + ",".join(names) + "]"


def _number(value: int) -> str:
    return f',"Value":[{value}]'


def _items(value: Sequence[Mapping[str, str]]) -> str:
    """Write the items of the Request Attributes Sequence."""
    items = [
        "{"
        + ",".join(
            [f'"{tag}":{{"vr":"SH","Value":[{_quote(item[name])}]}}' for tag, name in _OF_REQUESTS if item[name]]
        )
        + "}"
        for item in value
    ]
    return ',"Value":[' + ",".join(items) + "]" if items else ""


_OF_REQUESTS: Final = (("00400009", "scheduled_step_id"), ("00401001", "requested_procedure_id"))
_WRITERS: Final[Mapping[str, Callable[[Any], str]]] = {"PN": _names, "IS": _number, "US": _number, "SQ": _items}
