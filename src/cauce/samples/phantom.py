"""A chest that never lived: axial slices in Hounsfield units, as a scanner would have reconstructed them."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from cauce.samples import anatomy, vessels
from cauce.samples.anatomy import HU
from cauce.samples.chest_wall import Ring, closed, paint_bones, paint_wall
from cauce.samples.shapes import FIELD_MM, OVERSAMPLING, Canvas, Floats, ellipse

SIZE_PX: Final = 512
SPACING_MM: Final = FIELD_MM / SIZE_PX
SLICES: Final = 48
SLICE_MM: Final = 3.0

_ROUGH_PX: Final = 256  # plans that need no more detail: which tissue goes where, how much noise
_ROOM_PX: Final = 128
_REACH_SLICES: Final = 12  # the trees reach beyond the slices, or their vessels would end there
_TREE_TARGETS: Final = 1500
_NOISE_HU: Final = 13.0
_CUP_HU: Final = 14.0
_HALF: Final = 127


class Thorax:
    """One chest; `seed` decides noise, texture and how the vessels branch, not the plan of the body."""

    def __init__(self, *, seed: int) -> None:
        """Grow the vessels and weave the textures that all slices share."""
        self._seed = seed
        rng = np.random.default_rng([seed, 1])
        self._middles = _middles()
        self._trees = _grow_trees(_lungs(self._middles), rng)
        self._weave = [
            _correlated(rng, SIZE_PX, fine, coarse) for fine, coarse in ((0.9, 2.2), (0.9, 2.2), (2.0, 7.0), (2.0, 7.0))
        ]

    def slice_hu(self, index: int) -> NDArray[np.int16]:
        """Return slice `index`, 0 the topmost, as (512, 512) Hounsfield units between -1024 and 3071."""
        depth = index * SLICE_MM
        clean, lung = self.clean_hu(index)
        rng = np.random.default_rng([self._seed, 2, index])
        body = _water_equivalent(clean)
        clean += self._texture(clean, lung, depth)
        clean -= np.float32(_CUP_HU) * (body - np.float32(0.5)) * (body > 0.05)  # noqa: PLR2004 - where there is a body
        clean += _correlated(rng, SIZE_PX, 0.62, 1.5) * (np.float32(0.35) + body) * np.float32(_NOISE_HU)
        return np.clip(np.rint(clean), -1024, 3071).astype(np.int16)

    def clean_hu(self, index: int) -> tuple[Floats, Floats]:
        """Return slice `index` blurred as by the scanner, yet without noise, and the share of lung in each pixel."""
        depth = index * SLICE_MM
        canvas = Canvas(SIZE_PX * OVERSAMPLING, fill=HU["air"])
        _paint_table(canvas)
        ring = Ring(depth)
        paint_wall(canvas, ring, depth)
        lung = self._paint_lungs(canvas, ring, index)
        paint_bones(canvas, ring, depth)
        _paint_mediastinum(canvas, depth)
        fine = cv2.resize(canvas.values, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(fine, (0, 0), 0.7), np.float32), lung

    def _paint_lungs(self, canvas: Canvas, ring: Ring, index: int) -> Floats:
        """Paint everything inside the lungs, then what bounds them; return the share of lung in each pixel."""
        depth = index * SLICE_MM
        layer = Canvas(SIZE_PX * OVERSAMPLING, fill=HU["lung"])
        for side, fall in ((-1, 0.86), (1, 0.92)):
            x = np.linspace(15, 135, 30)
            y = 70 - fall * depth - 17 * np.sin((x - 15) / 48 + depth / 160)
            layer.line(np.stack([side * x, y], 1), HU["lung"] + 58, width_mm=1.7)
        for tree in self._trees:
            ends, widths, share = vessels.strokes(tree, depth, thickness_mm=SLICE_MM)
            layer.strokes(ends, widths, HU["lung"] + (150 - HU["lung"]) * share)
        _paint_airways(layer, depth)
        room = Canvas(SIZE_PX * OVERSAMPLING, fill=0)
        room.polygon(closed(ring.half), 1)
        plan = self._middles[index + _REACH_SLICES]
        middle = cv2.resize(plan, layer.values.shape, interpolation=cv2.INTER_CUBIC) > _HALF
        inside, soft = (room.values > 0) & ~middle, (room.values > 0) & middle
        canvas.values[soft] = HU["mediastinal_fat"]
        for name, organ, wall_mm in _DOMES:
            outline = organ.cut(depth, grown_mm=wall_mm)
            if outline is not None:
                plane = Canvas(SIZE_PX * OVERSAMPLING, fill=0)
                plane.polygon(outline, 1)
                canvas.values[(plane.values > 0) & soft] = HU[name]
        nodule = anatomy.NODULE.cut(depth)
        if nodule is not None:
            layer.polygon(nodule, HU["nodule"])
        np.copyto(canvas.values, layer.values, where=inside)
        return np.asarray(
            cv2.resize(inside.astype(np.float32), (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_AREA), np.float32
        )

    def _texture(self, clean: Floats, lung: Floats, depth: float) -> Floats:
        """Return what makes tissue uneven; along the body it changes as slowly as across."""
        turn = depth / 5.0
        fine = self._weave[0] * np.float32(np.cos(turn)) + self._weave[1] * np.float32(np.sin(turn))
        coarse = self._weave[2] * np.float32(np.cos(turn / 2)) + self._weave[3] * np.float32(np.sin(turn / 2))
        down = np.linspace(-1, 1, SIZE_PX, dtype=np.float32)[:, None]
        airy = (clean < -600) & (lung > 0.5)  # noqa: PLR2004 - lung that is no vessel
        bone = clean > 240  # noqa: PLR2004 - denser than any contrast here
        solid = ~airy & (clean > -300)  # noqa: PLR2004 - tissue of any kind
        uneven = airy * (fine * 15 + coarse * 14 + 58 * down) + solid * (fine * 4 + coarse * 5) + bone * fine * 34
        return np.asarray(uneven, np.float32)


def _paint_table(canvas: Canvas) -> None:
    """Paint the table top, a shallow trough of carbon fibre round foam, and the mattress on it."""
    x = np.linspace(-215, 215, 80)

    def sheet(y: float, thick: float) -> NDArray[np.float64]:
        top = y - (x / 215) ** 2 * 26
        return np.concatenate([np.stack([x, top], 1), np.stack([x, top + thick], 1)[::-1]])

    canvas.polygon(sheet(116.5, 9), HU["mattress"])
    canvas.polygon(sheet(125.0, 27), HU["table_shell"])
    canvas.polygon(sheet(127.0, 23), HU["table_core"])
    for bar in (-62, 62):
        canvas.polygon(ellipse((bar, 146), (1.4, 4.0)), HU["table_shell"])


def _plan(depth: float) -> Canvas:
    """Paint 1 where the mediastinum's organs are."""
    plan = Canvas(_ROUGH_PX, fill=0)
    for tube in (*anatomy.AIRWAYS, anatomy.OESOPHAGUS, *(tube for _, tube in anatomy.VESSELS)):
        if tube.fixed:
            centres, radii = tube.cut(depth, grown_mm=1.0)
            near = np.abs(centres[:, 0]) < 46  # noqa: PLR2004 - farther out is lung
            plan.discs(centres[near], radii[near], 1)
    for blob in (anatomy.PERICARDIUM, *anatomy.NODES, *(chamber for _, chamber in anatomy.HEART)):
        outline = blob.cut(depth)
        if outline is not None:
            plan.polygon(outline, 1)
    plan.polygon(ellipse((0, 50), (19.5, 19.5)), 1)
    plan.polygon(ellipse((1, -82), (20, 15)), 1)
    plan.polygon(ellipse((-3, -58), (6 + max(depth, 0) / 12, 32)), 1)
    return plan


def _middles() -> Floats:
    """Return, for each slice and some beyond, how surely (0 to 255) mediastinum and diaphragm keep the lungs away.

    The planes are (slices, 256, 256), smoothed in all directions.
    """
    planes = np.stack([_middle(index * SLICE_MM) for index in range(-_REACH_SLICES, SLICES + _REACH_SLICES)])
    flat = cv2.GaussianBlur(planes.reshape(len(planes), -1), (1, 0), 0.01, sigmaY=1.4, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(flat.reshape(planes.shape), np.float32)


def _middle(depth: float) -> Floats:
    closing = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (19, 19))
    middle = np.asarray(cv2.morphologyEx(_plan(depth).mask(), cv2.MORPH_CLOSE, closing), np.uint8)
    for organ in (anatomy.LIVER, anatomy.SPLEEN):
        outline = organ.cut(depth, grown_mm=2.0)
        if outline is not None:
            dome = Canvas(_ROUGH_PX, fill=0)
            dome.polygon(outline, 1)
            middle = np.maximum(middle, dome.mask())
    return cv2.GaussianBlur(middle, (0, 0), 2.0).astype(np.float32)


def _lungs(middles: Floats) -> NDArray[np.uint8]:
    """Return 255 where the lungs are, in planes of 128 x 128 as many as `middles`."""
    planes = []
    for index, middle in enumerate(middles):
        room = Canvas(_ROUGH_PX, fill=0)
        room.polygon(closed(Ring((index - _REACH_SLICES) * SLICE_MM).half), 255)
        lung = np.where((room.values > 0) & (middle < _HALF), np.uint8(255), np.uint8(0))
        planes.append(cv2.resize(lung, (_ROOM_PX, _ROOM_PX), interpolation=cv2.INTER_NEAREST))
    return np.stack(planes)


def _paint_airways(canvas: Canvas, depth: float) -> None:
    cuts = [(tube.cut(depth, grown_mm=0.9), tube.cut(depth)) for tube in anatomy.AIRWAYS]
    for (centres, radii), _ in cuts:
        canvas.discs(centres, radii, HU["bronchial_wall"])
    for _, (centres, radii) in cuts:
        canvas.discs(centres, radii, HU["air"])


def _paint_mediastinum(canvas: Canvas, depth: float) -> None:
    """Paint, back to front in the sense of what covers what: gullet, nodes, heart, great vessels, airways."""
    centres, radii = anatomy.OESOPHAGUS.cut(depth)
    canvas.discs(centres, radii, HU["soft_tissue"])
    canvas.discs(centres + np.array([1.0, -0.8]), radii * 0.22, -350)
    for node in anatomy.NODES:
        outline = node.cut(depth)
        if outline is not None:
            canvas.polygon(outline, HU["soft_tissue"])
    for name, chamber in anatomy.HEART:
        outline = chamber.cut(depth)
        if outline is not None:
            canvas.polygon(outline, HU[name])
    for name, tube in anatomy.VESSELS:
        centres, radii = tube.cut(depth)
        canvas.discs(centres, radii, HU[name])
    _paint_airways(canvas, depth)


def _grow_trees(room: NDArray[np.uint8], rng: np.random.Generator) -> list[vessels.Segments]:
    """Grow an artery's and a vein's tree into each lung."""
    cell = FIELD_MM / _ROOM_PX
    trees = []
    for side in (slice(0, _ROOM_PX // 2), slice(_ROOM_PX // 2, _ROOM_PX)):
        lung = np.zeros_like(room)
        lung[:, :, side] = room[:, :, side]
        for roots, radius in _ROOTS[side.start > 0]:
            targets = vessels.scatter(
                lung,
                count=_TREE_TARGETS,
                voxel_mm=(cell, SLICE_MM),
                origin_mm=(-FIELD_MM / 2, -_REACH_SLICES * SLICE_MM),
                rng=rng,
            )
            trees.append(vessels.grow(np.asarray(roots, float), targets, root_radius_mm=radius))
    return trees


_DOMES: Final = (
    ("muscle", anatomy.LIVER, 3.0),
    ("liver", anatomy.LIVER, 0.0),
    ("muscle", anatomy.SPLEEN, 3.0),
    ("spleen", anatomy.SPLEEN, 0.0),
)
"""The domes of the diaphragm and what lies under them, with the thickness of the muscle."""
_ROOTS: Final = (
    (
        ([(-42, 0, 56), (-48, 8, 68), (-54, 20, 86)], 5.0),
        ([(-36, -4, 70), (-42, -8, 68)], 4.2),
    ),
    (
        ([(41, 8, 46), (47, 20, 58), (54, 30, 76)], 5.0),
        ([(34, 2, 70), (40, -6, 67)], 4.2),
    ),
)
"""Where arteries and veins enter the right and the left lung, and their radius there."""


def _correlated(rng: np.random.Generator, size_px: int, fine: float, coarse: float) -> Floats:
    """Return noise of unit deviation without its slow part, as filtered back-projection leaves it."""
    white = rng.standard_normal((size_px, size_px), np.float32)
    noise = cv2.GaussianBlur(white, (0, 0), fine, borderType=cv2.BORDER_REFLECT)
    slow = cv2.GaussianBlur(noise, (0, 0), coarse)
    banded = np.asarray(cv2.addWeighted(noise, 1.0, slow, -0.85, 0.0), np.float32)
    return np.asarray(banded / banded.std(), np.float32)


def _water_equivalent(hu: Floats) -> Floats:
    """Return how much tissue surrounds each pixel, 0 in air to about 1 in the middle of the body."""
    rough = cv2.resize(hu, (64, 64), interpolation=cv2.INTER_AREA)
    dense = np.clip(rough / 1000 + 1, 0, 1.3).astype(np.float32)
    spread = cv2.GaussianBlur(dense, (0, 0), 7.0)
    return np.asarray(cv2.resize(spread, hu.shape, interpolation=cv2.INTER_LINEAR), np.float32)
