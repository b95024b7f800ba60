"""Single frames in the transfer syntax that is asked for, and what a data set has to say of frames put into another."""

import struct

import imagecodecs
import numpy as np
import pytest
from process_objects import (
    DEFLATED_FRAMES,
    ENCAPSULATED,
    EXPLICIT,
    HTJ2K,
    HTJ2K_LOSSLESS,
    IMPLICIT,
    J2K,
    J2K_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LS,
    JPEG_LS_NEAR,
    MPEG2,
    RLE,
    described,
    encapsulated,
    native,
    opened,
    rle,
    rle_of,
    written,
)

from cauce.core.errors import NoCodec, Undecodable
from cauce.stages.process.losses import lossy_compression
from cauce.stages.process.recoding import FrameRecoder, frame_in

RNG = np.random.default_rng(11)
GREY = RNG.integers(0, 4096, (3, 8, 10)).astype(np.uint16)
COLOUR = RNG.integers(0, 256, (6, 8, 3)).astype(np.uint8)
PHOTOMETRIC, PLANAR, HIGH_BIT = 0x00280004, 0x00280006, 0x00280102


def chunks_of(content, to, **options):
    pixels = FrameRecoder(opened(content), to=to, **options).pixels()
    return pixels, b"".join(pixels.chunks)


def items_of(data):
    """Return the items of encapsulated pixel data, offset table first."""
    items, position = [], 0
    while True:
        tag, length = data[position : position + 4], struct.unpack_from("<L", data, position + 4)[0]
        position += 8
        if tag == b"\xfe\xff\xdd\xe0":
            assert (length, position) == (0, len(data))
            return items
        assert tag == b"\xfe\xff\x00\xe0"
        items.append(data[position : position + length])
        position += length


def test_a_frame_comes_in_any_syntax_from_any_other():
    stored = native(GREY, frames=3, BitsStored=12)
    for first in (IMPLICIT, RLE, JPEG_LS, J2K_LOSSLESS, ENCAPSULATED):
        if first == IMPLICIT:
            content = native(GREY, frames=3, syntax=IMPLICIT, BitsStored=12)
        else:
            each = [frame_in(opened(stored), index, to=first) for index in range(3)]
            content = encapsulated(each, GREY, frames=3, syntax=first, BitsStored=12)
        assert frame_in(opened(content), 2, to=EXPLICIT) == GREY[2].tobytes(), first
        again = frame_in(opened(content), 1, to=HTJ2K_LOSSLESS)
        back = opened(encapsulated([again], GREY[1], syntax=HTJ2K_LOSSLESS, BitsStored=12))
        assert np.array_equal(back.read(0), GREY[1]), first


def test_a_frame_that_is_stored_so_is_handed_on_as_it_is():
    fragments = [b"\xff\xd8\xff\xe0 nobody", b"decodes this"]
    content = encapsulated([b"".join(fragments)], GREY[0], syntax=JPEG_BASELINE, per_frame=2)
    assert frame_in(opened(content), 0, to=JPEG_BASELINE).rstrip(b"\0") == b"".join(fragments)
    with pytest.raises(Undecodable, match="codestream"):
        frame_in(opened(content), 0, to=EXPLICIT)


def test_what_cannot_be_had_is_said():
    with pytest.raises(NoCodec, match="no way"):
        frame_in(opened(native(GREY[0])), 0, to=JPEG_BASELINE)
    with pytest.raises(NoCodec, match="no way"):
        frame_in(opened(encapsulated([b"\0\0\1\xb3"], COLOUR, syntax=MPEG2)), 0, to=EXPLICIT)
    with pytest.raises(NoCodec, match="no way"):
        FrameRecoder(opened(native(GREY[0])), to="1.2.3")
    with pytest.raises(NoCodec, match="no pixels"):
        FrameRecoder(opened(written({"Modality": "SR"})), to=RLE)
    with pytest.raises(IndexError):
        frame_in(opened(native(GREY[0])), 1, to=RLE)


def test_native_pixels_are_padded_to_an_even_length():
    array = np.arange(15, dtype=np.uint8).reshape(3, 5)
    pixels, data = chunks_of(encapsulated([rle(array)], array, syntax=RLE), EXPLICIT)
    assert (pixels.vr, pixels.length, data) == ("OB", 16, array.tobytes() + b"\0")
    pixels, data = chunks_of(encapsulated([rle(GREY[0])], GREY[0], syntax=RLE), EXPLICIT)
    assert (pixels.vr, pixels.length, data) == ("OW", 160, GREY[0].tobytes())


def test_pixels_too_long_for_an_element_have_no_room_in_a_native_syntax():
    content = encapsulated([rle(GREY[0])], GREY[0], syntax=RLE, NumberOfFrames=None)
    reader = opened(content)
    object.__setattr__(reader.layout, "frames", 1 << 26)
    with pytest.raises(NoCodec, match="too long"):
        FrameRecoder(reader, to=EXPLICIT)


def test_single_bits_run_on_from_frame_to_frame_in_a_native_file():
    masks = RNG.integers(0, 2, (3, 5, 7)).astype(np.uint8)
    each = [rle_of([np.packbits(mask.ravel(), bitorder="little").tobytes()]) for mask in masks]
    content = encapsulated(each, masks, frames=3, syntax=RLE, BitsAllocated=1, BitsStored=1)
    pixels, data = chunks_of(content, EXPLICIT)
    packed = np.packbits(masks.ravel(), bitorder="little").tobytes()
    assert (pixels.vr, pixels.length, data) == ("OB", 14, packed)
    alone = np.packbits(masks[1].ravel(), bitorder="little").tobytes()
    assert frame_in(opened(content), 1, to=EXPLICIT) == alone


@pytest.mark.parametrize("spooled", [False, True])
def test_every_frame_is_one_fragment_and_the_table_points_at_them(tmp_path, spooled):
    content = native(GREY, frames=3, BitsStored=12)
    pixels, data = chunks_of(content, JPEG_LS, spool=tmp_path if spooled else None)
    table, *frames = items_of(data)
    assert (pixels.vr, pixels.length, pixels.elements, len(frames)) == ("OB", None, {}, 3)
    starts = struct.unpack("<3L", table)
    for start, frame in zip(starts, frames, strict=True):
        at = 8 + len(table) + start
        assert data[at : at + 4] == b"\xfe\xff\x00\xe0"
        assert data[at + 8 :].startswith(frame)
    assert list(tmp_path.iterdir()) == []


def test_a_long_object_has_an_empty_table_unless_there_is_room_to_spool_it(tmp_path, monkeypatch):
    monkeypatch.setattr("cauce.stages.process.recoding._HELD_MAX", 100)
    content = native(GREY, frames=3, BitsStored=12)
    assert [len(item) for item in items_of(chunks_of(content, ENCAPSULATED)[1])] == [0, 160, 160, 160]
    assert items_of(chunks_of(content, ENCAPSULATED, spool=tmp_path)[1])[0] == struct.pack("<3L", 0, 168, 336)


def test_offsets_beyond_32_bits_go_into_the_extended_table(tmp_path, monkeypatch):
    monkeypatch.setattr("cauce.stages.process.recoding._OFFSET_MAX", 300)
    pixels, data = chunks_of(native(GREY, frames=3, BitsStored=12), ENCAPSULATED, spool=tmp_path)
    assert pixels.elements == {
        0x7FE00001: ("OV", struct.pack("<3Q", 0, 168, 336)),
        0x7FE00002: ("OV", struct.pack("<3Q", 160, 160, 160)),
    }
    assert [len(item) for item in items_of(data)] == [0, 160, 160, 160]


def test_nothing_changes_in_a_data_set_that_says_it_all():
    grey = native(GREY, frames=3, BitsStored=12)
    assert FrameRecoder(opened(grey), to=J2K_LOSSLESS).edits() == {}
    assert FrameRecoder(opened(native(COLOUR)), to=RLE).edits() == {}


def test_the_colour_space_and_the_layout_of_colour_are_told():
    assert FrameRecoder(opened(native(COLOUR)), to=J2K_LOSSLESS).edits() == {PHOTOMETRIC: ("CS", b"YBR_RCT ")}
    planes = np.ascontiguousarray(COLOUR.transpose(2, 0, 1)).tobytes()
    planar = written({**described(COLOUR, PlanarConfiguration=1), "PixelData": planes})
    assert FrameRecoder(opened(planar), to=RLE).edits() == {}
    assert FrameRecoder(opened(planar), to=JPEG_LS).edits() == {PLANAR: ("US", b"\0\0")}
    lossless = encapsulated(
        [frame_in(opened(native(COLOUR)), 0, to=J2K_LOSSLESS)],
        COLOUR,
        syntax=J2K_LOSSLESS,
        PhotometricInterpretation="YBR_RCT",
        PlanarConfiguration=1,
    )
    edits = FrameRecoder(opened(lossless), to=EXPLICIT).edits()
    assert edits == {PHOTOMETRIC: ("CS", b"RGB "), PLANAR: ("US", b"\0\0")}
    assert frame_in(opened(lossless), 0, to=EXPLICIT) == COLOUR.tobytes()


def test_left_justified_values_move_and_the_high_bit_with_them():
    content = native((GREY[0] << 4).astype(np.uint16), BitsStored=12, HighBit=15)
    recoder = FrameRecoder(opened(content), to=J2K_LOSSLESS)
    assert recoder.edits() == {HIGH_BIT: ("US", b"\x0b\0")}
    back = opened(encapsulated([recoder.frame(0)], GREY[0], syntax=J2K_LOSSLESS, BitsStored=12))
    assert np.array_equal(back.read(0), GREY[0])
    assert FrameRecoder(opened(content), to=DEFLATED_FRAMES).edits() == {}


def test_offset_tables_of_the_stored_encapsulation_go():
    each = [frame_in(opened(native(GREY, frames=3, BitsStored=12)), index, to=JPEG_LS) for index in range(3)]
    content = encapsulated(each, GREY, frames=3, syntax=JPEG_LS, extended=True, BitsStored=12)
    assert FrameRecoder(opened(content), to=EXPLICIT).edits() == {0x7FE00001: None, 0x7FE00002: None}


def lossy(**attributes):
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    data = imagecodecs.jpeg8_encode(smooth, level=80)
    return encapsulated([data], smooth, syntax=JPEG_BASELINE, **attributes), smooth.nbytes / (len(data) + len(data) % 2)


def test_what_lossy_compression_has_cost_is_said_of_the_decoded_pixels():
    content, ratio = lossy()
    assert FrameRecoder(opened(content), to=EXPLICIT).edits() == {
        0x00282110: ("CS", b"01"),
        0x00282112: ("DS", (text := f"{ratio:.4g}".encode()) + b" " * (len(text) % 2)),
        0x00282114: ("CS", b"ISO_10918_1 "),
    }
    told, _ = lossy(LossyImageCompression="01", LossyImageCompressionRatio="9")
    assert FrameRecoder(opened(told), to=RLE).edits() == {}


@pytest.mark.parametrize(
    ("syntax", "data", "method"),
    [
        (JPEG_LS_NEAR, imagecodecs.jpegls_encode(GREY[0], level=3), "ISO_14495_1"),
        (JPEG_LS_NEAR, imagecodecs.jpegls_encode(GREY[0]), None),
        (J2K, imagecodecs.jpeg2k_encode(GREY[0], level=40, codecformat="j2k", reversible=False), "ISO_15444_1"),
        (J2K, imagecodecs.jpeg2k_encode(GREY[0], level=0, codecformat="j2k", reversible=True), None),
        (HTJ2K, imagecodecs.htj2k_encode(GREY[0], level=0.01, reversible=False), "ISO_15444_15"),
        (HTJ2K, imagecodecs.htj2k_encode(GREY[0], reversible=True), None),
    ],
)
def test_the_codestream_tells_whether_it_has_lost_anything(syntax, data, method):
    found = lossy_compression(opened(encapsulated([data], GREY[0], syntax=syntax)))
    assert (found and found.method) == method


def test_frames_in_different_colour_spaces_are_not_mixed():
    plain = imagecodecs.jpeg2k_encode(COLOUR, level=0, codecformat="j2k", reversible=True, mct=False)
    transformed = imagecodecs.jpeg2k_encode(COLOUR, level=0, codecformat="j2k", reversible=True, mct=True)
    both = np.stack([COLOUR, COLOUR])
    content = encapsulated(
        [transformed, plain], both, frames=2, syntax=J2K_LOSSLESS, PhotometricInterpretation="YBR_FULL"
    )
    recoder = FrameRecoder(opened(content), to=EXPLICIT)
    assert recoder.frame(0) == COLOUR.tobytes()
    with pytest.raises(Undecodable, match="different colour spaces"):
        recoder.frame(1)


def test_a_compressed_icon_becomes_a_native_one():
    icon = RNG.integers(0, 256, (3, 5)).astype(np.uint8)
    data = frame_in(opened(native(icon)), 0, to=JPEG_LS)
    content = encapsulated([frame_in(opened(native(GREY[0])), 0, to=JPEG_LS)], GREY[0], syntax=JPEG_LS)
    recoder = FrameRecoder(opened(content), to=EXPLICIT)
    numbers = {0x00280002: 1, 0x00280010: 3, 0x00280011: 5, 0x00280100: 8, 0x00280101: 8, 0x00280102: 7, 0x00280103: 0}
    told = {tag: struct.pack("<H", number) for tag, number in numbers.items()}
    assert recoder.nested(told, data) == icon.tobytes() + b"\0"
    assert recoder.nested(told | {0x00280010: b"\4\0"}, data) is None
    assert recoder.nested(told | {0x00280002: b"\3\0"}, data) is None
    assert recoder.nested({}, data) is None
