"""Figures with known answers: statistics to the last digit, noise and sharpness of pictures whose noise we made."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from process_objects import described, item, measured, native, noise, sequence, written

from cauce.core.messages import Measurement
from cauce.stages.process import FRAMES_MEASURED_MAX, SeriesFigures, summarise

SMALL = np.array([[1, 2, 3], [4, 5, 9]], np.uint16)  # mean 4, variance 40 / 6


def figures(outcome):
    return (outcome.mean, outcome.standard_deviation, outcome.minimum, outcome.maximum)


def test_statistics_of_a_small_array_are_exact():
    outcome = measured(native(SMALL))
    assert outcome == Measurement(
        outcome="measured",
        rows=2,
        columns=3,
        frames=1,
        frames_measured=1,
        pixels=6,
        unit="",
        mean=4.0,
        standard_deviation=math.sqrt(40 / 6),
        minimum=1.0,
        maximum=9.0,
        snr=None,
        sharpness=outcome.sharpness,
    )


def test_slope_and_intercept_lead_to_hounsfield_units():
    outcome = measured(native(SMALL, Modality="CT", RescaleSlope="2", RescaleIntercept="-1024"))
    assert figures(outcome) == (-1016.0, 2 * math.sqrt(40 / 6), -1022.0, -1006.0)
    assert outcome.unit == "HU"


def test_a_negative_slope_turns_minimum_and_maximum_round():
    outcome = measured(native(SMALL, RescaleSlope="-2", RescaleIntercept="1"))
    assert figures(outcome) == (-7.0, 2 * math.sqrt(40 / 6), -17.0, -1.0)


@pytest.mark.parametrize(
    ("attributes", "unit"),
    [
        ({"Modality": "CT", "RescaleIntercept": "0"}, "HU"),
        ({"Modality": "CT"}, ""),
        ({"Modality": "CT", "RescaleIntercept": "0", "RescaleType": "MGML"}, "MGML"),
        ({"Modality": "MR", "RescaleIntercept": "0", "RescaleType": "US"}, ""),
        ({"Modality": "PT", "Units": "BQML"}, "BQML"),
        ({"Modality": "RTDOSE", "DoseUnits": "GY", "DoseGridScaling": "0.5"}, "Gy"),
    ],
)
def test_the_unit_is_the_one_that_the_object_names(attributes, unit):
    assert measured(native(SMALL, **attributes)).unit == unit


def test_dose_is_scaled_by_its_grid_scaling():
    wide = SMALL.astype(np.uint32) * 1000
    outcome = measured(native(wide, Modality="RTDOSE", DoseUnits="GY", DoseGridScaling="0.001"))
    assert figures(outcome) == pytest.approx((4.0, math.sqrt(40 / 6), 1.0, 9.0), rel=1e-14)


TABLE = np.array([0, 10, 20, 30, 40, 50, 60, 70, 80, 100], "<u2").tobytes()


def test_a_modality_table_replaces_slope_and_intercept():
    table = item(LUTDescriptor=[10, 0, 16], LUTData=TABLE, ModalityLUTType="OD")
    outcome = measured(native(SMALL, ModalityLUTSequence=sequence(table), RescaleSlope="7"))
    assert figures(outcome) == (250 / 6, pytest.approx(np.std([10, 20, 30, 40, 50, 100])), 10.0, 100.0)


@pytest.mark.parametrize(
    ("array", "attributes", "counted"),
    [
        (SMALL, {"PixelPaddingValue": 9}, [1, 2, 3, 4, 5]),
        (SMALL, {"PixelPaddingValue": 2, "PixelPaddingRangeLimit": 4}, [1, 5, 9]),
        (SMALL, {"PixelPaddingValue": 4, "PixelPaddingRangeLimit": 2}, [1, 5, 9]),
        (SMALL, {"PixelPaddingValue": 77}, [1, 2, 3, 4, 5, 9]),
        (SMALL.astype("i2") - 4, {"PixelPaddingValue": -3}, [-2, -1, 0, 1, 5]),
        (SMALL.astype("u4") + 70000, {"PixelPaddingValue": None}, [70001, 70002, 70003, 70004, 70005, 70009]),
    ],
)
def test_padding_does_not_count(array, attributes, counted):
    outcome = measured(native(array, **attributes))
    assert outcome.pixels == len(counted)
    assert figures(outcome) == (np.mean(counted), pytest.approx(np.std(counted)), min(counted), max(counted))


def test_a_padding_value_written_with_the_wrong_sign_is_meant_all_the_same():
    stored = np.array([[-2000, 5, 7]], np.int16)
    content = native(stored, PixelPaddingValue=-2000)
    as_unsigned = content.replace(b"\x28\x00\x20\x01SS", b"\x28\x00\x20\x01US")
    assert as_unsigned != content
    assert figures(measured(as_unsigned)) == (6.0, 1.0, 5.0, 7.0)


def test_an_image_of_padding_alone_has_no_figures():
    outcome = measured(native(np.full((9, 9), 3, np.uint16), PixelPaddingValue=3))
    assert (outcome.outcome, outcome.pixels, figures(outcome), outcome.snr) == ("measured", 0, (None,) * 4, None)


def test_float_pixels_count_unless_they_are_no_numbers_or_padding():
    array = np.array([[0.5, np.nan, -1.5], [np.inf, 2.5, 99.0]], np.float32)
    values = described(array, BitsStored=None, HighBit=None, PixelRepresentation=None)
    content = written({**values, "FloatPixelData": array.tobytes(), "FloatPixelPaddingValue": 99.0})
    outcome = measured(content)
    assert (outcome.pixels, figures(outcome)) == (3, (0.5, pytest.approx(np.std([0.5, -1.5, 2.5])), -1.5, 2.5))


def test_large_offsets_do_not_eat_the_deviation():
    wide = np.array([[4_000_000_001, 4_000_000_002, 4_000_000_003]], np.uint32)
    assert figures(measured(native(wide))) == (4_000_000_002.0, math.sqrt(2 / 3), 4_000_000_001.0, 4_000_000_003.0)
    flat = np.full((3000, 100), 65535, np.uint16)
    assert figures(measured(native(flat))) == (65535.0, 0.0, 65535.0, 65535.0)


def test_single_bits_and_twelve_bits_are_measured_as_they_are_stored():
    mask = np.array([[1, 0, 1, 1], [0, 0, 0, 1]], np.uint8)
    packed = np.packbits(mask.ravel(), bitorder="little").tobytes()
    values = described(mask, BitsAllocated=1, BitsStored=1)
    assert figures(measured(written({**values, "PixelData": packed + b"\0"}))) == (0.5, 0.5, 0.0, 1.0)
    stored = np.array([[0xF001, 0x0FFF]], np.uint16)
    assert figures(measured(native(stored, BitsStored=12, PixelRepresentation=1))) == (0.0, 1.0, -1.0, 1.0)


def test_of_colour_the_luminance_is_measured():
    colour = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    outcome = measured(native(colour))
    expected = [76, 150, 29, 255]  # BT.601
    assert figures(outcome) == (np.mean(expected), pytest.approx(np.std(expected)), 29.0, 255.0)
    assert outcome.unit == ""


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32]),
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
    )
)
@settings(max_examples=80, deadline=None)
def test_statistics_agree_with_those_of_numpy(array):
    outcome = measured(native(array))
    exact = array.astype(np.float64)
    assert (outcome.minimum, outcome.maximum, outcome.pixels) == (exact.min(), exact.max(), exact.size)
    assert outcome.mean == pytest.approx(exact.mean(), rel=1e-12, abs=1e-9)
    assert outcome.standard_deviation == pytest.approx(exact.std(), rel=1e-9, abs=1e-6)


def test_frames_are_pooled_and_each_has_its_own_transform():
    stack = np.array([[[1, 2]], [[3, 4]]], np.uint16)

    def transform(slope, intercept):
        values = item(RescaleSlope=slope, RescaleIntercept=intercept, RescaleType="HU")
        return item(PixelValueTransformationSequence=sequence(values))

    content = native(
        stack,
        frames=2,
        Modality="CT",
        PerFrameFunctionalGroupsSequence=sequence(transform("1", "0"), transform("10", "100")),
    )
    outcome = measured(content)
    everything = [1, 2, 130, 140]
    assert (outcome.frames, outcome.frames_measured, outcome.pixels, outcome.unit) == (2, 2, 4, "HU")
    assert figures(outcome) == (np.mean(everything), pytest.approx(np.std(everything)), 1.0, 140.0)


def test_a_shared_transform_holds_for_every_frame():
    group = item(PixelValueTransformationSequence=sequence(item(RescaleSlope="3", RescaleIntercept="1")))
    stack = np.array([[[1, 2]], [[3, 4]]], np.uint16)
    outcome = measured(native(stack, frames=2, SharedFunctionalGroupsSequence=sequence(group)))
    assert (outcome.minimum, outcome.maximum) == (4.0, 13.0)


def test_of_many_frames_a_fixed_number_is_measured_spread_evenly():
    count = 4 * FRAMES_MEASURED_MAX
    stack = np.arange(count, dtype=np.uint16)[:, None, None] * np.ones((1, 2, 2), np.uint16)
    outcome = measured(native(stack, frames=count))
    chosen = np.arange(FRAMES_MEASURED_MAX) * 4 + 2
    assert (outcome.frames, outcome.frames_measured) == (count, FRAMES_MEASURED_MAX)
    assert figures(outcome) == (chosen.mean(), pytest.approx(chosen.std()), 2.0, count - 2.0)


def disc(signal, *, background=0.0, sigma, side=256, seed=4):
    """Return a disc of a known signal on a background, with known noise everywhere."""
    rows, columns = np.mgrid[0:side, 0:side] - side / 2
    inside = np.hypot(rows, columns) < side * 0.4
    return np.where(inside, signal, background) + noise(side, side, sigma=sigma, seed=seed)


@pytest.mark.parametrize(("signal", "sigma"), [(1000, 20), (1000, 5), (400, 40), (3000, 2)])
def test_signal_to_noise_is_the_contrast_of_the_disc_over_the_noise_that_was_added(signal, sigma):
    picture = np.clip(np.rint(disc(signal, background=100, sigma=sigma) + 200), 0, 65535).astype(np.uint16)
    background = 100 - 2.326 * sigma  # its first percentile; half of the picture is background
    expected = (signal - background) / sigma
    assert measured(native(picture)).snr == pytest.approx(expected, rel=0.06)


def test_signal_to_noise_does_not_depend_on_scale_offset_sign_or_presentation():
    picture = np.rint(disc(1000, background=100, sigma=20) + 200).astype(np.uint16)
    plain = measured(native(picture)).snr
    variants = [
        native(picture, RescaleSlope="0.01", RescaleIntercept="-500"),
        native(picture, WindowCenter="700", WindowWidth="1400"),
        native((4000 - picture.astype(int)).astype(np.uint16), PhotometricInterpretation="MONOCHROME1"),
        native(picture.astype(np.int16) - 2000),
        native((4000 - picture.astype(int)).astype(np.uint16), RescaleSlope="-1", RescaleIntercept="4000"),
        native(picture, Modality="PT"),
        native(picture.astype(np.uint32) * 1000),
    ]
    assert [measured(content).snr for content in variants] == [pytest.approx(plain, rel=0.03)] * len(variants)


def test_edges_do_not_count_as_noise():
    picture = disc(1000, sigma=10) + 500
    striped = picture.copy()
    striped[:, ::16] += 300
    plain, lined = (measured(native(np.rint(p).astype(np.uint16))).snr for p in (picture, striped))
    assert lined == pytest.approx(plain, rel=0.25)


@pytest.mark.parametrize("picture", [np.full((64, 64), 7, np.uint16), np.eye(5, dtype=np.uint16)])
def test_without_noise_or_without_enough_pixels_there_is_no_ratio(picture):
    assert measured(native(picture)).snr is None


def test_sharpness_is_the_variance_of_the_laplacian_of_the_grey_that_is_shown():
    grey = np.rint(128 + noise(60, 80, sigma=20)).clip(0, 255).astype(np.uint8)
    outcome = measured(native(grey, WindowCenter="128", WindowWidth="256"))
    padded = np.pad(grey.astype(int), 1, mode="reflect")
    laplacian = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * padded[1:-1, 1:-1]
    assert outcome.sharpness == pytest.approx(laplacian.var(), rel=1e-12)
    assert outcome.sharpness == pytest.approx(20 * 400, rel=0.06)  # of white noise: (4 + 16) times its variance


def test_a_blurred_picture_is_less_sharp():
    crisp = np.kron(np.random.default_rng(1).integers(0, 2, (16, 16)), np.ones((8, 8))).astype(np.float32) * 1000
    blurred = cv2.GaussianBlur(crisp, (0, 0), 2.0)
    first, second = (measured(native(np.rint(p).astype(np.uint16))).sharpness for p in (crisp, blurred))
    assert second < first / 20


def test_figures_of_a_large_frame_cover_all_of_it():
    large = np.zeros((2100, 2200), np.uint8)
    large[0, 0], large[-1, -1] = 9, 200
    outcome = measured(native(large))
    assert (outcome.pixels, outcome.minimum, outcome.maximum) == (4_620_000, 0.0, 200.0)
    assert outcome.mean == 209 / 4_620_000


def test_figures_beyond_all_bounds_are_left_out():
    outcome = measured(native(SMALL, Modality="RTDOSE", DoseGridScaling="9e307"))
    assert (outcome.outcome, outcome.mean, outcome.maximum) == ("measured", None, None)


def test_a_series_is_pooled_as_if_its_pixels_were_one_image():
    parts = [np.random.default_rng(n).integers(0, 4096, (5 + n, 7)).astype(np.uint16) for n in range(4)]
    outcomes = [measured(native(part, Modality="CT", RescaleIntercept="0")) for part in parts]
    others = [Measurement(outcome="no_pixels"), Measurement(outcome="undecodable", detail="x")]
    pooled = summarise([*outcomes, *others])
    pixels = np.concatenate([part.ravel() for part in parts]).astype(float)
    assert (pooled.instances, pooled.measured, pooled.no_pixels, pooled.undecodable) == (6, 4, 1, 1)
    assert (pooled.frames, pooled.frames_measured, pooled.pixels, pooled.unit) == (4, 4, pixels.size, "HU")
    assert (pooled.minimum, pooled.maximum) == (pixels.min(), pixels.max())
    assert (pooled.mean, pooled.standard_deviation) == pytest.approx((pixels.mean(), pixels.std()), rel=1e-12)
    assert pooled.sharpness == np.median([o.sharpness for o in outcomes])


def test_a_series_of_nothing_has_no_figures():
    assert summarise([]) == SeriesFigures(instances=0, measured=0, no_pixels=0, undecodable=0)


def test_a_series_of_unlike_units_has_none():
    outcomes = [measured(native(SMALL, Modality="PT", Units=unit)) for unit in ("BQML", "CNTS")]
    assert summarise(outcomes).unit == ""
