"""Every refusal, with the code that scripts rely on."""

import dataclasses
import io
import struct

import pytest
from validate_files import (
    BIG,
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    UNDEFINED,
    Encapsulated,
    Encoding,
    file_meta,
    header_of,
    image,
    instance,
    part10,
)

from cauce.core.errors import Refused
from cauce.core.limits import Limits
from cauce.stages.validate import read_header

HEAD = bytes(128) + b"DICM"


def refusal_of(data, **limits):
    with pytest.raises(Refused) as refused:
        header_of(data, Limits(**limits))
    return refused.value.code, refused.value.detail


def nested(depth, **more):
    items = [(0x00080100, "SH", "X")]
    for _ in range(depth):
        items = [(0x00081140, "SQ", [items])]
    return part10(instance(*items), **more)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        bytes(132),
        b"PK\3\4" + bytes(200),
        b"<html>" * 40,
        b"\x89PNG\r\n\x1a\n" + bytes(300),
        b'{"00080018": {"vr": "UI"}}' * 9,
        bytes(64) + b"DICM" + bytes(200),
        HEAD + file_meta("") + b"\xff" * 64,
        HEAD + b"\xff" * 64,
    ],
)
def test_what_begins_like_nothing_of_dicom_is_not_dicom(data):
    assert refusal_of(data)[0] == "not_dicom"


@pytest.mark.parametrize("tail", [1, 3, 4, 6, 8, 10, 12, 14, 20])
@pytest.mark.parametrize("transfer_syntax", [EXPLICIT, IMPLICIT, BIG])
def test_a_file_cut_in_its_last_element_is_truncated(transfer_syntax, tail):
    data = part10(image((0x7FE10010, "LO", "Doe, John")), transfer_syntax)
    assert refusal_of(data[:-tail])[0] in {"truncated", "pixel_length_mismatch"}


def test_a_cut_value_a_cut_header_and_a_cut_meta_information_are_truncated():
    data = part10(image())
    assert refusal_of(data[:-1]) == ("truncated", "An element's value runs past the end of the data that hold it.")
    assert refusal_of(data[:-15]) == ("truncated", "The file ends inside an element.")
    assert refusal_of(data[:140]) == ("truncated", "The file ends inside the file meta information.")
    assert refusal_of(data[:136]) == ("truncated", "The file ends inside the file meta information.")
    assert refusal_of(HEAD + file_meta("")) == ("truncated", "The file ends behind the file meta information.")


@pytest.mark.parametrize("kept", [0, 1, 20, 60, -9, -3])
def test_a_cut_deflated_stream_is_truncated(kept):
    data = part10(image(pixels=bytes(range(250)) * 4, rows=20, columns=25), DEFLATED)
    start = 132 + len(file_meta(DEFLATED))
    cut = data[: start + kept] if kept >= 0 else data[:kept]
    assert refusal_of(cut)[0] == "truncated"


def test_a_damaged_deflated_stream_is_truncated():
    data = bytearray(part10(image(pixels=bytes(range(250)) * 4, rows=20, columns=25), DEFLATED))
    data[-40:-30] = bytes(10)
    assert refusal_of(bytes(data))[0] == "truncated"


@pytest.mark.parametrize("length", [14, 1_000_000])
def test_a_deflated_data_set_whose_last_value_is_short_is_truncated(length):
    elements = image()
    body = bytearray(Encoding().data_set(elements))
    struct.pack_into("<L", body, len(body) - 16, length)
    assert refusal_of(part10([], DEFLATED, trailing=bytes(body)))[0] == "truncated"


def test_a_source_that_is_shorter_than_it_claims_is_truncated():
    data = part10(image())
    with pytest.raises(Refused) as refused:
        read_header(io.BytesIO(data[:-6]), size_bytes=len(data), limits=Limits())
    assert refused.value.code == "truncated"


@pytest.mark.parametrize(
    ("tag", "code", "name"),
    [
        (0x00080016, "missing_uid", "SOP Class UID"),
        (0x00080018, "missing_uid", "SOP Instance UID"),
        (0x0020000D, "missing_uid", "Study Instance UID"),
        (0x0020000E, "missing_uid", "Series Instance UID"),
    ],
)
def test_a_missing_or_empty_uid_is_named(tag, code, name):
    without = [element for element in instance() if element[0] != tag]
    assert refusal_of(part10(without)) == (code, f"{name} is missing.")
    assert refusal_of(part10([*without, (tag, "UI", b"\0\0")])) == (code, f"{name} is missing.")


@pytest.mark.parametrize(
    "uid",
    ["2.25.a", "../../etc/passwd", "2..25", ".2", "2.", "1." * 40 + "1", "2.25.1\\2.25.2", "2.25. 1", "2.25.\u0661"],
)
def test_what_is_no_uid_is_invalid_and_not_repeated_in_the_reason(uid):
    for name, text in (("sop_instance", "SOP Instance"), ("study", "Study Instance"), ("series", "Series Instance")):
        code, detail = refusal_of(part10(instance(**{name: uid})))
        assert (code, detail) == ("invalid_uid", f"{text} UID is no UID.")


@pytest.mark.parametrize(
    "sop_class",
    [
        "1.2.840.10008.1.1",  # verification
        "1.2.840.10008.1.3.10",  # media directory
        "1.2.840.10008.1.20.1",  # storage commitment
        "1.2.840.10008.3.1.2.3.3",  # modality performed procedure step
        "1.2.840.10008.5.1.1.1",  # film session
        "1.2.840.10008.5.1.4.1.2.2.1",  # study root find
        "1.2.840.10008.5.1.4.31",  # worklist
        "1.2.840.10008.5.1.4.34.6.1",  # unified procedure step
        "1.2.840.10008.1.2.1",  # a transfer syntax
        "1.2.840.10008.3.1.1.1",  # the application context
    ],
)
def test_what_is_no_storage_class_is_unsupported(sop_class):
    assert refusal_of(part10(instance(sop_class=sop_class)))[0] == "unsupported_sop_class"


def test_a_directory_is_told_by_its_meta_information_alone():
    meta = file_meta(sop_class="1.2.840.10008.1.3.10")
    assert refusal_of(part10([(0x00041130, "CS", "DISC")], meta=meta)) == (
        "unsupported_sop_class",
        "A DICOMDIR is no instance.",
    )


@pytest.mark.parametrize(
    "data",
    [
        part10(image(pixels=(1, 2, 3, 4, 5))),
        part10(image(pixels=b"")),
        part10(image(frames=2)),
        part10(image(samples=3)),
        part10(image(rows=65535, columns=65535)),
        part10(image(frames="2147483647")),
        part10(image(bits=64)),
        part10(image(pixels=Encapsulated((b"",))), JPEG),
        part10(image(pixels=Encapsulated((b"", b""))), JPEG),
        part10(image(pixels=Encapsulated(())), JPEG),
    ],
)
def test_fewer_pixels_than_the_header_says_are_a_mismatch(data):
    assert refusal_of(data)[0] == "pixel_length_mismatch"


def test_a_file_longer_than_allowed_is_refused_before_it_is_read():
    data = part10(image())
    assert header_of(data, Limits(instance_bytes_max=len(data))).size_bytes == len(data)
    assert refusal_of(data, instance_bytes_max=len(data) - 1) == ("too_large", "The file is larger than is allowed.")


def test_header_elements_and_inflated_bytes_have_limits():
    many = [(0x00091001 + i, "SH", "x" * 16) for i in range(100)]
    data = part10(instance(*many))
    assert refusal_of(data, elements_max=50)[0] == "too_large"
    assert refusal_of(data, header_bytes_max=1000)[0] == "too_large"
    assert refusal_of(part10(image(pixels=bytes(3 << 20)), DEFLATED), inflated_bytes_max=2 << 20)[0] == "too_large"
    assert header_of(data, Limits(elements_max=105)).sop_class_uid == CT


def test_fragments_count_as_elements():
    data = part10(image(pixels=Encapsulated((b"",) + (b"ab",) * 100)), JPEG)
    assert refusal_of(data, elements_max=100)[0] == "too_large"


@pytest.mark.parametrize("encoding", [Encoding(), Encoding(implicit=True), Encoding(undefined_lengths=True)])
def test_nesting_is_taken_up_to_the_limit_and_not_beyond(encoding):
    limits = dataclasses.replace(Limits(), depth_max=5)
    assert header_of(nested(5, encoding=encoding), limits).sop_class_uid == CT
    assert refusal_of(nested(6, encoding=encoding), depth_max=5)[0] == "too_deep"


def test_fifty_thousand_levels_are_refused_like_few():
    def sequence(item):
        return struct.pack("<HH2sHL", 8, 0x1140, b"SQ", 0, UNDEFINED) + struct.pack("<HHL", 0xFFFE, 0xE000, item)

    assert refusal_of(part10(instance(), trailing=sequence(UNDEFINED) * 50_000))[0] == "too_deep"


@pytest.mark.parametrize(
    "tail",
    [
        struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, UNDEFINED),
        struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, 1000) + bytes(20),
        struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, 16) + struct.pack("<HHL", 0xFFFE, 0xE000, 900) + bytes(8),
        struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, 8) + struct.pack("<HHL", 0x0008, 0x0005, 0),
        struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, UNDEFINED) + struct.pack("<HHL", 0xFFFE, 0xE000, UNDEFINED),
        struct.pack("<HH2sHL", 0x0040, 0xA160, b"UT", 0, UNDEFINED) + bytes(20),
        struct.pack("<HH2sHL", 0x0040, 0xA160, b"UT", 0, 0x7FFFFFFF) + bytes(20),
        struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED) + bytes(20),
        struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED) + struct.pack("<HHL", 0xFFFE, 0xE000, 4),
        struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED) + b"\xfe\xff",
    ],
)
def test_structures_that_do_not_end_are_truncated(tail):
    assert refusal_of(part10(instance(), trailing=tail))[0] == "truncated"
