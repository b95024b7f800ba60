"""The phantom measures what it claims, is deterministic, and changes smoothly from slice to slice."""

import itertools

import cv2
import numpy as np
import pytest

from cauce.samples import phantom
from cauce.samples.phantom import SIZE_PX, SLICE_MM, SLICES, SPACING_MM, Thorax


@pytest.fixture(scope="module")
def thorax() -> Thorax:
    return Thorax(seed=7)


@pytest.fixture(scope="module")
def volume(thorax) -> np.ndarray:
    return np.stack([thorax.slice_hu(index) for index in range(SLICES)])


def region(volume, x_mm, y_mm, depth_mm, *, radius_mm):
    """The values of a disc in one slice, in the phantom's own millimetres."""
    row, column = ((v / SPACING_MM) + SIZE_PX / 2 - 0.5 for v in (y_mm, x_mm))
    rows, columns = np.ogrid[:SIZE_PX, :SIZE_PX]
    inside = np.hypot(rows - row, columns - column) <= radius_mm / SPACING_MM
    return volume[round(depth_mm / SLICE_MM)][inside].astype(float)


@pytest.mark.parametrize(
    ("structure", "place", "radius_mm", "expected_hu", "tolerance_hu"),
    [
        ("air around the body", (-150, -150, 60), 15, -1000, 8),
        ("air in the windpipe", (-1, 5, 6), 4, -1000, 25),
        ("ascending aorta", (-15, -30, 27), 8, 205, 12),
        ("descending aorta", (25, 34, 60), 7, 205, 12),
        ("left ventricle", (33, -17, 102), 8, 196, 12),
        ("right ventricle", (8, -43, 102), 7, 160, 12),
        ("muscle beside the spine", (22, 94, 90), 6, 58, 10),
        ("fat under the skin", (158, 14, 90), 2.5, -104, 14),
        ("liver", (-62, 2, 141), 20, 104, 10),
        ("marrow of a vertebra", (0, 44, 20), 6, 165, 25),
        ("nodule", (-83, -20, 57), 2, 42, 30),
        ("foam of the table", (20, 140, 60), 4, -930, 15),
    ],
)
def test_a_named_structure_measures_its_hounsfield_units(
    volume, structure, place, radius_mm, expected_hu, tolerance_hu
):
    assert region(volume, *place, radius_mm=radius_mm).mean() == pytest.approx(expected_hu, abs=tolerance_hu), structure


def test_both_lungs_lie_near_minus_850_and_are_denser_at_the_back(volume):
    for x_mm in (-75, 75):
        front, back = (np.median(region(volume, x_mm, y_mm, 30, radius_mm=18)) for y_mm in (-25, 45))
        assert -905 < front < back < -790
        assert np.mean([front, back]) == pytest.approx(-850, abs=25)


def test_bone_has_a_cortex_much_denser_than_its_marrow(volume):
    ring = region(volume, 0, 46, 20, radius_mm=19)
    assert np.percentile(ring, 97) > 400
    assert np.median(region(volume, 0, 44, 20, radius_mm=5)) < 230


def test_vessels_run_through_neighbouring_slices_of_the_lungs(volume):
    """A vessel seen in one slice is nearly always met again, close by, in the next."""
    rows, columns = slice(180, 330), slice(110, 190)
    for index in range(10, 30, 5):
        here, after = ((volume[i, rows, columns] > -500).astype(np.uint8) for i in (index, index + 1))
        near = cv2.dilate(after, np.ones((9, 9), np.uint8))
        assert here.sum() > 50
        assert near[here > 0].mean() > 0.75


def test_the_nodule_lies_in_air_bearing_lung(volume):
    around = region(volume, -83, -20, 57, radius_mm=16)
    assert np.median(around) < -780
    assert region(volume, -83, -20, 42, radius_mm=3).mean() < -700


def test_noise_is_correlated_between_neighbours_and_has_no_slow_part(thorax):
    noise = thorax.slice_hu(30) - thorax.clean_hu(30)[0]
    heart = noise[215:265, 240:300]
    heart = heart - cv2.GaussianBlur(heart, (0, 0), 8)
    assert 8 < heart.std() < 22
    neighbour = np.corrcoef(heart[:, :-1].ravel(), heart[:, 1:].ravel())[0, 1]
    far = np.corrcoef(heart[:, :-9].ravel(), heart[:, 9:].ravel())[0, 1]
    assert neighbour > 0.3
    assert abs(far) < 0.12


def test_the_middle_of_the_body_reads_a_little_low_as_after_beam_hardening(thorax):
    added = np.mean([thorax.slice_hu(i) - thorax.clean_hu(i)[0] for i in (30, 31, 32)], axis=0)
    middle, rim = added[200:270, 230:310].mean(), added[240:280, 34:48].mean()
    assert 2 < rim - middle < 20


def test_anatomy_changes_smoothly_from_slice_to_slice(volume):
    small = np.stack(
        [cv2.resize(plane.astype(np.float32), (128, 128), interpolation=cv2.INTER_AREA) for plane in volume]
    )
    alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in itertools.pairwise(small)]
    assert min(alike) > 0.97
    assert max(alike) < 0.9999


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others(volume):
    assert np.array_equal(Thorax(seed=7).slice_hu(20), volume[20])
    assert not np.array_equal(Thorax(seed=8).slice_hu(20), volume[20])


def test_a_slice_does_not_depend_on_which_were_made_before(thorax, volume):
    assert np.array_equal(thorax.slice_hu(3), volume[3])


def test_values_stay_within_what_scanners_write(volume):
    assert volume.dtype == np.int16
    assert volume.shape == (48, 512, 512)
    assert volume.min() == -1024
    assert volume.max() < 3071
    assert phantom.SPACING_MM == 0.75
