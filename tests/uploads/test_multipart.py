"""The multipart reader: any body, cut anywhere, gives the same parts; what is no multipart is malformed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauce.api.raw.multipart import (
    MultipartReader,
    PartBegan,
    PartData,
    PartEnded,
    clean_name,
    file_name_of,
    parse_options,
)
from cauce.api.raw.problems import Malformed
from cauce.api.raw.request import BodyLimits

BOUNDARY = "b0undary"


def parts_of(body, *, sizes=(1 << 20,), boundary=BOUNDARY, **limits):
    """Return ([(headers, data)], whether the body ended)."""
    reader = MultipartReader(boundary, limits=BodyLimits(**limits))
    parts, at, turn = [], 0, 0
    while at < len(body):
        size = sizes[turn % len(sizes)]
        for event in reader.feed(body[at : at + size]):
            if isinstance(event, PartBegan):
                parts.append([dict(event.headers), b""])
            elif isinstance(event, PartData):
                parts[-1][1] += event.data
            else:
                assert isinstance(event, PartEnded)
        at += size
        turn += 1
    return [tuple(part) for part in parts], reader.ended


def body_of(contents, *, boundary=BOUNDARY, head=b"A: b\r\n\r\n"):
    delimiter = f"--{boundary}".encode()
    return b"".join(delimiter + b"\r\n" + head + content + b"\r\n" for content in contents) + delimiter + b"--\r\n"


CONTENT = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from([b"\r", b"\n", b"-", b"--", b"\r\n--", b"b0und", b"\r\n--b0undar", b"--b0undar", b"x"]),
        max_size=20,
    ).map(b"".join),
)


@settings(max_examples=150, deadline=None)
@given(contents=st.lists(CONTENT, max_size=5), sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_what_was_sent_is_read_however_it_is_cut(contents, sizes):
    body = body_of(contents)
    parts, ended = parts_of(body, sizes=sizes)
    assert ended
    assert parts == [({"a": "b"}, content) for content in contents]


@settings(max_examples=150, deadline=None)
@given(body=st.binary(max_size=300), sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_any_bytes_are_parts_or_malformed(body, sizes):
    try:
        parts, ended = parts_of(b"--b0undary\r\n" + body, sizes=sizes)
    except Malformed:
        return
    assert len(parts) <= body.count(b"b0undary") + 1
    assert not ended or b"--b0undary--" in b"--b0undary\r\n" + body


def test_a_preamble_and_an_epilogue_are_passed_over():
    body = b"preamble --b0undary is no delimiter here\r\n" + body_of([b"1"]) + b"epilogue\r\n--b0undary\r\n"
    for size in (1, 7, 1000):
        assert parts_of(body, sizes=[size]) == ([({"a": "b"}, b"1")], True)


def test_a_part_without_headers_is_a_part():
    assert parts_of(b"--b0undary\r\n\r\ndata\r\n--b0undary--") == ([({}, b"data")], True)


def test_header_names_are_lower_case_and_values_stripped():
    body = body_of([b"x"], head=b"Content-TYPE:  text/plain \r\nX:\r\n\r\n")
    assert parts_of(body)[0] == [({"content-type": "text/plain", "x": ""}, b"x")]


@pytest.mark.parametrize("boundary", ["", " ", "x ", "é", "a\nb", "x" * 201])
def test_a_boundary_that_cannot_be_is_malformed(boundary):
    with pytest.raises(Malformed):
        MultipartReader(boundary, limits=BodyLimits())


@pytest.mark.parametrize("boundary", ["x" * 200, "a b", "=_?:()'+,-./", "--"])
def test_boundaries_of_senders_in_the_field_work(boundary):
    assert parts_of(body_of([b"1"], boundary=boundary), boundary=boundary) == ([({"a": "b"}, b"1")], True)


@pytest.mark.parametrize(
    ("body", "limits"),
    [
        (body_of([b"x"] * 4), {"parts_max": 3}),
        (body_of([b"x"], head=b"A: 1\r\n" * 3 + b"\r\n"), {"part_headers_max": 2}),
        (body_of([b"x"], head=b"A: " + b"1" * 200 + b"\r\n\r\n"), {"part_header_bytes_max": 100}),
        (b"x" * 300 + b"\r\n" + body_of([b"x"]), {"preamble_bytes_max": 100}),
        (b"--b0undary\nA: b\r\n\r\nx\r\n--b0undary--", {}),
        (b"--b0undary\r\nno colon\r\n\r\nx\r\n--b0undary--", {}),
        (b"no boundary", {"preamble_bytes_max": 5}),
    ],
    ids=["parts", "headers", "header length", "preamble", "bare line feed", "no colon", "no boundary"],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_passes_a_limit_or_breaks_the_form_is_malformed(body, limits, size):
    with pytest.raises(Malformed):
        parts_of(body, sizes=[size], **limits)


def test_what_was_complete_before_an_error_is_not_lost():
    reader = MultipartReader(BOUNDARY, limits=BodyLimits(parts_max=1))
    with pytest.raises(Malformed):
        reader.feed(body_of([b"1", b"2"]))
    kinds = [type(event) for event in reader.events_before_error()]
    assert kinds == [PartBegan, PartData, PartEnded]


@pytest.mark.parametrize(
    ("value", "kind", "parameters"),
    [
        ("text/plain", "text/plain", {}),
        (
            'Multipart/Related; Type="application/dicom"; boundary=b',
            "multipart/related",
            {"type": "application/dicom", "boundary": "b"},
        ),
        ('form-data; name="a"; filename="x; y\\"z\\\\.dcm"', "form-data", {"name": "a", "filename": 'x; y"z\\.dcm'}),
        (";a=1;;b = 2; a=3", "", {"a": "1", "b": "2"}),
        ('a/b; c="unfinished', "a/b", {"c": '"unfinished'}),
        ("", "", {}),
    ],
)
def test_options_are_split(value, kind, parameters):
    assert parse_options(value) == (kind, parameters)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('form-data; name="f"', None),
        ('form-data; name="f"; filename=""', ""),
        ('form-data; filename="a/b.dcm"', "a/b.dcm"),
        ("form-data; filename*=UTF-8''%e2%82%ac.dcm; filename=\"x\"", "€.dcm"),
        ("form-data; filename*=nonsense''a; filename=\"x\"", "x"),
        ("form-data; filename*=utf-8''%ff; filename=\"x\"", "x"),
        ('form-data; filename="M\u00c3\u00bcller"', "Müller"),
        ('form-data; filename="caf\u00e9"', "café"),
        ('form-data; filename="a%22b%0D%0Ac"', 'a"b  c'),
    ],
)
def test_file_names_are_read_as_browsers_and_others_write_them(disposition, name):
    assert file_name_of(parse_options(disposition)[1]) == name


@given(text=st.text(max_size=2000))
def test_a_clean_name_can_be_stored_and_logged(text):
    name = clean_name(text)
    assert len(name) <= 1024
    assert not any(ord(character) < 0x20 or ord(character) == 0x7F for character in name)
    assert name.encode().decode() == name
