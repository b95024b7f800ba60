"""Frames go into every transfer syntax and come back bit for bit, by our own decoders and by those of others."""

import io
import struct
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from process_objects import (
    DEFLATED_FRAMES,
    ENCAPSULATED,
    HTJ2K,
    HTJ2K_LOSSLESS,
    J2K,
    J2K_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    JPEG_LS_NEAR,
    JXL_LOSSLESS,
    RLE,
    described,
    encapsulated,
    native,
    opened,
    written,
)
from pydicom.pixels import get_decoder
from pydicom.pixels import pixel_array as others_pixel_array

from cauce.core.errors import NoCodec
from cauce.core.transfer_syntaxes import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    NATIVE,
    TRANSFER_SYNTAXES,
    Pixels,
    can_transcode,
    default_of,
    of_media_type,
)
from cauce.stages.process import codecs
from cauce.stages.process.codestream import read_jpeg
from cauce.stages.process.encoders import encode_frame, encoder, encodes
from cauce.stages.process.jpeg2000 import read_jpeg2000
from cauce.stages.process.video import VIDEO_SYNTAXES

COMPRESSED = [one.uid for one in TRANSFER_SYNTAXES if one.encodes and one.pixels is Pixels.ENCAPSULATED]
CODESTREAMS = (JPEG_LOSSLESS, JPEG_LOSSLESS_SV1, JPEG_LS, JPEG_LS_NEAR, J2K_LOSSLESS, J2K, HTJ2K_LOSSLESS, HTJ2K)
DEPTHS = [("u1", 8), ("u1", 5), ("i1", 8), ("i1", 6), ("u2", 16), ("u2", 12), ("u2", 8), ("u2", 3), ("i2", 16)]
DEPTHS += [("i2", 12), ("i2", 9), ("i2", 7)]
SHAPES = [(16, 16), (1, 1), (1, 7), (7, 1), (37, 41), (5, 4, 3), (1, 1, 3)]


def values(dtype, bits, shape, *, seed=5):
    low = -(1 << bits - 1) if dtype.startswith("i") else 0
    return np.random.default_rng(seed).integers(low, low + (1 << bits), shape).astype(dtype)


def repacked(array, syntax, **attributes):
    """Return a file that holds `array` in `syntax`, and a reader of the native one."""
    reader = opened(native(array, **attributes))
    made = encoder(reader.layout, to=syntax)
    photometric = {"PhotometricInterpretation": made.photometric, "HighBit": made.high_bit}
    content = encapsulated([made(reader.cells(0))], array, syntax=syntax, **{**attributes, **photometric})
    return content, reader


@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize(("dtype", "bits"), DEPTHS)
def test_what_goes_in_comes_out_bit_for_bit(syntax, dtype, bits):
    for shape in SHAPES:
        content, reader = repacked(values(dtype, bits, shape), syntax, BitsStored=bits)
        back = opened(content)
        assert np.array_equal(back.cells(0), reader.cells(0)), shape
        assert back.cells(0).dtype == reader.cells(0).dtype
        assert np.array_equal(back.read(0), reader.read(0)), shape


@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize(("dtype", "bits"), [("u1", 5), ("u2", 12), ("i2", 12), ("i2", 7)])
def test_an_overlay_in_the_unused_bits_goes_along(syntax, dtype, bits):
    array = values(dtype, np.dtype(dtype).itemsize * 8, (9, 11))
    content, reader = repacked(array, syntax, BitsStored=bits)
    assert np.array_equal(opened(content).cells(0), array)
    assert np.array_equal(opened(content).read(0), reader.read(0))
    assert np.abs(opened(content).read(0)).max() <= 1 << bits


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    syntax=st.sampled_from(COMPRESSED),
    depth=st.sampled_from(DEPTHS),
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    samples=st.sampled_from([1, 3]),
    flat=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_any_frame_comes_back_as_it_was(syntax, depth, rows, columns, samples, flat, seed):
    dtype, bits = depth
    array = values(dtype, bits, (rows, columns, 3) if samples == 3 else (rows, columns), seed=seed)
    array = np.full_like(array, array.flat[0]) if flat else array
    content, reader = repacked(array, syntax, BitsStored=bits)
    assert np.array_equal(opened(content).cells(0), reader.cells(0))


OTHERS = [RLE, J2K_LOSSLESS, J2K, HTJ2K_LOSSLESS, HTJ2K, JPEG_LS, JPEG_LOSSLESS_SV1]


@pytest.mark.parametrize("syntax", OTHERS)
@pytest.mark.parametrize(("dtype", "bits"), [("u1", 8), ("u2", 12), ("u2", 16), ("i2", 12), ("i2", 16)])
@pytest.mark.parametrize("shape", [(31, 33), (1, 1), (300, 2), (6, 7, 3)])
def test_the_decoders_of_others_read_the_same(syntax, dtype, bits, shape):
    if not get_decoder(syntax).is_available:
        pytest.skip("NO OTHER DECODER of this transfer syntax is installed, this test proves nothing here")
    array = values(dtype, bits, shape) if len(shape) == 2 else values("u1", 8, shape)
    bits = bits if len(shape) == 2 else 8
    content, _ = repacked(array, syntax, BitsStored=bits)
    ds = pydicom.dcmread(io.BytesIO(content))
    assert np.array_equal(others_pixel_array(ds, raw=True), array)


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_rle_holds_bytes_of_any_width_most_significant_first(width):
    array = np.random.default_rng(3).integers(0, 1 << 62, (5, 6)).astype(f"u{width}")
    data = encode_frame(array, opened(native(array)).layout, to=RLE)
    segments, first = struct.unpack_from("<2I", data)
    assert (segments, first) == (width, 64)
    assert np.array_equal(opened(encapsulated([data], array, syntax=RLE)).cells(0), array)


def test_rle_runs_end_with_their_row():
    array = np.full((3, 200), 7, np.uint8)
    data = encode_frame(array, opened(native(array)).layout, to=RLE)
    assert data[64:] == bytes([129, 7, 185, 7]) * 3  # 128 and 72 times, row by row


@pytest.mark.parametrize("signed", [False, True])
def test_codestreams_say_what_the_data_set_says(signed):
    array = values("i2" if signed else "u2", 12, (8, 8))
    layout = opened(native(array, BitsStored=12)).layout
    jpeg = read_jpeg(encode_frame(array, layout, to=JPEG_LOSSLESS_SV1))
    assert (jpeg.precision, jpeg.lossless) == (12, True)
    wavelet = read_jpeg2000(encode_frame(array, layout, to=J2K_LOSSLESS))
    assert (wavelet.precision, wavelet.signed) == (12, signed)
    fast = read_jpeg2000(encode_frame(array, layout, to=HTJ2K_LOSSLESS))
    assert (fast.precision, fast.signed) == (16, signed)


def test_red_green_blue_is_transformed_by_jpeg_2000_and_luminance_is_not():
    array = values("u1", 8, (8, 8, 3))
    layout = opened(native(array)).layout
    for to in (J2K_LOSSLESS, HTJ2K_LOSSLESS):
        assert encoder(layout, to=to).photometric == "YBR_RCT"
        assert read_jpeg2000(encode_frame(array, layout, to=to)).multi_component_transform
        plain = encoder(layout, to=to, photometric="YBR_FULL")
        assert plain.photometric == "YBR_FULL"
        assert not read_jpeg2000(plain(array)).multi_component_transform
    assert encoder(layout, to=JPEG_LS).photometric == "RGB"


def test_shared_chrominance_is_given_to_every_pixel():
    raw = np.arange(16, dtype=np.uint8)  # two rows of four pixels: Y Y Cb Cr
    attributes = described(np.zeros((2, 4, 3), np.uint8), PhotometricInterpretation="YBR_FULL_422")
    reader = opened(written({**attributes, "PixelData": raw.tobytes()}))
    made = encoder(reader.layout, to=RLE)
    assert made.photometric == "YBR_FULL"
    content = encapsulated(
        [made(reader.cells(0))], np.zeros((2, 4, 3), np.uint8), syntax=RLE, PhotometricInterpretation="YBR_FULL"
    )
    assert opened(content).cells(0)[0].tolist() == [[0, 2, 3], [1, 2, 3], [4, 6, 7], [5, 6, 7]]
    assert np.array_equal(opened(content).read(0), reader.read(0))
    assert encode_frame(reader.cells(0), reader.layout, to=EXPLICIT_LITTLE) == raw.tobytes()


def test_stored_bits_at_the_top_come_down_for_a_codestream_and_stay_for_rle():
    array = np.array([[0x1230, 0xFFF0]], np.uint16)
    for to, high_bit in ((J2K_LOSSLESS, 11), (RLE, 15)):
        content, reader = repacked(array, to, BitsStored=12, HighBit=15)
        assert encoder(reader.layout, to=to).high_bit == high_bit
        assert opened(content).read(0).tolist() == reader.read(0).tolist() == [[0x123, 0xFFF]]
    assert opened(repacked(array, RLE, BitsStored=12, HighBit=15)[0]).cells(0).tolist() == array.tolist()


def test_colour_by_plane_stays_so_where_the_syntax_keeps_to_it():
    planes = np.arange(24, dtype=np.uint8)
    attributes = described(np.zeros((2, 4, 3), np.uint8), PlanarConfiguration=1)
    reader = opened(written({**attributes, "PixelData": planes.tobytes()}))
    for to, planar in ((EXPLICIT_LITTLE, True), (ENCAPSULATED, True), (RLE, True), (JPEG_LS, False)):
        assert encoder(reader.layout, to=to).planar is planar
    assert encode_frame(reader.cells(0), reader.layout, to=EXPLICIT_LITTLE) == planes.tobytes()


def test_big_endian_words_begin_with_their_most_significant_byte():
    array = np.array([[0x0102, 0x0304]], np.uint16)
    layout = opened(native(array)).layout
    assert encode_frame(array, layout, to=EXPLICIT_BIG) == bytes([1, 2, 3, 4])
    assert encode_frame(array, layout, to=EXPLICIT_LITTLE) == bytes([2, 1, 4, 3])


def floating():
    array = np.zeros((2, 2), np.float32)
    attributes = described(array, BitsStored=None, HighBit=None, PixelRepresentation=None)
    return written({**attributes, "FloatPixelData": array.tobytes()})


@pytest.mark.parametrize(
    ("content", "to", "reason"),
    [
        (native(np.zeros((2, 2), np.uint8)), JPEG_BASELINE, "no encoder"),
        (native(np.zeros((2, 2), np.uint8)), JXL_LOSSLESS, "no encoder"),
        (native(np.zeros((2, 2), np.uint8)), "1.2.3", "no encoder"),
        (native(np.zeros((2, 2), np.uint32)), J2K_LOSSLESS, "32 bits"),
        (native(np.zeros((2, 2), np.uint32)), HTJ2K_LOSSLESS, "32 bits"),
        (native(np.zeros((2, 2, 3), np.uint64)), RLE, "so many bytes"),
        (native(np.zeros((2, 8), np.uint8), BitsAllocated=1, BitsStored=1), RLE, "single bits"),
        (native(np.zeros((2, 8), np.uint8), BitsAllocated=1, BitsStored=1), JPEG_LS, "1 bits"),
        (floating(), RLE, "floating"),
        (floating(), ENCAPSULATED, "floating"),
        (native(np.zeros((2, 2), np.uint8), PhotometricInterpretation="PALETTE COLOR"), JPEG_LS_NEAR, "palette"),
        (native(np.zeros((2, 3, 3), np.uint8), PhotometricInterpretation="YBR_FULL_422"), RLE, "odd width"),
        (native(np.zeros((2, 2, 3), np.uint8), PhotometricInterpretation="YBR_PARTIAL_422"), RLE, "partial range"),
    ],
)
def test_what_has_no_room_is_said_before_anything_is_encoded(content, to, reason):
    layout = opened(content).layout
    with pytest.raises(NoCodec, match=reason) as raised:
        encoder(layout, to=to)
    assert (raised.value.code, raised.value.transfer_syntax_uid) == ("no_codec", to)


def test_a_frame_that_would_take_the_memory_of_a_whole_process_is_not_encoded():
    layout = replace(opened(native(np.zeros((2, 2), np.uint16))).layout, rows=4096, columns=4609)
    with pytest.raises(NoCodec, match="so large"):
        encoder(layout, to=J2K_LOSSLESS)
    assert encoder(layout, to=HTJ2K_LOSSLESS).photometric == "MONOCHROME2"
    assert encoder(replace(layout, columns=4608), to=J2K).photometric == "MONOCHROME2"


def test_single_bits_and_whole_words_have_room_where_frames_are_stored_as_they_are():
    mask = np.random.default_rng(2).integers(0, 2, (3, 5)).astype(np.uint8)
    layout = opened(written(described(mask, BitsAllocated=1, BitsStored=1) | {"PixelData": b"\0\0"})).layout
    packed = np.packbits(mask.ravel(), bitorder="little").tobytes()
    assert encode_frame(mask, layout, to=EXPLICIT_LITTLE) == packed
    data = encode_frame(mask, layout, to=DEFLATED_FRAMES)
    back = opened(encapsulated([data], mask, syntax=DEFLATED_FRAMES, BitsAllocated=1, BitsStored=1))
    assert back.cells(0).tolist() == mask.tolist()


def test_the_table_of_transfer_syntaxes_says_what_the_codecs_do():
    for one in TRANSFER_SYNTAXES:
        assert one.encodes == encodes(one.uid), one.uid
        assert one.decodes == (one.uid in NATIVE or codecs.is_encapsulated(one.uid)), one.uid
        assert (one.pixels is Pixels.VIDEO) == (one.uid in VIDEO_SYNTAXES), one.uid
        assert one.name == pydicom.uid.UID(one.uid).name or one.uid.startswith(
            ("1.2.840.10008.1.2.4.11", "1.2.840.10008.1.2.8")
        ), one.uid
    uids = [one.uid for one in TRANSFER_SYNTAXES]
    assert len(uids) == len(set(uids))
    assert codecs.decodable() <= set(uids)


def test_a_media_type_stands_for_its_default_and_lists_it_first():
    assert default_of("image/jpeg").uid == JPEG_LOSSLESS_SV1
    assert default_of("image/x-dicom-rle").uid == RLE
    assert default_of("image/svg+xml") is None
    for kind in {one.media_type for one in TRANSFER_SYNTAXES if one.media_type}:
        named = of_media_type(kind)
        assert [one.is_default for one in named] == [True, *[False] * (len(named) - 1)], kind


def test_lossy_video_and_unknown_syntaxes_are_served_as_they_are_only():
    assert can_transcode(JPEG_BASELINE, J2K_LOSSLESS)
    assert not can_transcode(J2K_LOSSLESS, JPEG_BASELINE)
    assert not can_transcode("1.2.840.10008.1.2.4.100", EXPLICIT_LITTLE)
    assert can_transcode("1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.100")
    assert not can_transcode("1.2.3", EXPLICIT_LITTLE)
    assert can_transcode("1.2.3", "1.2.3")
