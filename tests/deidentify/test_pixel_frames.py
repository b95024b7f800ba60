"""Of many frames some are looked at whole; what is new in the others is found, and it costs no more than it may."""

import cv2
import numpy as np
import pytest
import screens
from pydicom.uid import RLELossless
from test_pixel_cleaning import GREY, PLACE, Reads, cells, cleaned, cleaner

from cauce.stages.deidentify.pixel_cleaning import looking, text_reader
from cauce.stages.deidentify.pixel_cleaning.boxes import TooManyBoxes
from cauce.stages.deidentify.pixel_cleaning.novelty import Novelty, regular
from cauce.stages.deidentify.pixel_cleaning.ocr import LINES_MAX, Line

US = "Ultrasound images usually show the patient's name."
RESTLESS = "Its frames differ too much to look at all that is new in them."
MANY = "More text was found in it than can be blanked box by box."
FRAMES, LATER = 60, 37
"""37 is none of the frames that are looked at whole."""
EVERYTHING = (0, 0, 320, 160)


def test_few_frames_are_all_looked_at_and_many_at_regular_distances():
    assert regular(16) == frozenset(range(16))
    assert len(regular(5000)) == 16
    assert {0, 4999} <= regular(5000)
    assert LATER not in regular(FRAMES)


def learned(pictures):
    novelty = Novelty()
    for picture in pictures:
        novelty.learn([picture])
    return novelty


def holds(boxes, place):
    x, y, width, height = place
    return any(
        left <= x and top <= y and left + wide >= x + width and top + high >= y + height
        for left, top, wide, high in boxes
    )


PLAIN = np.full((160, 320), 30, np.uint8)


def test_in_a_quiet_place_any_visible_change_is_new_until_it_was_looked_at():
    novelty, changed = learned([PLAIN] * 3), PLAIN.copy()
    assert novelty.places([PLAIN]) == []
    changed[66:78, 130:190:3] = 60  # hardly brighter: no sharp edge
    assert novelty.places([changed], [(128, 64, 64, 16)]) == []  # nothing is new where all is blanked
    found = novelty.places([changed])
    assert holds(found, (130, 66, 60, 12))
    assert EVERYTHING not in found
    assert novelty.places([changed]) == []
    assert holds(novelty.places([PLAIN]), (130, 66, 60, 12))


@pytest.mark.parametrize("colour", [(255, 0, 0), (255, 255, 200), (0, 0, 0)])
def test_a_change_in_one_channel_is_a_change(colour):
    white = np.full((160, 320, 3), 255, np.uint8)
    novelty, changed = learned([white] * 2), white.copy()
    changed[66:78, 130:190:3] = colour
    assert holds(novelty.places([changed]), (130, 66, 60, 12))


def test_what_changes_in_one_of_two_ways_to_show_a_frame_is_new():
    novelty, changed = Novelty(), PLAIN.copy()
    novelty.learn([PLAIN, PLAIN])
    changed[66:78, 130:190:3] = 90
    assert holds(novelty.places([PLAIN, changed]), (130, 66, 60, 12))
    assert novelty.places([PLAIN, changed]) == []


def test_a_frame_that_is_shown_in_more_ways_than_the_ones_before_is_looked_at_whole():
    novelty = learned([PLAIN])
    assert novelty.places([PLAIN, PLAIN]) == [EVERYTHING]
    assert novelty.places([PLAIN, PLAIN]) == []
    assert novelty.places([PLAIN]) == []


def numbered(number):
    picture = PLAIN.copy()
    cv2.putText(picture, f"{number:03}", (10, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    return picture


def test_a_counter_is_new_in_every_frame_and_its_place_alone_is_looked_at():
    novelty = learned(map(numbered, range(0, 160, 10)))
    for number in (11, 12, 13, 114):
        places = novelty.places([numbered(number)])
        assert len(places) == 1
        assert places[0][2] * places[0][3] < 0.3 * PLAIN.size


def test_tissue_that_moves_is_not_new_and_text_on_it_is():
    rng = np.random.default_rng(1)
    novelty = learned(screens.sector(rng) for _ in range(16))
    frames = [screens.sector(rng) for _ in range(8)]
    found = [novelty.places([frame]) for frame in frames]
    assert sum(width * height for places in found for _, _, width, height in places) < 0.5 * frames[0].size
    cv2.putText(frames[0], "QUIMBY HUBERT", (300, 300), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    assert any(
        abs(x + width / 2 - 360) < 120 and y < 300 < y + height for x, y, width, height in novelty.places(frames[:1])
    )


class Bright(Reads):
    """Sees what is brighter than 150 in the left part of a picture as text."""

    def look(self, picture, *, scale):
        self.looks += 1
        seen = np.argwhere(picture[:, :80] > 150) if scale else ()
        if not len(seen):
            return []
        (y, x), (low, right) = seen.min(axis=0), seen.max(axis=0) + 1
        return [Line(box=(int(x), int(y), int(right - x), int(low - y)), likely=0.9, said="QUIMBY", said_likely=0.9)]


def test_text_of_a_later_frame_is_found_and_blanked_in_every_frame():
    plain = GREY.copy()
    plain[PLACE[1] : PLACE[1] + PLACE[3], PLACE[0] : PLACE[0] + PLACE[2]] = 40
    frames = np.stack([plain] * FRAMES)
    frames[LATER] = GREY
    frames[:, 60:, 100:] = 255  # else its brightest pixels would be shown white
    outcome, made = cleaned(screens.instance(frames, syntax=RLELossless), pixels=cleaner(Bright()))
    assert (outcome.cause, len(outcome.boxes), outcome.actions["frames_looked_at"]) == (None, 1, 17)
    x, y, width, height = outcome.boxes[0]
    for index in (0, LATER, 59):
        assert len(np.unique(cells(made, index)[y : y + height, x : x + width])) == 1


def test_a_name_that_takes_the_place_of_a_scale_in_one_frame_is_really_found():
    scale, name = screens.written("120 mm", width=320, height=120), screens.written("HUBERT", width=320, height=120)
    frames = np.stack([scale] * 30)
    frames[13] = name
    outcome, made = cleaned(screens.instance(frames), pixels=cleaner(text_reader()))
    assert (outcome.cause, len(outcome.boxes)) == (None, 1)
    assert cells(made, 13).max() == 12


def restless(count):
    """Return frames of which each has something sharp in a place of its own."""
    checks = np.indices((16, 32)).sum(axis=0) % 2 * np.uint8(200) + np.uint8(55)
    frames = np.zeros((count, 96, 320), np.uint8)
    frames[:, 95, 319] = 255
    for index in range(1, count):
        x, y = index * 32 % 320, index * 32 // 320 * 16 % 80
        frames[index, y : y + 16, x : x + 32] = checks
    return frames


@pytest.mark.parametrize(("cost", "held"), [(1_200_000, RESTLESS), (50_000, MANY), (70_000_000, "")])
def test_what_costs_more_than_an_object_may_is_held(monkeypatch, cost, held):
    monkeypatch.setattr(looking, "_COST_MAX", cost)
    monkeypatch.setattr(looking, "_PIXELS_FEW", 1)
    frames = restless(60) if held != MANY else np.zeros((1, 400, 500), np.uint8)
    reader = Reads("", (0, 0, 1, 1))
    outcome, _ = cleaned(screens.instance(frames), pixels=cleaner(reader))
    assert outcome.detail == (f"{US} {held}" if held else "")
    if held == RESTLESS:
        assert 17 < reader.looks < 60


class Endless(Reads):
    """Sees long lines, as many as there can be."""

    def look(self, picture, *, scale):
        self.looks += bool(scale and picture.size)
        return [Line(box=(0, 0, 600, 12), likely=0.9, said="QUIMBY", said_likely=0.9)] * LINES_MAX


def test_reading_costs_as_well():
    reader = Endless()
    outcome, _ = cleaned(screens.instance(np.zeros((16, 60, 800), np.uint8)), pixels=cleaner(reader))
    assert (outcome.detail, reader.looks) == (f"{US} {MANY}", 3)


def test_more_lines_than_are_read_hold_the_instance_before_any_is_read(monkeypatch):
    picture = np.zeros((900, 900), np.uint8)
    for y in range(12, 890, 22):
        for x in range(4, 880, 75):
            cv2.putText(picture, str(1000 + x), (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1)
    outcome, _ = cleaned(screens.instance(picture[None]), pixels=cleaner(text_reader()))
    assert outcome.detail == f"{US} {MANY}"
    monkeypatch.setattr(type(text_reader()), "_read", None)
    with pytest.raises(TooManyBoxes):
        text_reader().look(picture)


def test_letters_that_fill_a_picture_are_found():
    picture = np.full((600, 800), 12, np.uint8)
    cv2.putText(picture, "HUBE", (5, 480), cv2.FONT_HERSHEY_SIMPLEX, 11, 235, 20)
    outcome, made = cleaned(screens.instance(picture[None]), pixels=cleaner(text_reader()))
    assert outcome.cause is None
    assert cells(made).max() == 12
