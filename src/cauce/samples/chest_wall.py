"""Skin, fat, muscles, ribs, breastbone, shoulder blades and spine of the phantom, one slice at a time."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cauce.samples.anatomy import CAVITY, HU, RIB_FALL_MM, RIB_SPACING_MM, SKIN, WALL_MUSCLES
from cauce.samples.shapes import Canvas, Points, between, ellipse, spline

_MIRROR: Final = np.array([-1.0, 1.0])
_LEFT_AND_RIGHT: Final = (1.0, -1.0)
_RIBS: Final = range(-5, 7)
_RIB_FROM: Final = 0.045  # where along the half outline ribs begin and end
_RIB_TO: Final = 0.985
_CARTILAGE_FROM: Final = 0.80
_RIB_HALF_HEIGHT_MM: Final = 7.0
_RIB_HALF_THICK_MM: Final = 3.7
_RIB_MIDDLE_MM: Final = 5.4  # outside the outline of the cavity
_CORTEX_MM: Final = 1.15
_FEWEST_SAMPLES: Final = 4
_BLADE_END_MM: Final = 100.0
_BLADE_MUSCLE_END_MM: Final = 105.0
_BLADE_TURN_DEG: Final = -38.0


def closed(half: Points) -> Points:
    """Join a half outline with its mirror image."""
    return np.concatenate([half, half[::-1] * _MIRROR])


class Ring:
    """The half outline of the cavity at one depth, along which ribs and flat muscles lie."""

    def __init__(self, depth: float) -> None:
        """Sample the outline evenly from the back (0) to the front (1)."""
        curve = spline(between(CAVITY, depth), per_span=24, closed=False)
        length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
        self.along = np.linspace(0, 1, 260)
        self.half: Points = np.stack([np.interp(self.along, length / length[-1], curve[:, k]) for k in (0, 1)], 1)
        tangent = np.gradient(self.half, axis=0)
        self.outward = np.stack([-tangent[:, 1], tangent[:, 0]], 1) / np.hypot(*tangent.T)[:, None]

    def band(self, start: float, end: float, inner: NDArray[np.float64], outer: NDArray[np.float64]) -> Points:
        """Return the strip between two distances from the outline, given for the samples from `start` to `end`."""
        part = (self.along >= start) & (self.along <= end)
        base, normal = self.half[part], self.outward[part]
        grid = np.linspace(0, 1, len(base))
        near = np.interp(grid, np.linspace(0, 1, len(inner)), inner)[:, None]
        far = np.interp(grid, np.linspace(0, 1, len(outer)), outer)[:, None]
        return np.asarray(np.concatenate([base + normal * near, (base + normal * far)[::-1]]))


def paint_wall(canvas: Canvas, ring: Ring, depth: float) -> None:
    """Paint from the skin inwards; the cavity itself stays as it is filled here: lung."""
    skin = closed(spline(between(SKIN, depth), per_span=16, closed=False))
    canvas.polygon(skin, HU["skin"])
    canvas.polygon(_shrunk(skin, 2.0), HU["fat"])
    arch = np.sin(np.linspace(0, np.pi, 60))
    for number, (start, end, thickness) in enumerate(WALL_MUSCLES.values()):
        inner, thick = between(thickness, depth)
        lobes = np.linspace(0, 4 + 3 * number, 60) + depth / 21 + number
        inner_face = inner + (1 - arch**0.3) * 1.5 + 0.5 * np.sin(lobes)
        outer_face = inner_face + arch**0.55 * thick * (1 + 0.16 * np.sin(1.7 * lobes + 1))
        _both(canvas, ring.band(start, end, inner_face, outer_face), HU["muscle"])
    _paint_back(canvas, depth)
    full = np.ones(60)
    _both(canvas, ring.band(0.0, 0.93, full * 1.6, full * 8.6), HU["muscle"])
    _both(canvas, ring.band(0.0, 1.0, full * -0.5, full * 1.9), HU["mediastinal_fat"] + 45)
    canvas.polygon(closed(ring.half), HU["lung"])


def paint_bones(canvas: Canvas, ring: Ring, depth: float) -> None:
    """Paint ribs with their cartilage, breastbone, shoulder blades and spine."""
    _paint_ribs(canvas, ring, depth)
    _paint_breastbone(canvas, depth)
    _paint_shoulder_blades(canvas, depth)
    _paint_spine(canvas, depth)


def _both(canvas: Canvas, points: Points, value: float) -> None:
    canvas.polygon(points, value)
    canvas.polygon(points * _MIRROR, value)


def _shrunk(points: Points, by_mm: float) -> Points:
    tangent = np.gradient(points, axis=0)
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], 1) / np.maximum(np.hypot(*tangent.T), 1e-9)[:, None]
    inward = np.sign((normal * -points).sum(1))[:, None] * normal
    return np.asarray(points + inward * by_mm)


def _paint_back(canvas: Canvas, depth: float) -> None:
    """Paint the long muscles beside the spine and the pairs around the shoulder blade."""
    for side in _LEFT_AND_RIGHT:
        long = ellipse((side * 22, 93.5), (19.5, 11.5), turn_deg=side * -8, wobble=0.05, phase=depth / 30)
        canvas.polygon(long, HU["muscle"])
        canvas.polygon(ellipse((side * 9, 86), (6.5, 10), turn_deg=side * 12), HU["muscle"])
        size = 1 - depth / _BLADE_MUSCLE_END_MM
        if size > 0:
            radii = (34 * size**0.5, 15 * size**0.5)
            centre = (side * (100 - 6 * size), 82 - 3 * size)
            canvas.polygon(ellipse(centre, radii, turn_deg=side * _BLADE_TURN_DEG, wobble=0.06), HU["muscle"])


def _paint_ribs(canvas: Canvas, ring: Ring, depth: float) -> None:
    """Paint what the plane cuts of each rib: they fall towards the front, so each shows as a long oblique lens."""
    along = ring.along
    fall = RIB_FALL_MM * (0.10 * along + 0.90 * along**1.35)
    free = (along >= _RIB_FROM) & (along <= _RIB_TO)
    for number in _RIBS:
        upright = (RIB_SPACING_MM * number + 20.0 + fall - depth) / _RIB_HALF_HEIGHT_MM
        chord = np.sqrt(np.maximum(1 - upright**2, 0)) * free
        hit = np.flatnonzero(chord)
        if len(hit) < _FEWEST_SAMPLES:
            continue
        thick = _RIB_HALF_THICK_MM * chord[hit]
        if (along[hit[0]] + along[hit[-1]]) / 2 > _CARTILAGE_FROM:
            _paint_band(canvas, ring, hit, 1.15 * thick, HU["cartilage"])
            continue
        _paint_band(canvas, ring, hit, thick, HU["cortex"])
        marrow = thick - _CORTEX_MM
        _paint_band(canvas, ring, hit[marrow > 0], marrow[marrow > 0], HU["marrow"] + 25)


def _paint_band(
    canvas: Canvas, ring: Ring, samples: NDArray[np.int_], thick: NDArray[np.float64], value: float
) -> None:
    """Paint part of a rib on both sides; `thick` is half its thickness at each sample."""
    if len(samples) >= _FEWEST_SAMPLES:
        start, end = float(ring.along[samples[0]]), float(ring.along[samples[-1]])
        _both(canvas, ring.band(start, end, _RIB_MIDDLE_MM - thick, _RIB_MIDDLE_MM + thick), value)


def _paint_breastbone(canvas: Canvas, depth: float) -> None:
    wide, thick = between({0.0: (27.0, 6.8), 30.0: (19.0, 5.6), 110.0: (18.5, 5.2), 141.0: (9.0, 4.2)}, depth)
    y = float(between({0.0: (-88.0,), 70.0: (-96.5,), 141.0: (-97.5,)}, depth)[0])
    for shell, value in ((0.0, HU["cortex"] * 0.62), (1.35, HU["marrow"] * 0.75)):
        canvas.polygon(ellipse((0, y), (wide - shell, thick - shell), wobble=0.07, phase=depth / 19), value)


def _paint_shoulder_blades(canvas: Canvas, depth: float) -> None:
    size = 1 - depth / _BLADE_END_MM
    if size <= 0:
        return
    length = 29 * size**0.6
    for side in _LEFT_AND_RIGHT:
        turn = side * _BLADE_TURN_DEG
        centre = (side * (99 - 6 * size), 81.5 - 3 * size)
        tip = (centre[0] + side * length * 0.63, centre[1] - length * 0.49)
        for shell, value in ((0.0, HU["cortex"] * 0.82), (1.4, HU["marrow"])):
            blade = ellipse(centre, (length - shell, 2.4 - shell), turn_deg=turn, wobble=0.1, phase=depth / 25)
            canvas.polygon(blade, value)
            radii = (max(4.5 * size + 2 - shell, 0.1), max(3.2 * size + 1.7 - shell, 0.1))
            canvas.polygon(ellipse(tip, radii, turn_deg=turn), value)


def _bump(position: float, centre: float, half_width: float) -> float:
    """Return 1 in the middle of an interval of a cycle of length 1, 0 outside it."""
    away = min(abs((position - centre + 0.5) % 1 - 0.5) / half_width, 1.0)
    return float(max(np.cos(away * np.pi / 2), 0.0) ** 0.8)


def _paint_spine(canvas: Canvas, depth: float) -> None:
    """Paint one level of a column of alike vertebrae; `position` runs from disc to disc."""
    position = (depth - 8.0) / RIB_SPACING_MM % 1
    for side in _LEFT_AND_RIGHT:
        _paint_arch(canvas, side, position)
    length = 13 + 6 * _bump(position, 0.62, 0.46)
    for shell, value in ((0.0, HU["cortex"]), (1.5, HU["marrow"])):
        canvas.polygon(ellipse((0, 84 + length * 0.45), (3.4 - shell, length * 0.72 - shell)), value)
    canvas.polygon(ellipse((0, 68.5), (9.2, 8.4)), HU["mediastinal_fat"] + 60)
    canvas.polygon(ellipse((0, 68.5), (8.0, 7.2)), HU["cord"] - 14)
    canvas.polygon(ellipse((0, 68.2), (4.6, 3.7)), HU["cord"])
    _paint_vertebral_body(canvas, position)


def _paint_arch(canvas: Canvas, side: float, position: float) -> None:
    """Paint transverse process, pedicle, lamina and joint of one side."""
    pedicle, joint, process = (_bump(position, *when) for when in ((0.42, 0.34), (0.0, 0.42), (0.62, 0.46)))
    beside = (side * (27 - 3 * joint), 75 + 2 * joint)
    for shell, value in ((0.0, HU["cortex"]), (1.5, HU["marrow"])):
        left = 1 - shell / 3
        canvas.polygon(ellipse(beside, (13 * process + 1 - shell, 4.6 * process * left), turn_deg=side * 24), value)
        canvas.polygon(ellipse((side * 12.5, 62), (4.0 * pedicle * left, 9 * pedicle), turn_deg=side * -14), value)
        canvas.polygon(ellipse((side * 8.5, 78.5), (8.5 - shell, 3.4 - shell), turn_deg=side * -30), value)
    if joint > 0:
        canvas.polygon(ellipse((side * 13.5, 74), (5.0 * joint, 5.6 * joint), turn_deg=side * 20), HU["cortex"])
        gap = np.array([[side * 9.5, 73.0], [side * 17, 75.4]])
        canvas.line(gap, HU["soft_tissue"], width_mm=0.9)


def _paint_vertebral_body(canvas: Canvas, position: float) -> None:
    disc = _bump(position, 0.0, 0.16)
    plate = min(_bump(position, 0.16, 0.08) + _bump(position, 0.84, 0.08), 1.0)
    waist = 1 - 0.07 * _bump(position, 0.5, 0.4)
    body = ellipse((0, 46), (17.5 * waist, 14.5 * waist), wobble=0.05, phase=2.2)
    body[:, 1] = np.minimum(body[:, 1], 59.2 - np.maximum(4 - np.abs(body[:, 0]), 0) * 0.35)
    middle = np.array([0, 46.0])
    canvas.polygon(body, (HU["cortex"] * (1 - disc) + HU["disc"] * disc) * 0.72)
    inner = HU["marrow"] * (1 - disc) + HU["disc"] * disc + 190 * plate
    canvas.polygon((body - middle) * 0.935 + middle, inner)
    vein = _bump(position, 0.48, 0.13)
    if vein > 0:
        canvas.line(np.array([[-0.3, 50.0], [0.2, 59.5]]), inner + (90 - inner) * vein, width_mm=1.1)
