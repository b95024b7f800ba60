"""What clients write -> matches; names -> words. No database."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauce.core.errors import InvalidRequest
from cauce.core.matching import combined, parse_match
from cauce.core.name_words import fold, name_groups, name_words, searchable_words
from cauce.core.searching import BY_NAME, Groups, Moments, Numbers, OneOf, Range, Universal, Wildcard, Words


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("patient_id", "a", OneOf(("a",))),
        ("patient_id", " a ", OneOf(("a",))),
        ("patient_id", "a,b", OneOf(("a,b",))),
        ("patient_id", "a\\b", OneOf(("a", "b"))),
        ("patient_id", "a**b?", Wildcard("a*b?")),
        ("patient_id", "***", Universal()),
        ("modality", "CT,MR", OneOf(("CT", "MR"))),
        ("series_number", "1,-2", Numbers((1, -2))),
        ("study_date", "20240229", OneOf(("20240229",))),
        ("study_date", "20240101 - 20240201", Range("20240101", "20240201")),
        ("study_date", "-20240201", Range(None, "20240201")),
        ("study_time", "10", Range("10", "105959.999999", is_single=True)),
        ("study_time", "100000.500", Range("100000.5", "100000.500999", is_single=True)),
        ("study_time", "10:30-", Range("1030", None)),
        ("patient_name", "Müller^*", Groups(("muller^*",))),
        ("patient_name", "*=山*", Groups(("山*",))),
        ("patient_name", "*", Universal()),
    ],
)
def test_values_are_read_by_their_representation(name, text, match):
    assert parse_match(BY_NAME[name], text) == match


def test_ranges_of_a_date_and_its_time_are_one_only_in_the_same_form():
    both = {"study_date": Range("20240101", None), "study_time": Range("10", None)}
    assert combined(both) == {"study_date": Moments(("20240101", "10"), None)}
    for hours in (Range(None, "10"), Range("10", "1059", is_single=True)):
        apart = {"study_date": Range("20240101", None), "study_time": hours}
        assert combined(apart) == apart


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Muñoz^José María", ["munoz", "jose", "maria"]),
        ("O'Brien^Seán", ["obrien", "sean"]),
        ("García-López^Ana", ["garcia", "lopez", "ana"]),
        ("ΠΑΠΑΔΟΠΟΎΛΟΥ^Ελένη", ["παπαδοπουλου", "ελενη"]),
        ("ИВАНОВ^Пётр", ["иванов", "петр"]),
        ("Łukasz^Øre^^Straße", ["lukasz", "ore", "strasse"]),
        ("أَحْمَد", ["احمد"]),
        ("देवी^सीता", ["देवी", "सीता"]),
        ("สมชาย^ใจดี", ["สมชาย", "ใจดี"]),
        ("ﾔﾏﾀﾞ^タロウ", ["やまだ", "たろう"]),
        ("A=B=C=D", ["a", "b", "c"]),
    ],
)
def test_words_of_many_scripts(name, words):
    assert name_words(name) == words


def test_words_without_blanks_are_found_within():
    assert searchable_words("山田太郎") == ["山田太郎", "田太郎", "太郎", "郎"]
    assert searchable_words("김철수") == ["김철수", "철수", "수"]
    assert name_groups("Yamada ^ Tarou^^ =山田^太郎=") == ["yamada^tarou", "山田^太郎"]


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=40))
def test_any_name_is_found_by_each_of_its_own_words(text):
    for word in name_words(text):
        match = parse_match(BY_NAME["patient_name"], word, fuzzy=True)
        assert match in {Universal(), Words((word,))} or all(part in searchable_words(text) for part in match.words)
    assert fold(fold(text)) == fold(text)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(BY_NAME)), st.text(max_size=60), st.booleans(), st.booleans())
def test_whatever_is_written_is_read_or_refused(name, text, fuzzy, empties):
    told = BY_NAME[name].keyword, ""
    try:
        parse_match(BY_NAME[name], text, fuzzy=fuzzy, empties=empties)
    except InvalidRequest as error:
        told = error.field, error.detail
    assert told[0] == BY_NAME[name].keyword
    assert len(text.strip()) < 4 or text not in told[1]
