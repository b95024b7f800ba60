"""What is irregular and taken all the same: each warning, by its code, and never for what is regular."""

import struct

import pytest
from validate_files import (
    EXPLICIT,
    IMPLICIT,
    JPEG,
    UNDEFINED,
    Encapsulated,
    Encoding,
    codes,
    file_meta,
    header_of,
    image,
    instance,
    part10,
)

CODES = {
    "charset_unknown",
    "delimiter_irregular",
    "delimiter_missing",
    "elements_disordered",
    "file_meta_mismatch",
    "frames_missing",
    "frames_not_indexed",
    "no_file_meta",
    "no_preamble",
    "odd_length",
    "offset_table_wrong",
    "pixel_data_longer",
    "pixels_undescribed",
    "text_undecodable",
    "trailing_bytes",
    "uid_irregular",
    "vr_irregular",
}
JPEG_FRAME = b"\xff\xd8" + bytes(6)


def in_fragments(*items, table=b"", **more):
    return part10(image(pixels=Encapsulated((table, *items)), vr="OB", **more), JPEG)


def raw(tag, tail):
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + tail


IRREGULAR = {
    "charset_unknown": [
        part10(instance((0x00080005, "CS", "ISO_IR 999"))),
        part10(instance((0x00080005, "CS", "ISO_IR 100\\KOI8-R"))),
    ],
    "text_undecodable": [
        part10(instance((0x00100010, "PN", b"M\xfcller"))),
        part10(instance((0x00080005, "CS", "ISO_IR 192"), (0x00100010, "PN", b"M\xfcller"))),
        part10(instance((0x00080005, "CS", "\\ISO 2022 IR 87"), (0x00100010, "PN", b"\x1b$B\x7e\x7e\x1b(B"))),
    ],
    "delimiter_irregular": [
        part10(instance(), trailing=raw(0xFFFEE00D, bytes(4))),
        part10(instance(), trailing=raw(0xFFFEE0DD, bytes(4))),
        part10(instance(), trailing=raw(0x0040A730, b"SQ\0\0\x08\0\0\0") + raw(0xFFFEE0DD, bytes(4))),
        part10(
            instance(),
            trailing=raw(0x0040A730, b"SQ\0\0\xff\xff\xff\xff")
            + raw(0xFFFEE000, b"\xff\xff\xff\xff")
            + raw(0xFFFEE0DD, bytes(4)),
        ),
    ],
    "delimiter_missing": [
        part10(image(pixels=Encapsulated((b"", JPEG_FRAME), with_delimiter=False), vr="OB"), JPEG),
    ],
    "elements_disordered": [
        part10([*instance(), (0x00100020, "LO", "P1")]),
        part10([*instance(), (0x0020000E, "UI", "2.25.102")]),
        part10(instance((0x00081140, "SQ", [[(0x00081155, "UI", "2.25.1"), (0x00081150, "UI", "2.25.1")]]))),
    ],
    "file_meta_mismatch": [
        part10(image(), meta=file_meta(sop_instance="2.25.999")),
        part10(image(), meta=file_meta(sop_class="1.2.840.10008.5.1.4.1.1.4")),
        part10(image(), meta=file_meta("")),
        part10(image(), IMPLICIT, encoding=Encoding()),
        part10(image(), JPEG),
        part10(image(pixels=(1, 2, 3, 4, 5, 6, 7)), JPEG),
        part10(image(pixels=Encapsulated((b"", JPEG_FRAME)), vr="OB"), EXPLICIT),
    ],
    "frames_missing": [in_fragments(JPEG_FRAME, JPEG_FRAME, frames=3)],
    "frames_not_indexed": [
        part10(image(pixels=b"\xff\1\3\0", vr="OB", bits=1, rows=3, columns=3, frames=2)),
        in_fragments(JPEG_FRAME, b"ab", b"cd", frames=2),
        part10(image(pixels=b"", rows=0)),
    ],
    "no_file_meta": [Encoding().data_set(image())],
    "no_preamble": [file_meta() + Encoding().data_set(image())],
    "odd_length": [part10(instance((0x00100020, "LO", b"ABC")))],
    "offset_table_wrong": [
        in_fragments(JPEG_FRAME, JPEG_FRAME, table=struct.pack("<2L", 0, 12), frames=2),
        in_fragments(JPEG_FRAME, JPEG_FRAME, table=struct.pack("<2L", 8, 16), frames=2),
        in_fragments(JPEG_FRAME, JPEG_FRAME, table=struct.pack("<2L", 16, 0), frames=2),
        in_fragments(JPEG_FRAME, JPEG_FRAME, table=struct.pack("<3L", 0, 16, 32), frames=2),
        in_fragments(JPEG_FRAME, JPEG_FRAME, table=b"\0\0\0", frames=2),
    ],
    "pixel_data_longer": [part10(image(pixels=(1, 2, 3, 4, 5, 6, 7)))],
    "pixels_undescribed": [part10(instance((0x7FE00010, "OW", (1, 2))))],
    "trailing_bytes": [
        part10(image(), trailing=bytes(100)),
        part10(image(), trailing=b"\r\n"),
        part10(image(), IMPLICIT, trailing=bytes(100)),
        part10(image(), trailing=b"PK\3\4 and an archive behind the picture"),
    ],
    "uid_irregular": [part10(instance(sop_instance="2.25.007"))],
    "vr_irregular": [
        part10(instance(), trailing=raw(0x00280010, b"\x02\0\0\0\x01\0")),
        part10(instance(), trailing=raw(0x00290010, b"ZZ\x02\0ab")),
        part10(instance(), trailing=raw(0x00290010, b"ZZ\0\0\x02\0\0\0ab")),
    ],
}
CASES = [(code, data) for code, files in IRREGULAR.items() for data in files]


def test_every_warning_has_a_case():
    assert set(IRREGULAR) == CODES


@pytest.mark.parametrize(("code", "data"), CASES, ids=[code for code, _ in CASES])
def test_an_irregular_file_is_taken_with_its_warning(code, data):
    header = header_of(data)
    assert code in codes(header)
    assert set(codes(header)) <= CODES
    assert len(codes(header)) == len(set(codes(header)))


@pytest.mark.parametrize(("code", "data"), CASES, ids=[code for code, _ in CASES])
def test_no_warning_repeats_a_value(code, data):
    for warning in header_of(data).warnings:
        assert warning.detail.isascii()
        assert not any(character.isdigit() for character in warning.detail)


@pytest.mark.parametrize(
    "data",
    [
        part10(image()),
        part10(image((0xFFFCFFFC, "OB", bytes(100)))),
        part10(image(), encoding=Encoding(undefined_lengths=True, group_lengths=True)),
        part10(image(rows=3, columns=3, bits=8, pixels=bytes(10), vr="OB")),
        in_fragments(JPEG_FRAME),
        in_fragments(JPEG_FRAME, JPEG_FRAME, table=struct.pack("<2L", 0, 16), frames=2),
        part10(image(pixels=Encapsulated((b"", b"mpeg")), vr="OB", frames=900), "1.2.840.10008.1.2.4.100"),
        part10(instance((0x00081140, "SQ", []), (0x00081145, "SQ", [[]]))),
        part10(instance((0x00080005, "CS", "ISO_IR 192"), (0x00100010, "PN", "Müller^Jürgen"))),
    ],
)
def test_what_is_regular_has_no_warning(data):
    assert codes(header_of(data)) == []


def test_an_item_of_undefined_length_may_end_with_its_sequence():
    body = raw(0x00081140, b"SQ\0\0" + struct.pack("<L", UNDEFINED)) + raw(0xFFFEE000, struct.pack("<L", UNDEFINED))
    data = part10(instance(), trailing=body + raw(0xFFFEE0DD, bytes(4)) + Encoding().element(0x00100020, "LO", "P1"))
    assert header_of(data).attributes.patient_id == "P1"
