"""Clean Structured Content (PS3.15 E.3.4): each item of a report as Table E.3.4-1 says of its concept."""

import pytest
from deid_objects import EXPLICIT, IMPLICIT, cleaned, ct, data_set, part10, read

from cauce.stages.deidentify.content import Verdict, content_items, edition, usual, verdicts
from cauce.stages.deidentify.options import (
    CHARACTERISTICS,
    DESCRIPTORS,
    DEVICE,
    FULL_DATES,
    INSTITUTION,
    MODIFIED_DATES,
    STRUCTURED_CONTENT,
    UIDS,
)
from cauce.stages.deidentify.profile import BASIC

CONTENT = BASIC.with_options(STRUCTURED_CONTENT)
VALUES = {
    "TEXT": (0x0040A160, "UT"),
    "PNAME": (0x0040A123, "PN"),
    "DATE": (0x0040A121, "DA"),
    "TIME": (0x0040A122, "TM"),
    "DATETIME": (0x0040A120, "DT"),
    "UIDREF": (0x0040A124, "UI"),
}
USUAL = {
    "TEXT": "Knee for Quimby ok",
    "PNAME": "Stranger^Ann",
    "DATE": "20200315",
    "TIME": "101112",
    "DATETIME": "20200315101112",
    "UIDREF": "1.2.999.5",
}


def code(value, scheme="DCM", meaning="Meaning", syntax=EXPLICIT):
    return data_set({0x00080100: ("SH", value), 0x00080102: ("SH", scheme), 0x00080104: ("LO", meaning)}, syntax)


def item(kind, concept, scheme="DCM", *, value=None, syntax=EXPLICIT, **more):
    """Return a content item of a value type, about a concept."""
    elements = {
        0x0040A010: ("CS", "CONTAINS"),
        0x0040A040: ("CS", kind),
        0x0040A043: ("SQ", [code(concept, scheme, syntax=syntax)]),
    }
    if kind in VALUES:
        tag, vr = VALUES[kind]
        elements[tag] = (vr, value or USUAL[kind])
    elements |= {int(name[1:], 16): one for name, one in more.items()}
    return data_set(elements, syntax)


def report(*items, profile=CONTENT, syntax=EXPLICIT, sequence="x0040A730"):
    body = data_set(ct(**{sequence: ("SQ", list(items))}, x7FE00010=None), syntax)
    return read(cleaned(part10(body, syntax), profile=profile))


def only(ds):
    (found,) = ds.ContentSequence
    return found


def test_the_table_is_the_whole_one():
    assert edition() == "2026d"
    assert len(content_items()) == 214


@pytest.mark.parametrize(
    ("concept", "kind", "options", "verdict"),
    [
        ("121022", "TEXT", (), Verdict.DROP),  # Accession Number
        ("121022", "TEXT", (DESCRIPTORS, DEVICE, UIDS), Verdict.DROP),
        ("121106", "TEXT", (), Verdict.DROP),  # Comment
        ("121106", "TEXT", (DESCRIPTORS,), Verdict.CLEAN),
        ("121071", "TEXT", (), Verdict.BLANK),  # Finding
        ("121071", "TEXT", (DESCRIPTORS,), Verdict.CLEAN),
        ("121008", "PNAME", (DESCRIPTORS, UIDS), Verdict.BLANK),  # Person Observer Name
        ("121036", "PNAME", (), Verdict.DROP),  # Mother of fetus
        ("121013", "TEXT", (DEVICE,), Verdict.KEEP),  # Device Observer Name
        ("121009", "TEXT", (INSTITUTION,), Verdict.KEEP),  # Person Observer's Organization Name
        ("111526", "DATETIME", (), Verdict.BLANK),  # DateTime Started
        ("111526", "DATETIME", (FULL_DATES,), Verdict.KEEP),
        ("111526", "DATETIME", (MODIFIED_DATES,), Verdict.CLEAN),
        ("121018", "UIDREF", (), Verdict.DROP),  # Procedure Study Instance UID
        ("121018", "UIDREF", (UIDS,), Verdict.KEEP),
        ("113769", "UIDREF", (), Verdict.BLANK),  # Irradiation Event UID
        ("113795", "IMAGE", (), Verdict.BLANK),  # Acquired Image
        ("121080", "IMAGE", (), Verdict.DROP),  # Best illustration of finding
        ("121080", "WAVEFORM", (UIDS,), Verdict.KEEP),
    ],
)
def test_rows_say_what_was_read_from_the_standard_by_hand(concept, kind, options, verdict):
    assert verdicts(frozenset(options))[concept.encode(), b"DCM", kind.encode()] is verdict


def test_the_older_codes_of_snomed_count_as_well():
    by_concept = verdicts(frozenset({DESCRIPTORS}))
    assert by_concept[b"363698007", b"SCT", b"TEXT"] is by_concept[b"G-C0E3", b"SRT", b"TEXT"] is Verdict.CLEAN


def test_characteristics_are_retained_where_the_option_says_so():
    kept = {item.code for item in content_items() if item.options.get(CHARACTERISTICS) == "K"}
    held = verdicts(frozenset({CHARACTERISTICS}))
    assert len(kept) == 2
    assert {held[key] for key in held if key[0].decode() in kept} == {Verdict.KEEP}


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_an_item_that_has_to_go_goes_whole_and_the_others_stay(syntax):
    inner = item("TEXT", "121071", syntax=syntax)
    gone = item("TEXT", "121022", value="A-4711", syntax=syntax, x0040A730=("SQ", [inner]))
    measured = item("NUM", "121206", syntax=syntax)
    ds = report(gone, measured, syntax=syntax)
    assert [one.ConceptNameCodeSequence[0].CodeValue for one in ds.ContentSequence] == ["121206"]


def test_texts_that_the_table_does_not_name_are_cleaned():
    assert only(report(item("TEXT", "999999", "99LOCAL"))).TextValue == "Knee for ok"


@pytest.mark.parametrize(
    ("options", "kind", "value"),
    [
        ((), "DATE", "19000101"),
        ((FULL_DATES,), "DATE", "20200315"),
        ((MODIFIED_DATES,), "DATE", "20191206"),
        ((), "DATETIME", "19000101000000"),
        ((FULL_DATES,), "DATETIME", "20200315101112"),
        ((MODIFIED_DATES,), "DATETIME", "20191206101112"),
        ((), "TIME", "000000"),
        ((MODIFIED_DATES,), "TIME", "101112"),
        ((UIDS,), "UIDREF", "1.2.999.5"),
    ],
)
def test_dates_and_uids_that_the_table_does_not_name_follow_the_options(options, kind, value):
    found = only(report(item(kind, "999999", "99LOCAL"), profile=CONTENT.with_options(*options)))
    assert str(found[VALUES[kind][0]].value) == value
    assert usual(kind.encode(), frozenset(options)) in {Verdict.KEEP, Verdict.CLEAN, Verdict.BLANK}


def test_people_are_replaced_and_uids_are_mapped():
    name, uid = report(item("PNAME", "999999", "99LOCAL"), item("UIDREF", "999999", "99LOCAL")).ContentSequence
    assert (name.PersonName, uid.UID[:5]) == ("REMOVED", "2.25.")


def test_a_row_of_the_table_goes_before_what_is_usual():
    finding = item("TEXT", "121071")
    assert only(report(finding)).TextValue == "REMOVED"
    assert only(report(finding, profile=CONTENT.with_options(DESCRIPTORS))).TextValue == "Knee for ok"


def test_a_device_stays_as_it_is_where_devices_are_retained():
    found = only(report(item("TEXT", "121013", value="Scanner 7"), profile=CONTENT.with_options(DEVICE)))
    assert found.TextValue == "Scanner 7"


def test_references_stay_and_point_at_the_mapped_images():
    reference = data_set({0x00081150: ("UI", "1.2.840.10008.5.1.4.1.1.2"), 0x00081155: ("UI", "1.2.999.10.3")})
    ds = report(item("IMAGE", "113795", x00081199=("SQ", [reference])))
    assert only(ds).ReferencedSOPSequence[0].ReferencedSOPInstanceUID == ds.SOPInstanceUID


def test_items_are_cleaned_at_any_depth():
    innermost = item("TEXT", "121022", value="A-4711")
    nested = item("CONTAINER", "126000", x0040A730=("SQ", [innermost, item("TEXT", "999999", "99LOCAL")]))
    ds = report(item("CONTAINER", "126000", x0040A730=("SQ", [nested])))
    (inner,) = only(ds).ContentSequence[0].ContentSequence
    assert inner.TextValue == "Knee for ok"


@pytest.mark.parametrize("sequence", ["x00400555", "x00400610"])
def test_the_context_and_the_preparation_of_a_specimen_are_cleaned_as_content_is(sequence):
    step = item("TEXT", "999999", "99LOCAL")
    held = [step] if sequence == "x00400555" else [data_set({0x00400612: ("SQ", [step, item("TEXT", "121022")])})]
    ds = report(*held, sequence=sequence)
    found = ds.AcquisitionContextSequence if sequence == "x00400555" else None
    steps = found or ds.SpecimenPreparationSequence[0].SpecimenPreparationStepContentItemSequence
    assert [one.TextValue for one in steps] == ["Knee for ok"]


def test_without_the_option_the_tree_is_one_item_that_says_nothing():
    found = only(report(item("TEXT", "999999", "99LOCAL"), item("NUM", "121206"), profile=BASIC))
    assert found.TextValue == "REMOVED"
