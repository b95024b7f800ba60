"""Rules of a profile, carried out: each goes before what table and options say."""

import pytest
from deid_objects import BIG, EXPLICIT, IMPLICIT, PSEUDONYM, cleaned, ct_file, data_set, deidentified, part10, read

from cauce.core.statuses import AttentionCause
from cauce.stages.deidentify.profile import BASIC, parse_profile

SYNTAXES = [IMPLICIT, EXPLICIT, BIG]


def under(*rules, options=""):
    listed = "".join(f"- {{{rule}}}\n" for rule in rules)
    return parse_profile(f"name: x\noptions: [{options}]\nrules:\n{listed}")


def made(profile, syntax=EXPLICIT, **elements):
    return read(cleaned(ct_file(syntax, **elements), profile=profile))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_each_action_does_what_it_says(syntax):
    profile = under(
        "tag: StudyDescription, action: keep",
        "tag: KVP, action: remove",
        "tag: SeriesDescription, action: empty",
        "tag: InstitutionName, action: replace, value: Site 7",
        "tag: AccessionNumber, action: hash",
        "tag: StudyDate, action: shift",
        "tag: ProtocolName, action: clean",
        "tag: InstitutionAddress, action: zip3",
        "tag: RelatedGeneralSOPClassUID, action: uid",
    )
    ds = made(
        profile,
        syntax,
        x00081030=("LO", "Knee left"),
        x00180060=("DS", "120"),
        x0008103E=("LO", "Series"),
        x00080080=("LO", "St. Elsewhere"),
        x00080050=("SH", "A-4711"),
        x00080020=("DA", "20200315"),
        x00181030=("LO", "Protocol of Quimby"),
        x00080081=("ST", "1 Main St, Springfield 12345"),
        x0008001A=("UI", "1.2.3.4"),
    )
    assert (ds.StudyDescription, "KVP" in ds, ds.SeriesDescription) == ("Knee left", False, "")
    assert (ds.InstitutionName, ds.StudyDate, ds.ProtocolName) == ("Site 7", "20191206", "Protocol of")
    assert (ds.InstitutionAddress, ds.RelatedGeneralSOPClassUID[:5]) == ("123", "2.25.")
    assert len(ds.AccessionNumber) == 16
    assert int(ds.AccessionNumber, 16)


def test_rules_hold_in_items_of_sequences_too():
    inner = data_set({0x00080050: ("SH", "A-4711"), 0x00180060: ("DS", "120"), 0x00081030: ("LO", "Knee")})
    profile = under(
        "tag: KVP, action: remove", "tag: StudyDescription, action: keep", "tag: AccessionNumber, action: hash"
    )
    ds = made(profile, x00081115=("SQ", [inner]), x00080050=("SH", "A-4711"))
    (item,) = ds.ReferencedSeriesSequence
    assert ("KVP" in item, item.StudyDescription) == (False, "Knee")
    assert item.AccessionNumber == ds.AccessionNumber


def test_a_hash_is_of_the_patient_alone_and_not_of_the_number():
    profile = under("tag: AccessionNumber, action: hash")
    one = made(profile, x00080050=("SH", "A-4711")).AccessionNumber
    assert one == made(profile, x00080050=("SH", "A-4711")).AccessionNumber
    assert one != made(profile, x00080050=("SH", "A-4712")).AccessionNumber
    from deid_objects import OTHER_PSEUDONYM

    other = read(cleaned(ct_file(x00080050=("SH", "A-4711")), profile=profile, pseudonym=OTHER_PSEUDONYM))
    assert one != other.AccessionNumber
    assert PSEUDONYM.uid_secret.hex() not in one


def test_a_rule_goes_before_an_option():
    profile = under(
        "tag: PatientWeight, action: empty",
        "tag: StudyDate, action: remove",
        options="retain_patient_characteristics, retain_longitudinal_full_dates",
    )
    ds = made(
        profile, x00101030=("DS", "71"), x00101020=("DS", "1.8"), x00080020=("DA", "20200315"), x00080030=("TM", "10")
    )
    assert (ds.PatientWeight, ds.PatientSize, "StudyDate" in ds, ds.StudyTime) == (None, 1.8, False, "10")


def test_a_rule_goes_before_the_type_of_the_attribute():
    ds = made(
        under("tag: SeriesDate, action: keep", "tag: ProtocolName, action: empty"),
        x00080021=("DA", "20200315"),
        x00181030=("LO", "x"),
    )
    assert (ds.SeriesDate, ds.ProtocolName) == ("20200315", "")


def test_a_kept_sequence_is_cleaned_item_by_item():
    item = data_set({0x00321060: ("LO", "Knee"), 0x00401001: ("SH", "R-1"), 0x00080050: ("SH", "A-4711")})
    (found,) = made(
        under("tag: RequestAttributesSequence, action: keep"), x00400275=("SQ", [item])
    ).RequestAttributesSequence
    assert ("RequestedProcedureID" in found, found.AccessionNumber) == (False, "")


def test_a_kept_value_that_names_the_patient_is_replaced():
    ds = made(under("tag: StudyDescription, action: keep"), x00081030=("LO", "Knee of Quimby"))
    assert ds.StudyDescription == "REMOVED"


def test_a_value_that_a_rule_gives_raises_no_alarm_where_it_was_there_before():
    profile = under("tag: InstitutionName, action: replace, value: St. Elsewhere")
    assert made(profile, x00080080=("LO", "St. Elsewhere")).InstitutionName == "St. Elsewhere"


def test_what_is_not_there_is_not_made():
    profile = under("tag: InstitutionName, action: replace, value: Site 7", "tag: KVP, action: empty")
    assert {"InstitutionName", "KVP"}.isdisjoint(made(profile).dir())


def test_removing_what_the_pixel_risk_is_told_by_does_not_hide_it():
    profile = under("tag: BurnedInAnnotation, action: remove")
    outcome, _ = deidentified(ct_file(x00280301=("CS", "YES")), profile=profile)
    assert outcome.cause is AttentionCause.PIXELS_UNPROVEN
    assert "BurnedInAnnotation" not in made(profile, x00280301=("CS", "NO"))


@pytest.mark.parametrize(
    ("address", "left"),
    [("Springfield, NY 12345-6789", "123"), ("Elm 5, 03601 Town", "000"), ("Elm 55, 82101", "000")],
)
def test_three_digits_of_a_postal_code_stay_where_enough_people_share_them(address, left):
    assert made(under("tag: PatientAddress, action: zip3"), x00101040=("LO", address)).PatientAddress == left


def test_an_address_without_a_postal_code_is_what_the_basic_profile_says():
    assert "PatientAddress" not in made(under("tag: PatientAddress, action: zip3"), x00101040=("LO", "Elm Street"))


def test_uids_that_a_rule_keeps_or_maps_stay_consistent():
    mapped = under("tag: StudyInstanceUID, action: uid", options="retain_uids")
    ds = made(mapped)
    assert (ds.StudyInstanceUID[:5], ds.SeriesInstanceUID) == ("2.25.", "1.2.999.10.2")
    kept = made(under("tag: StudyInstanceUID, action: keep"))
    assert (kept.StudyInstanceUID, kept.SeriesInstanceUID[:5]) == ("1.2.999.10.1", "2.25.")


def test_a_rule_for_an_attribute_that_the_dictionary_does_not_know_yet():
    profile = under("tag: EthnicGroups, action: keep")
    assert 0x00102162 in read(cleaned(part10(data_set({**_ct(), 0x00102162: ("UC", "x")})), profile=profile))
    assert 0x00102162 not in read(cleaned(part10(data_set({**_ct(), 0x00102162: ("UC", "x")})), profile=BASIC))


def _ct():
    from deid_objects import ct

    return ct()


def test_the_actions_are_counted_by_name():
    profile = under("tag: AccessionNumber, action: hash", "tag: InstitutionName, action: replace, value: Site 7")
    outcome, _ = deidentified(ct_file(x00080050=("SH", "A-4711"), x00080080=("LO", "St. Elsewhere")), profile=profile)
    assert outcome.actions == {"uids": 3, "pseudonym": 2, "hashed": 1, "given": 1}
