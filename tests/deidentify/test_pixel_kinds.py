"""Which classes, modalities and types of images are looked at, and how closely: by what their headers say."""

import io

import numpy as np
import pydicom
import pytest
import screens
from test_pixel_cleaning import GREY, RGB, Reads, cleaned, cleaner

from cauce.stages import process
from cauce.stages.deidentify import BASIC, TextCleaner, pixel_classes, pixel_risk_reason
from cauce.stages.deidentify.pixels import PixelFacts, can_be_cleaned, is_ultrasound, is_worth_a_look

CLASSES = "1.2.840.10008.5.1.4.1.1."
CT, MR = CLASSES + "2", CLASSES + "4"
PRIMARY, SECONDARY = "ORIGINAL\\PRIMARY\\AXIAL", "DERIVED \\SECONDARY\\OTHER"
OF_ANOTHER = "Its modality is none that its class is for."
UNKNOWN = "Its class is private or unknown."
COLOUR = "It is in colour, and images of its class are grey."
SCREEN = "Its image type says that it shows a screen."


def facts(**said):
    return PixelFacts(**{"has_pixels": True, "bits": 16, "samples": 1, "photometric": "MONOCHROME2"} | said)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"sop_class_uid": "1.2.840.10008.5.1.1.29", "modality": "OT"}, "It was made for a printer."),
        ({"sop_class_uid": "1.2.840.10008.5.1.1.30"}, "It was made for a printer."),
        ({"sop_class_uid": "1.2.840.113619.4.27", "modality": "CT"}, UNKNOWN),
        ({"sop_class_uid": CLASSES + "601.1"}, UNKNOWN),
        ({"sop_class_uid": CT, "modality": "CT", "samples": 3, "photometric": "RGB"}, COLOUR),
        ({"sop_class_uid": MR, "modality": "MR", "photometric": "PALETTE COLOR"}, COLOUR),
        ({"sop_class_uid": CLASSES + "1.1", "modality": "DX", "samples": 3}, COLOUR),
        ({"sop_class_uid": CLASSES + "481.2", "modality": "RTDOSE", "samples": 3}, COLOUR),
        ({"sop_class_uid": CT, "modality": "OT"}, OF_ANOTHER),
        ({"sop_class_uid": CT, "modality": "SR"}, OF_ANOTHER),
        ({"sop_class_uid": CLASSES + "1", "modality": "OT"}, OF_ANOTHER),
        ({"sop_class_uid": CT, "modality": "CT", "image_type": "DERIVED\\SECONDARY\\DOSE REPORT"}, SCREEN),
        ({"sop_class_uid": CT, "modality": "CT", "image_type": "DERIVED\\SECONDARY\\PATIENT_INFO"}, SCREEN),
    ],
)
def test_kinds_that_show_text_where_none_is_expected_are_risky_and_can_be_cleaned(said, reason):
    said = facts(**said)
    assert (pixel_risk_reason(said), can_be_cleaned(said), is_worth_a_look(said)) == (reason, True, False)


@pytest.mark.parametrize(
    "said",
    [
        {"sop_class_uid": CT, "modality": "CT", "image_type": SECONDARY},
        {"sop_class_uid": MR, "modality": "MR", "image_type": "DERIVED\\SECONDARY\\MPR"},
        {"sop_class_uid": CLASSES + "20", "modality": "NM", "image_type": SECONDARY},
        {"sop_class_uid": CLASSES + "128", "modality": "PT", "image_type": SECONDARY},
        {"sop_class_uid": CLASSES + "2.1", "modality": "CT", "image_type": SECONDARY},
        {"sop_class_uid": CT, "modality": "CT", "image_type": PRIMARY, "bits": 8},
        {"sop_class_uid": CT, "image_type": PRIMARY},
        {"sop_class_uid": CLASSES + "4.3", "modality": "MR", "samples": 3, "photometric": "RGB"},
        {"sop_class_uid": CLASSES + "481.1", "modality": "RTIMAGE"},
        {"sop_class_uid": CLASSES + "13.1.1", "modality": "XA"},
        {"sop_class_uid": CLASSES + "13.1.3", "modality": "MG"},
        {"sop_class_uid": CLASSES + "77.1.5.1", "modality": "OP", "samples": 3, "photometric": "RGB"},
        {"sop_class_uid": CLASSES + "77.1.5.4", "modality": "OPT"},
        {"sop_class_uid": CLASSES + "82.1", "modality": "OPM", "samples": 3},
        {"sop_class_uid": CLASSES + "1.2", "modality": "MG"},
    ],
)
def test_kinds_that_may_show_text_are_looked_at_unless_they_say_that_they_show_none(said):
    assert (pixel_risk_reason(facts(**said)), is_worth_a_look(facts(**said))) == ("", True)
    assert is_worth_a_look(facts(**said, burned_in_annotation="NO")) is False


@pytest.mark.parametrize(
    "said",
    [
        {"sop_class_uid": CT, "modality": "CT", "image_type": PRIMARY},
        {"sop_class_uid": CT, "modality": "CT", "image_type": "ORIGINAL\\PRIMARY\\AXIAL\\LOW_DOSE"},
        {"sop_class_uid": MR, "modality": "MR", "image_type": "DERIVED\\PRIMARY\\OTHER"},
        {"sop_class_uid": CLASSES + "128", "modality": "PT", "image_type": "ORIGINAL\\PRIMARY"},
        {"sop_class_uid": CLASSES + "66.4", "modality": "SEG", "bits": 1},
        {"sop_class_uid": CLASSES + "77.1.6", "modality": "SM", "image_type": "DERIVED\\PRIMARY\\VOLUME", "samples": 3},
    ],
)
def test_what_was_acquired_is_not_looked_at(said):
    assert (pixel_risk_reason(facts(**said)), is_worth_a_look(facts(**said))) == ("", False)


def test_sets_of_classes_do_not_contradict_each_other():
    assert not pixel_classes.SOMETIMES_TEXT & pixel_classes.CROSS_SECTIONS
    assert not pixel_classes.GREY & (pixel_classes.ULTRASOUND | pixel_classes.VISIBLE_LIGHT)
    names = (pydicom.uid.UID(uid) for uid in pixel_classes.KNOWN)
    unnamed = [uid for uid in names if uid.name == uid]
    assert all(uid.startswith(CLASSES + "66.") for uid in unnamed)  # newer than the dictionary


@pytest.mark.parametrize(
    ("frame", "more", "boxes", "says"),
    [
        (RGB, {"SOPClassUID": CT, "Modality": "CT"}, 1, "NO"),
        (GREY, {"SOPClassUID": CT, "Modality": "CT", "ImageType": ["DERIVED", "SECONDARY"]}, 1, "NO"),
        (GREY.astype(np.uint16), {"SOPClassUID": CT, "Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY"]}, 0, None),
        (GREY, {"SOPClassUID": "1.2.840.113619.4.27", "Modality": "CT"}, 1, "NO"),
    ],
)
def test_the_header_of_an_object_tells_its_kind(frame, more, boxes, says):
    outcome, made = cleaned(screens.instance(frame[None], more=more))
    assert (outcome.cause, len(outcome.boxes)) == (None, boxes)
    assert pydicom.dcmread(io.BytesIO(made)).get("BurnedInAnnotation") == says


def test_a_private_class_is_held_where_pixels_are_not_cleaned():
    content = screens.instance(GREY[None], more={"SOPClassUID": "1.2.840.113619.4.27", "Modality": "CT"})
    outcome, made = cleaned(content, profile=BASIC)
    assert (outcome.cause, outcome.detail, made) == ("pixels_unproven", UNKNOWN, b"")


def test_a_radiograph_that_cannot_be_looked_at_is_held():
    more = {"SOPClassUID": CLASSES + "1", "Modality": "CR"}
    content = screens.instance(GREY[None], syntax=pydicom.uid.JPEGLSLossless, more=more)
    outcome, made = cleaned(content.replace(b"\xff\xd8\xff\xf7", b"\xff\xd8\x00\x00"))
    assert (outcome.cause, outcome.detail, made) == ("pixels_unproven", "Its pixels cannot be decoded.", b"")


def region(*corners):
    item = pydicom.Dataset()
    names = ("MinX0", "MinY0", "MaxX1", "MaxY1")
    for name, corner in zip(names, corners, strict=False):
        setattr(item, f"RegionLocation{name}", corner)
    return item


@pytest.mark.parametrize(
    ("regions", "why"),
    [
        ([], "It declares no regions."),
        ([region(30, 30, 59, 49), region(30)], "A region that it declares lies nowhere on it."),
        ([region(30, 30, 59, 49), region(500, 500, 600, 600)], "A region that it declares lies nowhere on it."),
        ([region(30, 30, 29, 49)], "A region that it declares lies nowhere on it."),
    ],
)
def test_an_ultrasound_image_whose_regions_are_wanted_and_not_to_be_had_is_held(regions, why):
    more = {"SequenceOfUltrasoundRegions": pydicom.Sequence(regions)}
    content = screens.instance(GREY[None], more=more)
    outcome, made = cleaned(content, pixels=cleaner(Reads("5"), keeps_regions_only=True))
    reason = "Ultrasound images usually show the patient's name."
    assert (outcome.cause, outcome.detail, made) == ("pixels_unproven", f"{reason} {why}", b"")
    outcome, _ = cleaned(content, pixels=cleaner(Reads("5")))
    assert outcome.cause is None


def test_regions_are_wanted_of_ultrasound_images_alone():
    more = {"SOPClassUID": CLASSES + "7", "Modality": "OT"}
    pixels = TextCleaner(open_frames=process.repaintable, reader=Reads, keeps_regions_only=True)
    assert cleaned(screens.instance(GREY[None], more=more), pixels=pixels)[0].cause is None
    assert is_ultrasound(CLASSES + "14.1", "IVOCT") is True
    assert (is_ultrasound(CT, "IVUS"), is_ultrasound(CT, "CT")) == (True, False)


@pytest.mark.parametrize(
    ("detector", "recogniser"), [("det", "det"), ("rec", "rec"), ("rec", "det"), ("det", "absent")]
)
def test_models_that_are_others_than_they_should_be_count_as_absent(monkeypatch, detector, recogniser):
    from cauce.stages.deidentify.pixel_cleaning import OcrUnavailable, ocr

    monkeypatch.setattr(ocr, "_DETECTOR", f"PP-OCRv6_{detector}_small.onnx")
    monkeypatch.setattr(ocr, "_RECOGNISER", f"PP-OCRv6_{recogniser}_small.onnx")
    with pytest.raises(OcrUnavailable):
        ocr.text_reader.__wrapped__()


def test_models_that_stop_working_hold_the_instance():
    class Broken(Reads):
        def look(self, picture, *, scale):
            from cauce.stages.deidentify.pixel_cleaning import OcrUnavailable

            raise OcrUnavailable(f"{picture.shape} {scale}")

    outcome, made = cleaned(screens.instance(GREY[None]), pixels=cleaner(Broken()))
    assert outcome.detail.endswith("What reads text in pictures is not installed, and no rule is known for its device.")
    assert made == b""
