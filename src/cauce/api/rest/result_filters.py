"""Which results are asked for, in which order, and by which index the database is to find them.

There are two ways to a page. Reading on in the order's index until the page is full is best where many results fit the
filters; it reads everything where hardly any do. Looking up the rows of one filter in its index and sorting them is
best where these are few. PostgreSQL keeps statistics and chooses by itself. SQLite keeps none, so it is told: entries
of each filter's index are counted, `FEW` at most, and columns that are not to be looked up are written under a sign
that hides them from its planner.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.db import connections
from django.db.models import F, Func, Min, Q, QuerySet

from cauce.api.rest import parameters
from cauce.api.rest.pagination import LIMIT
from cauce.core.errors import InvalidRequest
from cauce.records.models import ProcessingResult
from cauce.records.models.results import KnownOrLeast
from cauce.records.visibility import Visible

BOUNDS = ("", "gt", "gte", "lt", "lte")
MOMENTS = ("created_at", "updated_at")
MEANS = ("mean_before_normalization", "mean_after_normalization")
ORDERS = ("created_at", "updated_at", "data_size", "device_name", "id", *MEANS)
FEW: Final = 20_000
"""So many rows are looked up and sorted in a fraction of a second."""
UNLUCKY: Final = 10
"""Rows that fit may lie together at the far end of an order, so that reading on takes longer than it should."""
DEVICES_MAX: Final = 200
"""So many different device names are looked at one by one; where there are more, rows are."""

_BOUNDED: Mapping[str, Callable[[Any, str], Any]] = {
    **dict.fromkeys(MOMENTS, parameters.moment),
    **dict.fromkeys(MEANS, parameters.number),
    "data_size": parameters.integer,
}


class Hidden(Func):
    """A column or expression that the embedded database looks up in no index."""

    template = "%(expressions)s"

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, Any]:
        """Return it under a sign that says this to SQLite and changes nothing else."""
        return self.as_sql(compiler, connection, template="+%(expressions)s")


def asked_for(visible: Visible, query: Any) -> tuple[QuerySet[ProcessingResult], tuple[str, ...]]:
    """Return the results that a query asks for, and the names of the order that they are to be paged in.

    Raises:
        InvalidRequest: a parameter of the query is wrong.
    """
    sign, order = _order_of(query)
    filters = _filters_of(visible, query)
    results = visible.results.annotate(**{_plain(name): KnownOrLeast(name) for name in MEANS})
    led_by = _fewest(results, filters, order)
    for column, conditions in filters.items():
        is_looked_up = column == (led_by or order)
        name = _plain(column) if is_looked_up else f"hidden_{column}"
        if not is_looked_up:
            results = results.alias(**{name: Hidden(F(_plain(column)))})
        results = results.filter(_condition(name, conditions))
        if column in MEANS:
            results = results.filter(**{f"{column}__isnull": False})
    if led_by is None:
        ordered = _plain(order)
    else:
        ordered = f"ordered_{order}"
        results = results.annotate(**{ordered: Hidden(F(_plain(order)))})
    return results, (sign + ordered,) if order == "id" else (sign + ordered, f"{sign}id")


def _order_of(query: Any) -> tuple[str, str]:
    asked = query.get("ordering", "-created_at")
    name = asked.removeprefix("-")
    if name not in ORDERS or asked.count("-") > 1:
        raise InvalidRequest(f"ordering is one of {', '.join(ORDERS)}, with or without a minus.", field="ordering")
    return "-" if asked.startswith("-") else "", name


def _plain(column: str) -> str:
    """Return the name that a column is filtered and ordered by: of a mean, the expression that is indexed."""
    return f"known_{column}" if column in MEANS else column


def _condition(name: str, conditions: Sequence[tuple[str, Any]]) -> Q:
    return Q(*[(f"{name}__{lookup}", value) for lookup, value in conditions])


def _filters_of(visible: Visible, query: Any) -> dict[str, list[tuple[str, Any]]]:
    """Return, by column, the lookups that it must pass."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for name, read in _BOUNDED.items():
        for bound in BOUNDS:
            value = read(query, f"{name}_{bound}" if bound else name)
            if value is not None:
                found.setdefault(name, []).append((bound or "exact", value))
    if device := parameters.text(query, "device_name"):
        names = _device_names(visible)
        known = None if names is None else [name for name in names if device.casefold() in name.casefold()]
        found["device_name"] = [("icontains", device) if known is None else ("in", known)]
    if study := parameters.public_id(query, "study"):
        found["study"] = [("in", list(visible.studies.filter(public_id=study).values_list("pk", flat=True)))]
    return found


def _device_names(visible: Visible) -> list[str] | None:
    """Return the device names that there are, each found by a seek in their index; `None` if they are many."""
    names: list[str] = []
    left = visible.results
    while (name := left.aggregate(least=Min("device_name"))["least"]) is not None:
        if len(names) == DEVICES_MAX:
            return None
        names.append(name)
        left = visible.results.filter(device_name__gt=name)
    return names


def _fewest(
    results: QuerySet[ProcessingResult], filters: Mapping[str, Sequence[tuple[str, Any]]], order: str
) -> str | None:
    """Return the filter whose rows are to be looked up and sorted; `None` if the order is to be read on."""
    if not filters or connections[results.db].vendor != "sqlite":
        return None
    counts = {column: _count(results, column, conditions) for column, conditions in filters.items()}
    best = min(counts, key=lambda column: (counts[column], column != order))
    if counts[best] > FEW or best == order:
        return None
    rows = _rows_at_most()
    shares = [max(1.0, rows / max(1, count)) for count in counts.values()]
    return best if counts[best] < LIMIT * math.prod(shares) * UNLUCKY else None


def _rows_at_most() -> int:
    """Return how many results there may be, at once: counting them takes a moment when they are many."""
    with connections[ProcessingResult.objects.db].cursor() as cursor:
        cursor.execute("SELECT MAX(rowid) FROM records_processingresult")
        return int(cursor.fetchone()[0] or 0)


def _count(results: QuerySet[ProcessingResult], column: str, conditions: Sequence[tuple[str, Any]]) -> int:
    """Return how many index entries pass one filter, `FEW` and one at most."""
    if any(lookup == "icontains" for lookup, _ in conditions):
        return FEW + 1  # no index knows
    return results.filter(_condition(_plain(column), conditions)).order_by()[: FEW + 1].count()
