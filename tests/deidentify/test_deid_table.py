"""Every row of PS3.15 Table E.1-1, wherever its attribute may stand and however the file is encoded."""

import pytest
from deid_objects import (
    BIG,
    CT,
    EXPLICIT,
    IMPLICIT,
    cleaned,
    ct,
    data_set,
    deidentified,
    element,
    part10,
    read,
)
from pydicom._dicom_dict import DicomDictionary

from cauce.core.statuses import AttentionCause
from cauce.stages.deidentify import BASIC, LONGITUDINAL
from cauce.stages.deidentify.identity import IDENTIFYING
from cauce.stages.deidentify.plan import Action, plan_for
from cauce.stages.deidentify.table import load_table

ENCODINGS = [IMPLICIT, EXPLICIT, BIG]
ENCAPSULATED_DOCUMENT = 0x00420011  # holds the object back, as another test shows


def concrete(tag):
    """Return a tag for a row: a group of its own for repeating ones, a private tag for the private row."""
    return 0x00291010 if tag == "PRIVATE" else int(tag.replace("x", "2"), 16)


def canary(tag, vr):
    return f"1.2.999.{tag}" if vr == "UI" else f"ZQ{tag:08X}ZQZQZQ"


def carrying(tag, vr, syntax):
    """Return (VR, value) with a canary in it."""
    if vr != "SQ":
        return vr, canary(tag, vr).encode()
    inner = {
        0x00081155: ("UI", canary(tag, "UI")),
        0x00091010: ("UT", canary(tag, "UT")),
        0x00100010: ("PN", canary(tag, "PN")),
        0x00104000: ("LT", canary(tag, "LT")),
    }
    return "SQ", [data_set(inner, syntax)]


def rows():
    for row in load_table().rows:
        yield concrete(row.tag), row.vr[:2] or "LO"


def everything(syntax, *, from_group):
    """Return elements for all rows, each carrying a canary."""
    return {
        tag: carrying(tag, vr, syntax) for tag, vr in rows() if tag >> 16 >= from_group and tag != ENCAPSULATED_DOCUMENT
    }


def assert_no_canary(output, *, least):
    sought = {
        canary(tag, vr).encode() for tag, row_vr in rows() for vr in ({"UI", "LT"} if row_vr == "SQ" else {row_vr})
    }
    assert len(sought) >= least
    assert [value for value in sorted(sought) if value in output] == []


def test_the_table_is_the_whole_one():
    table = load_table()
    assert table.edition == "2026d"
    assert len(table.rows) == 657
    assert len({row.tag for row in table.rows}) == 657


@pytest.mark.parametrize("syntax", ENCODINGS)
def test_no_row_leaves_its_value_at_the_root(syntax):
    elements = ct() | everything(syntax, from_group=0x0008)
    output = cleaned(part10(data_set(elements, syntax), syntax))
    assert_no_canary(output, least=657)
    assert read(output).SOPClassUID == CT


@pytest.mark.parametrize("syntax", ENCODINGS)
def test_no_row_leaves_its_value_in_nested_sequences(syntax):
    item = data_set(everything(syntax, from_group=0x0000), syntax)
    middle = data_set({0x00081140: ("SQ", [item, item])}, syntax)
    output = cleaned(part10(data_set(ct(x00081115=("SQ", [middle])), syntax), syntax))
    assert_no_canary(output, least=657)
    assert len(read(output).ReferencedSeriesSequence[0].ReferencedImageSequence) == 2


@pytest.mark.parametrize("syntax", ENCODINGS)
def test_no_row_leaves_its_value_in_private_sequences(syntax):
    item = data_set(everything(syntax, from_group=0x0008), syntax)
    private = {"x00090010": ("LO", "VENDOR"), "x00091001": ("SQ", [item])}
    output = cleaned(part10(data_set(ct(**private), syntax), syntax))
    assert_no_canary(output, least=657)
    assert b"VENDOR" not in output


@pytest.mark.parametrize("tag", [0x00081140, 0x00091001])
def test_no_row_leaves_its_value_in_sequences_of_unknown_representation(tag):
    item = data_set(everything(IMPLICIT, from_group=0x0008), IMPLICIT)
    sequence = element(tag, "SQ", [item], IMPLICIT)[8:]
    output = cleaned(part10(data_set(ct() | {tag: ("UN", sequence)})))
    assert_no_canary(output, least=657)
    read(output)


def test_undefined_lengths_change_nothing():
    item = data_set(everything(EXPLICIT, from_group=0x0008))
    open_item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + item + b"\xfe\xff\x0d\xe0\0\0\0\0"
    sequence = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff" + open_item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    head = data_set({tag: value for tag, value in ct().items() if tag < 0x00081115})
    tail = data_set({tag: value for tag, value in ct().items() if tag > 0x00081115})
    output = cleaned(part10(head + sequence + tail))
    assert_no_canary(output, least=657)
    assert len(read(output).ReferencedSeriesSequence) == 1


def test_an_encapsulated_document_is_held_back():
    outcome, output = deidentified(part10(data_set(ct(x00420011=("OB", b"%PDF-1.4 Quimby")))))
    assert outcome.cause is AttentionCause.PIXELS_UNPROVEN
    assert output == b""


def test_attributes_keep_the_representation_that_the_dictionary_gives_them():
    elements = ct() | everything(EXPLICIT, from_group=0x0008)
    made = read(cleaned(part10(data_set(elements))))
    for found in made.iterall():
        assert found.VR in DicomDictionary[found.tag][0].replace("or", "").split(), found.tag


@pytest.mark.parametrize("profile", [BASIC, LONGITUDINAL])
def test_no_attribute_that_names_somebody_is_ever_kept(profile):
    plan = plan_for(profile)
    kept = {Action.KEEP, Action.NOTE, Action.NEST, Action.CLASS}
    assert [hex(tag) for tag in sorted(IDENTIFYING) if plan.actions[tag] in kept] == []
    naming = {b"PN", b"AE", b"DA", b"DT", b"TM"}
    assert [hex(tag) for tag, vr in plan.vrs.items() if vr in naming and plan.actions[tag] in kept] == []
    uids = {plan.actions[tag] for tag, vr in plan.vrs.items() if vr == b"UI"}
    assert uids == {Action.UID, Action.CLASS, Action.REMOVE}


def test_every_row_is_carried_out_as_strictly_as_it_says():
    plan = plan_for(BASIC)
    allowed = {
        "X": {Action.REMOVE},
        "Z": {Action.EMPTY, Action.PSEUDONYM},
        "D": {Action.DUMMY, Action.UID},
        "U": {Action.UID},
        "X/Z": {Action.EMPTY},
        "X/D": {Action.DUMMY},
        "Z/D": {Action.DUMMY, Action.PSEUDONYM},
        "X/Z/D": {Action.DUMMY},
        "X/Z/U*": {Action.NEST},
    }
    for row in load_table().rows:
        if "x" in row.tag or row.tag == "PRIVATE":
            assert concrete(row.tag) not in plan.actions
        else:
            assert plan.actions[int(row.tag, 16)] in allowed[row.basic], row.name


def test_only_dates_of_the_table_are_ever_shifted():
    listed = {int(row.tag, 16): row for row in load_table().rows if row.tag != "PRIVATE" and "x" not in row.tag}
    shifted = {tag for tag, action in plan_for(LONGITUDINAL).actions.items() if action is Action.SHIFT}
    assert {listed[tag].options["retain_longitudinal_modified_dates"] for tag in shifted} == {"C"}
    assert len(shifted) == 94
