"""Every codec against one set of reference pictures, compressed by an encoder of another hand where there is one."""

import zlib
from functools import partial

import imagecodecs
import numpy as np
import pytest
from process_objects import (
    DEFLATED_FRAMES,
    ENCAPSULATED,
    EXPLICIT,
    HTJ2K,
    HTJ2K_LOSSLESS,
    J2K,
    J2K_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    JPEG_LS_NEAR,
    JXL,
    JXL_LOSSLESS,
    RLE,
    encapsulated,
    native,
    opened,
    rle,
    rle_of,
)
from pydicom.pixels.encoders import RLELosslessEncoder

from cauce.core.errors import Undecodable

_ROWS, _COLUMNS = np.mgrid[0:37, 0:52]
_SMOOTH = 0.5 + 0.25 * np.sin(_ROWS / 9) + 0.25 * np.cos(_COLUMNS / 11)
_GRAIN = np.random.default_rng(3).uniform(-0.02, 0.02, (37, 52))
_SCENE = np.clip(_SMOOTH + _GRAIN, 0, 1)

GREY8 = np.rint(_SCENE * 255).astype(np.uint8)
GREY12 = np.rint(_SCENE * 4095).astype(np.uint16)
GREY16 = np.rint(_SCENE * 65535).astype(np.uint16)
SIGNED12 = (GREY12.astype(np.int32) - 2048).astype(np.int16)
SIGNED16 = (GREY16.astype(np.int32) - 32768).astype(np.int16)
COLOUR = np.stack([GREY8, GREY8[::-1], 255 - GREY8], axis=-1)
SMOOTH_COLOUR = np.stack([np.rint(_SMOOTH * 255)] * 2 + [np.rint(255 - _SMOOTH * 255)], axis=-1).astype(np.uint8)

jpeg = partial(imagecodecs.jpeg8_encode, level=100)
jpeg_lossless = partial(imagecodecs.jpeg8_encode, lossless=True, bitspersample=16)
colour_lossless = partial(jpeg_lossless, predictor=1, bitspersample=8, colorspace="RGB", outcolorspace="RGB")
jls = imagecodecs.jpegls_encode
j2k = partial(imagecodecs.jpeg2k_encode, codecformat="j2k", reversible=True, level=0)
htj2k = partial(imagecodecs.htj2k_encode, reversible=True)
jxl = partial(imagecodecs.jpegxl_encode, lossless=True)
BITS12 = {"BitsStored": 12}


def cut(array, bits):
    """Return signed values as the unsigned ones of `bits` bits that carry them."""
    return (array.astype(np.int32) & ((1 << bits) - 1)).astype(np.uint16)


def by_pydicom(array):
    signed = int(array.dtype.kind == "i")
    samples = array.shape[2] if array.ndim == 3 else 1
    return RLELosslessEncoder.encode(
        array,
        rows=array.shape[0],
        columns=array.shape[1],
        samples_per_pixel=samples,
        bits_allocated=array.dtype.itemsize * 8,
        bits_stored=array.dtype.itemsize * 8,
        pixel_representation=signed,
        photometric_interpretation="RGB" if samples == 3 else "MONOCHROME2",
        planar_configuration=0,
        number_of_frames=1,
        encoding_plugin="pydicom",
    )


def deflated(array):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(array.tobytes()) + packer.flush()


LOSSLESS = {
    **{
        f"JPEG lossless, predictor {p}": (JPEG_LOSSLESS, GREY16, jpeg_lossless(GREY16, predictor=p), {})
        for p in range(1, 8)
    },
    "JPEG lossless, 8 bits": (JPEG_LOSSLESS_SV1, GREY8, jpeg_lossless(GREY8, predictor=1, bitspersample=8), {}),
    "JPEG lossless, 12 bits": (JPEG_LOSSLESS_SV1, GREY12, jpeg_lossless(GREY12, predictor=1, bitspersample=12), BITS12),
    "JPEG lossless, 12 of 16 bits": (JPEG_LOSSLESS_SV1, GREY12, jpeg_lossless(GREY12, predictor=1), BITS12),
    "JPEG lossless, signed": (JPEG_LOSSLESS_SV1, SIGNED16, jpeg_lossless(SIGNED16.view("u2"), predictor=1), {}),
    "JPEG lossless, 12 signed bits": (
        JPEG_LOSSLESS_SV1,
        SIGNED12,
        jpeg_lossless(cut(SIGNED12, 12), predictor=1, bitspersample=12),
        BITS12,
    ),
    "JPEG lossless, colour": (JPEG_LOSSLESS_SV1, COLOUR, colour_lossless(COLOUR), {}),
    "JPEG-LS, 8 bits": (JPEG_LS, GREY8, jls(GREY8), {}),
    "JPEG-LS, 16 bits": (JPEG_LS, GREY16, jls(GREY16), {}),
    "JPEG-LS, 12 signed bits": (JPEG_LS, SIGNED12, jls(cut(SIGNED12, 12)), BITS12),
    "JPEG-LS, colour": (JPEG_LS, COLOUR, jls(COLOUR), {}),
    "JPEG 2000, 8 bits": (J2K_LOSSLESS, GREY8, j2k(GREY8), {}),
    "JPEG 2000, 12 bits": (J2K_LOSSLESS, GREY12, j2k(GREY12, bitspersample=12), BITS12),
    "JPEG 2000, 16 bits": (J2K_LOSSLESS, GREY16, j2k(GREY16), {}),
    "JPEG 2000, signed codestream": (J2K_LOSSLESS, SIGNED16, j2k(SIGNED16), {}),
    "JPEG 2000, 12 signed bits in an unsigned codestream": (
        J2K_LOSSLESS,
        SIGNED12,
        j2k(cut(SIGNED12, 12), bitspersample=12),
        BITS12,
    ),
    "JPEG 2000, reversible transform": (J2K_LOSSLESS, COLOUR, j2k(COLOUR), {"PhotometricInterpretation": "YBR_RCT"}),
    "JPEG 2000, colour without transform": (J2K_LOSSLESS, COLOUR, j2k(COLOUR, mct=False), {}),
    "JPEG 2000 in a JP2 file": (J2K_LOSSLESS, GREY16, j2k(GREY16, codecformat="jp2"), {}),
    "HTJ2K, 8 bits": (HTJ2K_LOSSLESS, GREY8, htj2k(GREY8), {}),
    "HTJ2K, 16 bits": (HTJ2K_LOSSLESS, GREY16, htj2k(GREY16), {}),
    "HTJ2K, colour": (HTJ2K_LOSSLESS, COLOUR, htj2k(COLOUR), {"PhotometricInterpretation": "YBR_RCT"}),
    "HTJ2K, tiles": (HTJ2K_LOSSLESS, GREY16, htj2k(GREY16, tile=(32, 32)), {}),
    "JPEG XL, 8 bits": (JXL_LOSSLESS, GREY8, jxl(GREY8), {}),
    "JPEG XL, 16 bits": (JXL_LOSSLESS, GREY16, jxl(GREY16), {}),
    "JPEG XL, colour": (JXL_LOSSLESS, COLOUR, jxl(COLOUR), {}),
    "RLE, 8 bits": (RLE, GREY8, by_pydicom(GREY8), {}),
    "RLE, 16 bits": (RLE, GREY16, by_pydicom(GREY16), {}),
    "RLE, 32 bits": (RLE, GREY16.astype("u4") * 65537, rle(GREY16.astype("u4") * 65537), {}),
    "RLE, signed": (RLE, SIGNED16, by_pydicom(SIGNED16), {}),
    "RLE, colour": (RLE, COLOUR, by_pydicom(COLOUR), {"PlanarConfiguration": 1}),
    "RLE, deep colour": (RLE, COLOUR.astype("u2") * 257, by_pydicom(COLOUR.astype("u2") * 257), {}),
    "RLE of literal runs": (RLE, GREY16, rle(GREY16), {}),
    "encapsulated uncompressed": (ENCAPSULATED, GREY16, GREY16.tobytes(), {}),
    "deflated frames": (DEFLATED_FRAMES, GREY16, deflated(GREY16), {}),
    "deflated frames, signed": (DEFLATED_FRAMES, SIGNED16, deflated(SIGNED16), {}),
}

NEARLY = {
    "JPEG baseline": (JPEG_BASELINE, GREY8, jpeg(GREY8), {}, 2),
    "JPEG extended, 12 bits": (JPEG_EXTENDED, GREY12, jpeg(GREY12, bitspersample=12), BITS12, 2),
    "JPEG baseline, colour": (
        JPEG_BASELINE,
        COLOUR,
        jpeg(COLOUR, subsampling="444"),
        {"PhotometricInterpretation": "YBR_FULL"},
        4,
    ),
    "JPEG baseline, subsampled colour": (
        JPEG_BASELINE,
        SMOOTH_COLOUR,
        jpeg(SMOOTH_COLOUR, subsampling="422"),
        {"PhotometricInterpretation": "YBR_FULL_422"},
        6,
    ),
    "JPEG baseline, red green blue": (
        JPEG_BASELINE,
        COLOUR,
        jpeg(COLOUR, colorspace="RGB", outcolorspace="RGB", subsampling="444"),
        {},
        3,
    ),
    "JPEG-LS near lossless": (JPEG_LS_NEAR, GREY8, jls(GREY8, level=3), {}, 3),
    "JPEG 2000 irreversible": (J2K, GREY12, j2k(GREY12, reversible=False, level=60, bitspersample=12), BITS12, 24),
    "HTJ2K irreversible": (HTJ2K, GREY8, imagecodecs.htj2k_encode(GREY8, level=0.002, reversible=False), {}, 4),
    "JPEG XL": (JXL, GREY8, imagecodecs.jpegxl_encode(GREY8, distance=0.1), {}, 8),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_lossless_frame_comes_out_as_it_went_in(name):
    syntax, array, codestream, attributes = LOSSLESS[name]
    read = opened(encapsulated([codestream], array, syntax=syntax, **attributes)).read(0)
    assert read.dtype == array.dtype
    assert np.array_equal(read, array)


@pytest.mark.parametrize("name", NEARLY)
def test_a_lossy_frame_comes_out_nearly_as_it_went_in(name):
    syntax, array, codestream, attributes, tolerance = NEARLY[name]
    read = opened(encapsulated([codestream], array, syntax=syntax, **attributes)).read(0)
    assert read.dtype == array.dtype
    assert np.abs(read.astype(int) - array).max() <= tolerance


def test_unmarked_colour_of_jpeg_is_what_the_data_set_says():
    codestream = jpeg(COLOUR, colorspace="RGB", outcolorspace="RGB", subsampling="444")
    at = codestream.index(b"\xff\xee")
    length = int.from_bytes(codestream[at + 2 : at + 4], "big")
    unmarked = bytearray(codestream[:at] + codestream[at + 2 + length :])
    sof = unmarked.index(b"\xff\xc0")
    sos = unmarked.index(b"\xff\xda")
    for number in range(3):  # component identifiers 1, 2, 3 say nothing
        unmarked[sof + 10 + 3 * number] = number + 1
        unmarked[sos + 5 + 2 * number] = number + 1
    as_rgb = opened(encapsulated([bytes(unmarked)], COLOUR, syntax=JPEG_BASELINE)).read(0)
    assert np.abs(as_rgb.astype(int) - COLOUR).max() <= 3
    as_ycc = opened(
        encapsulated([bytes(unmarked)], COLOUR, syntax=JPEG_BASELINE, PhotometricInterpretation="YBR_FULL_422")
    ).read(0)
    expected = opened(native(as_rgb, PhotometricInterpretation="YBR_FULL")).read(0)
    assert np.abs(as_ycc.astype(int) - expected).max() <= 2


def test_lossless_colour_in_luminance_and_chrominance_is_converted_once():
    ycc = np.tile(np.array([76, 85, 255], np.uint8), (8, 8, 1))
    for syntax, codestream in ((JPEG_LS, jls(ycc)), (RLE, rle(ycc)), (JPEG_LOSSLESS_SV1, colour_lossless(ycc))):
        read = opened(encapsulated([codestream], ycc, syntax=syntax, PhotometricInterpretation="YBR_FULL")).read(0)
        assert np.abs(read[0, 0].astype(int) - (254, 0, 0)).max() <= 1, syntax


def test_run_length_segments_may_hold_single_bits_and_may_have_padding():
    mask = np.zeros((5, 5), np.uint8)
    mask[1:4, 2] = 1
    packed = np.packbits(mask.ravel(), bitorder="little").tobytes()
    bits = {"BitsAllocated": 1, "BitsStored": 1}
    assert np.array_equal(opened(encapsulated([rle_of([packed])], mask, syntax=RLE, **bits)).read(0), mask)
    odd = np.array([[1, 2, 3]], np.uint8)
    assert opened(encapsulated([rle_of([bytes([1, 2, 3, 0])])], odd, syntax=RLE)).read(0).tolist() == [[1, 2, 3]]


def test_run_length_cells_are_cut_like_native_ones():
    stored = np.array([[0xF123, 0x1FFF]], np.uint16)
    low = opened(encapsulated([rle(stored)], stored, syntax=RLE, BitsStored=12)).read(0)
    high = opened(encapsulated([rle(stored)], stored, syntax=RLE, BitsStored=12, HighBit=15)).read(0)
    assert low.tolist() == [[0x123, 0xFFF]]
    assert high.tolist() == [[0xF12, 0x1FF]]


def test_what_precedes_a_jpeg_image_is_passed_over():
    codestream = b"\0\0" + jls(GREY8)
    assert np.array_equal(opened(encapsulated([codestream], GREY8, syntax=JPEG_LS)).read(0), GREY8)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.205", "1.2.826.0.1.3680043.2.1"])
def test_a_transfer_syntax_without_a_codec_is_named(syntax):
    with pytest.raises(Undecodable) as refusal:
        opened(encapsulated([b"\0\0"], GREY8, syntax=syntax)).read(0)
    assert refusal.value.transfer_syntax_uid == syntax
    assert refusal.value.detail == "no codec for this transfer syntax"


def test_a_compressed_syntax_whose_pixels_are_native_is_undecodable():
    at = (whole := native(GREY8)).index(EXPLICIT.encode())
    renamed = whole[:at] + RLE.encode() + whole[at + len(RLE) :]
    with pytest.raises(Undecodable, match="not encapsulated"):
        opened(renamed)
