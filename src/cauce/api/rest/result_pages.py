"""Pages of results bounded by bytes: what is listed is shown whole, so a page of long results has few of them.

A result may hold as much as a request takes (4 MB), and a page a thousand results: without a bound one request for a
list could ask for gigabytes. A cursor pages as well from a short page as from a full one, so `limit` is the most that
a page has, and a page ends where its raw data would be longer than `RAW_BYTES_MAX`. One result always fits.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

from django.db.models import F, Func, IntegerField

from cauce.records.models import ProcessingResult

RAW_BYTES_MAX: Final = 4 * 1024 * 1024
_BYTES_A_NUMBER_MIN = 2


class StoredBytes(Func):
    """The length of a JSON column as text, in bytes."""

    function = "OCTET_LENGTH"
    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, Any]:
        """Return it for PostgreSQL, where the column is no text."""
        return self.as_sql(compiler, connection, template="%(function)s(%(expressions)s::text)")


def how_many_fit(results: Sequence[ProcessingResult]) -> int:
    """Return how many of `results`, from the first on, make a page; their raw data are not read for it."""
    near = _within(RAW_BYTES_MAX, [0 if one.is_platforms else one.data_size * _BYTES_A_NUMBER_MIN for one in results])
    keys = [one.public_id for one in results[:near]]
    measured = ProcessingResult.objects.filter(public_id__in=keys).annotate(stored=StoredBytes(F("raw_data")))
    stored = dict(measured.values_list("public_id", "stored"))
    return _within(RAW_BYTES_MAX, [stored.get(key) or 0 for key in keys])


def _within(bound: int, sizes: Sequence[int]) -> int:
    fitting = sum(1 for total in accumulate(sizes) if total <= bound)
    return max(fitting, min(1, len(sizes)))


def with_raw_data(results: Sequence[ProcessingResult]) -> list[ProcessingResult]:
    """Return `results` with their raw data, which were left in the database, without those deleted meanwhile."""
    found = ProcessingResult.objects.filter(public_id__in=[one.public_id for one in results])
    raw_data = dict(found.values_list("public_id", "raw_data"))
    there = [one for one in results if one.public_id in raw_data]
    for one in there:
        one.raw_data = raw_data[one.public_id]
    return there
