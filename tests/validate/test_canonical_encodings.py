"""The canonical digest of one data set is the same in whatever encoding it arrives."""

import io
import struct
import tracemalloc

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from validate_files import (
    BIG,
    CODE,
    DEFLATED,
    ENCODINGS,
    EXPLICIT,
    IMPLICIT,
    RICH,
    SUBJECT,
    UNDEFINED,
    Encoding,
    data_sets,
    digest_of,
    file_meta,
    image,
    instance,
    part10,
)

from cauce.core.errors import Refused
from cauce.core.limits import Limits
from cauce.stages.validate import canonical_digest

EXPECTED = digest_of(part10(SUBJECT))


def test_the_digest_is_a_sha256_and_stays_what_it_was():
    """Stored duplicates are judged by it for years: a change of this value needs a reason and a new version."""
    assert digest_of(part10(image())).hex() == "dc55c76760e9fa13024c234d1fed1f33bc47dbf8ce64666fcc6e754cef420496"


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("group_lengths", [True, False])
@pytest.mark.parametrize("transfer_syntax", [EXPLICIT, IMPLICIT, BIG, DEFLATED])
def test_vr_byte_order_lengths_and_deflation_do_not_count(transfer_syntax, group_lengths, undefined):
    given_encoding = ENCODINGS[transfer_syntax]
    encoding = Encoding(
        implicit=given_encoding.implicit,
        big=given_encoding.big,
        undefined_lengths=undefined,
        group_lengths=group_lengths,
    )
    assert digest_of(part10(SUBJECT, transfer_syntax, encoding=encoding)) == EXPECTED


@pytest.mark.parametrize("undefined", [True, False])
def test_sequences_sent_as_unknown_are_sequences(undefined):
    encoding = Encoding(sequences_as_unknown=True, undefined_lengths=undefined)
    assert digest_of(part10(SUBJECT, encoding=encoding)) == EXPECTED


def test_elements_sent_as_unknown_count_by_their_bytes():
    unknown = [(tag, vr if vr == "SQ" else "UN", Encoding().value(vr, value)) for tag, vr, value in RICH if vr != "SQ"]
    known = [element for element in RICH if element[1] != "SQ"]
    assert digest_of(part10(instance(*unknown))) == digest_of(part10(instance(*known)))
    assert digest_of(part10(instance(*unknown), BIG)) == digest_of(part10(instance(*known), BIG))


def test_preamble_meta_information_and_trailing_bytes_do_not_count():
    data = Encoding().data_set(SUBJECT)
    assert digest_of(data) == EXPECTED
    assert digest_of(b"x" * 128 + b"DICM" + file_meta(sop_instance="2.25.9") + data) == EXPECTED
    assert digest_of(part10(SUBJECT, trailing=bytes(64))) == EXPECTED
    assert digest_of(part10([*SUBJECT, (0xFFFCFFFC, "OB", bytes(500))])) == EXPECTED


def test_order_and_repetition_do_not_count():
    assert digest_of(part10(SUBJECT[::-1])) == EXPECTED
    assert digest_of(part10([*SUBJECT, SUBJECT[3], SUBJECT[3]])) == EXPECTED


def test_repeated_elements_that_differ_count_all():
    first, second = (0x00100020, "LO", "P1"), (0x00100020, "LO", "P2")
    both = digest_of(part10([*instance(), first, second]))
    assert both == digest_of(part10([*instance(), second, first]))
    assert both != digest_of(part10([*instance(), first]))
    assert both != digest_of(part10([*instance(), second]))


@pytest.mark.parametrize(
    ("tag", "vr", "one", "other"),
    [
        (0x00100020, "LO", b"P1", b"P1  "),
        (0x00100020, "LO", b"P1\0\0", b" P1 "),
        (0x00100020, "LO", b"", b"    "),
        (0x00100020, "LO", b"P1\\P2", b"P1 \\P2  "),
        (0x00100010, "PN", b"Doe^John", b"Doe^John^^^==  "),
        (0x00100010, "PN", b"\x1b$)C\xfb\xf3", b"\x1b$)C\xfb\xf3\x1b(B "),
        (0x00080060, "CS", b"CT", b" CT "),
        (0x00101030, "DS", b"71.5", b" 71.5 "),
        (0x00200013, "IS", b"7 ", b"  7 "),
        (0x00080020, "DA", b"20240131", b"20240131  "),
        (0x00081155, "UI", b"2.25.1", b"2.25.1\0\0"),
        (0x00081155, "UI", b"2.25.1", b"2.25.1  "),
        (0x00104000, "LT", b"text", b"text    "),
        (0x0040A160, "UT", b"text\r\n", b"text\r\n \0"),
        (0x00091001, "ST", b"private text", b"private text          "),
        (0x00091001, "LO", b"odd", b"odd "),
        (0x00091001, "OB", b"\1\2\3", b"\1\2\3\0"),
        (0x00091001, "LO", b"    ", b""),
        (0x00420011, "OB", b"%PDF\n", b"%PDF\n\0"),
        (0x00091001, "SQ", [], b""),
    ],
)
@pytest.mark.parametrize("transfer_syntax", [EXPLICIT, IMPLICIT])
def test_padding_does_not_count(tag, vr, one, other, transfer_syntax):
    if transfer_syntax == IMPLICIT and vr == "LO" and one == b"odd":
        one = b"odd "  # Implicit VR says nothing of text, so a writer can only have padded it already
    padded = part10(instance((tag, vr if other else "UN", other)), transfer_syntax)
    assert digest_of(part10(instance((tag, vr, one)), transfer_syntax)) == digest_of(padded)


def test_values_that_are_too_long_to_be_held_inline_count_the_same():
    long = [
        (0x00091001, "US", tuple(range(32000))),
        (0x00091002, "OW", tuple(range(3000))),
        (0x00091003, "LT", "private text " * 1000 + " " * 700),
        (0x00104000, "LT", "public text " * 5000 + " " * 100),
        (0x0040A160, "UT", "public text " * 200_000),
    ]
    trimmed = [(tag, vr, value.rstrip() if vr in {"LT", "UT"} else value) for tag, vr, value in long]
    files = [
        part10(instance(*elements), transfer_syntax)
        for elements in (long, trimmed)
        for transfer_syntax in (EXPLICIT, IMPLICIT, DEFLATED)
    ]
    assert len({digest_of(data) for data in files}) == 1


def test_values_longer_than_sixteen_megabytes_are_streamed():
    words = bytes(range(256)) * (70 << 10)
    swapped = bytes(range(256))[1::2], bytes(range(256))[::2]
    big = bytes(byte for pair in zip(*swapped, strict=True) for byte in pair) * (70 << 10)
    little = part10(instance((0x00091001, "OW", words)))
    assert digest_of(part10(instance((0x00091001, "OW", big)), BIG)) == digest_of(little)
    assert digest_of(part10(instance((0x00091001, "UN", words)), IMPLICIT)) == digest_of(little)
    assert digest_of(part10(instance((0x00091001, "OW", words[:-1] + b"\0")))) != digest_of(little)


def test_a_long_private_sequence_is_a_sequence_in_implicit_vr_too():
    items = [[(0x00091006, "OB", bytes([i % 256]) * 1000)] for i in range(2000)]
    elements = instance((0x00091005, "SQ", items))
    files = [
        part10(elements, transfer_syntax, encoding=Encoding(implicit=implicit, undefined_lengths=undefined))
        for transfer_syntax, implicit in ((EXPLICIT, False), (IMPLICIT, True))
        for undefined in (True, False)
    ]
    assert len({digest_of(data) for data in files}) == 1


def test_bytes_that_only_begin_like_items_are_bytes():
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 100) + b"not an item"
    explicit = part10(instance((0x00091001, "OB", item)))
    assert digest_of(part10(instance((0x00091001, "UN", item + b"\0")), IMPLICIT)) == digest_of(explicit)
    assert digest_of(part10(instance((0x00091001, "OB", item[:-1] + b"?")))) != digest_of(explicit)


def test_nesting_of_unknown_sequences_ends_at_the_limit_without_an_error():
    value = b""
    for _ in range(200):
        value = struct.pack("<HHL", 0x0009, 0x1001, len(value)) + value
        value = struct.pack("<HHL", 0xFFFE, 0xE000, len(value)) + value
    assert len(digest_of(part10(instance((0x00091001, "UN", value))))) == 32


def test_an_item_of_undefined_length_inside_an_unknown_value_is_read():
    content = Encoding(implicit=True, undefined_lengths=True)
    items = content.item(CODE, undefined=True)
    unknown = part10(instance((0x00091005, "UN", items)))
    assert digest_of(unknown) == digest_of(part10(instance((0x00091005, "SQ", [CODE]))))
    assert UNDEFINED.to_bytes(4, "little") in items


def test_what_pydicom_writes_anew_is_the_same():
    ds = pydicom.dcmread(io.BytesIO(part10(SUBJECT)))
    for element in ds.iterall():
        assert element.tag
    for implicit in (True, False):
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, ds, implicit_vr=implicit, little_endian=True, force_encoding=True)
        assert digest_of(buffer.getvalue()) == EXPECTED


def test_refusals_are_those_of_the_header():
    data = part10(SUBJECT)
    for broken, code in ((data[:-1], "truncated"), (b"GIF89a" * 40, "not_dicom"), (b"", "not_dicom")):
        with pytest.raises(Refused) as refused:
            digest_of(broken)
        assert refused.value.code == code
    with pytest.raises(Refused) as refused:
        canonical_digest(io.BytesIO(data), size_bytes=len(data), limits=Limits(instance_bytes_max=9), decode=None)
    assert refused.value.code == "too_large"


def test_a_source_that_is_shorter_than_it_claims_is_truncated():
    data = part10(image(rows=2000, columns=1000, pixels=bytes(4_000_000)))
    for kept in (len(data) - 2, 2_000_000):
        with pytest.raises(Refused) as refused:
            canonical_digest(io.BytesIO(data[:kept]), size_bytes=len(data), limits=Limits(), decode=None)
        assert refused.value.code == "truncated"


def test_large_pixels_are_not_held():
    data = part10(image(rows=8000, columns=4000, pixels=bytes(64_000_000)))
    source = io.BytesIO(data)
    tracemalloc.start()
    canonical_digest(source, size_bytes=len(data), limits=Limits(), decode=None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


@given(data_sets(), st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_data_set_has_one_digest_in_all_encodings(elements, undefined, group_lengths):
    files = [
        part10(
            instance(*elements),
            transfer_syntax,
            encoding=Encoding(
                implicit=transfer_syntax == IMPLICIT,
                big=transfer_syntax == BIG,
                undefined_lengths=undefined,
                group_lengths=group_lengths,
            ),
        )
        for transfer_syntax in (EXPLICIT, IMPLICIT, BIG, DEFLATED)
    ]
    assert {digest_of(data) for data in files} == {digest_of(part10(instance(*elements)))}
