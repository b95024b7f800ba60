"""Smooth shapes in millimetres, cut by axial planes, and the canvas that they are painted on.

The phantom's frame: `x` runs to the patient's left, `y` to the back, `depth` to the feet, all in mm; the origin is the
centre of the topmost slice. Lists of points are (n, 2) arrays of x, y.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Points = NDArray[np.float64]

FIELD_MM: Final = 384.0
OVERSAMPLING: Final = 2
_SHIFT: Final = 4
_SUBPIXELS: Final = 1 << _SHIFT


class Canvas:
    """A square field of values, painted at twice the final resolution so that edges average as a scanner's do."""

    def __init__(self, size_px: int, *, fill: float) -> None:
        """`size_px` is the side in canvas pixels, which cover `FIELD_MM`."""
        self.values: Floats = np.full((size_px, size_px), fill, np.float32)
        self._per_mm = size_px / FIELD_MM

    def polygon(self, points: Points, value: float) -> None:
        """Fill one closed polygon."""
        cv2.fillPoly(self.values, [self._to_px(points)], (value,), shift=_SHIFT)

    def discs(self, centres: Points, radii: NDArray[np.float64], value: float) -> None:
        """Fill one disc a centre."""
        scaled = np.maximum(np.rint(radii * self._per_mm * _SUBPIXELS), 1).astype(int)
        for (x, y), radius in zip(self._to_px(centres).tolist(), scaled.tolist(), strict=True):
            cv2.circle(self.values, (x, y), radius, (value,), -1, shift=_SHIFT)

    def line(self, points: Points, value: float, *, width_mm: float) -> None:
        """Draw an open line."""
        width_px = max(round(width_mm * self._per_mm), 1)
        cv2.polylines(self.values, [self._to_px(points)], False, (value,), width_px, shift=_SHIFT)  # noqa: FBT003 - isClosed, as OpenCV has it

    def mask(self) -> NDArray[np.uint8]:
        """Return 255 where the canvas is above zero."""
        return np.asarray(self.values > 0, np.uint8) * np.uint8(255)

    def strokes(self, ends_mm: NDArray[np.float64], widths_mm: NDArray[np.float64], values: NDArray[Any]) -> None:
        """Draw straight strokes with round ends, in order; `ends_mm` is (n, 4): x, y of both ends."""
        ends = self._to_px(ends_mm.reshape(-1, 2)).reshape(-1, 4).tolist()
        widths = np.maximum(np.rint(widths_mm * self._per_mm), 1).astype(int).tolist()
        for (x1, y1, x2, y2), width, value in zip(ends, widths, values.tolist(), strict=True):
            cv2.line(self.values, (x1, y1), (x2, y2), (value,), width, shift=_SHIFT)

    def _to_px(self, points: Points) -> NDArray[np.int32]:
        return np.rint(((points + FIELD_MM / 2) * self._per_mm - 0.5) * _SUBPIXELS).astype(np.int32)


def spline(points: NDArray[np.float64], *, per_span: int, closed: bool) -> NDArray[np.float64]:
    """Return a Catmull-Rom curve through `points` (n, k), `per_span` samples between two of them."""
    if closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
    else:
        padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = (np.arange(per_span) / per_span)[None, :, None]
    p0, p1, p2, p3 = (padded[i : len(padded) - 3 + i, None, :] for i in range(4))
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * (p1 - p2) + p3 - p0) * t**3)
    flat = curve.reshape(-1, points.shape[1])
    return flat if closed else np.concatenate([flat, points[-1:]])


def between(keyframes: dict[float, Any], depth: float) -> NDArray[np.float64]:
    """Interpolate arrays of one shape that belong to known depths; beyond the ends the last one holds."""
    depths = sorted(keyframes)
    low = max((d for d in depths if d <= depth), default=depths[0])
    high = min((d for d in depths if d > depth), default=depths[-1])
    share = 0.0 if high <= low else (depth - low) / (high - low)
    share = share * share * (3 - 2 * share)
    return np.asarray(keyframes[low], float) * (1 - share) + np.asarray(keyframes[high], float) * share


def ellipse(centre: tuple[float, float], radii: tuple[float, float], *, turn_deg: float = 0.0, wobble: float = 0.0,
            phase: float = 0.0) -> Points:  # fmt: skip
    """Return an ellipse as a polygon; `wobble` is the share by which its radius swells and shrinks around it."""
    angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    swell = 1 + wobble * (0.6 * np.sin(2 * angle + phase) + 0.4 * np.sin(3 * angle + 2.1 * phase + 1))
    x, y = radii[0] * np.cos(angle) * swell, radii[1] * np.sin(angle) * swell
    turn = np.deg2rad(turn_deg)
    return np.stack(
        [centre[0] + x * np.cos(turn) - y * np.sin(turn), centre[1] + x * np.sin(turn) + y * np.cos(turn)], 1
    )


@dataclass(frozen=True, kw_only=True)
class Blob:
    """An ellipsoid whose longest axis points along `axis` (x, y, depth); `radii` are along it, across, and upright."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    axis: tuple[float, float, float] = (1.0, 0.0, 0.0)
    wobble: float = 0.03

    def cut(self, depth: float, *, grown_mm: float = 0.0) -> Points | None:
        """Return its outline in a plane, `None` where the plane misses it."""
        first = np.asarray(self.axis, float) / np.linalg.norm(self.axis)
        second = np.cross([0.0, 0.0, 1.0], first)
        second /= np.linalg.norm(second)
        frame = np.stack([first, second, np.cross(first, second)])
        form = frame.T @ np.diag([1 / max(r + grown_mm, 0.1) ** 2 for r in self.radii]) @ frame
        away = depth - self.centre[2]
        plane, mixed = form[:2, :2], form[:2, 2]
        left = 1 - away**2 * (form[2, 2] - mixed @ np.linalg.solve(plane, mixed))
        if left <= 0:
            return None
        middle = np.asarray(self.centre[:2]) - np.linalg.solve(plane, mixed) * away
        spread, turn = np.linalg.eigh(plane)
        angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        swell = 1 + self.wobble * (np.sin(2 * angle + depth / 23) + 0.7 * np.sin(3 * angle - depth / 17 + 1))
        unit = np.stack([np.cos(angle), np.sin(angle)]) * swell * np.sqrt(left)
        return np.asarray(middle + (turn @ (unit / np.sqrt(spread)[:, None])).T)


class Tube:
    """A vessel or airway: spheres of varying radius strung along a smooth line."""

    def __init__(self, *stations: tuple[float, float, float, float], fixed: bool = True) -> None:
        """`stations` are x, y, depth and radius; `fixed` ones belong to the mediastinum, others run in the lungs."""
        self._along = spline(np.asarray(stations, float), per_span=24, closed=False)
        self.fixed = fixed

    def cut(self, depth: float, *, grown_mm: float = 0.0) -> tuple[Points, NDArray[np.float64]]:
        """Return centres and radii of the discs whose union is its section in a plane."""
        radii = self._along[:, 3] + grown_mm
        squared = radii**2 - (self._along[:, 2] - depth) ** 2
        hit = squared > 0
        return self._along[hit, :2], np.sqrt(squared[hit])
