"""Which pixels may show identity, so that their objects are held back."""

import pytest
from deid_objects import ct_file, data_set, deidentified, element, part10

from cauce.core.statuses import AttentionCause
from cauce.stages.deidentify import PixelFacts, pixel_risk, pixel_risk_reason

CLASSES = "1.2.840.10008.5.1.4.1.1."


@pytest.mark.parametrize(
    "facts",
    [
        {"sop_class_uid": CLASSES + "6.1"},
        {"sop_class_uid": CLASSES + "3.1"},
        {"sop_class_uid": CLASSES + "14.1"},
        {"sop_class_uid": CLASSES + "7"},
        {"sop_class_uid": CLASSES + "7.4"},
        {"sop_class_uid": CLASSES + "77.1.4"},
        {"modality": "US"},
        {"modality": "IVUS"},
        {"modality": "XC"},
        {"modality": "SC"},
        {"burned_in_annotation": "YES"},
        {"recognizable_features": "YES"},
        {"overlay_in_pixels": True},
        {"conversion_type": "DV"},
        {"image_type": "DERIVED\\SECONDARY\\SCREEN SAVE"},
        {"image_type": "DERIVED\\SECONDARY\\OTHER\\DOSE_INFO"},
        {"sop_class_uid": CLASSES + "77.1.6", "image_type": "ORIGINAL\\PRIMARY\\LABEL\\NONE"},
        {"has_pixels": False, "has_document": True},
        {"has_pixels": False, "sop_class_uid": CLASSES + "104.1"},
    ],
)
def test_pixels_that_may_show_identity_are_unproven(facts):
    facts = PixelFacts(**({"has_pixels": True} | facts))
    assert pixel_risk(facts) is AttentionCause.PIXELS_UNPROVEN
    assert pixel_risk_reason(facts).endswith(".")


@pytest.mark.parametrize(
    "facts",
    [
        {"sop_class_uid": CLASSES + "2", "modality": "CT", "image_type": "ORIGINAL\\PRIMARY\\AXIAL"},
        {"sop_class_uid": CLASSES + "4", "modality": "MR", "image_type": "DERIVED\\SECONDARY\\MPR"},
        {"sop_class_uid": CLASSES + "1.1", "modality": "DX", "burned_in_annotation": "NO"},
        {"sop_class_uid": CLASSES + "77.1.6", "modality": "SM", "image_type": "DERIVED\\PRIMARY\\VOLUME\\NONE"},
        {"sop_class_uid": CLASSES + "66.4", "modality": "SEG"},
        {"sop_class_uid": CLASSES + "88.22", "modality": "SR", "has_pixels": False},
        {"modality": "US", "has_pixels": False},
    ],
)
def test_other_pixels_raise_no_objection(facts):
    facts = PixelFacts(**({"has_pixels": True} | facts))
    assert pixel_risk(facts) is None
    assert pixel_risk_reason(facts) == ""


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"x00280301": ("CS", "YES")}, "Its header says that text is burned into the pixels."),
        ({"x00280301": ("CS", "yes ")}, "Its header says that text is burned into the pixels."),
        ({"x00280302": ("CS", "YES")}, "Its header says that the patient can be recognised."),
        ({"x00080060": ("CS", "US")}, "Ultrasound images usually show the patient's name."),
        ({"x00080064": ("CS", "WSD")}, "Its conversion type says that it was captured or digitised."),
        ({"x60000100": ("US", b"\x10\0")}, "It keeps an overlay inside the pixel cells."),
        (
            {"x00420011": ("OB", b"%PDF")},
            "It holds an encapsulated document. Nothing was found in its text, but what it shows cannot be searched.",
        ),
    ],
)
def test_an_object_whose_header_speaks_of_it_is_held_back(more, reason):
    outcome, output = deidentified(ct_file(**more))
    assert (outcome.cause, outcome.detail) == (AttentionCause.PIXELS_UNPROVEN, reason)
    assert output == b""


def test_an_overlay_of_its_own_is_removed_and_no_objection():
    outcome, output = deidentified(ct_file(x60000100=("US", b"\1\0"), x60003000=("OW", b"Quimby")))
    assert outcome.cause is None
    assert b"Quimby" not in output


def test_a_directory_of_files_is_no_instance():
    record = data_set({0x00041130: ("CS", "QUIMBY"), 0x00041220: ("SQ", [])})
    directory = part10(record).replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.1.3.10\0\0\0\0\0\0", 1)
    outcome, output = deidentified(directory)
    assert outcome.cause is AttentionCause.DEIDENTIFICATION_FAILED
    assert output == b""


def test_pixels_of_icons_and_vendors_go_and_hold_nothing_back():
    frames = b"\xfe\xff\x00\xe0\x08\0\0\0Quimby^H" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    icon = element(0x00280010, "US", b"\1\0") + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + frames
    outcome, output = deidentified(
        ct_file(x00091001=("SQ", [icon]), x00880200=("SQ", [icon]), x00081140=("SQ", [icon]))
    )
    assert outcome.cause is None
    assert b"Quimby" not in output
