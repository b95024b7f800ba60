"""Tables of text (CSV): their columns, and mean and deviation of those that hold numbers."""

import csv
import math
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cauce.core.errors import InvalidRequest

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_NAME_LENGTH_MAX = 40
_HUGE = 2.0**511
_QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column. `mean` and `deviation` (sample, ddof 1) are `None` where they say nothing.

    `count` is how many cells hold a number; `first_text` is the row (1 the first under the header) of the first cell
    that holds anything else, `None` in a numeric column.
    """

    name: str
    count: int
    mean: float | None
    deviation: float | None
    first_text: int | None

    @property
    def is_numeric(self) -> bool:
        """Whether every cell that is not blank holds a number, and there is one."""
        return self.first_text is None and self.count > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table's columns, in order, and its number of rows without the header."""

    columns: Sequence[Column]
    rows: int

    @property
    def numeric(self) -> list[Column]:
        """The columns of numbers."""
        return [column for column in self.columns if column.is_numeric]


def read_table(path: Path) -> Table:
    """Read a table with a header from a UTF-8 file; cells are parted by comma, semicolon or tab.

    Blanks around a cell do not count; blank cells are missing values.

    Raises:
        InvalidRequest: the file is not such a table, or no column of it is numeric; the text names the row.
        OSError: the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            first = _QUOTED.sub("", source.readline())
            source.seek(0)
            delimiter = max(_DELIMITERS, key=first.count)
            header, *rows = _records(source, delimiter=delimiter)
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"is not UTF-8 text: byte {error.start + 1} is no part of a character") from error
    names = [name or f"column {position}" for position, name in enumerate(header, 1)]
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise InvalidRequest(f"row {number} has {len(row)} cells, the header has {len(names)}")
    columns = [_column(name, [row[index] for row in rows]) for index, name in enumerate(names)]
    table = Table(columns=columns, rows=len(rows))
    if not table.rows:
        raise InvalidRequest("has a header and no rows")
    if not table.numeric:
        raise InvalidRequest(
            f"has no column of numbers: {_why_none(columns)}, and a {_DELIMITERS[delimiter]} parts cells"
        )
    return table


def _why_none(columns: Sequence[Column]) -> str:
    texts = [(column.first_text, position) for position, column in enumerate(columns, 1) if column.first_text]
    if not texts:
        return "every cell is blank"
    row, position = min(texts)
    name = columns[position - 1].name[:_NAME_LENGTH_MAX]
    return f"the first cell that is no number is in row {row}, column {position} ({name!r})"


def _records(source: Iterator[str], *, delimiter: str) -> list[list[str]]:
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    try:
        # A blank line is no row of a table with several columns.
        records = [[cell.strip() for cell in row] for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InvalidRequest(f"is not a CSV file: line {reader.line_num}: {error}") from error
    if not records:
        raise InvalidRequest("is empty")
    if any("\0" in cell for record in records for cell in record):
        raise InvalidRequest("is not a CSV file: it holds bytes that are no text")
    return records


def _column(name: str, cells: Sequence[str]) -> Column:
    numbers: list[float] = []
    first_text = None
    for position, cell in enumerate(cells, 1):
        number = _number(cell)
        if number is not None:
            numbers.append(number)
        elif cell and first_text is None:
            first_text = position
    is_numeric = bool(numbers) and first_text is None
    return Column(
        name=name,
        count=len(numbers),
        mean=_mean(numbers) if is_numeric else None,
        deviation=_deviation(numbers) if is_numeric else None,
        first_text=first_text,
    )


def _number(cell: str) -> float | None:
    if not cell.isascii() or "_" in cell:
        return None
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _mean(numbers: Sequence[float]) -> float:
    scale = _scale(numbers)
    return math.fsum(number / scale for number in numbers) / len(numbers) * scale


def _deviation(numbers: Sequence[float]) -> float | None:
    """Return the sample standard deviation; a single number has none, nor have numbers too far apart for one."""
    if len(numbers) == 1:
        return None
    scale = _scale(numbers)
    deviation = statistics.stdev([number / scale for number in numbers]) * scale
    return deviation if math.isfinite(deviation) else None


def _scale(numbers: Sequence[float]) -> float:
    """Return what to divide by so that no sum overflows: 1 for all but the very largest, so that nothing is rounded."""
    largest = max(map(abs, numbers))
    return largest if largest > _HUGE else 1.0
