"""What options make of single values: ages, dates, overlays, texts; and what becomes of values of a wrong form."""

import struct

import pytest
from deid_objects import BIG, EXPLICIT, IMPLICIT, cleaned, ct, ct_file, data_set, deidentified, part10, read

from cauce.core.statuses import AttentionCause
from cauce.stages import process
from cauce.stages.deidentify.options import (
    CHARACTERISTICS,
    DESCRIPTORS,
    DEVICE,
    FULL_DATES,
    GRAPHICS,
    INSTITUTION,
    MODIFIED_DATES,
    PIXEL_DATA,
    UIDS,
)
from cauce.stages.deidentify.pixels import CleanedPixels
from cauce.stages.deidentify.profile import BASIC


def under(*options):
    return BASIC.with_options(*options)


@pytest.mark.parametrize(
    ("before", "after"),
    [("045Y", "045Y"), ("089Y", "089Y"), ("090Y", "090Y"), ("091Y", "090Y"), ("107Y", "090Y"), ("099W", "099W")],
)
def test_ages_of_ninety_and_more_are_one_age(before, after):
    assert read(cleaned(ct_file(x00101010=("AS", before)), profile=under(CHARACTERISTICS))).PatientAge == after


@pytest.mark.parametrize("age", ["Hubert", "45", "45YY", "-45Y"])
def test_an_age_of_a_wrong_form_is_removed(age):
    assert "PatientAge" not in read(cleaned(ct_file(x00101010=("AS", age)), profile=under(CHARACTERISTICS)))


@pytest.mark.parametrize(
    ("vr", "before", "after"),
    [
        ("DA", "20200315", "20191206"),
        ("DA", "2020.03.15", "20191206"),
        ("DA", "20200315\\20200316", "20191206\\20191207"),
        ("DA", "20200101", "20190923"),
        ("DT", "20200315", "20191206"),
        ("DT", "2020031510", "2019120610"),
        ("DT", "20200315101112.123456", "20191206101112.123456"),
        ("DT", "20200315101112+0100", "20191206101112+0100"),
    ],
)
def test_dates_are_moved_and_times_of_day_stay(vr, before, after):
    tag = "x00321000" if vr == "DA" else "x00404005"
    ds = read(cleaned(ct_file(**{tag: (vr, before)}), profile=under(MODIFIED_DATES)))
    assert ds.get_item(int(tag[1:], 16)).value.decode().rstrip() == after


@pytest.mark.parametrize("value", ["202003", "2020", "20200315Quimby", "Quimby", "00010101", "20200230"])
def test_a_moment_that_cannot_be_moved_is_removed(value):
    for options in [(MODIFIED_DATES,)]:
        assert 0x00404005 not in read(cleaned(ct_file(x00404005=("DT", value)), profile=under(*options)))


@pytest.mark.parametrize("vr", ["DA", "TM", "DT"])
def test_a_moment_of_a_wrong_form_is_not_retained(vr):
    tag = {"DA": 0x00321000, "TM": 0x00321001, "DT": 0x00404005}[vr]
    assert tag not in read(cleaned(ct_file(**{f"x{tag:08X}": (vr, "Stranger")}), profile=under(FULL_DATES)))


def test_a_date_that_is_a_name_by_its_representation_is_not_retained():
    assert 0x00321000 not in read(cleaned(ct_file(x00321000=("PN", "Stranger")), profile=under(FULL_DATES)))


def test_a_newborns_dates_of_birth_and_study_are_one_and_no_leak():
    content = ct_file(x00080020=("DA", "20200315"), x00100030=("DA", "20200315"))
    ds = read(cleaned(content, profile=under(FULL_DATES)))
    assert (ds.StudyDate, ds.PatientBirthDate) == ("20200315", "")


def test_an_institution_that_is_retained_is_no_leak_and_otherwise_is_taken_out_of_texts():
    content = ct_file(x00080080=("LO", "St. Elsewhere"), x00081030=("LO", "Knee at St. Elsewhere ok"))
    kept = read(cleaned(content, profile=under(INSTITUTION, DESCRIPTORS)))
    assert (kept.InstitutionName, kept.StudyDescription) == ("St. Elsewhere", "Knee at St. Elsewhere ok")
    gone = read(cleaned(content, profile=under(DESCRIPTORS)))
    assert ("InstitutionName" in gone, gone.StudyDescription) == (False, "Knee at ok")


def test_a_retained_text_that_names_the_patient_is_replaced():
    ds = read(cleaned(ct_file(x00081010=("SH", "QUIMBY ROOM")), profile=under(DEVICE)))
    assert ds.StationName == "REMOVED"


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_titles_of_applications_stay_unless_they_name_somebody(syntax):
    content = ct_file(syntax, x00080055=("AE", "SCANNER7"), x00400241=("AE", "QUIMBY_WS"))
    ds = read(cleaned(content, profile=under(DEVICE)))
    assert (ds.StationAETitle, "PerformedStationAETitle" in ds) == ("SCANNER7", False)


def test_a_uid_that_is_none_is_mapped_even_where_uids_are_retained():
    ds = read(cleaned(ct_file(x00200052=("UI", "Stranger")), profile=under(UIDS)))
    assert ds.FrameOfReferenceUID.startswith("2.25.")
    assert ds.StudyInstanceUID == "1.2.999.10.1"


def overlay(kind, *, group=0x6000, bits=1, **more):
    elements = {
        0x0010: ("US", struct.pack("<H", 4)),
        0x0011: ("US", struct.pack("<H", 4)),
        0x0022: ("LO", "Lesion of Quimby ok"),
        0x0040: ("CS", kind),
        0x0050: ("SS", struct.pack("<hh", 1, 1)),
        0x0100: ("US", struct.pack("<H", bits)),
        0x0102: ("US", struct.pack("<H", 0)),
        0x3000: ("OW", b"\xf0\x0f"),
    }
    return {f"x{group << 16 | element:08X}": value for element, value in elements.items()} | more


class Eyes:
    """A pixel cleaner that has looked at a frame, and found what it was told to find."""

    def __init__(self, **found):
        self.found, self.pictures = {"looked_at": 1} | found, []

    def cleaned(self, source, **about):
        assert about["is_risky"]
        self.pictures.append(process.frames(source).read(0).tolist())
        return CleanedPixels(**self.found)


def test_overlays_that_mark_a_region_stay_where_graphics_and_pixels_are_cleaned():
    content = ct_file(**overlay("R"), **overlay("R", group=0x6002))
    eyes = Eyes()
    ds = read(cleaned(content, profile=under(GRAPHICS, PIXEL_DATA), pixels=eyes))
    assert eyes.pictures == [[[0] * 4, [255] * 4, [255] * 4, [0] * 4]] * 2
    for group in (0x6000, 0x6002):
        assert ds[group, 0x3000].value == b"\xf0\x0f"
        assert ds[group, 0x0022].value == "Lesion of ok"
        assert (ds[group, 0x0010].value, ds[group, 0x0050].value) == (4, [1, 1])


@pytest.mark.parametrize("options", [(), (DESCRIPTORS,)])
def test_overlays_go_without_the_option(options):
    assert not read(cleaned(ct_file(**overlay("R")), profile=under(*options))).group_dataset(0x6000)


@pytest.mark.parametrize(
    "found", [{"boxes": ((0, 0, 2, 2),)}, {"held": "Its pixels cannot be decoded."}, {"looked_at": 0}]
)
def test_overlays_in_which_a_look_finds_text_or_nothing_can_be_seen_go(found):
    ds = read(cleaned(ct_file(**overlay("R")), profile=under(GRAPHICS, PIXEL_DATA), pixels=Eyes(**found)))
    assert len(ds.group_dataset(0x6000)) == 0


def test_overlays_that_nobody_looks_at_go():
    for options, eyes in (((GRAPHICS,), Eyes()), ((GRAPHICS, PIXEL_DATA), None)):
        assert not read(cleaned(ct_file(**overlay("R")), profile=under(*options), pixels=eyes)).group_dataset(0x6000)


@pytest.mark.parametrize("change", [{"x60003000": ("OW", b"\xf0\x0f\0\0")}, {"x60000015": ("IS", "2")}])
def test_an_overlay_whose_bitmap_has_another_size_goes(change):
    content = ct_file(**overlay("R", **change))
    ds = read(cleaned(content, profile=under(GRAPHICS, PIXEL_DATA), pixels=Eyes()))
    assert len(ds.group_dataset(0x6000)) == 0


def test_overlays_that_draw_go_since_they_may_hold_letters():
    content = ct_file(**overlay("G"), **overlay("R", group=0x6002))
    ds = read(cleaned(content, profile=under(GRAPHICS, PIXEL_DATA), pixels=Eyes()))
    assert (len(ds.group_dataset(0x6000)), (0x6002, 0x3000) in ds) == (0, True)


def test_curves_always_go():
    content = ct() | {0x50000005: ("US", b"\2\0"), 0x50003000: ("OW", b"\1\2\3\4"), 0x50002500: ("LO", "Quimby")}
    for profile in (BASIC, under(GRAPHICS)):
        assert not read(cleaned(part10(data_set(content)), profile=profile)).group_dataset(0x5000)


def annotation(text):
    graphic = {0x00700020: ("US", b"\2\0"), 0x00700021: ("US", b"\2\0"), 0x00700023: ("CS", "POINT")}
    words = data_set({0x00700006: ("ST", text)})
    return data_set({0x00700002: ("CS", "LAYER"), 0x00700008: ("SQ", [words]), 0x00700009: ("SQ", [data_set(graphic)])})


@pytest.mark.parametrize(("options", "text"), [((), "REMOVED"), ((DESCRIPTORS,), "Lesion of ok")])
def test_drawings_stay_and_their_texts_are_what_the_profile_says_of_texts(options, text):
    content = ct_file(x00700001=("SQ", [annotation("Lesion of Quimby ok")]))
    (found,) = read(cleaned(content, profile=under(GRAPHICS, *options))).GraphicAnnotationSequence
    assert found.GraphicObjectSequence[0].GraphicType == "POINT"
    assert found.TextObjectSequence[0].UnformattedTextValue == text


def test_without_the_option_drawings_are_one_layer_that_says_nothing():
    (found,) = read(cleaned(ct_file(x00700001=("SQ", [annotation("Lesion")])))).GraphicAnnotationSequence
    assert found.GraphicLayer == "REMOVED"
    assert [text.UnformattedTextValue for text in found.TextObjectSequence] == ["REMOVED"]


def test_a_text_in_several_values_is_cleaned_value_by_value():
    ds = read(cleaned(ct_file(x00081080=("LO", "Cough\\Quimby\\Fever of Quimby")), profile=under(DESCRIPTORS)))
    assert ds.AdmittingDiagnosesDescription == ["Cough", "Fever of"]


def test_a_text_of_which_nothing_is_left_is_what_the_basic_profile_says():
    content = ct_file(x00081030=("LO", "Quimby"), x00181400=("LO", "Quimby^Hubert"), x00120072=("LO", "Quimby"))
    ds = read(cleaned(content, profile=under(DESCRIPTORS)))
    assert ("StudyDescription" in ds, ds.AcquisitionDeviceProcessingDescription) == (False, "REMOVED")


@pytest.mark.parametrize(
    ("character_set", "codec", "before", "after"),
    [
        ("ISO_IR 100", "latin-1", "Knie für Quimby schön", "Knie für schön"),
        ("ISO_IR 192", "utf-8", "膝 Quimby 可", "膝 可"),
        ("ISO_IR 144", "iso8859-5", "Колено Quimby да", "Колено да"),
        ("ISO 2022 IR 6\\ISO 2022 IR 87", "iso2022_jp", "膝 Quimby", None),
        ("ISO 2022 IR 6\\ISO 2022 IR 87", "iso2022_jp", "膝", "膝"),
    ],
)
def test_texts_are_cleaned_in_their_character_set(character_set, codec, before, after):
    content = ct_file(x00080005=("CS", character_set), x00081030=("LO", before.encode(codec)))
    ds = read(cleaned(content, profile=under(DESCRIPTORS)))
    assert ds.get("StudyDescription") == after


def test_texts_are_cleaned_of_a_name_that_stands_after_them():
    content = ct_file(x00081030=("LO", "Knee Fleischman ok"), x00321032=("PN", "Fleischman^Joel"))
    assert read(cleaned(content, profile=under(DESCRIPTORS))).StudyDescription == "Knee ok"


def test_what_was_done_is_counted():
    content = ct_file(x00081030=("LO", "Knee Quimby"), x0008103E=("LO", "Knee"), x00101010=("AS", "091Y"))
    outcome, _ = deidentified(content, profile=under(DESCRIPTORS, CHARACTERISTICS, MODIFIED_DATES))
    assert outcome.cause is not AttentionCause.IDENTITY_SUSPECTED
    assert outcome.actions == {"uids": 3, "pseudonym": 2, "cleaned": 1, "ages": 1}
