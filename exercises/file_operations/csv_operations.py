"""Columns and rows of a CSV file, mean and deviation of the numeric columns."""

from pathlib import Path

from cauce.core.errors import InvalidRequest
from cauce.readings.tables import Column, read_table


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
    print(f"Column names: {', '.join(column.name for column in table.columns)}")
    print(f"Number of rows: {table.rows}")
    for column in table.columns:
        print(_line(column))


def _line(column: Column) -> str:
    if not column.is_numeric:
        return f"{column.name}: not numeric" + (f" (row {column.first_text})" if column.count else "")
    if column.deviation is not None:
        deviation = f"{column.deviation:.6f}"
    else:
        deviation = "none, it is one number" if column.count == 1 else "too large for a number"
    return f"{column.name}: mean {column.mean:.6f}, standard deviation {deviation}"
