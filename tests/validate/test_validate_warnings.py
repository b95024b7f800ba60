"""What is irregular and taken all the same: each warning, by its code, and never for what is regular."""

import re
import struct

import pytest
from validate_files import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    OF_THE_IOD,
    UNDEFINED,
    Encapsulated,
    Encoding,
    described,
    file_meta,
    header_of,
    image,
    instance,
    part10,
)

from cauce.stages.validate import EXPLANATIONS

CODES = set(EXPLANATIONS)
JPEG_FRAME = b"\xff\xd8" + bytes(6)


def codes(header):
    return [warning.code for warning in header.warnings]


def in_fragments(*items, table=b"", **more):
    return part10(image(pixels=Encapsulated((table, *items)), vr="OB", **more), JPEG)


def raw(tag, tail):
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + tail


def with_preamble(start):
    return start.ljust(128, b"\0") + part10(image())[128:]


IRREGULAR = {
    "preamble_executable": [
        *[
            with_preamble(start)
            for start in (
                b"MZ\x90\0",
                b"\x7fELF\2",
                b"#!/bin/sh\n",
                b"\xcf\xfa\xed\xfe",
                b"\xca\xfe\xba\xbe",
                b"@echo off",
            )
        ],
    ],
    "preamble_document": [
        *[
            with_preamble(start)
            for start in (
                b"%PDF-1.7",
                b"junk %PDF-",
                b"PK\3\4",
                b"<html><script>",
                b"\n<!DOCTYPE html>",
                b"\xd0\xcf\x11\xe0",
            )
        ],
        with_preamble(b"{\\rtf1"),
        with_preamble(b'{"a": true}'),
    ],
    "preamble_used": [with_preamble(b"Somebody's viewer"), with_preamble(b"\0\0\0\1"), with_preamble(b"II*x")],
    "charset_doubtful": [
        part10(instance((0x00080005, "CS", "ISO_IR 100"), (0x00100010, "PN", "Müller^Jürgen".encode()))),
    ],
    "codestream_mismatch": [
        in_fragments(b"\xff\x4f\xff\x51" + bytes(4)),
        part10(image(pixels=Encapsulated((b"", JPEG_FRAME)), vr="OB"), "1.2.840.10008.1.2.4.90"),
        part10(image(pixels=Encapsulated((b"", JPEG_FRAME)), vr="OB"), "1.2.840.10008.1.2.5"),
    ],
    "file_meta_incomplete": [
        part10(image(), meta=file_meta("")),
        part10(image(), meta=file_meta(sop_class="")),
        part10(image(), meta=file_meta()[12:]),
    ],
    "file_meta_length_wrong": [part10(image(), meta=file_meta()[:8] + bytes(4) + file_meta()[12:])],
    "frame_too_large": [
        in_fragments(JPEG_FRAME, rows=65535, columns=65535),
    ],
    "frames_surplus": [in_fragments(JPEG_FRAME, JPEG_FRAME, frames=1)],
    "number_of_frames_irregular": [
        part10(image((0x00280008, "IS", "0"))),
        part10(image((0x00280008, "IS", "-3"))),
        part10(image((0x00280008, "IS", "many"))),
    ],
    "pixels_irregular": [
        part10(image((0x00280101, "US", 17))),
        part10(image((0x00280101, "US", 0))),
        part10(image((0x00280102, "US", 16))),
        part10(image((0x00280103, "US", 2))),
        part10(image(pixels=b"", rows=0)),
        part10(image(pixels=b"", columns=0)),
        part10(image(bits=7)),
        part10(image(samples=2, pixels=(0,) * 12)),
    ],
    "transfer_syntax_mismatch": [
        part10(image(), IMPLICIT, encoding=Encoding()),
        part10(image(), BIG, encoding=Encoding()),
        part10(image(), JPEG),
        part10(image(pixels=(1, 2, 3, 4, 5, 6, 7)), JPEG),
        part10(image(pixels=Encapsulated((b"", JPEG_FRAME)), vr="OB"), EXPLICIT),
    ],
    "transfer_syntax_unknown": [part10(image(), "1.2.3.4.5.6.7"), part10(image(), "1.2.840.10008.1.2.999")],
    "type1_missing": [part10(instance())],
    "type1_empty": [part10(instance((0x00080060, "CS", "")))],
    "type1c_missing": [
        part10(image(samples=3, photometric="RGB", bits=8, pixels=bytes(18), vr="OB")),
        part10(image(photometric="PALETTE COLOR")),
        part10(image((0x00281050, "DS", "40"))),
        part10(image((0x00281052, "DS", "0"))),
        part10(instance(*described())),
    ],
    "type2_missing": [part10(instance())],
    "uid_repeated": [part10(instance(series="2.25.101")), part10(instance(sop_instance="2.25.101"))],
    "uid_of_standard": [part10(instance(study="1.2.840.10008.1.2.3"))],
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
TAG = re.compile(r"\([0-9A-F]{4},[0-9A-F]{4}\)")
CASES = [(code, data) for code, files in IRREGULAR.items() for data in files]


def test_every_warning_has_a_case():
    assert set(IRREGULAR) == CODES


@pytest.mark.parametrize(("code", "data"), CASES, ids=[code for code, _ in CASES])
def test_an_irregular_file_is_taken_with_its_warning(code, data):
    found = codes(header_of(data))
    assert code in found
    assert set(found) <= CODES
    assert len(found) == len(set(found))


@pytest.mark.parametrize(("code", "data"), CASES, ids=[code for code, _ in CASES])
def test_no_warning_repeats_a_value(code, data):
    for warning in header_of(data).warnings:
        assert warning.detail.isascii()
        told = (
            TAG.sub("", warning.detail)
            .replace("UTF-8", "")
            .replace("(type 1)", "")
            .replace("(type 1C)", "")
            .replace("(type 2)", "")
        )
        assert not any(character.isdigit() for character in told)


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
    assert sorted(set(codes(header_of(data))) - OF_THE_IOD) == []


@pytest.mark.parametrize("start", [b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0", b"MM\0+"])
def test_a_preamble_of_zeros_or_of_tiff_is_silent(start):
    assert sorted(set(codes(header_of(with_preamble(start)))) - OF_THE_IOD) == []


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 101", "ISO_IR 148", "ISO_IR 203"])
def test_latin_text_of_latin_letters_is_not_doubted(charset):
    name = b"M\xfcller^J\xfcrgen Stra\xdfe \xe9t\xe9"
    data = part10(instance((0x00080005, "CS", charset), (0x00100010, "PN", name)))
    assert sorted(set(codes(header_of(data))) - OF_THE_IOD) == []


def test_an_item_of_undefined_length_may_end_with_its_sequence():
    body = raw(0x00081140, b"SQ\0\0" + struct.pack("<L", UNDEFINED)) + raw(0xFFFEE000, struct.pack("<L", UNDEFINED))
    data = part10(instance(), trailing=body + raw(0xFFFEE0DD, bytes(4)) + Encoding().element(0x00100020, "LO", "P1"))
    assert header_of(data).attributes.patient_id == "P1"
