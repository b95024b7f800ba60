"""Columns and rows of a CSV file, mean and deviation of the numeric columns."""

from pathlib import Path

from output import one_line

from cauce.core.errors import InvalidRequest
from cauce.readings.tables import Column, read_table

EXACT = 1e15
"""Below this, every digit before the point says something."""


def print_table(path: Path) -> None:
    """Print what a table holds.

    Raises:
        InvalidRequest: the file is no table, or has no numbers; the text names it and says why.
        OSError: it cannot be read.
    """
    try:
        table = read_table(path)
    except InvalidRequest as error:
        raise InvalidRequest(f"{path} {error.detail}") from error
    print(f"Number of columns: {len(table.columns)}")
    print(f"Column names: {', '.join(one_line(column.name) for column in table.columns)}")
    print(f"Number of rows: {table.rows}")
    for column in table.columns:
        print(_line(column))


def _line(column: Column) -> str:
    name = one_line(column.name)
    if not column.is_numeric:
        return f"{name}: not numeric" + (f" (row {column.first_text})" if column.count else "")
    if column.deviation is not None:
        deviation = _number(column.deviation)
    else:
        deviation = "none, it is one number" if column.count == 1 else "too large for a number"
    return f"{name}: mean {_number(column.mean)}, standard deviation {deviation}"


def _number(number: float | None) -> str:
    """Return a number as text; with an exponent where its digits would be longer than they are exact."""
    if number is None:
        return "none"
    return f"{number:.6f}" if abs(number) < EXACT else f"{number:.6e}"
