"""What one parse says of an instance: identity, columns, place and digest, whatever the encoding."""

import hashlib
import io
import json

import pytest
from validate_files import (
    BIG,
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    INSTANCE,
    SERIES,
    STUDY,
    Encoding,
    codes,
    deflated,
    file_meta,
    header_of,
    image,
    instance,
    part10,
)

from cauce.core.limits import Limits
from cauce.core.messages import Attributes, FrameIndex
from cauce.stages.validate import is_directory_record, read_header

PATIENT = [
    (0x00080008, "CS", "ORIGINAL\\PRIMARY"),
    (0x00080020, "DA", "20240131"),
    (0x00080021, "DA", "20240201"),
    (0x00080023, "DA", "20240202"),
    (0x00080030, "TM", "101112.5"),
    (0x00080031, "TM", "1012"),
    (0x00080033, "TM", "101314"),
    (0x00080050, "SH", "A17"),
    (0x00080060, "CS", "CT"),
    (0x00080070, "LO", "Maker"),
    (0x00080080, "LO", "Clinic"),
    (0x00080090, "PN", "House^Gregory"),
    (0x00081010, "SH", "ROOM1"),
    (0x00081030, "LO", " Thorax "),
    (0x0008103E, "LO", "Lung"),
    (0x00100010, "PN", "Doe^John"),
    (0x00100020, "LO", "P1"),
    (0x00100021, "LO", "HOSP"),
    (0x00100030, "DA", "19700101"),
    (0x00100040, "CS", "M"),
    (0x00180015, "CS", "CHEST"),
    (0x00181030, "LO", "Routine"),
    (0x00200010, "SH", "S1"),
    (0x00200011, "IS", "7"),
    (0x00200013, "IS", "-12"),
    (0x00200060, "CS", "L"),
    (0x00280301, "CS", "NO"),
    (0x00400244, "DA", "20240130"),
    (0x00400245, "TM", "090000"),
]
EXPECTED = Attributes(
    image_type="ORIGINAL\\PRIMARY",
    study_date="20240131",
    series_date="20240201",
    content_date="20240202",
    study_time="101112.5",
    series_time="1012",
    content_time="101314",
    accession_number="A17",
    modality="CT",
    manufacturer="Maker",
    institution_name="Clinic",
    referring_physician_name="House^Gregory",
    station_name="ROOM1",
    study_description="Thorax",
    series_description="Lung",
    patient_name="Doe^John",
    patient_id="P1",
    issuer_of_patient_id="HOSP",
    patient_birth_date="19700101",
    patient_sex="M",
    body_part_examined="CHEST",
    protocol_name="Routine",
    study_id="S1",
    series_number=7,
    instance_number=-12,
    laterality="L",
    burned_in_annotation="NO",
    performed_procedure_step_start_date="20240130",
    performed_procedure_step_start_time="090000",
    photometric_interpretation="MONOCHROME2",
    rows=2,
    columns=3,
    number_of_frames=1,
    bits_allocated=16,
    samples_per_pixel=1,
)


@pytest.mark.parametrize("transfer_syntax", [EXPLICIT, IMPLICIT, BIG, DEFLATED])
def test_every_native_encoding_gives_the_same_columns_and_uids(transfer_syntax):
    data = part10(image(*PATIENT), transfer_syntax)
    header = header_of(data)
    assert header.attributes == EXPECTED
    assert (header.sop_class_uid, header.sop_instance_uid) == (CT, INSTANCE)
    assert (header.series_instance_uid, header.study_instance_uid) == (SERIES, STUDY)
    assert header.transfer_syntax_uid == transfer_syntax
    assert header.size_bytes == len(data)
    assert header.dataset_offset == 132 + len(file_meta(transfer_syntax))
    assert header.dataset_sha256 == hashlib.sha256(data[header.dataset_offset :]).digest()
    assert codes(header) == []


def test_the_digest_covers_all_that_follows_the_meta_information_and_nothing_else():
    data = part10(image(), trailing=b"\0" * 7)
    other_meta = part10(image(), meta=file_meta(sop_instance=""), trailing=b"\0" * 7)
    assert header_of(data).dataset_sha256 == header_of(other_meta).dataset_sha256
    assert header_of(data).dataset_sha256 != header_of(part10(image(), trailing=b"\0" * 6)).dataset_sha256


def test_a_file_of_several_chunks_is_hashed_whole_and_its_pixels_found():
    pixels = bytes(range(256)) * 16 * 1024
    data = part10(image(pixels=pixels, vr="OW", rows=2048, columns=1024))
    header = header_of(data)
    assert header.dataset_sha256 == hashlib.sha256(data[header.dataset_offset :]).digest()
    assert header.pixel_offset == len(data) - len(pixels)
    assert header.frames == FrameIndex(encapsulated=False, frames=(((header.pixel_offset, len(pixels)),),))


def test_a_source_that_gives_few_bytes_a_read_is_read_all_the_same():
    class Dripping(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 7) if size >= 0 else 7)

    data = part10(image(*PATIENT))
    header = read_header(Dripping(data), size_bytes=len(data), limits=Limits())
    assert header == header_of(data)


def test_a_source_is_read_from_its_start_wherever_it_stands():
    data = part10(image())
    source = io.BytesIO(data)
    source.seek(50)
    assert read_header(source, size_bytes=len(data), limits=Limits()) == header_of(data)


def test_without_pixels_there_is_neither_offset_nor_frame_index():
    header = header_of(part10(instance((0x00100010, "PN", "Doe^Jane"))))
    assert header.pixel_offset is None
    assert header.frames is None
    assert header.attributes.number_of_frames == 1
    assert header.attributes.rows is None


def test_a_deflated_data_set_counts_offsets_as_if_it_were_stored_inflated():
    plain, packed = header_of(part10(image(*PATIENT))), header_of(part10(image(*PATIENT), DEFLATED))
    shift = packed.dataset_offset - plain.dataset_offset
    assert packed.pixel_offset == plain.pixel_offset + shift
    assert packed.frames == FrameIndex(encapsulated=False, frames=())
    assert json.loads(packed.dicom_json)["7FE00010"]["BulkDataURI"] == f"bulk:{packed.pixel_offset}:12"


@pytest.mark.parametrize(
    ("preamble", "meta", "expected"),
    [
        (b"", file_meta(), ["no_preamble"]),
        (b"DICM", file_meta(), ["no_preamble"]),
        (b"", b"", ["no_preamble", "no_file_meta"]),
        (bytes(128) + b"DICM", b"", ["no_file_meta"]),
    ],
)
def test_preamble_and_meta_information_may_be_missing(preamble, meta, expected):
    data = preamble + meta + Encoding().data_set(image(*PATIENT))
    header = header_of(data)
    assert header.attributes == EXPECTED
    assert header.transfer_syntax_uid == EXPLICIT
    assert header.dataset_offset == len(preamble) + len(meta)
    assert codes(header) == expected


@pytest.mark.parametrize(
    ("encoding", "found"),
    [(Encoding(), EXPLICIT), (Encoding(implicit=True), IMPLICIT), (Encoding(big=True), BIG)],
)
def test_without_meta_information_the_first_element_tells_the_encoding(encoding, found):
    header = header_of(encoding.data_set(image(*PATIENT)))
    assert header.transfer_syntax_uid == found
    assert header.attributes == EXPECTED


@pytest.mark.parametrize("said", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize(
    ("encoding", "found"),
    [(Encoding(), EXPLICIT), (Encoding(implicit=True), IMPLICIT), (Encoding(big=True), BIG)],
)
def test_the_data_set_is_believed_before_its_meta_information(said, encoding, found):
    header = header_of(part10(image(*PATIENT), said, encoding=encoding))
    assert header.transfer_syntax_uid == found
    assert header.attributes == EXPECTED
    assert codes(header) == ([] if said == found else ["transfer_syntax_mismatch"])


@pytest.mark.parametrize("encoding", [Encoding(), Encoding(implicit=True)])
def test_a_data_set_that_says_deflated_and_is_not_is_read_as_it_is(encoding):
    data = bytes(128) + b"DICM" + file_meta(DEFLATED) + encoding.data_set(image(*PATIENT))
    header = header_of(data)
    assert header.transfer_syntax_uid == (IMPLICIT if encoding.implicit else EXPLICIT)
    assert header.attributes == EXPECTED
    assert codes(header) == ["transfer_syntax_mismatch"]


@pytest.mark.parametrize("encoding", [Encoding(), Encoding(implicit=True)])
def test_native_pixels_under_a_compressed_transfer_syntax_get_the_native_one(encoding):
    header = header_of(part10(image(), "1.2.840.10008.1.2.4.50", encoding=encoding))
    assert header.transfer_syntax_uid == (IMPLICIT if encoding.implicit else EXPLICIT)
    assert header.frames.encapsulated is False
    assert codes(header) == ["transfer_syntax_mismatch"]


@pytest.mark.parametrize("nonsense", ["", "Doe^John", "1.2.840.10008.1.2.1.a", "1" * 65])
def test_a_transfer_syntax_that_is_no_uid_is_not_passed_on(nonsense):
    header = header_of(part10(instance(), meta=file_meta(nonsense)))
    assert header.transfer_syntax_uid == EXPLICIT
    assert codes(header) == ["transfer_syntax_unknown" if nonsense else "file_meta_incomplete"]


def test_an_unknown_transfer_syntax_stays_when_there_are_no_pixels_to_deny_it():
    header = header_of(part10(instance(), "1.2.3.4"))
    assert header.transfer_syntax_uid == "1.2.3.4"


def test_meta_information_with_implicit_vr_is_understood():
    meta = Encoding(implicit=True).element(0x00020010, "UI", IMPLICIT)
    header = header_of(part10(image(), IMPLICIT, meta=meta))
    assert header.transfer_syntax_uid == IMPLICIT
    assert codes(header) == ["file_meta_incomplete"]


def test_meta_information_of_any_length_up_to_a_megabyte_is_read():
    private = Encoding().element(0x00020102, "OB", bytes(900_000))
    header = header_of(part10(image(), meta=file_meta() + private))
    assert header.sop_instance_uid == INSTANCE


def test_storage_classes_that_nobody_knows_are_taken():
    for sop_class in ("1.2.3.4.5", "1.2.840.113619.4.30", "1.2.840.10008.5.1.4.1.1.40", "1.2.840.10008.5.1.4.1.1.66"):
        assert header_of(part10(instance(sop_class=sop_class))).sop_class_uid == sop_class


def test_uids_are_read_without_their_padding():
    header = header_of(part10(instance(sop_instance=b"2.25.7 \0 ", study=b"2.25.8\0\0\0\0")))
    assert (header.sop_instance_uid, header.study_instance_uid) == ("2.25.7", "2.25.8")


@pytest.mark.parametrize(
    ("vr", "value", "number"),
    [
        ("IS", "3", 3),
        ("IS", " +03 ", 3),
        ("IS", "3\\4", 3),
        ("IS", "3.0", 3),
        ("IS", "3.5", None),
        ("IS", "", None),
        ("IS", "three", None),
        ("IS", "1_0", None),
        ("IS", "٣".encode(), None),
        ("IS", "99999999999", None),
        ("IS", "1e999", None),
        ("DS", "3.0", 3),
        ("US", 3, 3),
        ("SL", -3, -3),
        ("US", b"", None),
        ("US", b"\3", None),
    ],
)
def test_numbers_that_a_column_cannot_hold_are_left_out(vr, value, number):
    assert header_of(part10(instance((0x00200013, vr, value)))).attributes.instance_number == number


def test_only_the_top_level_fills_columns():
    nested = [(0x00100010, "PN", "Nested^Name"), (0x00080018, "UI", "2.25.999")]
    header = header_of(part10(instance((0x00081140, "SQ", [nested]))))
    assert header.attributes.patient_name == ""
    assert header.sop_instance_uid == INSTANCE


def test_of_repeated_elements_the_last_counts_in_columns_and_json():
    repeated = [*instance((0x00100020, "LO", "first")), (0x00100020, "LO", "second")]
    header = header_of(part10(repeated))
    assert header.attributes.patient_id == "second"
    assert json.loads(header.dicom_json)["00100020"]["Value"] == ["second"]


def test_a_public_element_sent_as_unknown_is_read_with_its_dictionary_vr():
    header = header_of(part10(instance((0x00100020, "UN", b"P1"), (0x00280010, "UN", b"\2\0"))))
    assert (header.attributes.patient_id, header.attributes.rows) == ("P1", 2)
    assert json.loads(header.dicom_json)["00100020"] == {"vr": "LO", "Value": ["P1"]}


def test_an_unknown_value_in_a_big_endian_data_set_stays_unknown():
    header = header_of(part10(instance((0x00189073, "UN", b"\0\0\0\0\0\0\xf0\x3f")), BIG))
    assert json.loads(header.dicom_json)["00189073"] == {"vr": "UN", "InlineBinary": "AAAAAAAA8D8="}


def test_a_dicomdir_is_told_from_its_first_bytes():
    directory = "1.2.840.10008.1.3.10"
    assert is_directory_record(bytes(128) + b"DICM" + file_meta(sop_class=directory))
    assert is_directory_record(bytes(128) + b"DICM" + file_meta(sop_class="") + b"\4\0\x30\x11CS\0\0")
    assert not is_directory_record(part10(image())[:1024])
    assert not is_directory_record(b"")
    assert not is_directory_record(bytes(128) + b"DICM" + b"\2\0\x10\0UI\xff\xff")


def test_trailing_bytes_of_a_deflated_stream_count_in_the_digest_only():
    data = bytes(128) + b"DICM" + file_meta(DEFLATED) + deflated(Encoding().data_set(image())) + b"tail"
    header = header_of(data)
    assert header.dataset_sha256 == hashlib.sha256(data[header.dataset_offset :]).digest()
    assert codes(header) == []


@pytest.mark.parametrize(
    ("date", "time", "told"),
    [
        ("1999.05.24", "11:42:21", ("19990524", "114221")),
        ("1999.05.24", "11:42", ("19990524", "1142")),
        ("19990524", "11:42:21.5", ("19990524", "114221.5")),
        ("1999.5.24", "11:42:2", ("1999.5.24", "11:42:2")),
    ],
)
def test_dates_and_times_in_the_old_form_are_told_in_todays(date, time, told):
    attributes = header_of(part10([*image(), (0x00080020, "DA", date), (0x00080030, "TM", time)])).attributes
    assert (attributes.study_date, attributes.study_time) == told
