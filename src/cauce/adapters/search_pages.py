"""The rows of one page of results: what each study, series and instance says, and what is counted of it."""

# ruff: noqa: S608 - tables and columns are ours, values are parameters

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cauce.adapters.search_realms import REALMS, Realm
from cauce.adapters.statements import fetch
from cauce.core.searching import ATTRIBUTES, Level
from cauce.ports.search import Query

_COUNTED: Final = frozenset(
    {"modalities_in_study", "sop_classes_in_study", "study_series", "study_instances", "series_instances", "requests"}
)
_OF_ITEMS: Final = frozenset({"scheduled_step_id", "requested_procedure_id"})
_COLUMNS: Final = {
    level: tuple(
        one.name for one in ATTRIBUTES if one.level is level and one.name not in _COUNTED and one.name not in _OF_ITEMS
    )
    for level in Level
}
_UIDS: Final = ("st.study_instance_uid", "s.series_instance_uid")
_AT_ONCE: Final = 1000

Row = dict[str, Any]


def rows_of(query: Query, pks: Sequence[int]) -> list[Row]:
    """Return the rows of results by their keys, in the order of these."""
    rows: list[Row] = []
    for start in range(0, len(pks), _AT_ONCE):
        rows += _some(query, list(pks[start : start + _AT_ONCE]))
    return rows


def _some(query: Query, pks: list[int]) -> list[Row]:
    realm = REALMS[query.space]
    found = _selected(realm, query.level, query.levels, pks)
    rows = [found[pk] for pk in pks if pk in found]
    if Level.STUDY in query.levels:
        _count_studies(realm, rows)
    if Level.SERIES in query.levels:
        _count_series(realm, rows)
    return rows


def _selected(realm: Realm, level: Level, levels: frozenset[Level], pks: list[int]) -> dict[int, Row]:
    names = [name for each in sorted(levels) for name in _COLUMNS[each]]
    named = ["pk", "study_pk", *names]
    columns = [("st.id", "s.id", "i.id")[level], "st.id", *(realm.column(name) for name in names)]
    for above, name in ((Level.STUDY, "study_instance_uid"), (Level.SERIES, "series_instance_uid")):
        if above not in levels and above < level:
            named.append(name)
            columns.append(_UIDS[above])
    if level is not Level.STUDY:
        named.append("series_pk")
        columns.append("s.id")
    tables = (
        f"{realm.study} st",
        f"{realm.series} s CROSS JOIN {realm.study} st",
        f"{realm.instance} CROSS JOIN records_version v CROSS JOIN {realm.series} s CROSS JOIN {realm.study} st",
    )
    ties = ("", " AND st.id = s.study_id", " AND st.id = s.study_id AND " + " AND ".join(realm.instance_joins))
    text = f"SELECT {', '.join(columns)} FROM {tables[level]} WHERE {columns[0]} IN {{pks}}{ties[level]}"
    return {row[0]: dict(zip(named, row, strict=True)) for row in fetch(text, pks=pks)}


def _count_studies(realm: Realm, rows: Sequence[Row]) -> None:
    pks = sorted({row["study_pk"] for row in rows})
    if not pks:
        return
    found: dict[int, tuple[set[str], set[str], dict[int, int]]] = {pk: (set(), set(), {}) for pk in pks}
    text = (
        f"SELECT k.study_id, k.series_id, k.modality, k.sop_class_uid, ({_counting(realm, 'k.series_id')}) "
        f"FROM {realm.kinds} k WHERE k.study_id IN {{pks}}"
    )
    for pk, series, modality, sop_class, instances in fetch(text, pks=pks):
        if instances:
            modalities, sop_classes, counts = found[pk]
            modalities.add(modality)
            sop_classes.add(sop_class)
            counts[series] = instances
    for row in rows:
        modalities, sop_classes, counts = found[row["study_pk"]]
        row["study_series"], row["study_instances"] = len(counts), sum(counts.values())
        row["modalities_in_study"] = "\\".join(sorted(modalities - {""}))
        row["sop_classes_in_study"] = "\\".join(sorted(sop_classes))


def _counting(realm: Realm, series: str) -> str:
    """Return the statement that counts a series' instances; those of originals without a look at their versions."""
    if not realm.is_served:
        return f"SELECT count(*) FROM {realm.instance} WHERE i.series_id = {series}"
    ties = " AND ".join([*(join.replace("s.id", series) for join in realm.instance_joins), realm.is_served])
    return f"SELECT count(*) FROM {realm.instance} CROSS JOIN records_version v WHERE {ties}"


def _count_series(realm: Realm, rows: Sequence[Row]) -> None:
    pks = sorted({row["series_pk"] for row in rows})
    if not pks:
        return
    counting = f"SELECT s.id, ({_counting(realm, 's.id')}) FROM {realm.series} s WHERE s.id IN {{pks}}"
    counts = dict(fetch(counting, pks=pks))
    items: dict[int, list[Mapping[str, str]]] = {}
    text = (
        f"SELECT q.series_id, q.scheduled_step_id, q.requested_procedure_id FROM {realm.requests} q "
        "WHERE q.series_id IN {pks} ORDER BY q.series_id, q.number"
    )
    for pk, step, procedure in fetch(text, pks=pks):
        items.setdefault(pk, []).append({"scheduled_step_id": step, "requested_procedure_id": procedure})
    for row in rows:
        row["series_instances"] = counts.get(row["series_pk"], 0)
        row["requests"] = items.get(row["series_pk"], [])
