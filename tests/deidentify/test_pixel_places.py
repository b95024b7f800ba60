"""Boxes, rules for devices, what is new in a frame, what is text: each by itself."""

import io
import json
from importlib import resources
from itertools import pairwise

import numpy as np
import pydicom
import pytest
import screens
from hypothesis import given, settings
from hypothesis import strategies as st

from cauce.stages.deidentify.identity import Identity
from cauce.stages.deidentify.pixel_cleaning import text_reader
from cauce.stages.deidentify.pixel_cleaning.boxes import TooManyBoxes, around, clipped, outside, painted, united
from cauce.stages.deidentify.pixel_cleaning.device_rules import boxes_of_device, device_rules
from cauce.stages.deidentify.pixel_cleaning.harmless import short_values, to_blank
from cauce.stages.deidentify.pixel_cleaning.ocr import Line, _tiles
from cauce.stages.deidentify.pixels import PixelFacts, can_be_cleaned, is_worth_a_look
from cauce.stages.deidentify.profile import BASIC, ProfileError, parse_profile, profile_yaml
from cauce.stages.process import repaintable

COLUMNS, ROWS = 90, 70
CLASSES = "1.2.840.10008.5.1.4.1.1."
some_box = st.tuples(st.integers(-20, 80), st.integers(-20, 60), st.integers(1, 90), st.integers(1, 90))
some_boxes = st.lists(some_box.map(lambda box: clipped(box, columns=COLUMNS, rows=ROWS)).filter(bool), max_size=6)


def covered(boxes):
    made = np.zeros((ROWS, COLUMNS), bool)
    for x, y, width, height in boxes:
        made[y : y + height, x : x + width] = True
    return made


@given(some_boxes)
@settings(max_examples=60, deadline=None)
def test_what_lies_outside_of_regions_is_all_but_them(regions):
    assert np.array_equal(covered(outside(regions, columns=COLUMNS, rows=ROWS)), ~covered(regions))


@given(some_boxes)
@settings(max_examples=60, deadline=None)
def test_united_boxes_cover_all_that_they_are_made_of(boxes):
    made = united(boxes)
    assert len(made) <= len(set(boxes))
    assert (covered(made) >= covered(boxes)).all()


def test_boxes_that_nearly_coincide_become_one_and_far_ones_stay():
    assert united([(10, 10, 40, 10), (12, 11, 40, 10), (10, 50, 5, 5)]) == ((10, 10, 42, 11), (10, 50, 5, 5))


def test_more_boxes_than_a_report_names_are_refused():
    with pytest.raises(TooManyBoxes):
        united([(x * 3, y * 3, 1, 1) for x in range(20) for y in range(20)])


def test_a_box_around_text_stays_on_the_image():
    assert around((0, 0, 90, 20), columns=COLUMNS, rows=ROWS) == (0, 0, 90, 24)
    assert clipped((95, 5, 10, 10), columns=COLUMNS, rows=ROWS) is None


def test_painting_leaves_the_picture_itself_alone():
    picture = np.full((ROWS, COLUMNS), 9, np.uint8)
    assert painted(picture, [(0, 0, 2, 1)]).sum() == picture.sum() - 18
    assert picture.min() == 9


@given(st.integers(1, 6000))
@settings(max_examples=80, deadline=None)
def test_tiles_cover_every_pixel_overlap_and_are_no_larger_than_one(length):
    tiles = list(_tiles(length, 640))
    assert (tiles[0][0], tiles[-1][1]) == (0, length)
    assert all(stop - start <= 640 for start, stop in tiles)
    assert all(before[1] - after[0] >= 90 for before, after in pairwise(tiles))


def device(**said):
    return lambda keyword: said.get(keyword, "")


def test_rules_for_devices_are_those_of_the_collection():
    text = resources.files("cauce.stages.deidentify.pixel_cleaning").joinpath("data", "device_rules.json").read_text()
    assert len(device_rules()) == len(json.loads(text)["rules"]) == 44
    keywords = {key for rule in device_rules() for key, _, _ in rule.conditions}
    assert all(pydicom.datadict.tag_for_keyword(keyword) for keyword in keywords)
    assert all(width > 0 and height > 0 for rule in device_rules() for _, _, width, height in rule.boxes)


def test_a_rule_fits_only_where_all_that_it_asks_for_is_so():
    philips = {"ManufacturerModelName": "PHILIPS IU22", "Rows": "600"}
    assert boxes_of_device(device(**philips)) == ((0, 0, 800, 59),)
    assert boxes_of_device(device(**philips | {"Rows": "601"})) == ()
    assert boxes_of_device(device(ManufacturerModelName="LOGIQE9 XD")) == ((0, 0, 960, 70),)
    assert boxes_of_device(device()) == ()


def line(said, box=(10, 10, 60, 16), likely=0.9, said_likely=0.95):
    return Line(box=box, likely=likely, said=said, said_likely=said_likely)


@pytest.mark.parametrize(
    "seen",
    [
        line("QUIMBY", likely=0.5, said_likely=0.5),
        line("x", likely=0.7, said_likely=0.8),
        line("", likely=0.8, said_likely=0.0),
        line("PAT", box=(5, 5, 8, 42)),
        line("ABCDEF", box=(0, 0, 700, 500)),
    ],
)
def test_what_only_looks_like_text_is_left(seen):
    assert to_blank([seen], needles=None, is_risky=True) == []


def test_a_sure_line_goes_though_it_cannot_be_read():
    seen = line("жд", box=(10, 10, 120, 20), said_likely=0.2)
    assert to_blank([seen], needles=None, is_risky=True) == [seen]


def test_a_number_beside_text_that_goes_may_be_a_part_of_it_and_one_apart_is_a_scale():
    name, beside, apart = line("QUIMBY"), line("57", box=(76, 11, 18, 15)), line("57", box=(300, 11, 18, 15))
    assert to_blank([name, beside, apart], needles=None, is_risky=True) == [name, beside]


@pytest.mark.parametrize(
    "said",
    [
        "12.05.80",
        "12/05/24",
        "12/05",
        "13-05-24 10:22",
        "10:22",
        "06 12 34 56 78",
        "1 2 3",
        "AB 1234",
        "12345",
        "QUIMBY",
    ],
)
def test_on_radiographs_dates_times_and_numbers_go(said):
    seen = line(said, box=(10, 10, 160, 16))
    assert to_blank([seen], needles=None, is_risky=False) == [seen]


@pytest.mark.parametrize("said", ["L PA", "AP 75 kV 12 mAs", "PORTABLE", "RAO 30", "3.5 cm", "LAT-L", "SUPINE 2"])
def test_on_radiographs_words_and_numbers_of_the_technique_stay(said):
    assert to_blank([line(said, box=(10, 10, 160, 16))], needles=None, is_risky=False) == []


@pytest.mark.parametrize("said", ["123", "0123", "12 3", "LI", "li-", "R LI", "A7", "A-7"])
@pytest.mark.parametrize("is_risky", [True, False])
def test_short_values_of_a_header_go_though_they_look_harmless(said, is_risky):
    identity = Identity(names={b"Li^Al"}, values={b"00123", b"a 7", b"1"})
    short = short_values(identity)
    assert short == {"123", "A7", "LI", "AL"}
    seen = line(said, box=(10, 10, 60, 16))
    assert to_blank([seen], needles=None, is_risky=is_risky, short=short) == [seen]
    scale = line("12 cm", box=(10, 100, 60, 16))
    assert to_blank([scale], needles=None, is_risky=is_risky, short=short) == []


@pytest.mark.parametrize(
    ("facts", "cleans", "looks"),
    [
        ({"sop_class_uid": CLASSES + "6.1"}, True, False),
        ({"sop_class_uid": CLASSES + "7"}, True, False),
        ({"modality": "US"}, True, False),
        ({"burned_in_annotation": "YES"}, True, False),
        ({"conversion_type": "WSD"}, True, False),
        ({"sop_class_uid": CLASSES + "77.1.1"}, True, False),
        ({"sop_class_uid": CLASSES + "77.1.4"}, False, False),
        ({"sop_class_uid": CLASSES + "77.1.4", "burned_in_annotation": "YES"}, False, False),
        ({"sop_class_uid": CLASSES + "7", "modality": "XC"}, False, False),
        ({"sop_class_uid": CLASSES + "7", "modality": "ES"}, True, False),
        ({"sop_class_uid": CLASSES + "77.1.4", "modality": "ES"}, False, False),
        ({"sop_class_uid": CLASSES + "6.1", "image_type": "DERIVED\\LABEL"}, False, False),
        ({"sop_class_uid": CLASSES + "6.1", "recognizable_features": "YES"}, False, False),
        ({"sop_class_uid": CLASSES + "6.1", "overlay_in_pixels": True}, False, False),
        ({"sop_class_uid": CLASSES + "6.1", "has_document": True}, False, False),
        ({"sop_class_uid": CLASSES + "1"}, False, True),
        ({"sop_class_uid": CLASSES + "1", "burned_in_annotation": "NO"}, False, False),
        ({"sop_class_uid": CLASSES + "2", "modality": "CT"}, False, False),
    ],
)
def test_what_can_be_cleaned_and_what_is_looked_at(facts, cleans, looks):
    facts = PixelFacts(**{"has_pixels": True} | facts)
    assert (can_be_cleaned(facts), is_worth_a_look(facts)) == (cleans, looks)


def test_a_profile_asks_for_regions_only_with_the_option():
    profile = parse_profile("name: Echo\noptions: [clean_pixel_data]\npixels: regions\n")
    assert profile.keeps_regions_only is True
    assert parse_profile(profile_yaml(profile)) == profile
    assert profile.digest != parse_profile("name: Echo\noptions: [clean_pixel_data]\n").digest
    assert parse_profile("name: Echo\noptions: [clean_pixel_data]\npixels: text\n").keeps_regions_only is False
    assert BASIC.with_options("clean_pixel_data").keeps_regions_only is False
    for text in ("name: Echo\npixels: regions\n", "name: Echo\noptions: [clean_pixel_data]\npixels: faces\n"):
        with pytest.raises(ProfileError, match="pixels"):
            parse_profile(text)


def test_lines_close_to_each_other_are_read_one_by_one():
    picture = np.array(screens.written("HUBERT QUIMBY", width=800, height=600, size=14))
    picture[30:46] = picture[10:26]  # a second line directly below
    said = [found.said for found in text_reader().look(picture, scale=1.125)]
    assert sum("QUIMBY" in text for text in said) >= 2


def test_text_is_found_upright_and_at_the_edges_of_tiles():
    picture = np.zeros((1500, 1800), np.uint8)
    small = screens.written("QUIMBY, HUBERT", width=200, height=40)
    for x, y in ((0, 0), (760, 590), (1590, 1450)):
        picture[y : y + 40, x : x + 200] = small
    picture[900:1100, 300:340] = np.rot90(small)
    found = [found for found in text_reader().look(picture) if "QUIMBY" in found.said]
    assert len(found) == 4


def test_reading_pictures_does_not_move_the_file_of_others():
    source = io.BytesIO(screens.instance(screens.written("QUIMBY")[None]))
    source.seek(77)
    frames = repaintable(source)
    source.seek(3)
    assert frames.pictures(0)[0].shape == (300, 400)
    del frames
    assert source.closed is False
