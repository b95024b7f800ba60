"""Native pixel data of every layout comes out as the values that went in."""

import io

import numpy as np
import pytest
from process_objects import BIG, DEFLATED, EXPLICIT, IMPLICIT, described, native, opened, written

from cauce.core.errors import NotFound, Refused, Undecodable
from cauce.stages.process import frames, measure_instance, preview_png, render

RAMP = np.arange(12, dtype=np.uint16).reshape(3, 4)
COLOUR = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4"])
def test_integers_of_every_width_sign_and_byte_order_are_read_as_written(syntax, dtype):
    array = (np.arange(12) * 1000 - 3000).astype(dtype).reshape(3, 4)
    reader = opened(native(array, syntax=syntax))
    assert reader.transfer_syntax_uid == syntax
    assert reader.read(0).dtype == np.dtype(dtype)
    assert np.array_equal(reader.read(0), array)


@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")])
@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_float_pixels_are_read_as_written(keyword, dtype, syntax):
    array = np.array([[0.5, -1.25], [1e6, 3.0]], dtype)
    order = ">" if syntax == BIG else "<"
    values = described(array, BitsStored=None, HighBit=None, PixelRepresentation=None)
    values[keyword] = array.astype(f"{order}{dtype}").tobytes()
    assert np.array_equal(opened(written(values, syntax=syntax)).read(0), array)


def test_twelve_stored_bits_lose_what_lies_in_the_upper_four():
    stored = np.array([[0x0001, 0xF002], [0x7FFF, 0x0ABC]], np.uint16)
    reader = opened(native(stored, BitsStored=12))
    assert reader.read(0).tolist() == [[0x001, 0x002], [0xFFF, 0xABC]]


def test_twelve_signed_bits_extend_their_own_sign():
    stored = np.array([[0x0FFF, 0x0800], [0x07FF, 0xF001]], np.uint16)
    reader = opened(native(stored, BitsStored=12, PixelRepresentation=1))
    assert reader.read(0).tolist() == [[-1, -2048], [2047, 1]]


def test_a_high_bit_above_the_stored_bits_moves_the_values_down():
    stored = np.array([[0x1230, 0xFFF5]], np.uint16)
    assert opened(native(stored, BitsStored=12, HighBit=15)).read(0).tolist() == [[0x123, 0xFFF]]
    signed = native(stored, BitsStored=12, HighBit=15, PixelRepresentation=1)
    assert opened(signed).read(0).tolist() == [[0x123, -1]]


def test_single_bits_run_on_from_frame_to_frame():
    masks = np.random.default_rng(1).integers(0, 2, (3, 5, 7)).astype(np.uint8)
    packed = np.packbits(masks.ravel(), bitorder="little").tobytes()
    values = described(masks, frames=3, BitsAllocated=1, BitsStored=1, PixelData=packed + b"\0" * (len(packed) % 2))
    reader = opened(written(values))
    assert [reader.read(i).tolist() for i in range(3)] == masks.tolist()


def test_colour_by_plane_is_the_same_picture_as_colour_by_pixel():
    by_plane = native(np.ascontiguousarray(COLOUR.transpose(2, 0, 1)).reshape(COLOUR.shape), PlanarConfiguration=1)
    assert np.array_equal(opened(by_plane).read(0), COLOUR)
    assert np.array_equal(opened(native(COLOUR)).read(0), COLOUR)


def test_sixteen_bit_colour_is_read_as_written():
    deep = COLOUR.astype(np.uint16) * 2570
    assert np.array_equal(opened(native(deep)).read(0), deep)


def test_big_endian_words_of_bytes_are_put_right():
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    as_bytes, as_words = (b"\x7f\xe0\x00\x10" + vr + b"\0\0\x00\x00\x00\x06" for vr in (b"OB", b"OW"))
    content = native(array, syntax=BIG)
    assert content.endswith(as_bytes + b"\0\1\2\3\4\5")
    swapped = content[: -len(as_bytes) - 6] + as_words + b"\1\0\3\2\5\4"
    assert np.array_equal(opened(swapped).read(0), array)


@pytest.mark.parametrize(
    ("photometric", "red"), [("YBR_FULL", (254, 0, 0)), ("YBR_PARTIAL_422", (255, 0, 0)), ("YBR_ICT", (254, 0, 0))]
)
def test_native_luminance_and_chrominance_become_red_green_blue(photometric, red):
    ycc = (81, 90, 240) if photometric == "YBR_PARTIAL_422" else (76, 85, 255)
    array = np.tile(np.array(ycc, np.uint8), (2, 2, 1))
    read = opened(native(array, PhotometricInterpretation=photometric)).read(0)
    assert np.abs(read[0, 0].astype(int) - red).max() <= 1


def test_subsampled_native_colour_shares_chrominance_between_two_pixels():
    quadruples = np.array([[76, 150, 85, 255, 29, 29, 255, 107]], np.uint8)
    values = described(np.zeros((1, 4, 3), np.uint8), PhotometricInterpretation="YBR_FULL_422")
    read = opened(written({**values, "PixelData": quadruples.tobytes()})).read(0)
    assert np.abs(read[0, 0].astype(int) - (254, 0, 0)).max() <= 1
    assert np.abs(read[0, 3].astype(int) - (0, 0, 254)).max() <= 1
    assert read[0, 2].tolist() == read[0, 3].tolist()


def test_frames_are_counted_iterated_and_read_in_any_order():
    stack = np.arange(60, dtype=np.uint16).reshape(5, 3, 4)
    reader = opened(native(stack, frames=5))
    assert len(reader) == 5
    assert [reader.read(i)[0, 0] for i in (4, 0, 2)] == [48, 0, 24]
    assert np.array_equal(np.stack(list(reader)), stack)
    for absent in (-1, 5):
        with pytest.raises(IndexError):
            reader.read(absent)


def test_a_number_of_frames_of_zero_means_one_frame():
    assert len(opened(native(RAMP, NumberOfFrames=0))) == 1


def test_an_object_without_pixels_has_no_frames():
    content = written({"Modality": "SR"})
    reader = opened(content)
    assert (len(reader), reader.layout, list(reader)) == (0, None, [])
    assert measure_instance(io.BytesIO(content)).outcome == "no_pixels"
    with pytest.raises(NotFound):
        preview_png(io.BytesIO(content))
    with pytest.raises(NotFound):
        render(io.BytesIO(native(RAMP)), frame=1)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"Rows": 0}, "Rows or Columns is missing or zero"),
        ({"Columns": None}, "Rows or Columns is missing or zero"),
        ({"NumberOfFrames": -3}, "Number of Frames is not positive"),
        ({"NumberOfFrames": 2}, "the pixel data is shorter than the data set says"),
        ({"SamplesPerPixel": 4}, "4 Samples per Pixel are not supported"),
        ({"SamplesPerPixel": 3}, "Photometric Interpretation is not supported"),
        ({"PhotometricInterpretation": "RGB"}, "Photometric Interpretation is not supported"),
        ({"BitsAllocated": 24}, "Bits Allocated of 24 is not supported"),
        ({"BitsStored": 17}, "Bits Stored contradicts Bits Allocated"),
        ({"BitsStored": 12, "HighBit": 10}, "High Bit contradicts Bits Stored"),
        ({"Rows": 65535, "Columns": 65535}, "a frame is larger than CAUCE_MAX_FRAME_MB allows, 64 MiB"),
    ],
)
def test_contradictory_attributes_are_named_and_never_decoded(attributes, reason):
    content = native(RAMP, **attributes)
    with pytest.raises(Undecodable) as refusal:
        opened(content)
    assert refusal.value.detail == reason
    assert refusal.value.transfer_syntax_uid == EXPLICIT
    outcome = measure_instance(io.BytesIO(content))
    assert (outcome.outcome, outcome.detail) == ("undecodable", f"{reason} ({EXPLICIT})")


def test_attributes_that_are_no_numbers_are_as_good_as_absent():
    content = native(RAMP, RescaleSlope="1")
    broken = content.replace(b"\x28\x00\x53\x10DS\x02\x001 ", b"\x28\x00\x53\x10DS\x02\x00x ")
    assert broken != content
    assert measure_instance(io.BytesIO(broken)).maximum == 11.0


@pytest.mark.parametrize("content", [b"", b"no image", b"\0" * 128 + b"DICM", b"\0" * 300])
def test_what_is_no_object_is_refused(content):
    with pytest.raises(Refused):
        frames(io.BytesIO(content))


def test_an_object_without_preamble_is_read_all_the_same():
    content = native(RAMP, syntax=IMPLICIT)
    assert np.array_equal(opened(content[132:]).read(0), RAMP)
    without_meta = content[content.index(b"\x08\x00\x16\x00") :]
    assert np.array_equal(opened(without_meta).read(0), RAMP)
