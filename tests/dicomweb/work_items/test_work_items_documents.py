"""Data sets of work items: dates with times as moments, shapes that strangers send, the values that are found."""

import contextlib
import datetime as dt
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from work_item_rows import code, dataset, new_item

from cauce.core.errors import InvalidRequest
from cauce.readings.work_items import attributes as at
from cauce.readings.work_items.checks import parsed
from cauce.readings.work_items.date_times import earliest, ends, latest, moment, written
from cauce.readings.work_items.keys import VALUE_LENGTH_MAX, keys_of
from cauce.readings.work_items.requests import created

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "20260101000000.000000", "20261231235959.999999"),
        ("202602", "20260201000000.000000", "20260228235959.999999"),
        ("202402", "20240201000000.000000", "20240229235959.999999"),
        ("20260301", "20260301000000.000000", "20260301235959.999999"),
        ("2026030114", "20260301140000.000000", "20260301145959.999999"),
        ("20260301143000.5", "20260301143000.500000", "20260301143000.599999"),
        ("20260301143060", "20260301143059.000000", "20260301143059.999999"),
        ("20260301000000+0200", "20260228220000.000000", "20260228220000.999999"),
        ("20260301000000-0330", "20260301033000.000000", "20260301033000.999999"),
        ("20260301-0500", "20260301050000.000000", "20260302045959.999999"),
        (" 20260301 ", "20260301000000.000000", "20260301235959.999999"),
    ],
)
def test_a_date_with_time_is_from_its_first_to_its_last_moment_in_utc(text, first, last):
    assert (earliest(text), latest(text)) == (first, last)
    assert ends(text) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "20261301", "20260230", "2026030125", "202603011461", "20260301+9900", "20260301+0060", "1066"),
        *("٢٠٢٦", "99991231235959-1200", "2026-03-01", "-", "20260301120000.1234567"),
    ],
)
def test_what_is_no_date_with_time_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        ends(text)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("20260301-", "20260301", None),
        ("-20260301", None, "20260301"),
        ("2026-2027", "2026", "2027"),
        ("2026-0500", "2026-0500", "2026-0500"),  # an offset: nothing was in the year 500
        ("20260301-0500-", "20260301-0500", None),
        ("20260301-0500-20260302-0500", "20260301-0500", "20260302-0500"),
        ("20260301+0100-20260302", "20260301+0100", "20260302"),
    ],
)
def test_a_hyphen_parts_two_moments_or_begins_an_offset(text, low, high):
    assert ends(text) == (low and earliest(low), high and latest(high))


@settings(max_examples=60, deadline=None)
@given(st.integers(-2_000_000_000, 7_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_a_moment_is_the_same_in_every_offset(seconds, minutes):
    whole = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
    local = whole + dt.timedelta(minutes=minutes)
    sign = "-" if minutes < 0 else "+"
    text = f"{local:%Y%m%d%H%M%S}{sign}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
    assert moment(text) == whole
    assert moment(written(moment(text))) == moment(text)


TEXTS = st.text(max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
TAGS = st.sampled_from([*at.REQUIRED, *at.KEPT_EMPTY, "00404034", "00091001", "x"])
ELEMENTS = st.fixed_dictionaries(
    {"vr": st.sampled_from(["SQ", "LO", "PN", "CS", "DT", "UI", "DS", "OB", "??"])},
    optional={"Value": st.lists(VALUES, max_size=3) | VALUES, "BulkDataURI": TEXTS, "InlineBinary": TEXTS},
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(TAGS, ELEMENTS, max_size=6))
def test_whatever_is_sent_is_a_data_set_or_refused(document):
    from cauce.api.dicomweb.native_xml import native_xml

    try:
        found = parsed(json.dumps(document).encode())
        held, _ = created({**new_item(), **found}, uid="1.2.3", label="x", now=NOW)
    except InvalidRequest:
        return
    assert list(held) == sorted(held)
    for key in keys_of(held):
        assert 0 < len(key.value) <= VALUE_LENGTH_MAX
        assert "\0" not in key.value
    assert native_xml(json.dumps(held).encode()).startswith(b"<?xml")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60))
def test_bytes_that_are_no_json_are_refused(sent):
    with contextlib.suppress(InvalidRequest):
        assert isinstance(parsed(sent), dict)


def test_what_a_new_work_item_was_sent_with_is_kept_as_it_was():
    given_item = new_item(ReferencedRequestSequence={"AccessionNumber": "A", "RequestedProcedureID": "R"})
    held, is_modified = created(given_item, uid="1.2.3", label="x", now=NOW)
    assert not is_modified
    assert {tag: held[tag] for tag in given_item if tag != at.TRANSACTION} == {
        tag: element for tag, element in given_item.items() if tag != at.TRANSACTION
    }
    assert set(held) - set(given_item) == {at.SOP_CLASS, at.SOP_INSTANCE, at.CHARACTER_SET, at.MODIFIED}
    assert held[at.MODIFIED] == {"vr": "DT", "Value": ["20260501120000+0000"]}


def test_tags_in_lower_case_are_the_same_tags():
    assert list(parsed(b'{"0040a370":{"vr":"SQ"},"00100020":{"vr":"LO","Value":["A"]}}')) == ["00100020", "0040A370"]


def test_keys_are_those_of_each_item_of_a_sequence():
    document = dataset(ScheduledStationNameCodeSequence=[code("A", "S"), code("B", "T")], PatientName="Muñoz^Ana")
    assert {tuple(key) for key in keys_of(document)} == {
        ("00404025.00080100", 1, "A"),
        ("00404025.00080102", 1, "S"),
        ("00404025.00080100", 2, "B"),
        ("00404025.00080102", 2, "T"),
        ("00100010", 0, "munoz^ana"),
        ("00100010.words", 0, "munoz"),
        ("00100010.words", 0, "ana"),
    }


@pytest.mark.parametrize("elements", [19_999, 20_001])
def test_a_data_set_has_so_many_elements_and_no_more(elements):
    items = [{"00080100": {"vr": "SH", "Value": ["A"]}}] * (elements - 1)
    sent = json.dumps({"00404025": {"vr": "SQ", "Value": items}}).encode()
    if elements > 20_000:
        with pytest.raises(InvalidRequest, match="more than 20000 elements"):
            parsed(sent)
    else:
        assert len(keys_of(parsed(sent))) == 2000


REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "dicomweb.md"


def test_the_reference_names_what_searches_match_and_what_requests_are_warned_of():
    from cauce.api.dicomweb.work_items import answers

    section = REFERENCE.read_text(encoding="utf-8").partition("## Work items")[2]
    table = section.partition("| matched |")[2].partition("\n\n")[0]
    named = set(re.findall(r"[A-Z][A-Za-z]+(?:\.[A-Z][A-Za-z]+)*", table))
    coded = {name.rpartition(".")[0] for name in (one.keyword for one in at.MATCHED.values()) if ".Cod" in name}
    plain = {one.keyword for one in at.MATCHED.values() if ".Cod" not in one.keyword}
    assert named == plain | coded | {"CodeValue", "CodingSchemeDesignator"}
    texts = {text for table in (answers.CHANGE, answers.UPDATE, answers.CANCELLATION) for _, text in table.values()}
    for text in {*texts, answers.CREATED_WITH_CHANGES, answers.NO_FILTERED_SUBSCRIPTIONS} - {
        "The UPS is already in the requested state of CANCELED."
    }:
        assert f"`{text}`" in section, text


def test_the_example_of_the_guide_is_a_work_item_that_names_a_pipeline():
    from cauce import flow
    from cauce.readings.work_items.requests import plan_of

    guide = (REFERENCE.parents[1] / "how-to" / "ask-for-processing.md").read_text(encoding="utf-8")
    (sent,) = re.findall(r"```json\n(.+?)```", guide, re.DOTALL)
    document, is_modified = created(parsed(sent.encode()), uid="1.2.3", label="default", now=NOW)
    assert is_modified
    plan = plan_of(document, pipelines=(flow.PIPELINE,))
    assert (plan.pipeline, plan.study_instance_uid, plan.profile) == ("basic-1", "1.2.840.99.7", "")
