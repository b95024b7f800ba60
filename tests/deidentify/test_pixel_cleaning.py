"""Text in pixels is blanked, in pixels of every form, and what lies beside it stays as it was; doubts hold it back."""

import io
import subprocess
import sys

import numpy as np
import pydicom
import pytest
import screens
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from cauce import flow
from cauce.core.messages import Pseudonym, Ruling
from cauce.stages import process
from cauce.stages.deidentify import BASIC, TextCleaner, deidentify_instance
from cauce.stages.deidentify.pixel_cleaning import OcrUnavailable
from cauce.stages.deidentify.pixel_cleaning.ocr import Line

PSEUDONYM = Pseudonym(name="PSEUDONYM", uid_secret=bytes(32), date_offset_days=3)
CLEANING = BASIC.with_options("clean_pixel_data")
US = "Ultrasound images usually show the patient's name."
PLACE = (10, 12, 60, 14)
GREY = np.full((80, 120), 40, np.uint8)
GREY[PLACE[1] : PLACE[1] + PLACE[3], PLACE[0] : PLACE[0] + PLACE[2] : 2] = 200
GREY[60:70, 90:100] = 0


class Reads:
    """Stands for OCR: sees the text `said` at `PLACE` as long as there is something."""

    def __init__(self, said="QUIMBY", place=PLACE):
        self.said, self.place, self.looks = said, place, 0

    def look(self, picture, *, scale):
        self.looks += 1
        assert 0.05 < scale < 3
        x, y, width, height = self.place
        there = picture[y : y + height, x : x + width]
        if there.shape[:2] != (height, width) or there.max() == there.min():
            return []
        wide = width if len(self.said) > 1 else height
        return [Line(box=(x, y, wide, height), likely=0.95, said=self.said, said_likely=0.95)]


def cleaner(reader=None, **options):
    return TextCleaner(open_frames=process.repaintable, reader=lambda: reader or Reads(), **options)


def cleaned(content, *, pixels=None, profile=CLEANING, ruling=None):
    made = io.BytesIO()
    outcome = deidentify_instance(
        io.BytesIO(content), made, pseudonym=PSEUDONYM, profile=profile, pixels=pixels or cleaner(), ruling=ruling
    )
    assert outcome.size_bytes == len(made.getvalue())
    return outcome, made.getvalue()


def cells(content, index=0):
    return process.frames(io.BytesIO(content)).cells(index)


def assert_blanked(before, after, boxes, *, frames=1):
    inside = np.zeros(cells(before).shape[:2], bool)
    for x, y, width, height in boxes:
        inside[y : y + height, x : x + width] = True
    x, y, width, height = PLACE
    assert inside[y : y + height, x : x + width].all()
    assert inside.sum() < 2.5 * width * height
    for index in range(frames):
        was, became = cells(before, index), cells(after, index)
        assert np.array_equal(was[~inside], became[~inside])
        assert len(np.unique(became[inside], axis=0)) == 1
    tags = [element.tag for element in pydicom.dcmread(io.BytesIO(after))]
    assert len(tags) == len(set(tags))


RGB = np.stack([GREY, GREY // 2, GREY // 3], axis=-1)
DEEP = {"WindowCenter": "300", "WindowWidth": "800"}
PALETTE = {
    f"{colour}PaletteColorLookupTable{kind}": value
    for colour in ("Red", "Green", "Blue")
    for kind, value in (("Descriptor", [256, 0, 16]), ("Data", (np.arange(256)[::-1] * 257).astype("<u2").tobytes()))
}


@pytest.mark.parametrize(
    ("frame", "options"),
    [
        (GREY, {}),
        (GREY, {"syntax": ImplicitVRLittleEndian}),
        (GREY, {"syntax": ExplicitVRBigEndian}),
        (GREY, {"photometric": "MONOCHROME1"}),
        (GREY, {"photometric": "PALETTE COLOR", "more": PALETTE}),
        (GREY.astype(np.uint16) * 4, {"more": DEEP}),
        (GREY.astype(np.int16) * 4 - 500, {"more": DEEP | {"RescaleSlope": "1", "RescaleIntercept": "0"}}),
        (GREY.astype(np.uint16) * 4, {"syntax": ExplicitVRBigEndian}),
        (RGB, {}),
        (RGB, {"syntax": RLELossless}),
        (GREY, {"syntax": RLELossless}),
        (GREY.astype(np.uint16) * 4, {"syntax": RLELossless}),
        (GREY, {"syntax": JPEGLSLossless}),
        (GREY.astype(np.uint16) * 4, {"syntax": JPEGLSLossless}),
        (RGB, {"syntax": JPEGLSLossless}),
        (RGB, {"syntax": JPEG2000Lossless}),
        (GREY, {"syntax": JPEGLosslessSV1}),
    ],
)
def test_text_is_blanked_in_the_pixels_own_syntax_and_nothing_else(frame, options):
    content = screens.instance(frame[None], **options)
    outcome, made = cleaned(content)
    assert (outcome.cause, outcome.detail, len(outcome.boxes)) == (None, "", 1)
    assert_blanked(content, made, outcome.boxes)
    ds = pydicom.dcmread(io.BytesIO(made))
    assert ds.file_meta.TransferSyntaxUID == options.get("syntax", ExplicitVRLittleEndian)
    assert ds.BurnedInAnnotation == "NO"
    assert [item.CodeValue for item in ds.DeidentificationMethodCodeSequence] == ["113100", "113101"]
    assert outcome.actions["frames_looked_at"] == 1


@pytest.mark.parametrize("frame", [GREY, RGB])
def test_what_was_compressed_with_loss_becomes_lossless_jpeg_2000_and_loses_no_more(frame):
    photometric = "YBR_FULL_422" if frame.ndim == 3 else None
    content = screens.instance(frame[None], syntax=JPEGBaseline8Bit, photometric=photometric)
    outcome, made = cleaned(content)
    assert outcome.cause is None
    assert_blanked(content, made, outcome.boxes)
    ds = pydicom.dcmread(io.BytesIO(made))
    assert ds.file_meta.TransferSyntaxUID == JPEG2000Lossless
    assert (ds.LossyImageCompression, ds.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    assert ds.PhotometricInterpretation == ("YBR_RCT" if frame.ndim == 3 else "MONOCHROME2")


def test_colour_that_shares_its_chrominance_is_blanked_by_pairs_of_pixels():
    pairs = np.zeros((80, 60, 4), np.uint8)
    pairs[..., 0], pairs[..., 1], pairs[..., 2:] = GREY[:, ::2], GREY[:, 1::2], 128
    content = screens.instance(np.zeros((1, 80, 120, 3), np.uint8), photometric="YBR_FULL_422")
    ds = pydicom.dcmread(io.BytesIO(content))
    ds.PixelData = pairs.tobytes()
    made = io.BytesIO()
    pydicom.dcmwrite(made, ds)
    outcome, made = cleaned(made.getvalue())
    found = np.frombuffer(pydicom.dcmread(io.BytesIO(made)).PixelData, np.uint8).reshape(80, 60, 4)
    (x, y, width, height), *more = outcome.boxes
    assert more == []
    assert (found[y : y + height, x // 2 : -(-(x + width) // 2)] == [0, 0, 128, 128]).all()
    found = found.copy()
    found[y : y + height, x // 2 : -(-(x + width) // 2)] = pairs[y : y + height, x // 2 : -(-(x + width) // 2)]
    assert np.array_equal(found, pairs)


def test_pixels_in_which_nothing_is_found_are_copied_and_said_to_be_clean():
    content = screens.instance(GREY[None], syntax=JPEGBaseline8Bit)
    outcome, made = cleaned(content, pixels=cleaner(Reads("R")))
    before, after = (pydicom.dcmread(io.BytesIO(one)) for one in (content, made))
    assert (outcome.cause, outcome.boxes, after.PixelData) == (None, (), before.PixelData)
    assert after.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    assert after.BurnedInAnnotation == "NO"
    assert after.DeidentificationMethodCodeSequence[-1].CodeValue == "113101"


def test_what_lies_behind_native_frames_does_not_stay():
    content = screens.instance(GREY[None])
    ds = pydicom.dcmread(io.BytesIO(content))
    ds.PixelData += b"Quimby^Hubert "
    made = io.BytesIO()
    pydicom.dcmwrite(made, ds)
    outcome, made = cleaned(made.getvalue())
    assert outcome.cause is None
    assert pydicom.dcmread(io.BytesIO(made)).PixelData[-14:] == bytes(14)


def test_tables_of_offsets_go_with_the_frames_they_told_of():
    content = screens.instance(np.stack([GREY, GREY]), syntax=RLELossless)
    ds = pydicom.dcmread(io.BytesIO(content))
    ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = bytes(16), bytes(16)
    made = io.BytesIO()
    pydicom.dcmwrite(made, ds)
    outcome, made = cleaned(made.getvalue())
    assert outcome.cause is None
    assert "ExtendedOffsetTable" not in pydicom.dcmread(io.BytesIO(made))
    assert_blanked(content, made, outcome.boxes, frames=2)


@pytest.mark.parametrize("profile", [BASIC, CLEANING])
def test_without_a_cleaner_or_without_the_option_risky_pixels_are_held(profile):
    content = screens.instance(GREY[None])
    made = io.BytesIO()
    pixels = cleaner() if profile is BASIC else None
    outcome = deidentify_instance(io.BytesIO(content), made, pseudonym=PSEUDONYM, profile=profile, pixels=pixels)
    assert (outcome.cause, outcome.detail, made.getvalue()) == ("pixels_unproven", US, b"")


def unavailable():
    raise OcrUnavailable


def test_where_nothing_reads_text_only_a_rule_for_the_device_lets_pixels_through():
    blind = TextCleaner(open_frames=process.repaintable, reader=unavailable)
    content = screens.instance(GREY[None])
    outcome, made = cleaned(content, pixels=blind)
    why = "What reads text in pictures is not installed, and no rule is known for its device."
    assert (outcome.cause, outcome.detail, made) == ("pixels_unproven", f"{US} {why}", b"")
    more = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "Modality": "CR"}
    outcome, made = cleaned(screens.instance(GREY[None], more=more), pixels=blind)
    assert (outcome.cause, outcome.detail, made) == ("pixels_unproven", why, b"")
    outcome, _ = cleaned(screens.instance(GREY[None], more={"ManufacturerModelName": "LOGIQ9"}), pixels=blind)
    assert (outcome.cause, outcome.boxes) == (None, ((0, 0, 120, 40),))


class Stubborn(Reads):
    """Sees text wherever it looks, blanked or not."""

    def look(self, picture, *, scale):
        self.looks += 1
        assert picture.size * scale > 0
        return [Line(box=(0, 0, 20, 10), likely=0.9, said=f"TEXT{self.looks}", said_likely=0.9)]


def test_text_that_is_still_read_after_blanking_holds_the_instance():
    outcome, made = cleaned(screens.instance(GREY[None]), pixels=cleaner(Stubborn()))
    why = "Text was found in it that could not be blanked."
    assert (outcome.cause, outcome.detail, made) == ("pixels_unproven", f"{US} {why}", b"")


def test_a_person_who_has_seen_why_it_is_held_lets_it_pass():
    content = screens.instance(GREY[None])
    held, _ = cleaned(content, pixels=cleaner(Stubborn()))
    ruling = Ruling(overridden=frozenset({("pixels_unproven", held.detail)}))
    outcome, made = cleaned(content, pixels=cleaner(Stubborn()), ruling=ruling)
    assert (outcome.cause, outcome.boxes) == (None, ())
    ds = pydicom.dcmread(io.BytesIO(made))
    assert [item.CodeValue for item in ds.DeidentificationMethodCodeSequence] == ["113100"]


def test_boxes_of_a_person_are_blanked_in_compressed_pixels_too():
    content = screens.instance(GREY[None], syntax=RLELossless)
    ruling = Ruling(overridden=frozenset({("pixels_unproven", US)}), boxes=(PLACE,))
    outcome, made = cleaned(content, profile=BASIC, ruling=ruling)
    assert (outcome.cause, outcome.boxes) == (None, (PLACE,))
    assert_blanked(content, made, outcome.boxes)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_boxes_of_a_person_add_to_those_that_are_found(syntax):
    """A redaction because of the header, say: what is read in the pixels is blanked all the same."""
    content = screens.instance(GREY[None], syntax=syntax)
    other = (4, 60, 10, 6)
    (found,) = cleaned(content)[0].boxes
    outcome, made = cleaned(content, ruling=Ruling(boxes=(other,)))
    assert (outcome.cause, set(outcome.boxes)) == (None, {other, found})
    assert outcome.actions["frames_looked_at"] == 1
    assert_blanked(content, made, outcome.boxes)


def test_pixels_that_cannot_be_decoded_are_held():
    content = screens.instance(GREY[None], syntax=JPEGLSLossless)
    damaged = content.replace(b"\xff\xd8\xff\xf7", b"\xff\xd8\x00\x00")
    outcome, made = cleaned(damaged)
    assert (outcome.cause, outcome.detail, made) == ("pixels_unproven", f"{US} Its pixels cannot be decoded.", b"")


@pytest.mark.parametrize(
    "more",
    [
        {"RecognizableVisualFeatures": "YES"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.4", "Modality": "XC"},
        {"ImageType": ["DERIVED", "PRIMARY", "LABEL", "NONE"]},
    ],
)
def test_faces_and_labels_are_held_whether_text_was_found_or_not(more):
    outcome, made = cleaned(screens.instance(GREY[None], more=more))
    assert (outcome.cause, made) == ("pixels_unproven", b"")


def test_a_radiograph_is_looked_at_although_nothing_speaks_against_it():
    more = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "Modality": "CR"}
    outcome, _ = cleaned(screens.instance(GREY[None], more=more))
    assert (outcome.cause, len(outcome.boxes)) == (None, 1)
    outcome, _ = cleaned(screens.instance(GREY[None], more=more), pixels=cleaner(Reads("PORTABLE")))
    assert (outcome.cause, outcome.boxes) == (None, ())
    outcome, made = cleaned(screens.instance(GREY[None], more=more | {"BurnedInAnnotation": "NO"}))
    assert (outcome.cause, outcome.boxes, "frames_looked_at" in outcome.actions) == (None, (), False)
    assert pydicom.dcmread(io.BytesIO(made)).DeidentificationMethodCodeSequence[-1].CodeValue == "113100"


def region(x0, y0, x1, y1):
    item = pydicom.Dataset()
    item.RegionLocationMinX0, item.RegionLocationMinY0 = x0, y0
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = x1, y1
    return item


def test_what_lies_outside_of_ultrasound_regions_is_blanked_on_request():
    regions = pydicom.Sequence([region(30, 30, 59, 49), region(80, 40, 200, 69)])
    content = screens.instance(GREY[None], more={"SequenceOfUltrasoundRegions": regions})
    outcome, made = cleaned(content, pixels=cleaner(Reads("5"), keeps_regions_only=True))
    kept = np.zeros((80, 120), bool)
    kept[30:50, 30:60] = kept[40:70, 80:120] = True
    assert outcome.cause is None
    assert np.array_equal(cells(made)[kept], GREY[kept])
    assert len(np.unique(cells(made)[~kept])) == 1
    outcome, made = cleaned(content, pixels=cleaner(Reads("5")))
    assert (outcome.boxes, np.array_equal(cells(made), GREY)) == ((), True)


@pytest.mark.parametrize("said", ["QUIMBY", "12/03/1957", "1957", "Renal", "AC", "MI 1.4", "7654321", "M 63"])
def test_words_names_dates_and_numbers_go(said):
    assert len(cleaned(screens.instance(GREY[None]), pixels=cleaner(Reads(said)))[0].boxes) == 1


@pytest.mark.parametrize("said", ["R", "L", "5", "16cm", "3.5 MHz", "- 10", "63%", "一", "+"])
def test_marks_of_sides_and_scales_stay(said):
    assert cleaned(screens.instance(GREY[None]), pixels=cleaner(Reads(said)))[0].boxes == ()


def test_a_short_text_goes_where_the_header_knows_it_or_beside_one_that_goes():
    name = {"PatientName": "Li^R", "PatientID": "A-7"}
    outcome, _ = cleaned(
        screens.instance(GREY[None], more=name | {"PatientID": "16cm1"}), pixels=cleaner(Reads("16cm1"))
    )
    assert len(outcome.boxes) == 1

    class Two(Reads):
        def look(self, picture, *, scale):
            found = super().look(picture, scale=scale)
            return [*found, Line(box=(76, 12, 10, 14), likely=0.9, said="57", said_likely=0.99)] if found else []

    outcome, _ = cleaned(screens.instance(GREY[None]), pixels=cleaner(Two()))
    assert any(x + width >= 86 for x, _, width, _ in outcome.boxes)


def test_what_reads_text_is_loaded_only_when_pictures_are_looked_at():
    script = "import sys, cauce.flow; print([m for m in ('onnxruntime', 'rapidocr') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("frame", [screens.written("QUIMBY, HUBERT", "HQ-7654321", "03/12/1957")])
def test_a_name_is_really_read_and_really_gone(frame):
    content = screens.instance(frame[None])
    pixels = flow.pixel_cleaner(CLEANING)
    outcome, made = cleaned(content, pixels=pixels)
    assert outcome.cause is None
    assert cells(made).max() == 12
    assert cells(content).max() == 235


def test_text_in_dark_values_that_the_window_hides_is_found():
    hidden = (screens.written("QUIMBY, HUBERT").astype(np.uint16) > 100) * np.uint16(40) + np.uint16(100)
    hidden[200:, :] = 1000
    content = screens.instance(hidden[None], more={"WindowCenter": "800", "WindowWidth": "600"})
    outcome, made = cleaned(content, pixels=flow.pixel_cleaner(CLEANING))
    assert outcome.cause is None
    assert set(np.unique(cells(made)[:200])) == {100}
