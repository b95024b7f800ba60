"""What an instance lacks that its IOD requires is told by tag and module, once a kind, in bounded words."""

import pytest
from validate_files import CT, IMPLICIT, described, file_meta, header_of, instance, part10

from cauce.stages.validate import iods

ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
WHOLE_CT = [
    (0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
    (0x00080020, "DA", ""),
    (0x00080030, "TM", ""),
    (0x00080050, "SH", ""),
    (0x00080060, "CS", "CT"),
    (0x00080070, "LO", ""),
    (0x00080090, "PN", ""),
    (0x00100010, "PN", ""),
    (0x00100020, "LO", ""),
    (0x00100030, "DA", ""),
    (0x00100040, "CS", ""),
    (0x00180050, "DS", "1"),
    (0x00180060, "DS", ""),
    (0x00200010, "SH", ""),
    (0x00200011, "IS", ""),
    (0x00200012, "IS", ""),
    (0x00200013, "IS", ""),
    (0x00200032, "DS", "0\\0\\0"),
    (0x00200037, "DS", "1\\0\\0\\0\\1\\0"),
    (0x00200052, "UI", "2.25.104"),
    (0x00280030, "DS", "1\\1"),
    (0x00281052, "DS", "0"),
    (0x00281053, "DS", "1"),
    *described(),
    (0x7FE00010, "OW", (1, 2, 3, 4, 5, 6)),
]


def warned(elements, transfer_syntax="1.2.840.10008.1.2.1", **uids):
    meta = file_meta(transfer_syntax, sop_class=uids.get("sop_class", CT))
    header = header_of(part10(instance(*elements, **uids), transfer_syntax, meta=meta))
    return {warning.code: warning.detail for warning in header.warnings}


def without(*tags):
    return [element for element in WHOLE_CT if element[0] not in tags]


def test_the_table_names_its_edition_and_knows_the_storage_classes():
    assert iods.edition() == (
        "DICOM PS3.3, 2024c with later supplements (Segmentation Label Map, Waveform Presentation State)"
    )
    required = iods.requirements(CT)
    assert len(required.type1) == 20
    assert len(required.type2) == 15
    assert required.module_of["00200052"] == "Frame of Reference"
    assert required.has_pixels


@pytest.mark.parametrize("transfer_syntax", ["1.2.840.10008.1.2.1", IMPLICIT, "1.2.840.10008.1.2.1.99"])
def test_a_whole_instance_has_no_warning_though_what_may_be_empty_is(transfer_syntax):
    assert warned(WHOLE_CT, transfer_syntax) == {}


def test_what_is_absent_is_told_by_tag_name_and_module():
    assert warned(without(0x00200052, 0x00280030, 0x00080050)) == {
        "type1_missing": "Required attributes (type 1) are absent: (0020,0052) Frame of Reference UID of Frame of "
        "Reference; (0028,0030) Pixel Spacing of Image Plane.",
        "type2_missing": "Attributes that may be empty (type 2) are absent: (0008,0050) Accession Number of General "
        "Study.",
    }


@pytest.mark.parametrize("empty", ["", "  "])
def test_what_is_there_without_a_value_is_told_apart(empty):
    found = warned([*without(0x00080060), (0x00080060, "CS", empty)])
    assert found == {
        "type1_empty": "Required attributes (type 1) have no value: (0008,0060) Modality of General Series."
    }


def test_an_attribute_inside_a_sequence_does_not_stand_for_the_one_outside():
    nested = (0x00081140, "SQ", [[(0x00080060, "CS", "CT")]])
    assert list(warned([*without(0x00080060), nested])) == ["type1_missing"]


def test_at_most_twenty_attributes_are_named_and_the_rest_counted():
    detail = warned([], sop_class=ENHANCED_MR)["type1_missing"]
    assert detail.count("(") == 1 + iods.NAMED_MAX
    assert detail.endswith("; and 4 more.")
    assert len(detail) < 1500


@pytest.mark.parametrize("sop_class", ["1.2.276.0.7230010.3.1.0.1", "1.2.840.10008.5.1.4.1.1.6"])
def test_private_and_retired_classes_are_not_judged(sop_class):
    assert warned([], sop_class=sop_class) == {}


@pytest.mark.parametrize(
    ("given", "absent"),
    [
        (described(samples=3, photometric="RGB"), "(0028,0006) Planar Configuration of Image Pixel"),
        (
            described(photometric="PALETTE COLOR"),
            (
                "(0028,1101) Red Palette Color Lookup Table Descriptor of Image Pixel; "
                "(0028,1102) Green Palette Color Lookup Table Descriptor of Image Pixel; "
                "(0028,1103) Blue Palette Color Lookup Table Descriptor of Image Pixel"
            ),
        ),
        ([(0x00281050, "DS", "40")], "(0028,1051) Window Width of VOI LUT"),
        ([(0x00281052, "DS", "40")], "(0028,1053) Rescale Slope of Modality LUT"),
    ],
)
def test_what_other_attributes_make_required_is_told(given, absent):
    found = warned([*described(), (0x7FE00010, "OW", (0,) * 18), *given], sop_class=SECONDARY_CAPTURE)
    assert found["type1c_missing"] == f"Attributes that others make required (type 1C) are absent: {absent}."


def test_an_image_without_pixels_is_told_unless_they_are_elsewhere():
    assert "Pixel Data" in warned(without(0x7FE00010))["type1c_missing"]
    url = (0x00287FE0, "UR", "http://127.0.0.1/x")
    assert warned([*without(0x7FE00010), url]) == {}
    report = warned([], sop_class="1.2.840.10008.5.1.4.1.1.88.11")
    assert "type1c_missing" not in report
