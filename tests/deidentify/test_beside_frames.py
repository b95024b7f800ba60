"""Bytes in the pixel data element that belong to no frame: blanked in place, or the instance is held."""

import io
import struct
import zlib

import numpy as np
import pytest
from deid_objects import BIG, EXPLICIT, IMPLICIT, RLE, ct, ct_file, data_set, deidentified, element, part10, read

from cauce.core.messages import Ruling
from cauce.core.statuses import AttentionCause
from cauce.stages import process
from cauce.stages.deidentify.beside_frames import BesideFrames, Layout, Pixels
from cauce.stages.deidentify.rewriting import Span

NAME = b"Quimby^Hubert 40713355  "
MORE = "Its pixel data holds more than its frames."
JPEG, JPEG_LS, JPEG_2000 = (f"1.2.840.10008.1.2.4.{tail}" for tail in ("50", "80", "90"))
RAW, DEFLATED_FRAMES, VIDEO = (f"1.2.840.10008.1.2.{tail}" for tail in ("1.98", "8.1", "4.102"))
ITEM, END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"


def fragments(*contents, table=b"", end=END):
    return b"".join(ITEM + struct.pack("<L", len(one)) + one for one in (table, *contents)) + end


def encapsulated(value, syntax, **more):
    head = data_set({tag: one for tag, one in ct(**more).items() if tag < 0x7FE00010})
    return part10(head + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + value, syntax)


def value_of(content, **options):
    """Return the pixel data of an output that nothing is held against."""
    outcome, output = deidentified(content, **options)
    assert (outcome.cause, outcome.detail) == (None, "")
    return output[output.index(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff") + 12 :]


def is_held(content, detail=MORE):
    outcome, output = deidentified(content)
    assert output == b""
    return (outcome.cause, outcome.detail) == (AttentionCause.PIXELS_UNPROVEN, detail)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("tail", [NAME, NAME * 100_000, b"\0\1"])
def test_what_lies_behind_native_frames_becomes_zeros(syntax, tail):
    frames = bytes(range(32)) * 2
    ds = read(deidentified(ct_file(syntax, x00280008=("IS", "2"), x7FE00010=("OW", frames + tail)))[1])
    assert ds.PixelData == frames + bytes(len(tail))


@pytest.mark.parametrize(
    ("more", "used"),
    [
        ({"x00280002": ("US", 3), "x00280004": ("CS", "RGB"), "x00280100": ("US", 8)}, 48),
        ({"x00280002": ("US", 3), "x00280004": ("CS", "YBR_FULL_422"), "x00280100": ("US", 8)}, 32),
        ({"x00280100": ("US", 1)}, 2),
        ({"x00280100": ("US", 1), "x00280008": ("IS", "3")}, 6),
        ({"x00280100": ("US", 8), "x00280010": ("US", 3), "x00280011": ("US", 3)}, 10),
        ({"x00280002": None}, 32),
        ({"x00280008": ("IS", "0")}, 32),
    ],
)
def test_where_native_frames_end_follows_from_how_they_are_stored(more, used):
    content = bytes(range(1, 45)) if used < 44 else bytes(range(1, 61))
    slide = {"x00080016": ("UI", "1.2.840.10008.5.1.4.1.1.77.1.6"), "x00080060": ("CS", "SM")}
    ds = read(deidentified(ct_file(x7FE00010=("OW", content), **slide, **more))[1])
    assert ds.PixelData == content[:used] + bytes(len(content) - used)


def test_floating_point_pixels_are_counted_in_their_own_size():
    content = ct_file(x00280100=("US", 32), x7FE00010=None, x7FE00008=("OF", bytes(range(64)) + NAME))
    assert read(deidentified(content)[1]).FloatPixelData == bytes(range(64)) + bytes(len(NAME))


@pytest.mark.parametrize(
    "more", [{"x00280010": None}, {"x00280100": None}, {"x00280008": ("IS", "many")}, {"x00280011": ("US", 0)}]
)
def test_pixels_of_an_unknown_number_are_held(more):
    assert is_held(ct_file(**more))


def test_what_is_held_passes_when_a_person_says_so():
    ruling = Ruling(overridden=frozenset({(AttentionCause.PIXELS_UNPROVEN.value, MORE)}))
    outcome, output = deidentified(ct_file(x00280010=None), ruling=ruling)
    assert outcome.cause is None
    assert read(output).PixelData == bytes(range(32))


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize(
    "again",
    [(0x7FE00010, "OW", bytes(32)), (0x00280010, "US", 2), (0x00080060, "CS", "MR"), (0x7FE00008, "OF", bytes(64))],
)
def test_pixels_and_what_describes_them_may_not_be_there_twice(syntax, again):
    outcome, output = deidentified(ct_file(syntax) + element(*again, syntax))
    assert (outcome.cause, output) == (AttentionCause.DEIDENTIFICATION_FAILED, b"")
    assert outcome.detail in {"It holds an element twice.", "It holds pixel data twice."}


RUNS = b"\x0f" + bytes(range(16))


def rle(*segments, count=2, offsets=None, free=bytes(52)):
    starts = offsets or [64 + sum(map(len, segments[:number])) for number in range(count)]
    return struct.pack(f"<L{count}L", count, *starts) + free + b"".join(segments)


def test_unused_bytes_of_rle_frames_become_zeros():
    free = NAME + bytes(52 - len(NAME))
    value = value_of(encapsulated(fragments(rle(RUNS + NAME, RUNS + NAME, free=free)), RLE))
    assert value == fragments(rle(RUNS + bytes(len(NAME)), RUNS + bytes(len(NAME))))


def test_runs_of_rle_are_followed_to_their_end():
    runs = b"\x80\xf9\x07\x07" + bytes(range(8))
    value = fragments(rle(runs, runs + b"\0"))
    assert value_of(encapsulated(value, RLE)) == value


@pytest.mark.parametrize(
    "frame", [rle(RUNS, RUNS, RUNS, count=3, free=bytes(48)), rle(RUNS, RUNS, offsets=[81, 64]), bytes(64), NAME]
)
def test_rle_frames_with_other_segments_are_held(frame):
    assert is_held(encapsulated(fragments(frame), RLE))


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [(JPEG, b"\xff\xd8\xff\xd9"), (JPEG_LS, b"\xff\xd8\xff\xd9"), (JPEG_2000, b"\xff\x4f\xff\x51\0\4\0\0\xff\xd9")],
)
def test_more_frames_than_it_says_are_held(syntax, frame):
    assert is_held(encapsulated(fragments(*[frame] * 3), syntax, x00280008=("IS", "2")))
    assert is_held(encapsulated(fragments(*[frame] * 2), syntax))
    assert value_of(encapsulated(fragments(*[frame] * 2), syntax, x00280008=("IS", "2"))) == fragments(*[frame] * 2)


@pytest.mark.parametrize(("syntax", "frame"), [(RLE, rle(RUNS, RUNS)), (RAW, bytes(range(32)))])
def test_fragments_behind_the_only_frame_become_zeros(syntax, frame):
    value = value_of(encapsulated(fragments(frame, NAME, frame), syntax))
    assert value == fragments(frame, bytes(len(NAME)), bytes(len(frame)))


def test_frames_stored_as_they_are_are_followed_to_their_end():
    value = value_of(encapsulated(fragments(bytes(range(32)) + NAME), RAW))
    assert value == fragments(bytes(range(32)) + bytes(len(NAME)))


def test_deflated_frames_are_followed_to_their_end():
    deflater = zlib.compressobj(wbits=-15)
    frame = deflater.compress(bytes(range(32))) + deflater.flush()
    value = fragments(frame + NAME)
    span = Span(0x7FE00010, 0, len(value))
    layout = Layout(frame_bits=256, frames=1, samples=1, bits=16, is_subsampled=False)
    pixels = Pixels(span=span, is_encapsulated=True, tables={})
    beside = BesideFrames(io.BytesIO(value), pixels, layout, transfer_syntax_uid=DEFLATED_FRAMES)
    assert (beside.held, b"".join(beside.chunks())) == ("", fragments(frame + bytes(len(NAME))))


@pytest.mark.parametrize("table", [NAME, struct.pack("<2L", 0, 8)])
def test_an_offset_table_that_does_not_fit_is_emptied(table):
    frames = [rle(RUNS, RUNS)] * 2
    value = value_of(encapsulated(fragments(*frames, table=table), RLE, x00280008=("IS", "2")))
    assert value == fragments(*frames)


def test_an_offset_table_that_fits_stays():
    value = fragments(*[rle(RUNS, RUNS)] * 2, table=struct.pack("<2L", 0, 106))
    assert value_of(encapsulated(value, RLE, x00280008=("IS", "2"))) == value


@pytest.mark.parametrize(
    ("starts", "lengths", "passes"),
    [((0, 106), (98, 98), True), ((0, 98), (98, 98), False), ((0, 106), (98, 4), False), ((0,), (98,), False)],
)
def test_extended_offset_tables_fit_or_the_instance_is_held(starts, lengths, passes):
    tables = [struct.pack(f"<{len(one)}Q", *one) for one in (starts, lengths)]
    value = fragments(*[rle(RUNS, RUNS)] * 2)
    more = {"x7FE00001": ("OV", tables[0]), "x7FE00002": ("OV", tables[1])}
    content = encapsulated(value, RLE, x00280008=("IS", "2"), **more)
    assert value_of(content) == value if passes else is_held(content)


def test_a_length_of_the_delimiter_is_blanked():
    value = fragments(rle(RUNS, RUNS), end=END[:4] + b"Quim")
    assert value_of(encapsulated(value, RLE)) == fragments(rle(RUNS, RUNS))


def test_compressed_pixels_that_are_not_encapsulated_are_held():
    assert is_held(part10(data_set(ct()), JPEG))


def test_video_goes_through_as_it_is():
    value = fragments(b"\0\0\1\xb3" + bytes(60), bytes(100))
    assert value_of(encapsulated(value, VIDEO, x00280008=("IS", "900"))) == value


@pytest.mark.parametrize(
    ("more", "held"),
    [
        ({"x60000010": ("US", 4)}, True),
        ({"x60000102": ("US", 12), "x60003000": ("OW", b"\0\0")}, True),
        ({"x60000100": ("US", 16), "x60003000": ("OW", b"\0\0")}, True),
        ({"x60000102": ("US", 0), "x60000100": ("US", 1), "x60003000": ("OW", b"\0\0")}, False),
        ({"x60003000": ("OW", b"\0\0")}, False),
        ({"x601E0102": ("US", 8)}, True),
    ],
)
def test_overlays_that_may_lie_in_pixel_cells_are_held(more, held):
    detail = "It keeps an overlay inside the pixel cells."
    content = ct_file(**more)
    assert is_held(content, detail) if held else deidentified(content)[0].cause is None


@pytest.mark.parametrize("tag", [0x7FE00020, 0x7FE00030, 0x7FE00040])
def test_retired_coefficients_of_pixels_go(tag):
    assert NAME not in deidentified(ct_file() + element(tag, "OW", NAME))[1]


def test_frames_still_decode_after_their_comments_are_blanked():
    image = np.arange(16, dtype=np.uint8).reshape(4, 4)
    runs = b"\x0f" + image.tobytes()
    content = encapsulated(fragments(rle(runs + NAME, count=1, free=bytes(56))), RLE, x00280100=("US", 8))
    _, output = deidentified(content)
    assert np.array_equal(process.frames(io.BytesIO(output)).read(0), image)
