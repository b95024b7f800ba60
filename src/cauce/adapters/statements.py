"""Statements that are written out once, for what runs with every arrival.

Query sets build each statement anew, which takes several times as long as the database takes with it. Tables, columns
and defaults are still those of the models, and the text is the part of SQL that SQLite and PostgreSQL share.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from django.db import connection, models

_ROWS_MAX: Final = 500
_PLAIN: Final = (str, int, float, bytes, type(None))
_PLACE: Final = re.compile(r"\{(\w+)\}")


def fetch(sql: str, *, lock: bool = False, **given: Any) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows.

    `{name}` stands for the value of that name: one value, or a list in parentheses, which must not be empty. `lock`
    keeps the selected rows until the transaction ends, where rows can be locked.
    """
    text, parameters = _prepared(sql, given)
    if lock and connection.features.has_select_for_update:
        text += " FOR UPDATE"
    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        return list(cursor.fetchall())


def execute(sql: str, **given: Any) -> None:
    """Run a statement that returns no rows; see `fetch`."""
    with connection.cursor() as cursor:
        cursor.execute(*_prepared(sql, given))


class Table:
    """The table of one model."""

    def __init__(self, model: type[models.Model], *, keyed: bool = False) -> None:
        """With `keyed` rows bring their keys, else the database makes them."""
        meta = model._meta  # noqa: SLF001 - Django's public model API
        fields = [field for field in meta.concrete_fields if keyed or not isinstance(field, models.AutoField)]
        columns = ", ".join(f'"{field.column}"' for field in fields)
        self._fields = [(field.attname, field, _fills_in_time(field)) for field in fields]
        self._head = f'INSERT INTO "{meta.db_table}" ({columns}) VALUES '  # noqa: S608 - names are the model's
        self._row = _marks(fields)

    def insert(
        self, rows: Sequence[Mapping[str, Any]], *, now: dt.datetime, on_conflict: str = "", returning: str = ""
    ) -> list[tuple[Any, ...]]:
        """Insert rows of attributes by name; what a row leaves out takes its default, or `now`.

        `returning` names columns; their values come back in the order of the rows.
        """
        found: list[tuple[Any, ...]] = []
        end = (f" ON CONFLICT {on_conflict}" if on_conflict else "") + (f" RETURNING {returning}" if returning else "")
        moment = connection.ops.adapt_datetimefield_value(now)
        for group in _grouped(rows):
            values = [value for row in group for value in self._values(row, now, moment)]
            with connection.cursor() as cursor:
                cursor.execute(self._head + ", ".join([self._row] * len(group)) + end, values)
                found += cursor.fetchall() if returning else ()
        return found

    def _values(self, row: Mapping[str, Any], now: dt.datetime, moment: Any) -> Iterator[Any]:
        """Yield a row's values in the order of the columns; `moment` is `now` as the database takes it."""
        for name, field, fills_in_time in self._fields:
            value = row[name] if name in row else now if fills_in_time else field.get_default()
            if value is now:
                yield moment
            else:
                yield value if isinstance(value, _PLAIN) else field.get_db_prep_save(value, connection)


def _prepared(sql: str, given: Mapping[str, Any]) -> tuple[str, list[Any]]:
    start, *places = _cut(sql)
    text, parameters = [start], list[Any]()
    for name, between in places:
        value = given[name]
        if isinstance(value, list):
            parameters.extend(value)
            text += (_marks(value), between)
        else:
            is_moment = isinstance(value, dt.datetime)
            parameters.append(connection.ops.adapt_datetimefield_value(value) if is_moment else value)
            text += ("%s", between)
    return "".join(text), parameters


@lru_cache(maxsize=256)
def _cut(sql: str) -> tuple[Any, ...]:
    """Return what stands before the first place, then each place's name with what stands after it."""
    start, *rest = _PLACE.split(sql)
    return start, *zip(rest[::2], rest[1::2], strict=True)


def _marks(values: Sequence[Any]) -> str:
    return f"({', '.join(['%s'] * len(values))})"


def _fills_in_time(field: "models.Field[Any, Any]") -> bool:
    return bool(getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False))


def _grouped(rows: Sequence[Mapping[str, Any]]) -> Iterable[Sequence[Mapping[str, Any]]]:
    return (rows[start : start + _ROWS_MAX] for start in range(0, len(rows), _ROWS_MAX))
