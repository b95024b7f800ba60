"""Pictures as they are expected: windows, tables, inversion, palettes, aspect, segments, slides."""

import io
import struct

import cv2
import numpy as np
import pytest
from process_objects import BIG, EXPLICIT, described, item, native, opened, sequence, shown, written

from cauce.core.errors import Undecodable
from cauce.stages.process import preview_png, render, representative

LADDER = np.arange(256, dtype=np.uint16).reshape(16, 16) * 16


def grey(content):
    """Return the grey levels that are shown, pixel by pixel."""
    reader = opened(content)
    return render(reader, size_px=max(reader.layout.rows, reader.layout.columns)).astype(int)


def levels(values, **attributes):
    """Return the grey of these stored values; a white and a black corner keep the frame from being blank."""
    row = np.array([[*values, *values[::-1]]], np.int16)
    return grey(native(row, **attributes))[0, : len(values)].tolist()


def test_a_linear_window_is_that_of_the_standard():
    # PS3.3 C.11.2.1.2.1: black up to c - 0.5 - (w - 1) / 2, white above c - 0.5 + (w - 1) / 2
    shown_levels = levels([-1000, -61, -60, 39, 40, 139, 140, 1000], WindowCenter="40", WindowWidth="201")
    assert shown_levels == [0, 0, 1, 127, 128, 254, 255, 255]


def test_an_exact_linear_window_has_its_ends_at_half_the_width():
    found = levels([-100, 0, 50, 100, 200], WindowCenter="50", WindowWidth="100", VOILUTFunction="LINEAR_EXACT")
    assert found == [0, 0, 128, 255, 255]


def test_a_sigmoid_window_rises_as_the_standard_says():
    found = levels([-50, 0, 50, 100, 150], WindowCenter="50", WindowWidth="100", VOILUTFunction="SIGMOID")
    assert found == [round(255 / (1 + np.exp(-4 * (v - 50) / 100))) for v in (-50, 0, 50, 100, 150)]


def test_the_first_of_several_windows_is_used():
    assert levels([0, 50, 100], WindowCenter=["50", "1000"], WindowWidth=["101", "9"]) == [1, 129, 255]


def test_a_window_is_in_modality_values():
    attributes = {"RescaleSlope": "2", "RescaleIntercept": "-1000", "WindowCenter": "0.5", "WindowWidth": "201"}
    assert levels([450, 500, 550], **attributes) == [0, 128, 255]


def test_a_frame_has_the_window_of_its_own_group():
    def group(centre):
        window = item(WindowCenter=centre, WindowWidth="101", VOILUTFunction="LINEAR_EXACT")
        return item(FrameVOILUTSequence=sequence(window))

    stack = np.array([[[0, 50, 100, 150]], [[0, 50, 100, 150]]], np.uint16)
    content = native(stack, frames=2, PerFrameFunctionalGroupsSequence=sequence(group("50"), group("100")))
    first, second = (render(opened(content), frame=n, size_px=4)[0].tolist() for n in (0, 1))
    assert first == [1, 128, 254, 255]
    assert second == [0, 1, 128, 254]


def test_a_window_that_leaves_nothing_to_see_gives_way_to_the_values():
    useless = grey(native(LADDER, WindowCenter="60000", WindowWidth="100"))
    assert np.array_equal(useless, grey(native(LADDER)))
    assert (useless.min(), useless.max()) == (0, 255)


@pytest.mark.parametrize("width", ["0", "-5"])
def test_a_window_without_width_is_no_window(width):
    assert np.array_equal(grey(native(LADDER, WindowCenter="5", WindowWidth=width)), grey(native(LADDER)))


def test_without_a_window_all_but_the_extremes_is_spread_over_the_grey_levels():
    array = np.full((100, 100), 500, np.uint16)
    array[10:90, 10:90] = np.linspace(400, 600, 6400).reshape(80, 80).astype(np.uint16)
    array[0, 0], array[0, 1] = 0, 65535
    found = grey(native(array))
    assert (found[0, 0], found[0, 1]) == (0, 255)
    assert found[10, 10] <= 2
    assert found[89, 89] >= 253
    assert abs(found[50, 50] - 128) < 5


def test_an_empty_image_is_black_and_of_monochrome1_white():
    empty = np.zeros((4, 4), np.uint16)
    assert set(grey(native(empty)).ravel()) == {0}
    assert set(grey(native(empty, PhotometricInterpretation="MONOCHROME1")).ravel()) == {255}


def test_a_voi_table_comes_before_a_window():
    table = item(LUTDescriptor=[4, 10, 8], LUTData=bytes([0, 255, 128, 64]))
    attributes = {"VOILUTSequence": sequence(table), "WindowCenter": "5", "WindowWidth": "2"}
    assert levels([0, 10, 11, 12, 13, 99], **attributes) == [0, 0, 255, 128, 64, 64]


def test_a_voi_table_of_words_is_read_in_both_byte_orders():
    for syntax, order in ((EXPLICIT, "<"), (BIG, ">")):
        words = struct.pack(f"{order}4H", 0, 65535, 32896, 16448)
        table = item(LUTDescriptor=[4, 0, 16], LUTData=words)
        row = np.array([[0, 1, 2, 3]], np.uint16)
        assert grey(native(row, syntax=syntax, VOILUTSequence=sequence(table)))[0].tolist() == [0, 255, 128, 64]


def test_a_malformed_table_stands_for_none():
    table = item(LUTDescriptor=[4, 0, 99], LUTData=bytes([1, 2, 3, 4]))
    assert np.array_equal(grey(native(LADDER, VOILUTSequence=sequence(table))), grey(native(LADDER)))


@pytest.mark.parametrize(
    ("attributes", "inverted"),
    [
        ({"PhotometricInterpretation": "MONOCHROME2"}, False),
        ({"PhotometricInterpretation": "MONOCHROME1"}, True),
        ({"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}, True),
        ({"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "IDENTITY"}, True),
        ({"PhotometricInterpretation": "MONOCHROME2", "PresentationLUTShape": "IDENTITY"}, False),
        ({"PhotometricInterpretation": "MONOCHROME2", "PresentationLUTShape": "INVERSE"}, True),
        ({"Modality": "PT"}, True),
        ({"Modality": "NM"}, False),
    ],
)
def test_what_is_to_be_shown_inverted_is_inverted_once(attributes, inverted):
    window = {"WindowCenter": "2048", "WindowWidth": "4096"}
    plain = grey(native(LADDER, **window))
    found = grey(native(LADDER, **window, **attributes))
    assert np.abs(found - (255 - plain if inverted else plain)).max() <= 1


def test_padding_is_background_black_or_under_positron_emission_white():
    padded = LADDER.copy()
    padded[0] = 4095
    assert set(grey(native(padded, PixelPaddingValue=4095))[0]) == {0}
    assert set(grey(native(padded, PixelPaddingValue=4095, PhotometricInterpretation="MONOCHROME1"))[0]) == {0}
    assert set(grey(native(padded, PixelPaddingValue=4095, Modality="PT"))[0]) == {255}


def test_what_a_ct_did_not_see_does_not_darken_the_rest():
    body = np.linspace(-900, 900, 3600).reshape(60, 60).astype(np.int16)
    hole = body.copy()
    hole[:8] = -3000 + np.arange(60)  # padding that lossy compression has smeared
    attributes = {"Modality": "CT", "RescaleIntercept": "0"}
    apart = grey(native(hole, **attributes))
    assert set(apart[:8].ravel()) == {0}
    assert apart[8].mean() < 10


def test_counts_and_dose_are_shown_from_zero():
    array = np.linspace(1000, 2000, 400).reshape(20, 20).astype(np.uint16)
    assert grey(native(array, Modality="NM")).min() > 120
    assert grey(native(array)).min() == 0


def test_wide_integers_and_floats_are_windowed_too():
    wide = LADDER.astype(np.uint32) * 100_000
    window = {"WindowCenter": "204800000", "WindowWidth": "409600000"}
    assert (
        np.abs(grey(native(wide, **window)) - grey(native(LADDER, WindowCenter="2048", WindowWidth="4096"))).max() <= 1
    )
    floats = LADDER.astype(np.float32)
    floats[0, 0] = np.nan
    values = described(floats, BitsStored=None, HighBit=None, PixelRepresentation=None)
    found = grey(written({**values, "FloatPixelData": floats.tobytes(), "WindowCenter": "2048", "WindowWidth": "4096"}))
    assert (found[0, 0], found[-1, -1]) == (0, 254)


def palette_of(red, green, blue, *, descriptor, data=bytes, kind=""):
    found = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, entries in (("Red", red), ("Green", green), ("Blue", blue)):
        found[f"{name}PaletteColorLookupTableDescriptor"] = descriptor
        found[f"{kind}{name}PaletteColorLookupTableData"] = data(entries)
    return found


def words(entries):
    return struct.pack(f"<{len(entries)}H", *entries)


THREE = np.array([[0, 1, 2, 3, 200]], np.uint8)


def test_a_palette_of_bytes_gives_each_value_its_colour():
    attributes = palette_of([0, 10, 20, 30], [1, 11, 21, 31], [2, 12, 22, 32], descriptor=[4, 0, 8])
    found = shown(native(THREE, **attributes), size_px=5)
    assert found[0].tolist() == [[0, 1, 2], [10, 11, 12], [20, 21, 22], [30, 31, 32], [30, 31, 32]]


def test_a_palette_of_words_is_brought_down_to_bytes():
    attributes = palette_of([0, 0x1234], [0xFFFF, 1], [0x8000, 0], descriptor=[2, 0, 16], data=words)
    found = shown(native(THREE, **attributes), size_px=5)
    assert found[0, :2].tolist() == [[0, 255, 128], [0x12, 0, 0]]


def test_bytes_written_as_words_keep_their_values():
    attributes = palette_of([0, 200], [100, 0], [7, 8], descriptor=[2, 0, 8], data=words)
    assert shown(native(THREE, **attributes), size_px=5)[0, :2].tolist() == [[0, 100, 7], [200, 0, 8]]


def test_a_palette_may_begin_anywhere_and_have_more_entries_than_a_byte_counts():
    ramp = [i % 256 for i in range(300)]
    attributes = palette_of(ramp, ramp, ramp, descriptor=[300, 1000, 8])
    row = np.array([[0, 1000, 1001, 1255, 1299, 9999]], np.uint16)
    assert shown(native(row, **attributes), size_px=6)[0, :, 0].tolist() == [0, 0, 1, 255, 43, 43]
    signed = np.array([[-5, -4, -3, 0]], np.int16)
    low = palette_of([9, 8, 7, 6], [0] * 4, [0] * 4, descriptor=[4, -4, 8])
    assert shown(native(signed, **low), size_px=4)[0, :, 0].tolist() == [9, 9, 8, 6]


def test_a_segmented_palette_is_unfolded():
    # two discrete entries, a line of four to 1000 hex, the line again
    segments = [0, 2, 0x0000, 0x0800, 1, 4, 0x1000, 2, 1, 8, 0]
    attributes = palette_of(segments, segments, segments, descriptor=[10, 0, 16], data=words, kind="Segmented")
    row = np.arange(10, dtype=np.uint8).reshape(1, 10)
    found = shown(native(row, **attributes), size_px=10)[0, :, 0].tolist()
    assert found == [0x00, 0x08, 0x0A, 0x0C, 0x0E, 0x10, 0x10, 0x10, 0x10, 0x10]


@pytest.mark.parametrize(
    "attributes",
    [
        {"PhotometricInterpretation": "PALETTE COLOR"},
        palette_of([1], [2], [3], descriptor=[4, 0, 8]),
        palette_of([0] * 4, [0] * 4, [0] * 4, descriptor=[4]),
        palette_of([9, 9, 9], [9] * 3, [9] * 3, descriptor=[4, 0, 16], data=words, kind="Segmented"),
        palette_of([1, 4, 7], [1, 4, 7], [1, 4, 7], descriptor=[4, 0, 16], data=words, kind="Segmented"),
        palette_of([2, 9, 0, 0] * 2, [0], [0], descriptor=[4, 0, 16], data=words, kind="Segmented"),
    ],
)
def test_a_palette_that_is_missing_or_malformed_is_undecodable(attributes):
    with pytest.raises(Undecodable, match="palette"):
        shown(native(THREE, **attributes))


def test_a_segmented_palette_unfolds_no_further_than_its_entries():
    endless = [0, 1, 5, *[1, 65535, 9, 2, 65535, 6, 0] * 40]
    attributes = palette_of(endless, endless, endless, descriptor=[4, 0, 16], data=words, kind="Segmented")
    assert shown(native(THREE, **attributes), size_px=5).shape == (1, 5, 3)


@pytest.mark.parametrize(
    ("attributes", "shape"),
    [
        ({}, (64, 32)),
        ({"PixelSpacing": ["2", "1"]}, (64, 16)),
        ({"PixelSpacing": ["1", "2"]}, (64, 64)),
        ({"ImagerPixelSpacing": ["0.5", "1"]}, (64, 64)),
        ({"PixelAspectRatio": ["1", "2"]}, (64, 64)),
        ({"PixelSpacing": ["1", "1"], "PixelAspectRatio": ["1", "2"]}, (64, 32)),
        ({"PixelSpacing": ["0", "0"]}, (64, 32)),
        ({"PixelSpacing": ["1", "5000"]}, (64, 32)),
    ],
)
def test_pixels_become_square(attributes, shape):
    assert shown(native(np.zeros((40, 20), np.uint8), **attributes), size_px=64).shape == shape


def test_the_spacing_of_a_frame_may_lie_in_its_group():
    group = item(PixelMeasuresSequence=sequence(item(PixelSpacing=["3", "1"])))
    content = native(np.zeros((1, 20, 20), np.uint8), frames=1, SharedFunctionalGroupsSequence=sequence(group))
    assert shown(content, size_px=60).shape == (60, 20)


def test_a_preview_is_a_png_of_the_middle_frame():
    stack = np.zeros((5, 8, 8), np.uint8)
    stack[2, 2:4] = 255
    decoded = cv2.imdecode(
        np.frombuffer(preview_png(io.BytesIO(native(stack, frames=5)), size_px=8), np.uint8), cv2.IMREAD_UNCHANGED
    )
    assert np.array_equal(decoded, stack[2])
    colour = np.zeros((4, 4, 3), np.uint8)
    colour[...] = (250, 100, 3)
    decoded = cv2.imdecode(
        np.frombuffer(preview_png(io.BytesIO(native(colour)), size_px=4), np.uint8), cv2.IMREAD_COLOR
    )
    assert decoded[0, 0].tolist() == [3, 100, 250]  # OpenCV's order


def test_sixteen_bit_colour_is_shown_in_eight():
    deep = np.full((2, 2, 3), 0x8123, np.uint16)
    assert set(shown(native(deep), size_px=2).ravel()) == {0x81}


def segmentation(stack, *, kind="BINARY", numbers=None, colours=None, **attributes):
    segments = [
        item(SegmentNumber=n, **({"RecommendedDisplayCIELabValue": lab} if lab else {}))
        for n, lab in (colours or {1: None}).items()
    ]
    groups = [
        item(SegmentIdentificationSequence=sequence(item(ReferencedSegmentNumber=n)))
        for n in numbers or [1] * len(stack)
    ]
    return native(
        stack,
        frames=len(stack),
        Modality="SEG",
        SegmentationType=kind,
        SegmentSequence=sequence(*segments),
        PerFrameFunctionalGroupsSequence=sequence(*groups),
        **attributes,
    )


RED_LAB = [34888, 53485, 50171]


def test_a_segment_is_shown_in_the_colour_that_it_recommends():
    stack = np.zeros((3, 4, 4), np.uint8)
    stack[1, 1, 1] = 1
    found = shown(segmentation(stack, numbers=[1, 2, 1], colours={1: None, 2: RED_LAB}), size_px=4)
    assert found.shape == (4, 4, 3)
    assert np.abs(found[1, 1].astype(int) - (255, 0, 0)).max() <= 3
    assert found[0, 0].tolist() == [0, 0, 0]


def test_a_fraction_is_shown_as_a_share_of_the_colour():
    stack = np.array([[[0, 50, 100, 100]]], np.uint8)
    found = shown(segmentation(stack, kind="FRACTIONAL", MaximumFractionalValue=100), size_px=4)
    assert found[0, :, 0].tolist() == [0, 128, 255, 255]


def test_labels_have_colours_that_differ():
    stack = np.array([[[0, 1, 2, 3]]], np.uint16)
    found = shown(segmentation(stack, kind="LABELMAP", colours={3: RED_LAB}), size_px=4)[0].tolist()
    assert found[0] == [0, 0, 0]
    assert len({tuple(colour) for colour in found}) == 4
    assert found[3][0] > 250


def slide(places=None, *, frames, kind="TILED_FULL", rows=8, columns=12):
    tiles = np.zeros((frames, 4, 4, 3), np.uint8)
    tiles[...] = np.arange(frames)[:, None, None, None] * 10 + 10
    attributes = {
        "Modality": "SM",
        "TotalPixelMatrixRows": rows,
        "TotalPixelMatrixColumns": columns,
        "DimensionOrganizationType": kind,
    }
    if places is not None:
        attributes["PerFrameFunctionalGroupsSequence"] = sequence(
            *[
                item(
                    PlanePositionSlideSequence=sequence(
                        item(RowPositionInTotalImagePixelMatrix=row, ColumnPositionInTotalImagePixelMatrix=column)
                    )
                )
                for row, column in places
            ]
        )
    return native(tiles, frames=frames, **attributes)


def test_the_tiles_of_a_slide_are_put_together():
    found = shown(slide(frames=6), size_px=12)[..., 0]
    assert found[::4, ::4].tolist() == [[10, 20, 30], [40, 50, 60]]
    smaller = shown(slide(frames=6), size_px=6)[..., 0]
    assert smaller[::2, ::2].tolist() == [[10, 20, 30], [40, 50, 60]]


def test_tiles_lie_where_they_say_and_elsewhere_is_glass():
    found = shown(slide([(1, 9), (5, 1)], frames=2, kind="TILED_SPARSE"), size_px=12)[..., 0]
    assert found[::4, ::4].tolist() == [[255, 255, 10], [20, 255, 255]]


def test_the_last_tiles_of_a_slide_are_cut_at_its_edge():
    assert shown(slide(frames=6, rows=7, columns=10), size_px=10).shape == (7, 10, 3)


def test_a_slide_of_very_many_tiles_is_shown_by_one_of_them():
    found = shown(slide(frames=300, rows=40, columns=120), size_px=4)
    assert found.shape == (4, 4, 3)
    assert set(found.ravel()) == {(150 * 10 + 10) % 256}


def test_the_middle_of_a_series_stands_for_it():
    assert representative([7, 1, 5]) == 2
    assert representative([None, 4, None, 2]) == 1
    assert representative([None, None, None]) == 1
    assert representative([3]) == 0
    with pytest.raises(ValueError, match="at least one"):
        representative([])
