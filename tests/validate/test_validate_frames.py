"""Where the frames lie: the bytes at the offsets are those that pydicom takes for the frames."""

import io
import struct

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from validate_files import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    MPEG,
    RLE,
    Encapsulated,
    codes,
    deflated,
    file_meta,
    header_of,
    image,
    instance,
    part10,
)

from cauce.stages.validate import frames as frames_module

FRAMES = [b"\xff\xd8" + bytes([i]) * n + b"\xff\xd9" for i, n in enumerate((10, 4, 32))]


def bytes_at(data, header):
    return [b"".join(data[start : start + size] for start, size in frame) for frame in header.frames.frames]


def pydicom_frames(data):
    ds = pydicom.dcmread(io.BytesIO(data), force=True)
    count = int(ds.get("NumberOfFrames", 1))
    extended = None
    if "ExtendedOffsetTable" in ds:
        extended = (ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths)
    return list(generate_frames(ds.PixelData, number_of_frames=count, extended_offsets=extended))


def pixel_data(value):
    """Return an element of what pydicom encapsulated: all items, without their delimiter."""
    return b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + value + b"\xfe\xff\xdd\xe0\0\0\0\0"


def encapsulated(value, *, frames, more=(), transfer_syntax=JPEG):
    elements = [element for element in image(*more, frames=frames) if element[0] != 0x7FE00010]
    return part10(elements, transfer_syntax, trailing=pixel_data(value))


@pytest.mark.parametrize("transfer_syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize(("bits", "samples"), [(8, 1), (8, 3), (16, 1), (16, 3), (32, 1)])
@pytest.mark.parametrize("count", [1, 4])
def test_native_frames_are_cut_where_pydicom_cuts_them(transfer_syntax, bits, samples, count):
    size = 5 * 7 * samples * bits // 8
    pixels = np.random.default_rng(size).integers(0, 256, size * count, np.uint8).tobytes()
    data = part10(
        image(rows=5, columns=7, bits=bits, samples=samples, planar=0, frames=count, vr="OW", pixels=pixels),
        transfer_syntax,
    )
    header = header_of(data)
    ds = pydicom.dcmread(io.BytesIO(data))
    assert header.frames.encapsulated is False
    assert bytes_at(data, header) == [ds.PixelData[i * size : (i + 1) * size] for i in range(count)]
    assert list(header.frames.frames) == [((header.pixel_offset + i * size, size),) for i in range(count)]


def test_the_padding_of_an_odd_frame_is_no_part_of_it():
    data = part10(image(rows=3, columns=3, bits=8, vr="OB", pixels=b"123456789\0"))
    assert bytes_at(data, header_of(data)) == [b"123456789"]


def test_float_and_double_pixels_are_pixels():
    for tag, vr, bits, pixels in (
        (0x7FE00008, "OF", 32, (1.0,) * 6),
        (0x7FE00009, "OD", 64, (1.0,) * 6),
    ):
        elements = [element for element in image(bits=bits) if element[0] != 0x7FE00010]
        data = part10([*elements, (tag, vr, pixels)])
        header = header_of(data)
        assert header.frames.frames == (((len(data) - bits * 6 // 8, bits * 6 // 8),),)


def test_chroma_subsampled_native_frames_take_two_thirds():
    pixels = bytes(range(2 * 4 * 2 * 2))
    data = part10(
        image(rows=2, columns=4, samples=3, bits=8, frames=2, photometric="YBR_FULL_422", vr="OB", pixels=pixels)
    )
    assert bytes_at(data, header_of(data)) == [pixels[:16], pixels[16:]]
    assert codes(header_of(data)) == []


def test_frames_of_single_bits_are_indexed_where_they_end_on_a_byte():
    whole = part10(image(rows=4, columns=4, bits=1, frames=2, vr="OB", pixels=b"\1\2\3\4"))
    assert bytes_at(whole, header_of(whole)) == [b"\1\2", b"\3\4"]
    broken = part10(image(rows=3, columns=3, bits=1, frames=2, vr="OB", pixels=b"\1\2\3\0"))
    assert header_of(broken).frames.frames == ()
    assert codes(header_of(broken)) == ["frames_not_indexed"]
    single = part10(image(rows=3, columns=3, bits=1, vr="OB", pixels=b"\1\1"))
    assert bytes_at(single, header_of(single)) == [b"\1\1"]


def test_a_deflated_data_set_has_frames_that_cannot_be_addressed():
    header = header_of(part10(image(), DEFLATED))
    assert header.frames == frames_module.FrameIndex(encapsulated=False, frames=())


@pytest.mark.parametrize("has_table", [True, False])
@pytest.mark.parametrize("fragments_per_frame", [1, 2, 3])
@pytest.mark.parametrize("transfer_syntax", [JPEG, RLE])
def test_encapsulated_frames_are_those_that_pydicom_finds(has_table, fragments_per_frame, transfer_syntax):
    value = encapsulate(FRAMES, fragments_per_frame=fragments_per_frame, has_bot=has_table)
    data = encapsulated(value, frames=3, transfer_syntax=transfer_syntax)
    header = header_of(data)
    assert header.frames.encapsulated is True
    assert bytes_at(data, header) == pydicom_frames(data)
    assert [frame.rstrip(b"\0") for frame in bytes_at(data, header)] == [frame.rstrip(b"\0") for frame in FRAMES]
    assert {len(frame) for frame in header.frames.frames} == {fragments_per_frame}
    assert codes(header) == ([] if transfer_syntax == JPEG else ["codestream_mismatch"])


def test_one_frame_is_all_its_fragments():
    value = encapsulate(FRAMES[2:], fragments_per_frame=4, has_bot=False)
    data = encapsulated(value, frames=1)
    assert bytes_at(data, header_of(data)) == pydicom_frames(data) == [FRAMES[2]]


def test_an_extended_offset_table_is_followed():
    value, offsets, lengths = encapsulate_extended(FRAMES)
    table = [(0x7FE00001, "OV", offsets), (0x7FE00002, "OV", lengths)]
    data = encapsulated(value, frames=3, more=table)
    header = header_of(data)
    assert bytes_at(data, header) == pydicom_frames(data)
    assert codes(header) == []


def test_an_extended_offset_table_tells_apart_what_fragments_do_not():
    frames = [bytes([i] * 6) for i in range(4)]
    value = encapsulate(frames, has_bot=False)
    table = [(0x7FE00001, "OV", struct.pack("<2Q", 0, 28))]
    data = encapsulated(value, frames=2, more=table)
    assert bytes_at(data, header_of(data)) == [frames[0] + frames[1], frames[2] + frames[3]]


def test_a_long_extended_offset_table_is_followed_and_left_out_of_the_json():
    frames = [b"\xff\xd8" + struct.pack("<H", i) for i in range(300)]
    value, offsets, lengths = encapsulate_extended(frames)
    table = [(0x7FE00001, "OV", offsets), (0x7FE00002, "OV", lengths)]
    data = encapsulated(value, frames=300, more=table)
    header = header_of(data)
    assert bytes_at(data, header) == frames
    assert b'"7FE00001":{"vr":"OV","BulkDataURI":"bulk:' in header.dicom_json


@pytest.mark.parametrize("table", [(0, 12, 24), (8, 20, 30), (0, 40, 20), (0, 1 << 31, 1 << 31), (0, 0, 0)])
def test_a_wrong_offset_table_is_not_believed(table):
    items = (struct.pack("<3L", *table), *(frame + b"\0" * (len(frame) & 1) for frame in FRAMES))
    data = part10(image(frames=3, vr="OB", pixels=Encapsulated(items)), JPEG)
    header = header_of(data)
    assert bytes_at(data, header) == list(items[1:])
    assert codes(header) == ["offset_table_wrong"]


def test_an_empty_fragment_may_stand_among_the_others():
    data = part10(image(frames=2, vr="OB", pixels=Encapsulated((b"", b"", b"\xff\xd8ab"))), JPEG)
    assert bytes_at(data, header_of(data)) == [b"", b"\xff\xd8ab"]


def test_a_video_is_one_stream_and_not_cut():
    data = part10(image(frames=900, vr="OB", pixels=Encapsulated((b"", b"mpeg" * 9, b"mpeg"))), MPEG)
    header = header_of(data)
    assert header.frames == frames_module.FrameIndex(encapsulated=True, frames=())
    assert codes(header) == []


def test_pixels_of_a_nested_data_set_are_not_those_of_the_instance():
    icon = [*image(pixels=(9,) * 6)[3:-1], (0x7FE00010, "OB", Encapsulated((b"", b"\xff\xd8icon")))]
    data = part10(image((0x00880200, "SQ", [icon])))
    header = header_of(data)
    assert bytes_at(data, header) == [data[-12:]]
    assert header.attributes.rows == 2
    assert header_of(part10(instance((0x00880200, "SQ", [icon])))).frames is None


def test_encapsulated_pixels_under_a_native_transfer_syntax_are_found():
    data = part10(image(vr="OB", pixels=Encapsulated((b"", b"\xff\xd8ab"))), EXPLICIT)
    header = header_of(data)
    assert header.frames.encapsulated is True
    assert bytes_at(data, header) == [b"\xff\xd8ab"]
    assert codes(header) == ["transfer_syntax_mismatch"]


def test_a_bare_codestream_under_a_compressed_transfer_syntax_is_the_one_frame():
    data = part10(image(vr="OB", pixels=b"\xff\xd8abcdef"), JPEG)
    header = header_of(data)
    assert (header.transfer_syntax_uid, bytes_at(data, header)) == (JPEG, [b"\xff\xd8abcdef"])
    assert codes(header) == ["transfer_syntax_mismatch"]


def test_too_many_frames_are_not_indexed_one_by_one(monkeypatch):
    monkeypatch.setattr(frames_module, "FRAMES_INDEXED_MAX", 3)
    monkeypatch.setattr(frames_module, "FRAGMENTS_INDEXED_MAX", 3)
    native = part10(image(rows=1, columns=1, frames=4, pixels=(1, 2, 3, 4)))
    fragments = part10(image(frames=4, vr="OB", pixels=Encapsulated((b"", *[b"\xff\xd8"] * 4))), JPEG)
    for data in (native, fragments):
        header = header_of(data)
        assert header.frames.frames == ()
        assert codes(header) == ["frames_not_indexed"]


def test_pixels_in_a_deflated_data_set_that_needs_many_reads_are_found():
    pixels = np.random.default_rng(1).integers(0, 256, 2_500_000, np.uint8).tobytes()
    elements = image(rows=1250, columns=1000, vr="OW", pixels=pixels)
    data = bytes(128) + b"DICM" + file_meta(DEFLATED) + deflated(part10(elements)[132 + len(file_meta()) :])
    header = header_of(data)
    assert header.pixel_offset == header.dataset_offset + len(part10(elements)) - 132 - len(file_meta()) - len(pixels)


@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=6),
    fragments=st.integers(1, 4),
    has_table=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_encapsulation_by_pydicom_gives_back_the_frames_that_went_in(lengths, fragments, has_table):
    frames = [b"\xff\xd8" + bytes([i]) * (2 * fragments + n) + b"\xff\xd9" for i, n in enumerate(lengths)]
    value = encapsulate(frames, fragments_per_frame=fragments, has_bot=has_table)
    data = encapsulated(value, frames=len(frames))
    assert [frame.rstrip(b"\0") for frame in bytes_at(data, header_of(data))] == frames
    if has_table:
        assert bytes_at(data, header_of(data)) == pydicom_frames(data)
