"""The query string of a search -> what is asked for (PS3.18 8.3.4), or why it cannot be asked."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from pydicom.datadict import dictionary_has_tag, tag_for_keyword

from cauce.api.raw.request import is_true
from cauce.core.errors import InvalidRequest
from cauce.core.limits import KIB
from cauce.core.matching import combined, parse_match
from cauce.core.searching import ATTRIBUTES, Attribute, Match

RESULTS_MAX: Final = 5000
"""Most results of one answer."""
QUERY_BYTES_MAX: Final = 256 * KIB
PARAMETERS_MAX: Final = 256
_INCLUDED_MAX: Final = 512
_DEPTH_MAX: Final = 8
_DIGITS_MAX: Final = 18

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")
_KEYWORD: Final = re.compile(r"[A-Z][A-Za-z0-9]{1,63}")
_NUMBER: Final = re.compile(rf"[0-9]{{1,{_DIGITS_MAX}}}")
_MATCHED: Final = {one.tag: one for one in ATTRIBUTES if one.is_matched}
_FLAGS: Final = ("fuzzymatching", "emptyvaluematching", "multiplevaluematching")
_OURS: Final = frozenset({*_FLAGS, "limit", "offset", "includefield"})
_IGNORED: Final = frozenset({"accept", "charset"})
"""Parameters of any request (8.3.3), which other parts look at."""


@dataclass(kw_only=True, slots=True)
class Asked:
    """What a query string asks for. `included` are the tags, or dotted paths of tags, that the answer is to have."""

    matches: dict[str, Match] = field(default_factory=dict)
    limit: int = RESULTS_MAX
    offset: int = 0
    included: list[str] = field(default_factory=list)
    includes_all: bool = False
    ignored: list[str] = field(default_factory=list)
    """What was passed over, in words for the client."""


def parse_search(
    query_string: bytes, *, matched: Mapping[str, Attribute] = _MATCHED, parse: Callable[..., Match] = parse_match
) -> Asked:
    """Return what a query string asks for, of what is `matched`, by tag; `parse` reads the values.

    Raises:
        InvalidRequest: a value is malformed, or there is too much of it.
    """
    plain, wanted = _parted(_pairs(query_string))
    asked = Asked()
    fuzzy, empties, _ = (is_true(name, plain.get(name, [""])[-1]) for name in _FLAGS)
    asked.limit = min(_number("limit", plain, RESULTS_MAX), RESULTS_MAX)
    asked.offset = _number("offset", plain, 0)
    for text in plain.get("includefield", ()):
        _include(asked, text)
    for name, values in wanted.items():
        path = _path_of(name)
        attribute = matched.get(path or "")
        if attribute is None:
            asked.ignored.append(_passed_over(name, path))
            continue
        asked.matches[attribute.name] = parse(attribute, _one_value(attribute, values), fuzzy=fuzzy, empties=empties)
        asked.included.append(attribute.tag)
    asked.matches = combined(asked.matches)
    return asked


def _pairs(query_string: bytes) -> list[tuple[str, str]]:
    if len(query_string) > QUERY_BYTES_MAX:
        raise InvalidRequest(f"The query is longer than {QUERY_BYTES_MAX // KIB} KiB.")
    if query_string.count(b"&") >= PARAMETERS_MAX:
        raise InvalidRequest(f"The query has more than {PARAMETERS_MAX} parameters.")
    return parse_qsl(query_string.decode("latin-1"), keep_blank_values=True, errors="replace")


def _parted(pairs: list[tuple[str, str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the parameters of any search, and those that name attributes."""
    plain: dict[str, list[str]] = {}
    wanted: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in _IGNORED:
            (plain if name in _OURS else wanted).setdefault(name, []).append(value)
    return plain, wanted


def _number(name: str, plain: dict[str, list[str]], default: int) -> int:
    text = plain.get(name, [""])[-1].strip()
    if not text and name not in plain:
        return default
    if not _NUMBER.fullmatch(text):
        raise InvalidRequest(f"`{name}` wants a whole number from 0.", field=name)
    return int(text)


def _one_value(attribute: Attribute, values: list[str]) -> str:
    if len(values) > 1 and attribute.vr not in {"UI", "CS", "IS"}:
        raise InvalidRequest(f"{attribute.keyword} is given more than once.", field=attribute.keyword)
    return ",".join(values)


def _include(asked: Asked, text: str) -> None:
    for name in map(str.strip, text.split(",")):
        if len(asked.included) >= _INCLUDED_MAX:
            raise InvalidRequest(f"More than {_INCLUDED_MAX} attributes are to be included.", field="includefield")
        if name == "all":
            asked.includes_all = True
        elif name:
            path = _path_of(name)
            if path is None:
                raise InvalidRequest(
                    "`includefield` wants keywords or tags of eight hexadecimal digits, or `all`.", field="includefield"
                )
            asked.included.append(path)


def _path_of(name: str) -> str | None:
    """Return the dotted tags that keywords or tags name; `None` for what is neither.

    A keyword that the dictionary does not have stays as it is: nothing is stored under it.
    """
    parts = name.split(".")
    if len(parts) > _DEPTH_MAX:
        return None
    return ".".join(tags) if all(tags := [_tag_of(part) for part in parts]) else None


def _tag_of(name: str) -> str:
    if _TAG.fullmatch(name):
        return name.upper()
    if not _KEYWORD.fullmatch(name):
        return ""
    tag = tag_for_keyword(name)
    return name if tag is None else f"{tag:08X}"


def _passed_over(name: str, path: str | None) -> str:
    """Say what was ignored; nothing is repeated that is no keyword or tag of the dictionary, as it may be anything."""
    if path is None or not all(_is_known(part) for part in path.split(".")):
        return "An unknown parameter was ignored"
    return f"{name} cannot be matched: it was ignored"


def _is_known(tag: str) -> bool:
    return _TAG.fullmatch(tag) is not None and dictionary_has_tag(int(tag, 16))
