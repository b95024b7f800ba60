"""Texts, cleaned: what names somebody, tells a day or numbers a person goes; the rest stays as it was."""

import pytest
from deid_objects import cleaned, ct_file, read
from hypothesis import given, settings
from hypothesis import strategies as st

from cauce.stages.deidentify.cleaning import by_form, cleaner_for
from cauce.stages.deidentify.forms import vocabulary
from cauce.stages.deidentify.identity import Identity
from cauce.stages.deidentify.profile import BASIC

QUIMBY = Identity(
    names={b"Quimby^Hubert", b"Fleischman^Joel^^Dr"},
    values={b"HQ-7654321", b"St. Elsewhere General", b"A4711"},
    birth_dates={b"19570312"},
    character_sets={b"ISO_IR 192"},
)


def clean(text, vr=b"LO"):
    return cleaner_for(QUIMBY)(vr, text.encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "T1_MPRAGE_SAG_P2 1.0mm",
        "5.1 FLAIR 3D TE 90 TR 9000",
        "b=1000 s/mm2",
        "axial 2x2x2 / 1.5 / 3.0",
        "ep2d_diff_3scan_trace_p2",
        "Thorax^THORAX_ROUTINE (Adult)",
        "ABDOMEN^ROUTINE",
        "63 y/o male with cough",
        "MR HEAD w/o contrast",
        "Study of 2019",
        "CT: 120 kV, 250 mAs, pitch 0.8",
        "Leber mit KM, Kopf nativ",
        "may show a mass; march of the penguins",
        "100 ml @ 3 ml/s",
        "L4/L5, L5/S1",
        "",
    ],
)
def test_texts_that_name_nobody_stay_as_they_are(text):
    assert clean(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("CT Chest for Quimby, Hubert ok", "CT Chest for ok"),
        ("QUIMBY_HUBERT knee", "knee"),
        ("quimby's knee", "'s knee"),
        ("Knee H. Quimby left", "Knee left"),
        ("seen by Dr. Ann Lee today", "seen by today"),
        ("Patient Name: John Smith", ""),
        ("SMITH^JOHN knee", ""),
        ("Reported by Ann Lee; no finding", "no finding"),
        ("Frau Müller, Leber", ""),
        ("MR. SMITH: knee", "knee"),
    ],
)
def test_names_go(before, after):
    assert clean(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Head routine 12.03.2020", "Head routine"),
        ("Head 2020-03-12 ok", "Head ok"),
        ("Head 03/12/20 ok", "Head ok"),
        ("Head 20200312 ok", "Head ok"),
        ("Head 20200312101112 ok", "Head ok"),
        ("follow up March 12, 2019 stable", "follow up stable"),
        ("12 March 2019 stable", "stable"),
        ("am 12. März 2019 stabil", "am stabil"),
        ("le 3 janv. 2019", "le"),
        ("12 de marzo de 2019, estable", "estable"),
        ("2019年3月12日 stable", "stable"),
        ("born 12.03.1957", ""),
        ("93 y/o male with cough", "male with cough"),
        ("101 years old, cough", "cough"),
    ],
)
def test_days_and_great_ages_go(before, after):
    assert clean(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("HQ7654321 liver", "liver"),
        ("HQ 7654321 liver", "liver"),
        ("Liver A4711", "Liver"),
        ("MRN: 12345 knee", "knee"),
        ("MRN 40713355 Quigley, knee", "knee"),
        ("Quigley, Ann MRN 40713355 knee", "knee"),
        ("call +1 (555) 123-4567 for more", "call for more"),
        ("call 555-123-4567", "call"),
        ("Tel. 0171 2345678, knee", "knee"),
        ("SSN 123-45-6789 knee", "SSN knee"),
        ("scan 12345678 knee", "scan knee"),
        ("see 1.2.840.113619.2.55.3 there", "see there"),
        ("write to ann@example.org please", "write to please"),
        ("see https://pacs.example/x?y=1 there", "see there"),
        ("lives in NY 10001", "lives in"),
        ("at St. Elsewhere General, ward 4", "at , ward 4"),
    ],
)
def test_numbers_of_people_and_addresses_go(before, after):
    assert clean(before) == after


def test_without_an_identity_only_forms_go():
    assert by_form()(b"LO", b"Knee of Quimby 12.03.2020") == b"Knee of Quimby"


def test_values_are_cleaned_one_by_one_and_long_texts_as_one():
    assert clean("Knee\\Quimby\\Hip") == "Knee\\Hip"
    assert clean("Knee\\Quimby", b"LT") == "Knee"
    assert clean("Line one.\r\nQuimby came.\r\nLine three.", b"LT") == "Line one.\r\n came.\r\nLine three."


@pytest.mark.parametrize(("vr", "text"), [(b"CS", "QUIMBY_1"), (b"AE", "ST4711QUIMBY"), (b"CS", "D20200312")])
def test_codes_and_titles_stay_whole_or_go(vr, text):
    assert clean(text, vr) == ""
    assert clean("SCANNER_7", vr) == "SCANNER_7"


@pytest.mark.parametrize(
    ("character_set", "codec", "before", "after"),
    [
        (b"ISO_IR 100", "latin-1", "Müller Knie schön", "Knie schön"),
        (b"ISO_IR 192", "utf-8", "Knie von Müller schön", "Knie von schön"),
        (b"ISO_IR 192", "utf-8", "Knie von Mueller schön", "Knie von schön"),
    ],
)
def test_names_go_in_every_spelling_and_character_set(character_set, codec, before, after):
    identity = Identity(names={"Müller^Jörg".encode(codec)}, character_sets={character_set})
    assert cleaner_for(identity)(b"LO", before.encode(codec)) == after.encode(codec)


def test_a_text_of_unsure_characters_stays_whole_or_goes():
    identity = Identity(names={b"Quimby^Hubert"})
    assert cleaner_for(identity)(b"LO", "Knie schön".encode("latin-1")) == "Knie schön".encode("latin-1")
    assert cleaner_for(identity)(b"LO", "Quimby schön".encode("latin-1")) == b""


def test_the_vocabulary_tells_protocols_from_people():
    assert {"thorax", "routine", "adult", "abdomen", "shunt"} <= vocabulary()
    assert {"smith", "quimby", "john"}.isdisjoint(vocabulary())


@given(before=st.text(max_size=30), after=st.text(max_size=30))
@settings(max_examples=150, deadline=None)
def test_no_text_around_a_name_saves_it(before, after):
    text = f"{before} Quimby {after}".replace("\0", "")
    assert b"quimby" not in cleaner_for(QUIMBY)(b"LT", text.encode("utf-8", "replace")).lower()


@given(text=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=80))
@settings(max_examples=200, deadline=None)
def test_a_clean_text_is_not_changed_again(text):
    once = cleaner_for(QUIMBY)(b"LT", text.encode())
    assert cleaner_for(QUIMBY)(b"LT", once) == once


@pytest.mark.parametrize("order", [(0, 1, 0), (1, 0, 1)])
def test_what_another_original_of_the_patient_said_changes_nothing(order):
    """Cleaners are remembered by patient; each output is nevertheless that of its own header alone."""
    profile = BASIC.with_options("clean_descriptors")
    contents = [
        ct_file(x00081030=("LO", "Knee Fleischman Quimby"), x00321032=("PN", "Fleischman^Joel")),
        ct_file(x00081030=("LO", "Knee Fleischman Quimby")),
    ]
    said = [read(cleaned(contents[number], profile=profile)).StudyDescription for number in order]
    assert said == [("Knee", "Knee Fleischman")[number] for number in order]
