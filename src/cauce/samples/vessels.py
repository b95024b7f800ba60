"""The trees of the lungs, grown from the hilum by one rule, so that they branch and taper as vessels do."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

_WIRE_BIAS: Final = 0.5  # 0 spends the least wire, 1 makes the shortest way from the root
_MURRAY: Final = 2.55  # the exponent that the radii of a parent and its branches obey
_SMALLEST_MM: Final = 0.26
_PIECES: Final = 4
_LEVEL_MM: Final = 1e-6
_PLEURAL_MARGIN_MM: Final = 3.5


@dataclass(frozen=True, kw_only=True)
class Segments:
    """Straight pieces of vessels: `start` and `end` are (n, 3) in mm, `radii` (n,) in mm."""

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    radii: NDArray[np.float64]


def grow(roots: NDArray[np.float64], targets: NDArray[np.float64], *, root_radius_mm: float) -> Segments:
    """Connect `targets` (n, 3) to a trunk that runs through `roots` (m, 3), near ones first.

    Each step adds the target whose wire to the tree, plus a share of the way back to the root, is shortest.
    """
    trunk, count = len(roots), len(roots) + len(targets)
    points = np.concatenate([roots, targets])
    parent = np.full(count, -1)
    parent[1:trunk] = np.arange(trunk - 1)
    way = np.zeros(count)
    way[1:trunk] = np.cumsum(np.linalg.norm(np.diff(roots, axis=0), axis=1))
    cost, nearest = np.full(count, np.inf), np.zeros(count, int)
    waiting = np.ones(count, bool)
    waiting[:trunk] = False
    order: list[int] = list(range(trunk))
    for node in range(trunk):
        _offer(points, node, way[node], cost, nearest)
    for _ in range(len(targets)):
        node = int(np.argmin(np.where(waiting, cost, np.inf)))
        waiting[node] = False
        parent[node] = nearest[node]
        way[node] = way[nearest[node]] + float(np.linalg.norm(points[node] - points[nearest[node]]))
        order.append(node)
        _offer(points, node, way[node], cost, nearest)
    tips = np.ones(count)
    for node in reversed(order[1:]):
        tips[parent[node]] += tips[node]
    radii = root_radius_mm * (tips / tips[0]) ** (1 / _MURRAY)
    return _curved(_smoothed(points, parent, trunk), parent, np.maximum(radii, _SMALLEST_MM))


def _offer(
    points: NDArray[np.float64], node: int, way: float, cost: NDArray[np.float64], nearest: NDArray[np.int_]
) -> None:
    wire = np.sqrt(((points - points[node]) ** 2).sum(1)) + _WIRE_BIAS * way
    better = wire < cost
    cost[better] = wire[better]
    nearest[better] = node


def _smoothed(points: NDArray[np.float64], parent: NDArray[np.int_], trunk: int) -> NDArray[np.float64]:
    """Pull inner nodes towards the middle of their neighbours; roots and tips stay."""
    count = len(points)
    child = np.arange(1, count)
    branches = np.bincount(parent[1:], minlength=count)
    for _ in range(3):
        total = np.zeros_like(points)
        np.add.at(total, parent[1:], points[child])
        inner = branches > 0
        inner[:trunk] = False
        mean = total[inner] / branches[inner, None]
        points = points.copy()
        points[inner] = 0.4 * points[inner] + 0.3 * mean + 0.3 * points[parent[inner]]
    return points


def _curved(points: NDArray[np.float64], parent: NDArray[np.int_], radii: NDArray[np.float64]) -> Segments:
    """Turn each branch into a curve (Hermite) of short pieces that taper."""
    count = len(points)
    up = np.where(parent < 0, 0, parent)
    branches = np.bincount(parent[1:], minlength=count)[:, None]
    total = np.zeros_like(points)
    np.add.at(total, parent[1:], points[1:])
    ahead = np.where(branches > 0, total / np.maximum(branches, 1), 2 * points - points[up])
    tangent = 0.5 * (ahead - points[up])
    t = np.linspace(0, 1, _PIECES + 1)[:, None, None]
    from_, to, out, into = points[up[1:]], points[1:], tangent[up[1:]], tangent[1:]
    reach = np.linalg.norm(to - from_, axis=1)[:, None]
    out, into = (v * np.minimum(1, reach / np.maximum(np.linalg.norm(v, axis=1)[:, None], 1e-6)) for v in (out, into))
    curve = (
        (2 * t**3 - 3 * t**2 + 1) * from_
        + (t**3 - 2 * t**2 + t) * out
        + (3 * t**2 - 2 * t**3) * to
        + (t**3 - t**2) * into
    )
    wide = np.minimum(radii[up[1:]], radii[1:] * 1.35)
    taper = wide + (radii[1:] - wide) * np.linspace(0, 1, _PIECES)[:, None] ** 0.6
    return Segments(start=curve[:-1].reshape(-1, 3), end=curve[1:].reshape(-1, 3), radii=taper.ravel())


def scatter(
    room: NDArray[np.uint8], *, count: int, voxel_mm: tuple[float, float], origin_mm: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    """Return `count` random points (x, y, depth) inside a stack of masks, a little off the pleura.

    `voxel_mm` is the size of a voxel in the plane and between planes, `origin_mm` the in-plane and the depth coordinate
    of the first one.
    """
    inside = np.stack([cv2.distanceTransform(plane, cv2.DIST_L2, 3) for plane in room]) * voxel_mm[0]
    planes, rows, columns = np.nonzero(inside > _PLEURAL_MARGIN_MM)
    chosen = rng.choice(len(planes), size=min(count, len(planes)), replace=False)
    jitter = rng.uniform(0, 1, (3, len(chosen)))
    in_plane, between = voxel_mm
    return np.stack(
        [
            origin_mm[0] + (columns[chosen] + jitter[0]) * in_plane,
            origin_mm[0] + (rows[chosen] + jitter[1]) * in_plane,
            origin_mm[1] + (planes[chosen] + jitter[2] - 0.5) * between,
        ],
        1,
    )


def strokes(
    segments: Segments, depth: float, *, thickness_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return what a slice sees of the segments: ends (n, 4), widths (n,) in mm, and the share of the slice each fills.

    The faintest come first, so that painting in order leaves the densest on top.
    """
    low, high = depth - thickness_mm / 2, depth + thickness_mm / 2
    run = segments.end - segments.start
    length = np.maximum(np.linalg.norm(run, axis=1), 1e-6)
    slant = np.abs(run[:, 2]) / length
    reach = segments.radii * np.sqrt(1 - slant**2)
    first, last = segments.start[:, 2], segments.end[:, 2]
    hit = (np.minimum(first, last) - reach < high) & (np.maximum(first, last) + reach > low)
    start, run, first, last = segments.start[hit], run[hit], first[hit], last[hit]
    radii, slant, reach, length = segments.radii[hit], slant[hit], reach[hit], length[hit]
    steep = np.where(np.abs(run[:, 2]) < _LEVEL_MM, _LEVEL_MM, run[:, 2])
    t1, t2 = (low - reach - first) / steep, (high + reach - first) / steep
    begin, end = np.clip(np.minimum(t1, t2), 0, 1), np.clip(np.maximum(t1, t2), 0, 1)
    ends = np.concatenate([start[:, :2] + run[:, :2] * begin[:, None], start[:, :2] + run[:, :2] * end[:, None]], 1)
    middle = first + run[:, 2] * (begin + end) / 2
    overlap = np.clip(np.minimum(high, middle + reach) - np.maximum(low, middle - reach), 0, None)
    chord = np.minimum(overlap + slant * length, thickness_mm) / thickness_mm
    share = np.clip(chord * (0.7 + 0.3 * np.minimum(radii, 1.2) / 1.2), 0, 1)
    order = np.argsort(share, kind="stable")
    return ends[order], 2 * radii[order], share[order]
