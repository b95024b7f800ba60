"""Searches of a worklist, newest work items first.

One condition drives a search: the one that tells the most is looked up in the index of values. The others are asked of
each work item that it finds. (SQLite goes through every pair of what two lists of keys hold, where it is let.)
"""

# ruff: noqa: S608 - tables and columns are ours, values are parameters

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cauce.adapters.search_conditions import Parameters, compared
from cauce.adapters.statements import fetch
from cauce.core.name_words import GROUP_LENGTH_MAX
from cauce.core.searching import Empty, Groups, Match, OneOf, Universal, Wildcard, Words
from cauce.ports.search import Page
from cauce.ports.work_items import WorkItemQuery
from cauce.readings.work_items import attributes as at
from cauce.readings.work_items.keys import WORDS

_COUNTED_MAX: Final = 1000
"""So many results beyond a page are counted."""
_COMMON: Final = frozenset({at.SOP_CLASS, at.PRIORITY, at.READINESS, at.STEP_LABEL, at.WORKLIST_LABEL, "00100040"})
"""What many work items have the same value of."""
_TELLS_LITTLE: Final = 3.0
"""From this rank on a condition drives nothing: the newest work items are asked one by one."""


@dataclass(frozen=True, slots=True)
class _Condition:
    """One condition: rows of `tables`, whose first is `k0`, meet `where`. The lower its `rank`, the more it tells."""

    tables: str
    where: str
    rank: float

    @property
    def driving(self) -> str:
        """What is said of work items where this condition finds them."""
        return f"w.id IN (SELECT k0.item_id FROM {self.tables} WHERE {self.where})"

    @property
    def asked(self) -> str:
        """What is said of work items that another has found."""
        return f"EXISTS (SELECT 1 FROM {self.tables} WHERE k0.item_id = w.id AND {self.where})"


def find(query: WorkItemQuery) -> Page:
    """Return one page of results, and how many there are beyond it."""
    given = Parameters()
    where = " AND ".join((f"w.project_id = {given.add(query.project.pk)}", *_said(query.matches, given)))
    at_most = query.limit + _COUNTED_MAX
    found = fetch(
        f"SELECT w.id FROM records_workitem w WHERE {where} ORDER BY w.id DESC "
        f"LIMIT {given.add(at_most)} OFFSET {given.add(query.offset)}",
        **given,
    )
    further = max(0, len(found) - query.limit)
    rows = [{"pk": pk} for (pk,) in found[: query.limit]]
    return Page(rows=rows, further=further, is_further_exact=further < _COUNTED_MAX)


def _said(matches: Mapping[str, Match], given: Parameters) -> Iterator[str]:
    """Yield what is said of work items."""
    for path, match in matches.items():
        if path == at.STATE and not isinstance(match, Universal):
            yield compared("w.state", match, given)
        elif isinstance(match, Empty):
            held = f"SELECT 1 FROM records_workitemkey k WHERE k.item_id = w.id AND k.path = {given.add(path)}"
            yield f"NOT EXISTS ({held})"
    first, *others = sorted(_conditions(matches, given), key=lambda one: one.rank) or (None,)
    if first is not None:
        yield first.driving if first.rank < _TELLS_LITTLE else first.asked
    yield from (one.asked for one in others if one is not None)


def _conditions(matches: Mapping[str, Match], given: Parameters) -> Iterator[_Condition]:
    """Yield a condition for each match; all that is asked of one sequence has to hold of one item (C.2.2.2.6)."""
    sequences: dict[str, list[tuple[str, Match]]] = {}
    for path, match in matches.items():
        if path == at.STATE or isinstance(match, Universal | Empty):
            continue
        if isinstance(match, Words):
            yield from (_one(path + WORDS, Wildcard(word + "*"), given) for word in match.words)
        elif isinstance(match, Groups):
            yield from (_one(path, Wildcard(pattern[:GROUP_LENGTH_MAX]), given) for pattern in match.patterns)
        elif "." in path:
            sequences.setdefault(path.partition(".")[0], []).append((path, match))
        else:
            yield _one(path, match, given)
    yield from (_of_one_item(asked, given) for asked in sequences.values())


def _one(path: str, match: Match, given: Parameters) -> _Condition:
    return _of_one_item([(path, match)], given)


def _of_one_item(asked: list[tuple[str, Match]], given: Parameters) -> _Condition:
    """Return the condition that one item of a sequence, or the work item itself, matches all that is asked of it."""
    tables, conditions = [], []
    for number, (path, match) in enumerate(asked):
        alias = f"k{number}"
        same = f" ON {alias}.item_id = k0.item_id AND {alias}.place = k0.place" if number else ""
        tables.append(f"records_workitemkey {alias}{same}")
        conditions.append(f"{alias}.path = {given.add(path)} AND {compared(f'{alias}.value', match, given)}")
    rank = min(_rank(path, match) for path, match in asked)
    return _Condition(" JOIN ".join(tables), " AND ".join(conditions), rank)


def _rank(path: str, match: Match) -> float:
    """Return how little a match tells."""
    if path in _COMMON:
        return _TELLS_LITTLE + 1
    if isinstance(match, OneOf):
        return 2 if path.endswith((".00080100", ".00080102")) else 0
    if isinstance(match, Wildcard):
        return 1 + 1 / (1 + len(match.prefix)) if match.prefix else _TELLS_LITTLE
    return 2.5
