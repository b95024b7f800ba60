"""Text that is not level, not of a script that the reader knows, or at the very edge of a picture."""

import cv2
import numpy as np
import pytest
import screens

from cauce.stages.deidentify.pixel_cleaning import text_reader
from cauce.stages.deidentify.pixel_cleaning.harmless import to_blank
from cauce.stages.deidentify.pixel_cleaning.ocr import Line


@pytest.mark.parametrize(
    ("said", "said_likely", "likely", "box"),
    [
        (" ", 0.96, 0.96, (14, 16, 130, 29)),  # a name in Cyrillic letters is read as a space
        ("", 0.0, 0.86, (15, 17, 60, 26)),
        ("北", 0.45, 0.92, (8, 13, 52, 37)),
    ],
)
def test_what_is_surely_a_line_of_text_goes_whatever_its_script(said, said_likely, likely, box):
    seen = Line(box=box, likely=likely, said=said, said_likely=said_likely)
    assert to_blank([seen], needles=None, is_risky=True) == [seen]
    assert to_blank([seen], needles=None, is_risky=False) == []


@pytest.mark.parametrize(
    ("said", "likely", "box"),
    [
        ("", 0.93, (200, 100, 502, 392)),  # the sector of an ultrasound image
        ("5", 0.91, (20, 300, 16, 19)),
        ("", 0.74, (40, 40, 46, 11)),
        ("---", 0.8, (40, 40, 90, 11)),
    ],
)
def test_what_is_no_line_of_text_is_left(said, likely, box):
    assert to_blank([Line(box=box, likely=likely, said=said, said_likely=0.0)], needles=None, is_risky=True) == []


@pytest.mark.parametrize("degrees", [20, 30, 45, 60, -45])
def test_a_line_that_is_not_level_is_found_read_and_covered(degrees):
    level = np.zeros((400, 400), np.uint8)
    level[180:220, 90:310] = cv2.resize(screens.written("QUIMBY HUBERT", width=220, height=40), (220, 40))
    picture = np.asarray(cv2.warpAffine(level, cv2.getRotationMatrix2D((200, 200), degrees, 1), (400, 400)), np.uint8)
    lines = to_blank(text_reader().look(picture, scale=1.125), needles=None, is_risky=True)
    left = picture.copy()
    for x, y, width, height in (line.box for line in lines):
        left[y : y + height, x : x + width] = 0
    assert int((picture > 100).sum()) > 200
    assert int((left > 100).sum()) == 0
    assert any("QUIMBY" in line.said for line in lines)


@pytest.mark.parametrize(("width", "height"), [(333, 217), (401, 299), (97, 65), (64, 33), (31, 31)])
def test_text_that_runs_out_of_the_picture_is_looked_at_without_harm(width, height):
    picture = np.zeros((height, width), np.uint8)
    cv2.putText(picture, "QUIMBY", (width - 60, height - 2), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)
    cv2.putText(picture, "HUBERT", (-20, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1)
    for scale in (0.8, 1.0, 1.125, 1.9):
        for line in text_reader().look(picture, scale=scale):
            x, y, wide, high = line.box
            assert 0 <= x < x + wide <= width
            assert 0 <= y < y + high <= height
