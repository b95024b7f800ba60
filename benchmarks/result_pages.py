"""The thousandth page of `/api/results/` against the first, at a million rows, on the embedded database and PostgreSQL.

Each database has a process of its own: `python -m benchmarks.result_pages ROWS` measures the one that is configured.
"""

import datetime as dt
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from benchmarks import postgresql

ROWS = 1_000_000
PAGES = 1000
LIMIT = 100
ORDERS = (
    "created_at",
    "updated_at",
    "data_size",
    "device_name",
    "id",
    "mean_before_normalization",
    "mean_after_normalization",
)
ROUNDS = 30
QUERY = "/api/results/?data_size_gt=100&ordering=-created_at"
FILTERS = {
    "nothing": "",
    "90 in 100 by size": "data_size_gt=100",
    "8 in 100 by creation": "created_at_gte=2026-06-01&created_at_lt=2026-07-01",
    "1 in 100 by normalised mean": "mean_after_normalization_lt=0.02",
    "1 in 1,000 by size": "data_size=500",
    "1 in 1,000 by mean": "mean_before_normalization=50.3",
    "1 in 10,000 by creation, first": "created_at_lt=2026-01-01T01:00:00Z",
    "1 in 10,000 by creation, last": "created_at_gt=2026-12-31T23:00:00Z",
    "1 in 12,000 by size and creation": "data_size=500&created_at_gte=2026-06-01&created_at_lt=2026-07-01",
    "1 in 3 by device": "device_name=MRI",
    "1 in 3,000 by device and size": "device_name=MRI&data_size=500",
    "none by size": "data_size_gt=2000",
    "none by mean": "mean_before_normalization_gt=1000",
    "none by update": "updated_at_gt=2027-01-01",
    "none by device": "device_name=NONE",
    "none by study": f"study={'0' * 32}",
}
"""Each is asked for in every order; parts are those of the rows made here."""
_GROUP = 100_000
_STEP = 1000


def main(rows: int = ROWS) -> None:
    """Measure both databases, each in a process of its own."""
    _measure_apart("embedded", rows, {})
    if postgresql.programs() is None:
        print("PostgreSQL is not installed (apt-get install postgresql-15): the embedded database alone")
        return
    with postgresql.server() as url:
        _measure_apart("PostgreSQL", rows, {"CAUCE_DATABASE_URL": url})


def _measure_apart(title: str, rows: int, settings: dict[str, str]) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CAUCE_")}
    with tempfile.TemporaryDirectory(prefix="cauce-bench-") as folder:
        environ = {**kept, "CAUCE_DATA": f"{folder}/data", "CAUCE_KEYS": f"{folder}/keys", **settings}
        command = [sys.executable, "-m", "benchmarks.result_pages", title, str(rows)]
        subprocess.run(command, env=environ, check=True)  # noqa: S603 - this module


def measure(title: str, rows: int) -> None:
    """Fill the configured database and print the cost of both pages, their ratio, and what they are read by."""
    from cauce import bootstrap
    from cauce.cli import start

    bootstrap.setup("benchmark")
    start.migrate()
    started = time.monotonic()
    _fill(rows)
    filled_s = time.monotonic() - started
    from django.test import Client

    from cauce.accounts.models import User
    from cauce.accounts.tokens import issue_access

    user = User.objects.create(username="benchmark", role="admin")
    client = Client(headers={"authorization": f"Bearer {issue_access(user)}"})
    page = min(PAGES, rows // (2 * LIMIT))
    deep = _link_to(client, page - 1)
    first_ms, deep_ms = _medians_ms(client, [QUERY, deep])
    print(
        f"results, {rows:,} rows, {title:<10} first page {first_ms:6.1f} ms  page {page} {deep_ms:6.1f} ms  "
        f"ratio {deep_ms / first_ms:.2f}   (filled in {filled_s:.0f} s)"
    )
    for link in (QUERY, deep):
        print(f"    {_plan(client, link)}", flush=True)
    print("    first page by filter, the slowest of all orders:")
    for name, query in FILTERS.items():
        cost_ms, order = max(_once_ms(client, query, sign + order) for order in ORDERS for sign in ("", "-"))
        print(f"    {name:<34} {cost_ms:7.1f} ms, ordering={order}", flush=True)


def _once_ms(client: Any, query: str, order: str) -> tuple[float, str]:
    """Ask for a first page three times; return the least time, and the order."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        answer = client.get(f"/api/results/?ordering={order}&{query}")
        times.append((time.perf_counter() - started) * 1000)
        if answer.status_code != HTTPStatus.OK:
            raise RuntimeError(f"{query}: {answer.status_code}")
    return min(times), order


def _fill(rows: int) -> None:
    from django.db import connection

    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    if connection.vendor == "postgresql":
        _copy(connection, _rows(range(rows), begin))
        _run(connection, "ANALYZE")
        return
    # Only the filling: the indexes are written in no order, so they are held in memory.
    _run(connection, "PRAGMA cache_size = -2000000", "PRAGMA synchronous = OFF")
    _insert(_rows(range(rows), begin), begin)
    connection.close()


def _insert(rows: Iterator[dict[str, Any]], now: dt.datetime) -> None:
    from django.db import transaction

    from cauce.adapters.statements import Table
    from cauce.records.models import ProcessingResult

    table = Table(ProcessingResult)
    while group := list(itertools.islice(rows, _GROUP)):
        with transaction.atomic():
            table.insert(group, now=now)


def _copy(connection: Any, rows: Iterator[dict[str, Any]]) -> None:
    from cauce.core.identifiers import new_public_id

    first = next(rows)
    statement = f"COPY records_processingresult ({', '.join(first)}, public_id, pipeline, measurements) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in itertools.chain([first], rows):
            values = {**row, "raw_data": json.dumps(row["raw_data"])}
            copy.write_row((*values.values(), new_public_id(), "", "{}"))


def _run(connection: Any, *statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _rows(numbers: range, begin: dt.datetime) -> Iterator[dict[str, Any]]:
    """Yield rows spread over time and over sizes, nine in ten of them above 100 values."""
    for number in numbers:
        at = begin + dt.timedelta(seconds=number * 7919 % 31_536_000, microseconds=number % 1_000_000)
        mean = 1 + number * 31 % 997 / 10
        yield {
            "id": f"result-{number}",
            "device_name": ("CT SCAN", "MRI", "RX 1")[number % 3],
            "mean_before_normalization": mean,
            "mean_after_normalization": mean / 101,
            "data_size": number * 7 % 1000 + 1,
            "raw_data": ["78 83 21 68 96 46 40 11 1 88"],
            "created_at": at,
            "updated_at": at,
        }


def _link_to(client: Any, page: int) -> str:
    """Return the link to a page of the usual length, by steps of ten pages each."""
    link = f"{QUERY}&limit={_STEP}"
    for _ in range(page * LIMIT // _STEP):
        link = client.get(link).json()["next"]
    link = link.replace(f"limit={_STEP}", f"limit={LIMIT}")
    for _ in range(page * LIMIT % _STEP // LIMIT):
        link = client.get(link).json()["next"]
    return link


def _medians_ms(client: Any, links: list[str]) -> list[float]:
    """Ask for each page in turn, so that what else the machine does weighs on all alike."""
    times: list[list[float]] = [[] for _ in links]
    for _ in range(ROUNDS):
        for link, taken in zip(links, times, strict=True):
            started = time.perf_counter()
            answer = client.get(link)
            taken.append((time.perf_counter() - started) * 1000)
            if len(answer.json()["results"]) != LIMIT:
                raise RuntimeError("a page is not full")
    return [statistics.median(taken) for taken in times]


def _plan(client: Any, link: str) -> str:
    """Return the lines of the database's plan for a page that speak of the results."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        client.get(link)
    sql = next(one["sql"] for one in captured if "ORDER BY" in one["sql"] and "processingresult" in one["sql"])
    with connection.cursor() as cursor:
        cursor.execute(("EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN ") + sql)
        lines = [str(row[-1]).strip() for row in cursor.fetchall()]
    words = ("processingresult ", "Index Cond", "Sort", "TEMP B-TREE")
    found = [line for line in lines if any(word in line for word in words) and not line.startswith("Join")]
    return "; ".join(found)


if __name__ == "__main__":
    measure(sys.argv[1], int(sys.argv[2]))
