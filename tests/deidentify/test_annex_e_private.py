"""Retain Safe Private (PS3.15 E.3.10): what the list names stays, under the right creator alone."""

import json

import pytest
from deid_objects import BIG, EXPLICIT, IMPLICIT, cleaned, ct, data_set, deidentified, element, part10, read
from pydicom._private_dict import private_dictionaries

from cauce.stages.deidentify.options import SAFE_PRIVATE, UIDS
from cauce.stages.deidentify.profile import BASIC, Profile
from cauce.stages.deidentify.rules import Rule, RuleAction
from cauce.stages.deidentify.safe_private import edition, safe_private

SAFE = BASIC.with_options(SAFE_PRIVATE)
CREATOR = "SIEMENS MR HEADER"
B_VALUE = "1000"
_ALSO_KNOWN_BY = {
    ("ELSCINT1", 0x01E10026): "pydicom's dictionary lacks it",
    ("Philips Imaging DD 001", 0x200100CB): "pydicom's dictionary lacks it",
    ("Philips Imaging DD 001", 0x20010055): "CS there; another VR than listed is removed",
}


def block(group, creator, number, elements):
    """Return a private block: its creator, and elements by their last byte as (VR, value)."""
    held = {group << 16 | number: ("LO", creator)}
    return held | {group << 16 | number << 8 | low: value for low, value in elements.items()}


def made(elements, syntax=EXPLICIT, *, profile=SAFE):
    return read(cleaned(part10(data_set(ct() | elements, syntax), syntax), profile=profile))


def private_of(ds):
    return {found.tag: found.value for found in ds if found.tag.is_private}


def test_the_list_is_the_one_of_this_edition():
    assert edition() == "2025b"
    assert len(safe_private()) == 87
    assert safe_private()[CREATOR, 0x0019000C] == b"IS"


def test_a_second_source_knows_its_creators_and_representations():
    unknown = {}
    for (creator, tag), vr in safe_private().items():
        listed = {key.lower(): entry for key, entry in private_dictionaries.get(creator, {}).items()}
        entry = listed.get(f"{tag >> 16:04x}xx{tag & 0xFF:02x}")
        if entry is None or entry[0] != vr.decode():
            unknown[creator, tag] = entry
    assert unknown.keys() == _ALSO_KNOWN_BY.keys(), unknown


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("number", [0x10, 0x11, 0xFF])
def test_a_safe_attribute_stays_in_any_block_and_its_creator_with_it(number, syntax):
    ds = made(block(0x0019, CREATOR, number, {0x0C: ("IS", B_VALUE), 0x0F: ("SH", "ZQ")}), syntax)
    assert set(private_of(ds)) == {0x00190000 | number, 0x00190000 | number << 8 | 0x0C}
    assert ds[0x0019, number].value == CREATOR
    assert ds.private_block(0x0019, CREATOR)[0x0C].value == 1000
    assert [code.CodeValue for code in ds.DeidentificationMethodCodeSequence] == ["113100", "113111"]


@pytest.mark.parametrize("creator", ["ACME", "siemens mr header", "SIEMENS MR HEADER 2", "GEMS_ACQU_01"])
def test_the_same_element_of_another_creator_goes(creator):
    ds = made(block(0x0019, creator, 0x10, {0x0C: ("IS", B_VALUE)}))
    assert 0x0019100C not in ds


def test_an_element_outside_of_its_creators_block_goes():
    elements = block(0x0019, CREATOR, 0x10, {0x0C: ("IS", B_VALUE)}) | {0x0019110C: ("IS", "7")}
    assert set(private_of(made(elements))) == {0x00190010, 0x0019100C}


def test_blocks_of_two_creators_in_one_group_are_told_apart():
    elements = block(0x0019, "ACME", 0x10, {0x0C: ("IS", "1")}) | block(0x0019, CREATOR, 0x11, {0x0C: ("IS", "2")})
    assert set(private_of(made(elements))) == {0x00190011, 0x0019110C}


def test_a_creator_holds_in_its_own_item_alone():
    item = data_set({0x0019100C: ("IS", "5")})
    own = data_set(block(0x0019, CREATOR, 0x10, {0x0C: ("IS", "6")}))
    elements = block(0x0019, CREATOR, 0x10, {0x0C: ("IS", B_VALUE)}) | {0x00081115: ("SQ", [item, own])}
    ds = made(elements)
    first, second = ds.ReferencedSeriesSequence
    assert (0x0019100C in first, second[0x0019100C].value, ds[0x0019100C].value) == (False, 6, 1000)


def test_a_safe_attribute_of_another_representation_than_listed_goes():
    ds = made(block(0x0019, CREATOR, 0x10, {0x0C: ("LT", "Quimby"), 0x0D: ("PN", "Quimby")}))
    assert set(private_of(ds)) == {0x00190010}


def test_a_safe_attribute_that_names_the_patient_holds_the_object_back():
    content = ct() | block(0x0019, "GEMS_ACQU_01", 0x10, {0x9E: ("LO", "Quimby")})
    outcome, _ = deidentified(part10(data_set(content)), profile=SAFE)
    assert "(0019,109E)" in outcome.detail


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_a_safe_sequence_stays_and_its_items_are_cleaned(syntax):
    creator = "Philips Imaging DD 001"
    inner = block(0x2001, creator, 0x10, {0x2D: ("SS", b"\7\0"), 0x99: ("LO", "ZQ")})
    item = data_set({0x00101040: ("LO", "Elm Street"), 0x00081155: ("UI", "1.2.999.4")} | inner, syntax)
    ds = made(block(0x2001, creator, 0x10, {0x69: ("SQ", [item])}), syntax)
    (found,) = ds.private_block(0x2001, creator)[0x69].value
    assert "PatientAddress" not in found
    assert found.ReferencedSOPInstanceUID.startswith("2.25.")
    assert (0x2001102D in found, 0x20011099 in found) == (True, False)


def test_without_the_option_nothing_private_stays():
    assert private_of(made(block(0x0019, CREATOR, 0x10, {0x0C: ("IS", B_VALUE)}), profile=BASIC)) == {}


def kept(*rules, **more):
    return Profile(name="x", rules=rules, **more)


def test_a_rule_keeps_one_private_attribute_and_another_takes_one_of_the_list_out():
    keep = Rule(tag=0x00290010, creator="ACME 1.1", action=RuleAction.KEEP)
    drop = Rule(tag=0x0019000C, creator=CREATOR, action=RuleAction.REMOVE)
    elements = block(0x0029, "ACME 1.1", 0x10, {0x10: ("OB", b"\1\2"), 0x11: ("OB", b"\3\4")})
    elements |= block(0x0019, CREATOR, 0x10, {0x0C: ("IS", B_VALUE), 0x0D: ("CS", "NONE")})
    ds = made(elements, profile=kept(keep, drop, options=frozenset({SAFE_PRIVATE})))
    assert private_of(ds) == {0x00190010: CREATOR, 0x0019100D: "NONE", 0x00290010: "ACME 1.1", 0x00291010: b"\1\2"}


def test_a_long_private_value_that_a_rule_keeps_is_the_same_bytes():
    value = bytes(range(256)) * 5000
    rule = Rule(tag=0x00290010, creator="ACME", action=RuleAction.KEEP)
    ds = made(block(0x0029, "ACME", 0x10, {0x10: ("OB", value)}), profile=kept(rule))
    assert ds[0x00291010].value == value


def test_no_rule_keeps_a_private_name():
    rule = Rule(tag=0x00290010, creator="ACME", action=RuleAction.KEEP)
    ds = made(block(0x0029, "ACME", 0x10, {0x10: ("PN", "Stranger^Ann")}), profile=kept(rule))
    assert set(private_of(ds)) == {0x00290010}


def test_private_uids_that_stay_are_held_against_those_that_were_mapped():
    rule = Rule(tag=0x00290010, creator="ACME", action=RuleAction.KEEP)
    elements = block(0x0029, "ACME", 0x10, {0x10: ("UI", "1.2.999.10.3")})
    outcome, _ = deidentified(part10(data_set(ct() | elements)), profile=kept(rule))
    assert "A UID of the original" in outcome.detail
    assert private_of(made(elements, profile=kept(rule, options=frozenset({UIDS}))))[0x00291010] == "1.2.999.10.3"


def test_an_element_before_its_creator_goes():
    body = data_set({tag: value for tag, value in ct().items() if tag < 0x00190000})
    body += element(0x0019100C, "IS", "7") + element(0x00190010, "LO", CREATOR)
    body += data_set({tag: value for tag, value in ct().items() if tag > 0x00190000})
    assert 0x0019100C not in read(cleaned(part10(body), profile=SAFE))


def test_the_file_of_the_list_is_sound():
    assert json.dumps(sorted(map(str, safe_private()))).isascii()
    assert all(tag >> 16 & 1 and not tag & 0xFF00 for _, tag in safe_private())
