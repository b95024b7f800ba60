"""Count, mean, spread and extremes of pixels, in a form in which frames and instances add up exactly."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK_PX = 1 << 20


@dataclass(frozen=True, slots=True)
class Moments:
    """Of `count` pixels: mean, sum of squared deviations, lowest and highest value. `plus` pools two sets."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def plus(self, other: "Moments") -> "Moments":
        """Pool with other pixels (Chan, Golub and LeVeque)."""
        count = self.count + other.count
        if not count:
            return self
        delta = other.mean - self.mean
        return Moments(
            count,
            self.mean + delta * other.count / count,
            self.squares + other.squares + delta * delta * self.count * other.count / count,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    def scaled(self, slope: float, intercept: float) -> "Moments":
        """Return the figures of the values after multiplying by `slope` and adding `intercept`."""
        if not self.count:
            return self
        ends = (self.low * slope + intercept, self.high * slope + intercept)
        return Moments(self.count, self.mean * slope + intercept, self.squares * slope * slope, min(ends), max(ends))

    @property
    def deviation(self) -> float:
        """Standard deviation of the population."""
        return math.sqrt(self.squares / self.count) if self.count else 0.0


def moments_of_counts(values: NDArray[Any], counts: NDArray[np.int64]) -> Moments:
    """Return the moments of `values[i]` occurring `counts[i]` times."""
    present = counts > 0
    numbers, counts = values[present].astype(np.float64), counts[present]
    total = int(counts.sum())
    if not total:
        return Moments()
    mean = float(np.dot(numbers, counts)) / total
    squares = float(np.dot(np.square(numbers - mean), counts))
    return Moments(total, mean, squares, float(numbers.min()), float(numbers.max()))


def moments_of_pixels(pixels: NDArray[Any], counted: NDArray[np.bool_] | None) -> Moments:
    """Return the moments of the pixels where `counted` is set (all when it is `None`), some rows at a time."""
    total = Moments()
    rows = max(_BLOCK_PX // max(pixels.shape[1], 1), 1)
    for start in range(0, pixels.shape[0], rows):
        part = pixels[start : start + rows]
        numbers = (part if counted is None else part[counted[start : start + rows]]).astype(np.float64).ravel()
        if numbers.size:
            mean = float(numbers.mean())
            squares = float(np.square(numbers - mean).sum())
            total = total.plus(Moments(numbers.size, mean, squares, float(numbers.min()), float(numbers.max())))
    return total
