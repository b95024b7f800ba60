"""Matches -> conditions in the part of SQL that SQLite and PostgreSQL share, and what a condition can be found by."""

# ruff: noqa: S608 - tables and columns are ours, values are parameters

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from cauce.adapters.search_realms import Realm
from cauce.core.searching import (
    BY_NAME,
    DATES_WITH_TIMES,
    Empty,
    Groups,
    Level,
    Match,
    Moments,
    Numbers,
    OneOf,
    Range,
    Universal,
    Wildcard,
    Words,
    prefix_of,
)
from cauce.records.models.searching import NameKind

LAST: Final = "\U0010ffff"
"""Greater than any character that text holds."""

FIRST: Final = "SELECT 1 FROM {} m WHERE"
"""How the question begins whether there is an earlier row. It is not NOT EXISTS, of which PostgreSQL would make a join,
and read all that match before the first row of the answer."""

_NAMES: Final = {
    "patient_name": (NameKind.PATIENT_GROUP, NameKind.PATIENT_WORD),
    "referring_physician_name": (NameKind.PHYSICIAN_GROUP, NameKind.PHYSICIAN_WORD),
}
_INDEXED: Final = {
    "study_instance_uid": 0,
    "series_instance_uid": 0,
    "sop_instance_uid": 0,
    "patient_id": 2,
    "accession_number": 2,
    "study_id": 2,
    "study_description": 5,
    "patient_birth_date": 6,
    "study_date": 6,
    "performed_procedure_step_start_date": 6,
    "instance_number": 8,
}
"""Columns with an index, and how soon one is tried: what tells the most comes first."""
_KINDS: Final = {
    "modality": ("modality", Level.SERIES),
    "modalities_in_study": ("modality", Level.STUDY),
    "sop_class_uid": ("sop_class_uid", Level.INSTANCE),
    "sop_classes_in_study": ("sop_class_uid", Level.STUDY),
}
_REQUESTS: Final = ("scheduled_step_id", "requested_procedure_id")
_WIDE: Final = 9
"""The rank of what has to look at a whole index."""


class Parameters(dict[str, Any]):
    """The values of a statement, by the names that stand for them in its text."""

    def add(self, value: Any) -> str:
        """Return the place of a value."""
        name = f"p{len(self)}"
        self[name] = value
        return f"{{{name}}}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """One condition on a study, series or instance: `filter` says it of their tables, whatever index they are read by.

    `table` and `where` say it of a table with an index for it, or `None`; `table` may be one of the three themselves.
    `rank` tells how soon that is tried. `column` is what the index is in order of, and `is_bounded` tells that
    only a part of it is read, `is_single` that it has one value. `rest` is what has to be said besides where the index
    is walked, `least` the first of a study's rows in it.
    """

    name: str
    level: Level
    filter: str
    table: str | None = None
    where: str = ""
    rank: float = 0
    column: str = ""
    rest: str = ""
    least: str = ""
    is_bounded: bool = True
    is_single: bool = False

    @property
    def kind(self) -> str:
        """The alias of `table`."""
        return (self.table or "").rpartition(" ")[2]


def conditions_of(realm: Realm, matches: Mapping[str, Match], given: Parameters) -> Iterator[Condition]:
    """Yield the conditions that `matches` make; their values go into `given`."""
    requests = {name: matches[name] for name in _REQUESTS if not isinstance(matches.get(name, _ANY), Universal)}
    if requests:
        yield _request(realm, requests, given)
    for name, match in matches.items():
        if isinstance(match, Universal) or name in _REQUESTS:
            continue
        if name in _NAMES:
            yield from _names(realm, name, match, given)
        elif name in _KINDS:
            yield _kind(realm, name, match, given)
        else:
            yield _column(realm, name, match, given)


_ANY: Final = Universal()


def _column(realm: Realm, name: str, match: Match, given: Parameters) -> Condition:
    attribute, column = BY_NAME[name], realm.column(name)
    later = realm.column(DATES_WITH_TIMES[name]) if isinstance(match, Moments) else ""
    if name == "image_type" and isinstance(match, OneOf):
        said = _one_of_several(column, match, given)
    else:
        said = compared(_bare(column, attribute.vr), match, given, later=later, is_number=attribute.vr in {"IS", "US"})
    rank = _INDEXED.get(name)
    if rank is None or isinstance(match, Empty):
        return Condition(name=name, level=attribute.level, filter=said)
    is_bounded = not isinstance(match, Wildcard) or bool(match.prefix)
    return Condition(
        name=name,
        level=attribute.level,
        filter=said,
        table=("st", "s", "i")[attribute.level],
        where=compared(column, match, given, later=later),
        rank=(rank + 2 * isinstance(match, Wildcard)) if is_bounded else _WIDE,
        column=column,
        is_bounded=is_bounded,
        is_single=isinstance(match, OneOf) and len(match.values) == 1,
    )


def _bare(column: str, vr: str) -> str:
    """Return a column as an expression that no index is used for: another one is meant to be."""
    return f"(+{column})" if vr in {"IS", "US"} else f"({column} || '')"


def compared(column: str, match: Match, given: Parameters, *, later: str = "", is_number: bool = False) -> str:
    """Return the condition that a column matches; `later` is that of the time that goes with a date."""
    if isinstance(match, OneOf | Numbers):
        if len(match.values) == 1:
            return f"{column} = {given.add(match.values[0])}"
        return f"{column} IN {given.add(list(match.values))}"
    if isinstance(match, Wildcard):
        return _like(column, match.pattern, given)
    if isinstance(match, Range):
        low = f"{column} > ''" if match.low is None else f"{column} >= {given.add(match.low)}"
        return low if match.high is None else f"{low} AND {column} <= {given.add(match.high)}"
    if isinstance(match, Moments):
        return _between(column, later, match, given)
    return f"{column} IS NULL" if is_number else f"{column} = ''"


def _between(day: str, hour: str, match: Moments, given: Parameters) -> str:
    said = [f"{day} > ''"]
    if match.low is not None:
        date, time = map(given.add, match.low)
        said.append(f"{day} >= {date} AND ({day} > {date} OR {hour} >= {time})")
    if match.high is not None:
        date, time = map(given.add, match.high)
        said.append(f"{day} <= {date} AND ({day} < {date} OR {hour} <= {time})")
    return " AND ".join(said)


def _like(column: str, pattern: str, given: Parameters) -> str:
    """Return the condition that a column is like a pattern, with what of it an index can be read by."""
    said = _within(column, prefix_of(pattern), given)
    if pattern != prefix_of(pattern) + "*":
        if connection.vendor == "postgresql":
            plain = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            said.append(f"{column} LIKE {given.add(plain.replace('*', '%').replace('?', '_'))}")
        else:
            said.append(f"{column} GLOB {given.add(pattern.replace('[', '[[]'))}")
    return " AND ".join(said)


def _within(column: str, prefix: str, given: Parameters) -> list[str]:
    return [f"{column} >= {given.add(prefix)}", f"{column} < {given.add(prefix + LAST)}"] if prefix else []


def _one_of_several(column: str, match: OneOf, given: Parameters) -> str:
    """Return the condition that one of the values of a column, parted by backslashes, is one of those wanted."""
    around = f"('\\' || {column} || '\\')"
    patterns = [_like(around, "*\\" + value.replace("*", "?") + "\\*", given) for value in match.values]
    return f"({' OR '.join(patterns)})"


def _names(realm: Realm, name: str, match: Match, given: Parameters) -> Iterator[Condition]:
    """Yield a condition for each word, or each group, of a name that is asked for."""
    whole, single = _NAMES[name]
    if isinstance(match, Empty):
        yield Condition(name=name, level=Level.STUDY, filter=f"{realm.column(name)} = ''")
        return
    if isinstance(match, Words):
        kind, patterns = single, tuple(word + "*" for word in match.words)
    else:
        kind, patterns = whole, match.patterns if isinstance(match, Groups) else ()
    place = given.add(kind.value)
    for pattern in patterns:
        yield _name(realm, name, place, pattern, given)


def _name(realm: Realm, name: str, kind: str, pattern: str, given: Parameters) -> Condition:
    prefix = prefix_of(pattern)
    is_exact = prefix == pattern
    said = f"%s.text = {given.add(pattern)}" if is_exact else _like("%s.text", pattern, given)

    def has(alias: str) -> str:
        return f"{alias}.kind = {kind} AND {said.replace('%s', alias)}"

    return Condition(
        name=name,
        level=Level.STUDY,
        filter=f"EXISTS (SELECT 1 FROM {realm.names} m WHERE m.study_id = st.id AND {has('m')})",
        table=f"{realm.names} n",
        where=has("n"),
        rank=3 if is_exact else 4 + 1 / (1 + len(prefix)) if prefix else _WIDE,
        column="n.text",
        rest=f"({FIRST.format(realm.names)} m.study_id = st.id AND {has('m')} AND m.text < n.text LIMIT 1) IS NULL",
        least=f"(SELECT min(o.text) FROM {realm.names} o WHERE o.study_id = st.id AND {has('o')})",
        is_bounded=bool(prefix),
        is_single=is_exact,
    )


def _kind(realm: Realm, name: str, match: Match, given: Parameters) -> Condition:
    column, level = _KINDS[name]
    own = {"modality": "s.modality", "sop_class_uid": realm.instance_columns["sop_class_uid"]}.get(name)
    if own is not None:
        said = compared(own, match, given)
    elif isinstance(match, Empty):
        said = f"NOT EXISTS (SELECT 1 FROM {realm.kinds} m WHERE m.study_id = st.id AND m.{column} <> '')"
    else:
        said = (
            f"EXISTS (SELECT 1 FROM {realm.kinds} m WHERE m.study_id = st.id AND "
            f"{compared(_bare(f'm.{column}', 'CS'), match, given)})"
        )
    if isinstance(match, Empty):
        return Condition(name=name, level=level, filter=said)
    is_single = isinstance(match, OneOf) and len(match.values) == 1
    is_bounded = is_single or not isinstance(match, Wildcard) or bool(match.prefix)
    return Condition(
        name=name,
        level=level,
        filter=said,
        table=f"{realm.kinds} k",
        where=compared(f"k.{column}", match, given),
        rank=7 if is_bounded else _WIDE,
        column=f"k.{column}",
        rest=f"({said})" if level is Level.INSTANCE else "",
        is_bounded=is_bounded,
        is_single=is_single,
    )


def _request(realm: Realm, requests: Mapping[str, Match], given: Parameters) -> Condition:
    """Return the condition that one item of the sequence matches all that is asked of it (C.2.2.2.6)."""
    said = " AND ".join(compared(f"q.{name}", match, given) for name, match in requests.items())
    is_found = any(
        isinstance(match, OneOf) or (isinstance(match, Wildcard) and match.prefix) for match in requests.values()
    )
    return Condition(
        name="requests",
        level=Level.SERIES,
        filter=f"EXISTS (SELECT 1 FROM {realm.requests} q WHERE q.series_id = s.id AND {said})",
        table=f"{realm.requests} q",
        where=said,
        rank=1 if is_found else _WIDE,
        is_bounded=is_found,
    )
