"""Profiles as text: read, written, and every fault named with its line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauce.stages.deidentify.options import CODES, FULL_DATES, MODIFIED_DATES, VISUAL_FEATURES
from cauce.stages.deidentify.profile import (
    BASIC,
    LONGITUDINAL,
    STANDARD,
    Profile,
    ProfileError,
    built_in,
    parse_profile,
    profile_yaml,
)
from cauce.stages.deidentify.rules import ATTRIBUTES, Rule, RuleAction, fault_of

SOUND = """
name: Knees 2026
version: '3'
description: For the study of knees.
options:
- clean_descriptors
- retain_longitudinal_modified_dates
rules:
- {tag: StudyDescription, action: keep, because: protocols only}
- {tag: '(0008,0050)', action: hash}
- {tag: 00080080, action: replace, value: Site 7}
- {tag: '(0019,SIEMENS MR HEADER,0C)', action: keep}
"""


def faults(text):
    with pytest.raises(ProfileError) as raised:
        parse_profile(text)
    assert raised.value.code == "invalid_profile"
    assert raised.value.detail.endswith(".")
    return list(raised.value.faults)


def with_rules(*rules):
    return "name: x\nrules:\n" + "".join(f"- {rule}\n" for rule in rules)


def test_a_profile_is_read():
    profile = parse_profile(SOUND)
    assert (profile.name, profile.version) == ("Knees 2026", "3")
    assert profile.options == {"clean_descriptors", "retain_longitudinal_modified_dates"}
    assert profile.rules == (
        Rule(tag=0x00081030, action=RuleAction.KEEP),
        Rule(tag=0x00080050, action=RuleAction.HASH),
        Rule(tag=0x00080080, action=RuleAction.REPLACE, value="Site 7"),
        Rule(tag=0x0019000C, creator="SIEMENS MR HEADER", action=RuleAction.KEEP),
    )
    assert profile.method == "DICOM PS3.15 2026d Knees 2026 v3"
    assert [code.value for code in profile.codes] == ["113100", "113105", "113107"]
    assert profile.longitudinal == "MODIFIED"


def test_what_is_written_is_read_back_as_equal():
    profile = parse_profile(SOUND)
    again = parse_profile(profile_yaml(profile))
    assert again == profile
    assert (again.digest, hash(again), again.description) == (profile.digest, hash(profile), profile.description)


def test_the_digest_is_of_what_a_profile_says_and_not_of_how_it_is_written():
    profile = parse_profile(SOUND)
    moved = parse_profile(
        SOUND.replace("For the study of knees.", "Other words.").replace("00080080", "InstitutionName")
    )
    assert moved.digest == profile.digest
    changed = [SOUND.replace("Site 7", "Site 8"), SOUND.replace("'3'", "'4'"), SOUND.replace("Knees", "Hips")]
    assert len({parse_profile(text).digest for text in changed} | {profile.digest}) == 4


def test_the_digests_of_what_ships_are_these():
    """A change of one means that everything is worked on anew under it."""
    assert {name: profile.digest[:12] for name, profile in built_in().items()} == {
        "basic": "8e83b0363ea8",
        "modified-dates": "99fe3fc8bb63",
        "quality": "5870271d273b",
        "research": "b2de31e51169",
        "research-full": "a79720e216f8",
        "sharing": "eb273e5f75d9",
        "standard": "c01dd0d459a3",
    }


def test_what_ships_is_sound_and_can_be_written():
    assert built_in()["basic"] == BASIC
    assert built_in()["standard"] == STANDARD
    assert built_in()["modified-dates"] == LONGITUDINAL
    for profile in built_in().values():
        assert parse_profile(profile_yaml(profile)) == profile
        assert len(profile.method) <= 64
        assert profile.description


def test_the_full_profile_for_research_has_every_option_but_those_that_exclude_each_other_or_hide_faces():
    left = set(CODES) - built_in()["research-full"].options
    assert left == {MODIFIED_DATES, VISUAL_FEATURES}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["line 1: a profile begins with `name:`, and says `options:` and `rules:`."]),
        ("- a", ["line 1: a profile begins with `name:`, and says `options:` and `rules:`."]),
        ("name: [", ["line 1: this is no YAML."]),
        ("options: []", ["line 1: it lacks `name`"]),
        ("name: x\nname: y", ["line 2: `name` stands here twice"]),
        ("name: x\noptions: retain_uids", ["line 2: `options` wants a list"]),
        ("name: x\nrules:\n- keep", ["line 3: a rule wants `tag` and `action`"]),
        ("name: x\nversion: [1]", ["line 2: `version` wants one text", "line 2: `version` wants 1 to 8"]),
        ("name: x\noptions: [retain_uids, retain_uids]", ["line 2: `retain_uids` stands here twice"]),
        ("name: x\nrules:\n- &a {tag: Modality, action: keep}\n- *a", ["line 3: references to other places"]),
    ],
)
def test_a_text_of_a_wrong_form_is_refused_with_its_line(text, expected):
    found = faults(text)
    assert len(found) == len(expected)
    assert all(fault.startswith(start) for fault, start in zip(found, expected, strict=True)), found


@pytest.mark.parametrize("name", ["", "x" * 33, "Ä", "a\\b", "a^b", "'a'\"", "-x", "x\ty"])
def test_a_name_that_could_not_stand_in_an_output_is_refused(name):
    found = faults(profile_yaml(Profile(name=name)))
    assert found == ["line 1: `name` wants 1 to 32 letters, digits, spaces and , . + - _ ( )"]


def test_every_fault_is_named_at_once():
    text = "name: x\ncolour: red\noptions: [retain_all]\nrules:\n- {tag: Foo, action: burn}\n- {tag: Modality}\n"
    found = faults(text)
    assert [fault[:6] for fault in found] == ["line 2", "line 3", "line 5", "line 5", "line 6"]
    assert "`colour` is not known here" in found[0]
    assert "no option `retain_all`" in found[1]


def test_options_that_exclude_each_other_are_refused():
    found = faults(f"name: x\noptions:\n- {FULL_DATES}\n- {MODIFIED_DATES}\n")
    assert found == [f"line 3: {FULL_DATES} and {MODIFIED_DATES} exclude each other"]


def test_taking_faces_out_is_refused_in_plain_words():
    (found,) = faults(f"name: x\noptions: [{VISUAL_FEATURES}]")
    assert "no method is validated here that takes faces out of images" in found


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("{tag: PatientName, action: keep}", "no rule may be made for what the platform itself writes"),
        ("{tag: PatientID, action: remove}", "no rule may be made"),
        ("{tag: '(0002,0016)', action: keep}", "no rule may be made"),
        ("{tag: PixelData, action: remove}", "no rule may be made"),
        ("{tag: StudyInstanceUID, action: remove}", "every instance needs this UID"),
        ("{tag: PatientBirthDate, action: keep}", "it names a person"),
        ("{tag: PatientBirthDate, action: shift}", "it names a person"),
        ("{tag: ReferringPhysicianName, action: keep}", "it names a person"),
        ("{tag: OriginalAttributesSequence, action: keep}", "it names a person"),
        ("{tag: OtherPatientIDs, action: clean}", "it names a person"),
        ("{tag: StudyDescription, action: shift}", "its value representation is LO, for which there is no `shift`"),
        ("{tag: KVP, action: hash}", "its value representation is DS"),
        ("{tag: StudyDate, action: uid}", "its value representation is DA"),
        ("{tag: StudyDescription, action: zip3}", "its value representation is LO"),
        ("{tag: ReferencedSeriesSequence, action: replace, value: x}", "its value representation is SQ"),
        ("{tag: StudyDescription, action: replace}", "`replace` wants a value"),
        ("{tag: StudyDescription, action: keep, value: x}", "only `replace` takes a value"),
        ("{tag: AccessionNumber, action: replace, value: '12345678901234567'}", "its value is longer than 16"),
        ("{tag: StudyDate, action: replace, value: '2020'}", "its value has not the form of DA"),
        ("{tag: PatientAge, action: replace, value: '45'}", "its value has not the form of AS"),
        ("{tag: StudyDescription, action: replace, value: 'a\\b'}", "its value is not printable ASCII"),
        ("{tag: StudyDescription, action: replace, value: Knie für}", "its value is not printable ASCII"),
        ("{tag: '(0019,100C)', action: keep}", "a private attribute is named with its creator"),
        ("{tag: '(0018,ACME,0C)', action: keep}", "private attributes have odd groups"),
        ("{tag: '(0019,ACME,0C)', action: hash}", "private attributes can be kept or removed"),
        ("{tag: '(0018,FFFF)', action: keep}", "the data dictionary does not know this attribute"),
    ],
)
def test_a_rule_that_cannot_be_carried_out_is_refused(rule, fault):
    (found,) = faults(with_rules(rule))
    assert found.startswith("line 3: ")
    assert fault in found


def test_two_rules_for_one_attribute_are_refused():
    found = faults(with_rules("{tag: StudyDescription, action: keep}", "{tag: '(0008,1030)', action: remove}"))
    assert found == ["line 4: StudyDescription has a rule in line 3"]


@pytest.mark.parametrize(
    ("spelled", "tag"),
    [
        ("StudyDescription", 0x00081030),
        ("(0008,1030)", 0x00081030),
        ("0008,1030", 0x00081030),
        ("00081030", 0x00081030),
        ("(0010,2162)", 0x00102162),
        ("EthnicGroups", 0x00102162),
    ],
)
def test_an_attribute_has_several_spellings(spelled, tag):
    (rule,) = parse_profile(with_rules(f"{{tag: '{spelled}', action: remove}}")).rules
    assert rule.tag == tag


def test_a_text_without_end_is_refused():
    assert "at most" in faults("name: x\n" + "#" * 300_000)[0]
    tags = [tag for tag in ATTRIBUTES if not fault_of(Rule(tag=tag, action=RuleAction.REMOVE))][:1001]
    many = with_rules(*(f"{{tag: '{tag:08X}', action: remove}}" for tag in tags))
    assert faults(many) == ["line 1003: a profile has at most 1000 rules"]
    assert faults("[" * 5000) == ["This is no YAML."]


def test_many_faults_are_counted():
    found = faults(with_rules(*["{tag: Foo, action: keep}"] * 80))
    assert (len(found), found[-1]) == (51, "and 30 more")


def test_no_text_of_a_profile_that_is_long_is_repeated():
    assert all(len(fault) < 400 for fault in faults("name: x\noptions:\n- " + "z" * 5000))


_RULES = st.lists(
    st.builds(
        Rule,
        tag=st.sampled_from([0x00081030, 0x00080050, 0x00080020, 0x00181030, 0x00101010, 0x0020000D, 0x00400275]),
        action=st.sampled_from(RuleAction),
        value=st.sampled_from(["", "A", "20200101", "045Y"]),
    ).filter(lambda rule: not fault_of(rule)),
    unique_by=lambda rule: rule.tag,
    max_size=5,
)


@given(
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ,.+()_-]{0,31}", fullmatch=True),
    version=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9.]{0,7}", fullmatch=True),
    options=st.sets(st.sampled_from([name for name in CODES if name not in {VISUAL_FEATURES, FULL_DATES}])),
    rules=_RULES,
)
@settings(max_examples=60, deadline=None)
def test_any_profile_survives_being_written_and_read(name, version, options, rules):
    profile = Profile(name=name, version=version, options=frozenset(options), rules=tuple(rules))
    assert parse_profile(profile_yaml(profile)) == profile


@given(text=st.text(max_size=200))
@settings(max_examples=80, deadline=None)
def test_any_text_is_a_profile_or_refused(text):
    try:
        profile = parse_profile(text)
    except ProfileError as error:
        said = error.faults
    else:
        said = (profile.name,)
    assert said
