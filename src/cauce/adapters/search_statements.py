"""The statements of a search: which keys a query finds, in which order, and from which index.

Either some condition of the query has few candidates, whose keys are looked up first; then all else is asked of these
alone. Or each has many; then an index is walked that is in the order of the answer, and left once the page is full.
No order depends on how many there are, so that it is the same for the same query (PS3.18 8.3.4.4.1).
"""

# ruff: noqa: S608 - tables and columns are ours, values are parameters

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cauce.adapters.search_conditions import FIRST, Condition, Parameters, conditions_of
from cauce.adapters.search_realms import REALMS, Realm
from cauce.core.searching import Level
from cauce.ports.search import Query

FEW: Final = 1000
"""Up to so many candidates are looked up before all else is asked."""
SOME: Final = 20_000
"""Up to so many candidates are gathered before an index is walked, instead of looking each row of it up."""

_ALIASES: Final = ("st", "s", "i")
_WALKED: Final = ("study_date", "patient_name", "referring_physician_name")
"""What gives an answer its order, in this order; after these whatever else is walked."""
_LATEST_FIRST: Final = frozenset({"study_date", "patient_birth_date"})
_BY_TEXT: Final = frozenset({"patient_id", "accession_number", "study_id", "study_description"})
_LAST_NUMBER: Final = 2**40

_IN_PROJECT: Final = frozenset({"st", "n", "k"})
"""Tables whose index begins with the project."""
_MORE_OF_STUDIES: Final = re.compile(r"\bst\.(?!id\b)")


@dataclass(frozen=True, slots=True)
class Order:
    """What an answer is in order of; `keys` are expressions that are unique together."""

    keys: tuple[str, ...]
    falls: bool

    def text(self) -> str:
        """Return the ORDER BY clause."""
        return " ORDER BY " + ", ".join(f"{key}{' DESC' if self.falls else ''}" for key in self.keys)

    def beyond(self, values: Sequence[Any], given: Parameters) -> str:
        """Return the condition that a row comes after the one with these values."""
        places = ", ".join(given.add(value) for value in values)
        return f"({', '.join(self.keys)}) {'<' if self.falls else '>'} ({places})"


class Statements:
    """Writes the statements of one query."""

    def __init__(self, query: Query) -> None:
        """Nothing is asked of the database."""
        self.query = query
        self.realm: Realm = REALMS[query.space]
        self.level = query.level
        self.given = Parameters()
        self.conditions = list(conditions_of(self.realm, query.matches, self.given))
        self._project = self.given.add(query.project.pk)
        self.is_scoped = query.study is not None
        self.leading = None if self.is_scoped else self._leading()
        self.gathered: Condition | None = None
        """A condition whose candidates are gathered before an index is walked."""

    @property
    def found_by(self) -> list[Condition]:
        """The conditions that an index has, what tells most first."""
        return sorted((one for one in self.conditions if one.table is not None), key=lambda one: one.rank)

    @property
    def walks_at_once(self) -> bool:
        """Whether the order's own index is read for the only condition that any index has."""
        return self.leading is not None and len(self.found_by) == 1 and self.leading.is_bounded

    def scope(self) -> tuple[Level, str]:
        """Return the statement that looks up the study or series that the query is below."""
        study, series = self.given.add(self.query.study), self.given.add(self.query.series or "")
        text = (
            f"SELECT st.id FROM {self.realm.study} st "
            f"WHERE st.project_id = {self._project} AND st.study_instance_uid = {study}"
        )
        if self.query.series is None:
            return Level.STUDY, text
        return Level.SERIES, (
            f"SELECT s.id FROM {self.realm.study} st JOIN {self.realm.series} s ON s.study_id = st.id "
            f"WHERE st.project_id = {self._project} AND st.study_instance_uid = {study} "
            f"AND s.series_instance_uid = {series}"
        )

    def candidates(self, condition: Condition) -> tuple[Level, str]:
        """Return the statement that looks up the keys that a condition may be met by, and the level they are of."""
        level, key, text = self._looked_up(condition)
        return level, f"SELECT DISTINCT {key}{text} LIMIT {self.given.add(FEW + 1)}"

    def counted(self, condition: Condition) -> str:
        """Return the statement that counts candidates, up to one more than `SOME`."""
        _, _, text = self._looked_up(condition)
        return f"SELECT count(*) FROM (SELECT 1{text} LIMIT {self.given.add(SOME + 1)}) c"

    def _looked_up(self, condition: Condition) -> tuple[Level, str, str]:
        """Return the level of what a condition has an index of, its key, and the statement from FROM on."""
        level = min(condition.level, self.level)
        kind = condition.kind
        if kind == "k":
            level = min(level, Level.SERIES)
        realm, project = self.realm, f"{kind}.project_id = {self._project}"
        key, tables, ties = f"{kind}.study_id", condition.table or "", [project]
        if kind == "st":
            key, tables = "st.id", f"{realm.study} st"
        elif kind == "s":
            key, tables, ties = "s.study_id" if level is Level.STUDY else "s.id", f"{realm.series} s", []
        elif kind == "k" and level is Level.SERIES:
            key = "k.series_id"
        elif kind == "q":
            key, ties = "q.series_id", []
            if level is Level.STUDY:
                key, tables, ties = "s.study_id", f"{tables} CROSS JOIN {realm.series} s", ["s.id = q.series_id"]
        elif kind == "i":
            tables, key, ties = self._of_instances(condition, level)
        return level, key, f" FROM {tables} WHERE {' AND '.join([*ties, condition.where])}"

    def _of_instances(self, condition: Condition, level: Level) -> tuple[str, str, list[str]]:
        key = ("s.study_id", "s.id", "i.id")[level]
        by_version = condition.column.startswith("v.")
        if by_version and level is Level.INSTANCE and not self.realm.is_served:
            return "records_version v", "v.instance_id", ["v.state = 'current'"]
        tables = (
            ["records_version v", self.realm.instance] if by_version else [self.realm.instance, "records_version v"]
        )
        project = self.realm.instance_project
        ties = [*self.realm.instance_joins, *([f"{project} = {self._project}"] if project and not by_version else [])]
        return " CROSS JOIN ".join([*tables, f"{self.realm.series} s"]), key, ties

    def narrowed(self, condition: Condition, level: Level, keys: Sequence[int]) -> str | None:
        """Return the statement that looks up which of a few keys another condition is met by, where it has the same."""
        own, key, text = self._looked_up(condition)
        if own is not level or condition.level > level:
            return None
        return f"SELECT DISTINCT {key}{text} AND (+{key}) IN {self.given.add(list(keys))}"

    def among(self, level: Level, keys: Sequence[int], *, by: Sequence[Condition] = ()) -> str:
        """Return the statement that finds the results among studies, series or instances with these keys, at least one.

        `by` are the conditions whose candidates they are: one is said again only if it says more than that.
        """
        order = self.order()
        met = [one for one in by if one.level <= level]
        chosen = [f"{_ALIASES[level]}.id IN {self.given.add(list(keys))}"]
        if not any(one.kind in _IN_PROJECT for one in by):
            chosen.append(f"(+st.project_id) = {self._project}")
        tables = self._tables(level, self.level)
        return self._page(
            f"SELECT {self._selected(order)} FROM {' CROSS JOIN '.join(tables)}",
            [*chosen, *self._ties(), *self._filters(without=met)],
            order,
        )

    def walk(self, *, after: Sequence[Any] | None = None) -> str:
        """Return the statement that walks the index of the order, from after the row with these values."""
        order, leading = self.order(walked=True), self.leading
        beyond = [] if after is None else [order.beyond(after, self.given)]
        if leading is None or leading.kind == "st":
            where = [f"st.project_id = {self._project}", *([leading.where] if leading else [])]
            tables = self._tables(Level.STUDY, self.level)
        elif leading.kind == "s":
            where = [leading.where, f"(+st.project_id) = {self._project}"]
            tables = [f"{self.realm.series} s", f"{self.realm.study} st", *self._tables(Level.STUDY, self.level)[2:]]
        else:
            where = [leading.where, *self._tied(leading)]
            tables = [leading.table or "", *self._tables(Level.STUDY, self.level)]
        filters = [
            *self._filters(without=[leading] if leading else []),
            *([leading.rest] if leading and leading.rest else []),
        ]
        text = self._page(
            f"SELECT {self._selected(order)} FROM {' CROSS JOIN '.join(tables)}",
            [*where, *self._ties(), *filters, *beyond],
            order,
        )
        return text if leading is None else self._without_studies(text, leading.kind)

    def _without_studies(self, text: str, kind: str) -> str:
        """Return a statement that does not look at studies, if all that it says of them is their key."""
        if kind not in {"n", "k"} or _MORE_OF_STUDIES.search(text):
            return text
        bare = text.replace(f" CROSS JOIN {self.realm.study} st", "", 1).replace(f" AND st.id = {kind}.study_id", "", 1)
        return bare.replace("st.id", f"{kind}.study_id")

    def _tied(self, leading: Condition) -> list[str]:
        """Return what ties the table that is walked to the studies, and takes each study or series once."""
        if leading.kind == "n":
            return [f"n.project_id = {self._project}", "st.id = n.study_id"]
        said = [f"k.project_id = {self._project}", "st.id = k.study_id"]
        same = f"m.project_id = k.project_id AND m.{leading.column[2:]} = {leading.column} AND m.study_id = k.study_id"
        if min(leading.level, self.level) is Level.STUDY:
            newer = "(m.series_id > k.series_id OR (m.series_id = k.series_id AND m.id > k.id))"
        else:
            said.append("s.id = k.series_id")
            newer = "m.series_id = k.series_id AND m.id > k.id"
        return [*said, f"({FIRST.format(self.realm.kinds)} {same} AND {newer} LIMIT 1) IS NULL"]

    def _tables(self, top: Level, bottom: Level) -> list[str]:
        """Return the tables of all levels from the top one to the bottom one, and those above; joined in this order."""
        tables = [
            f"{self.realm.study} st",
            f"{self.realm.series} s",
            f"{self.realm.instance} CROSS JOIN records_version v",
        ]
        held = tables[: bottom + 1]
        return [*held[top:], *reversed(held[:top])]

    def _ties(self) -> list[str]:
        ties: list[str] = []
        if self.level >= Level.SERIES:
            ties.append("s.study_id = st.id")
        if self.level is Level.INSTANCE:
            ties += [*self.realm.instance_joins, *([self.realm.is_served] if self.realm.is_served else [])]
        elif self.realm.is_served:
            ties.append(self._has_served())
        return ties

    def _has_served(self) -> str:
        if self.level is Level.STUDY:
            tables, place = f"{self.realm.series} s CROSS JOIN {self.realm.instance}", "s.study_id = st.id AND "
        else:
            tables, place = self.realm.instance, ""
        said = " AND ".join([*self.realm.instance_joins, self.realm.is_served])
        return f"EXISTS (SELECT 1 FROM {tables} CROSS JOIN records_version v WHERE {place}{said})"

    def _filters(self, *, without: Sequence[Condition]) -> list[str]:
        """Return all conditions but some; those on what is below the results are met by one series and instance."""
        found = [*without, self.gathered]
        said = [] if self.gathered is None else [self._among_gathered(self.gathered)]
        said += [f"({one.filter})" for one in self.conditions if one.level <= self.level and one not in found]
        below = [one for one in self.conditions if one.level > self.level]
        # One alone that was found by an index is met; of several each could be met by another series.
        if below and (len(below) > 1 or below[0] not in found or self.realm.is_served):
            deepest = max(one.level for one in below)
            tables, ties = list[str](), list[str]()
            if self.level is Level.STUDY:
                tables.append(f"{self.realm.series} s")
                ties.append("s.study_id = st.id")
            if deepest is Level.INSTANCE:
                tables += [self.realm.instance, "records_version v"]
                ties += [*self.realm.instance_joins, *([self.realm.is_served] if self.realm.is_served else [])]
            wanted = " AND ".join([*ties, *(f"({one.filter})" for one in below)])
            said.append(f"EXISTS (SELECT 1 FROM {' CROSS JOIN '.join(tables)} WHERE {wanted})")
        return said

    def _among_gathered(self, condition: Condition) -> str:
        level, key, text = self._looked_up(condition)
        rest = f" AND ({condition.filter})" if self.level >= condition.level > level else ""
        return f"(+{_ALIASES[level]}.id) IN (SELECT {key}{text}){rest}"

    def _leading(self) -> Condition | None:
        """Return the condition that gives the answer its order, by what is asked alone."""
        walked = [one for one in self.found_by if one.is_bounded and self._can_lead(one)]
        for name in _WALKED:
            for one in walked:
                if one.name == name:
                    return one
        by_column = [one for one in walked if one.kind != "k"]
        return next(iter(by_column or walked), None)

    def _can_lead(self, one: Condition) -> bool:
        if one.name in _LATEST_FIRST | _BY_TEXT or one.kind == "n":
            return True
        if one.name == "performed_procedure_step_start_date":
            return self.level is not Level.STUDY
        return one.kind == "k" and one.is_single and one.level <= max(self.level, Level.SERIES)

    def order(self, *, walked: bool = False) -> Order:
        """Return the order of the answer, as the tables say it; where it is `walked`, as its own index does."""
        if self.is_scoped:
            return self._order_below()
        leading = self.leading
        kind = leading.kind if leading is not None else ""
        keys = ("st.id", "s.id", "i.id")[: self.level + 1]
        if walked and kind in {"s", "n", "k"}:
            keys = (f"{kind}.study_id", *keys[1:])
            if kind == "k" and self.level >= Level.SERIES and leading and leading.level is not Level.STUDY:
                keys = (keys[0], "k.series_id", *keys[2:])
        if leading is None or kind == "k":
            return Order(keys, falls=True)
        if kind == "n":
            return Order((leading.column if walked else leading.least, *keys), falls=False)
        return Order((leading.column, *keys), falls=leading.name not in _BY_TEXT)

    def _order_below(self) -> Order:
        """Return the order of what is below one study: that of its numbers."""
        numbers = [f"COALESCE(s.series_number, {_LAST_NUMBER})", "s.id"]
        if self.level is Level.INSTANCE:
            numbers += [f"COALESCE(v.instance_number, {_LAST_NUMBER})", "i.id"]
        return Order(tuple(numbers), falls=False)

    def _selected(self, order: Order) -> str:
        return ", ".join([("st.id", "s.id", "i.id")[self.level], *order.keys])

    def _page(self, text: str, where: Sequence[str], order: Order) -> str:
        return f"{text} WHERE {' AND '.join(where)}{order.text()} LIMIT {{limit}} OFFSET {{offset}}"

    def values(self, **more: Any) -> Mapping[str, Any]:
        """Return the values of a statement."""
        return {**self.given, **more}
