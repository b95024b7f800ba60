"""Hostile and broken input: refused or held back with a cause, never another exception, and nothing written."""

import struct

import pytest
from deid_objects import BIG, EXPLICIT, IMPLICIT, PSEUDONYM, ct, ct_file, data_set, deidentified, element, part10
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cauce.core.errors import Refused
from cauce.core.limits import Limits
from cauce.core.statuses import AttentionCause
from cauce.stages.deidentify import deidentify_instance

FILES = {
    syntax: ct_file(
        syntax,
        x00080023=("DA", "20200101"),
        x00081115=("SQ", [data_set({0x00081150: ("UI", "1.2.3.4"), 0x00100010: ("PN", "Quimby")}, syntax)]),
        x00090010=("LO", "VENDOR"),
        x00091001=("SQ", [data_set({0x00091002: ("UN", b"Quimby")}, syntax)]),
    )
    for syntax in (IMPLICIT, EXPLICIT, BIG)
}


def ended(content, **options):
    """Return how it ends: a refusal code, a cause, or `clean`; where it is not clean nothing is written."""
    try:
        outcome, output = deidentified(content, **options)
    except Refused as refused:
        return refused.code
    if outcome.cause is not None:
        assert output == b""
        assert outcome.detail.endswith(".")
        return outcome.cause.value
    return "clean"


def nested(depth, *, syntax=EXPLICIT, has_length):
    item = data_set({0x00080060: ("CS", "CT")}, syntax)
    for _ in range(depth):
        if has_length:
            item = element(0x00081140, "SQ", [item], syntax)
        else:
            opening = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
            item = opening + item + b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    head = {tag: value for tag, value in ct().items() if tag < 0x00081140}
    tail = {tag: value for tag, value in ct().items() if tag > 0x00081140}
    return part10(data_set(head, syntax) + item + data_set(tail, syntax), syntax)


@pytest.mark.parametrize("has_length", [True, False])
def test_500_nested_sequences_are_too_deep(has_length):
    assert ended(nested(500, has_length=has_length)) == "too_deep"
    assert ended(nested(64, has_length=has_length)) == "clean"


def test_private_sequences_are_no_way_around_the_depth():
    content = nested(500, has_length=False).replace(b"\x08\x00\x40\x11SQ", b"\x09\x00\x40\x11SQ")
    assert ended(content) == "too_deep"


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_a_file_cut_anywhere_is_refused_or_held_back(syntax):
    content = FILES[syntax]
    assert ended(content) == "clean"
    ends = [ended(content[:length]) for length in range(len(content))]
    whole_elements = content.rindex(element(0x7FE00010, "OW", bytes(range(32)), syntax))
    last_needed = content.rindex(element(0x00280002, "US", 1, syntax))
    assert [length for length, end in enumerate(ends[:last_needed]) if end == "clean"] == []
    assert [length for length, end in enumerate(ends) if end == "clean"][-1] == whole_elements
    assert set(ends) == {"clean", "not_dicom", "deidentification_failed"}


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    syntax=st.sampled_from([IMPLICIT, EXPLICIT, BIG]),
    changes=st.lists(st.tuples(st.integers(132, 2000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 2000),
)
def test_changed_bytes_never_raise_anything_else(syntax, changes, cut):
    content = bytearray(FILES[syntax])
    for position, byte in changes:
        content[position % len(content)] = byte
    assert ended(bytes(content)) in {
        "clean",
        "not_dicom",
        "too_large",
        "too_deep",
        "deidentification_failed",
        "identity_suspected",
        "pixels_unproven",
    }
    ended(bytes(content[:cut]))


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300))
def test_random_bytes_never_raise_anything_else(body):
    ended(body)
    ended(part10(body))
    ended(part10(data_set(ct(x7FE00010=None)) + body))


def test_a_value_longer_than_the_file_is_held_back():
    for length in (1_000, 0xFFFFFFF0):
        content = ct_file(x7FE00010=None) + b"\xe0\x7f\x10\x00OW\0\0" + struct.pack("<L", length) + bytes(100)
        assert ended(content) == "deidentification_failed"


def test_an_item_longer_than_its_sequence_is_held_back():
    item = b"\xfe\xff\x00\xe0" + struct.pack("<L", 500)
    assert ended(ct_file(x00081140=("SQ", item + bytes(20)))) == "deidentification_failed"


def test_a_private_sequence_that_cannot_be_followed_is_only_removed():
    outcome, output = deidentified(ct_file(x00091001=("SQ", b"Quimby's own format")))
    assert outcome.cause is None
    assert b"Quimby" not in output


def test_a_header_beyond_the_limit_is_too_large():
    content = ct_file(x00282000=("UT", bytes(600_000)))
    assert ended(content, limits=Limits(header_bytes_max=500_000)) == "too_large"
    assert ended(content, limits=Limits(header_bytes_max=700_000)) == "clean"


def test_more_elements_than_the_limit_are_too_large():
    items = [data_set({0x00080060: ("CS", "CT")})] * 1000
    content = ct_file(x00081140=("SQ", items))
    assert ended(content, limits=Limits(elements_max=900)) == "too_large"


def test_elements_out_of_order_are_cleaned_all_the_same():
    parts = [data_set({tag: value}) for tag, value in sorted(ct().items())]
    pixels = parts.pop()
    outcome, output = deidentified(part10(b"".join(reversed(parts)) + pixels))
    assert outcome.cause is None
    assert b"Quimby" not in output
    assert b"HQ-7654321" not in output
    assert output.count(PSEUDONYM.name.encode()) == 2


def test_a_source_that_is_shorter_than_it_says_is_held_back():
    class Shrinking:
        def __init__(self, content):
            self.content, self.position = content, 0

        def seek(self, offset, whence=0):
            self.position = len(self.content) + 4_000_000 if whence == 2 else offset
            return self.position

        def read(self, length):
            piece = self.content[self.position : self.position + length]
            self.position += len(piece)
            return piece

    content = ct_file(x7FE00010=None) + b"\xe0\x7f\x10\x00OW\0\0" + struct.pack("<L", 4_000_000)

    class Sink:
        def write(self, data):
            pass

    outcome = deidentify_instance(Shrinking(content), Sink(), pseudonym=PSEUDONYM)
    assert outcome.cause is AttentionCause.DEIDENTIFICATION_FAILED
    assert outcome.detail == "It is shorter than its own size says."


def test_the_malformed_corpus_is_refused_held_back_or_cleaned(malformed):
    ends = {}
    for path in sorted(malformed.rglob("*.dcm")):
        if path.stat().st_size < 1_000_000:
            ends[path.name] = ended(path.read_bytes(), limits=Limits(inflated_bytes_max=10_000_000))
    assert len(ends) > 300
    assert set(ends.values()) <= {
        "clean",
        "not_dicom",
        "too_large",
        "too_deep",
        "deidentification_failed",
        "identity_suspected",
        "pixels_unproven",
    }
