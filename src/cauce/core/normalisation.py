"""Numbers given as rows, and their average before and after division by their maximum.

The results that people send, the elements of a file, and the summaries of processed series all mean the same by it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cauce.core.errors import InvalidRequest

AGREEMENT: Final = 1e-6
"""Two averages agree when they differ by no more than this, relative to the larger."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Averages:
    """The mean of some numbers before and after division by their maximum, and how many numbers they are."""

    mean: float
    mean_normalised: float
    size: int


def numbers_of(rows: object) -> NDArray[np.float64]:
    """Return the numbers of `rows` as one array, (n,).

    A row is a text of numbers between blanks, a list of numbers, or one number.

    Raises:
        InvalidRequest: there are no rows or no numbers, or one is not a finite number; the text says where.
    """
    if not isinstance(rows, list | tuple):
        raise InvalidRequest("wants a list of rows of numbers")
    parts = [_row(row, position) for position, row in enumerate(rows, 1)]
    values: NDArray[np.float64] = np.concatenate(parts) if parts else np.empty(0)
    if not values.size:
        raise InvalidRequest("holds no numbers")
    return values


def averages(values: NDArray[np.float64]) -> Averages:
    """Return the averages of finite numbers, (n,), at least one.

    Raises:
        InvalidRequest: the maximum is 0 or below, or so small that the normalised mean is no number.
    """
    maximum = float(values.max())
    if maximum <= 0:
        raise InvalidRequest("has a maximum of 0 or below, by which nothing can be normalised")
    mean = _mean(values)
    normalised = normalised_mean(mean, maximum)
    if normalised is None:
        raise InvalidRequest("has a maximum so small that nothing can be normalised by it")
    return Averages(mean=mean, mean_normalised=normalised, size=int(values.size))


def normalised_mean(mean: float | None, maximum: float | None) -> float | None:
    """Return the mean of the values divided by their maximum; `None` where that says nothing."""
    if mean is None or maximum is None or maximum <= 0:
        return None
    share = mean / maximum
    return share if math.isfinite(share) else None


def agree(one: float, other: float) -> bool:
    """Tell whether two averages are the same but for rounding."""
    return math.isclose(one, other, rel_tol=AGREEMENT)


def _mean(values: NDArray[np.float64]) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(values.mean())
    if math.isfinite(mean):
        return mean
    scale = float(np.abs(values).max())  # the sum overflows, the mean does not
    return float((values / scale).mean()) * scale


def _row(row: object, position: int) -> NDArray[np.float64]:
    if isinstance(row, str):
        # Digits of other scripts and underscores are numbers to Python, and to nobody who writes data.
        given: Sequence[Any] = row.split() if row.isascii() and "_" not in row else _without_odd_digits(row)
    elif isinstance(row, list | tuple):
        given = row
    else:
        given = (row,)
    try:
        values = np.array([*map(float, given)])
    except (TypeError, ValueError, OverflowError):
        raise InvalidRequest(f"row {position}, value {_first_wrong(given)} is not a number") from None
    if not isinstance(row, str) and any(isinstance(one, bool | str) for one in given):
        wrong = next(place for place, one in enumerate(given, 1) if isinstance(one, bool | str))
        raise InvalidRequest(f"row {position}, value {wrong} is not a number")
    if not np.isfinite(values).all():
        wrong = int(np.argmin(np.isfinite(values))) + 1
        raise InvalidRequest(f"row {position}, value {wrong} is not a finite number")
    return values


def _without_odd_digits(row: str) -> list[str]:
    return [word if word.isascii() and "_" not in word else "?" for word in row.split()]


def _first_wrong(given: Iterable[Any]) -> int:
    for position, one in enumerate(given, 1):
        try:
            float(one)
        except (TypeError, ValueError, OverflowError):
            return position
    return 1
