"""Searches in the SQL catalogue: keys first, by statements that read indexes alone; then the rows of one page."""

# ruff: noqa: S608 - tables and columns are ours, values are parameters

import threading
import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from cauce.adapters.search_conditions import Condition
from cauce.adapters.search_pages import rows_of
from cauce.adapters.search_realms import REALMS
from cauce.adapters.search_statements import FEW, SOME, Statements
from cauce.adapters.sql_errors import translated
from cauce.adapters.statements import fetch
from cauce.core.searching import Level
from cauce.core.statuses import Space
from cauce.ports.search import Page, Query

FURTHER: Final = 100
"""How many results beyond a page are counted."""
FURTHER_WALKED: Final = 10
"""How many are where an index is walked, and each costs as much as one on the page."""
_WORTHWHILE: Final = 50
"""From so many candidates on it is worth while to gather those of another condition as well."""
_OFFSET_MAX: Final = 2**62
_DOCUMENTS_AT_ONCE: Final = 500


class SqlSearch:
    """Fulfils `cauce.ports.search.Search`."""

    def __init__(self) -> None:
        """No page has been asked for."""
        self._places = _Places()

    def find(self, query: Query) -> Page:
        """Return one page of results."""
        with translated():
            keys, most = self._keys(query)
            further = max(0, len(keys) - query.limit)
            return Page(
                rows=rows_of(query, [row[0] for row in keys[: query.limit]]),
                further=further,
                is_further_exact=len(keys) < most,
            )

    def documents(self, space: Space, level: Level, rows: Sequence[Mapping[str, Any]]) -> Sequence[bytes]:
        """Return the DICOM JSON of each of a few results; that of a study or series is its first instance's."""
        with translated():
            pks = _document_keys(space, level, [row["pk"] for row in rows])
            held: dict[int, bytes] = {}
            wanted = sorted({pk for pk in pks.values() if pk is not None})
            for start in range(0, len(wanted), _DOCUMENTS_AT_ONCE):
                for pk, blob in fetch(REALMS[space].document, pks=wanted[start : start + _DOCUMENTS_AT_ONCE]):
                    held[pk] = zlib.decompress(bytes(blob))
        return [held.get(pks.get(row["pk"]) or 0, b"{}") for row in rows]

    def _keys(self, query: Query) -> tuple[list[tuple[Any, ...]], int]:
        """Return the keys of a page and some beyond it, with what they are in order of; and how many were wanted."""
        statements = Statements(query)
        limit, offset = query.limit + FURTHER + 1, min(query.offset, _OFFSET_MAX)
        few = _few(statements)
        if few is not None:
            if not few.keys:
                return [], limit
            text = statements.among(few.level, few.keys, by=few.by)
            return fetch(text, **statements.values(limit=limit, offset=offset)), limit
        statements.gathered = _some(statements, but=statements.leading)
        whole = replace(query, limit=0, offset=0)
        passed, after = self._places.nearest(whole, offset)
        text = statements.walk(after=after)
        limit = query.limit + FURTHER_WALKED + 1
        found = fetch(text, **statements.values(limit=limit, offset=offset - passed))
        if len(found) > query.limit > 0:
            self._places.note(whole, offset + query.limit, found[query.limit - 1][1:])
        return found, limit


@dataclass(frozen=True, slots=True)
class _Few:
    """The few studies, series or instances that can match, and the conditions that left only these."""

    level: Level
    keys: Sequence[int]
    by: Sequence[Condition] = ()


def _few(statements: Statements) -> _Few | None:
    """Return what can match if any condition leaves only a few."""
    if statements.is_scoped:
        level, text = statements.scope()
        return _Few(level, [row[0] for row in fetch(text, **statements.values())])
    if statements.walks_at_once:
        return None
    for condition in statements.found_by:
        level, text = statements.candidates(condition)
        found = fetch(text, **statements.values())
        if len(found) <= FEW:
            return _narrowed(statements, _Few(level, [row[0] for row in found], [condition]))
    return None


def _narrowed(statements: Statements, few: _Few) -> _Few:
    """Return what of a few another condition leaves, where that is cheaper than to look each of them up."""
    other = _some(statements, but=few.by[0]) if len(few.keys) > _WORTHWHILE else None
    text = statements.narrowed(other, few.level, few.keys) if other is not None else None
    if other is None or text is None:
        return few
    found = fetch(text, **statements.values())
    return _Few(few.level, [row[0] for row in found], [*few.by, other])


def _some(statements: Statements, *, but: Condition | None) -> Condition | None:
    """Return a condition that leaves few enough to be gathered, other than the one whose index is read already."""
    others = [one for one in statements.found_by if one is not but and one.is_bounded and one.kind != "i"]
    if not others:
        return None
    counts = [fetch(statements.counted(one), **statements.values())[0][0] for one in others]
    least = min(counts)
    return others[counts.index(least)] if least <= SOME else None


def _document_keys(space: Space, level: Level, pks: Sequence[int]) -> dict[int, int | None]:
    """Return, by the key of each result, that of the row that holds its document."""
    if not pks:
        return {}
    clean = space is Space.DEIDENTIFIED
    if level is Level.INSTANCE:
        if clean:
            return {pk: pk for pk in pks}
        text = "SELECT v.instance_id, v.id FROM records_version v WHERE v.instance_id IN {pks} AND v.state = 'current'"
        return dict(fetch(text, pks=list(pks)))
    realm = REALMS[space]
    key = "s.study_id" if level is Level.STUDY else "s.id"
    least = "i.id" if clean else "v.id"
    ties = " AND ".join([*realm.instance_joins, *([realm.is_served] if realm.is_served else [])])
    text = (
        f"SELECT {key}, min({least}) FROM {realm.series} s CROSS JOIN {realm.instance} CROSS JOIN records_version v "
        f"WHERE {key} IN {{pks}} AND {ties} GROUP BY {key}"
    )
    return dict(fetch(text, pks=list(pks)))


@dataclass(slots=True)
class _Places:
    """Where pages ended: who pages through a long answer by offsets goes on from there, and walks nothing twice.

    It also keeps such a reader from seeing a result twice, or missing one, when others arrive meanwhile.
    """

    most: int = 256
    _ends: OrderedDict[tuple[Any, ...], dict[int, tuple[Any, ...]]] = field(default_factory=OrderedDict)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def nearest(self, query: Query, offset: int) -> tuple[int, tuple[Any, ...] | None]:
        """Return the last noted end of a page up to `offset`, and the row that it ended with."""
        with self._turn:
            ends = self._ends.get(_key(query))
            passed = max((end for end in ends or () if end <= offset), default=0)
            return passed, ends[passed] if ends and passed else None

    def note(self, query: Query, end: int, row: tuple[Any, ...]) -> None:
        """Note the row that a page ended with."""
        with self._turn:
            ends = self._ends.setdefault(_key(query), {})
            self._ends.move_to_end(_key(query))
            if len(ends) >= _ENDS_MAX:
                del ends[min(ends)]
            ends[end] = row
            while len(self._ends) > self.most:
                self._ends.popitem(last=False)


_ENDS_MAX: Final = 1024


def _key(query: Query) -> tuple[Any, ...]:
    return query.project.pk, query.space, query.level, query.study, query.series, tuple(sorted(query.matches.items()))
