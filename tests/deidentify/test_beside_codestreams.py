"""Comments and application data in compressed images are blanked in place; what decoders need stays."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauce.stages.deidentify.codestreams import beside_the_image
from cauce.stages.deidentify.fragments import Joined, UnexplainedError

NAME = b"Quimby^Hubert 40713355  "
GONE = bytes(len(NAME))
IMAGE = np.random.default_rng(5).integers(0, 255, (64, 48), np.uint8)


def blanked(content, *, pieces=1):
    """Return a frame without what lies beside its image; it is read out of `pieces` fragments."""
    step = -(-len(content) // pieces)
    spans = [(start, min(step, len(content) - start)) for start in range(0, len(content), step)]
    made = bytearray(content)
    last = 0
    for start, length, value in beside_the_image(Joined(io.BytesIO(content), spans)):
        assert start >= last
        last = start + length
        made[start:last] = bytes(length) if value is None else value
    return bytes(made)


def segment(marker, body):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


JPEG = imagecodecs.jpeg8_encode(IMAGE, level=90)
LOSSLESS = imagecodecs.ljpeg_encode(IMAGE)
JPEG_LS = imagecodecs.jpegls_encode(IMAGE)
ENCODED = [JPEG, LOSSLESS, JPEG_LS]


@pytest.mark.parametrize("content", ENCODED)
@pytest.mark.parametrize("pieces", [1, 7])
@pytest.mark.parametrize("marker", [0xFE, 0xE0, 0xE1, 0xE2, 0xE8, 0xED, 0xEE, 0xF0, 0x02])
def test_comments_and_application_data_of_jpeg_become_zeros(content, marker, pieces):
    with_name = content[:2] + segment(marker, NAME) + content[2:]
    assert blanked(with_name, pieces=pieces) == content[:2] + segment(marker, GONE) + content[2:]
    assert blanked(content, pieces=pieces) == content


@pytest.mark.parametrize(
    ("marker", "needed"),
    [
        (0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
        (0xEE, b"Adobe\0\x64\0\0\0\0\1"),
        (0xE8, b"mrfx\1"),
        (0xE8, b"SPIFF\0" + bytes(range(24))),
    ],
)
def test_what_decoders_look_at_stays_but_not_what_follows_it(marker, needed):
    content = JPEG[:2] + segment(marker, needed + NAME) + JPEG[2:]
    assert blanked(content) == JPEG[:2] + segment(marker, needed + GONE) + JPEG[2:]


@pytest.mark.parametrize("content", ENCODED)
def test_what_lies_before_and_behind_a_jpeg_becomes_zeros(content):
    assert blanked(NAME + content + NAME) == GONE + content + GONE


def test_what_lies_between_segments_and_in_tables_that_are_too_long_becomes_zeros():
    table = segment(0xDB, b"\0" + bytes(range(1, 65)) + NAME)
    clean = segment(0xDB, b"\0" + bytes(range(1, 65)) + GONE)
    assert blanked(JPEG[:2] + table + NAME + JPEG[2:]) == JPEG[:2] + clean + GONE + JPEG[2:]


def test_comments_between_scans_become_zeros():
    scan = JPEG.index(b"\xff\xda")
    content = JPEG[:-2] + segment(0xFE, NAME) + JPEG[scan:]
    assert blanked(content) == JPEG[:-2] + segment(0xFE, GONE) + JPEG[scan:]


@pytest.mark.parametrize("content", [*ENCODED, imagecodecs.jpeg2k_encode(IMAGE, level=0, codecformat="j2k")])
def test_an_image_behind_the_image_is_not_explained(content):
    with pytest.raises(UnexplainedError):
        blanked(content + content)


J2K = imagecodecs.jpeg2k_encode(IMAGE, level=0, codecformat="j2k")
JP2 = imagecodecs.jpeg2k_encode(IMAGE, level=0, codecformat="jp2")


def commented(content, comment):
    """Return a JPEG 2000 codestream with a comment of text in its main header, before the first tile-part."""
    tile = content.index(b"\xff\x90\0\x0a")
    return content[:tile] + b"\xff\x64" + struct.pack(">HH", len(comment) + 4, 1) + comment + content[tile:]


@pytest.mark.parametrize("pieces", [1, 5])
def test_comments_of_jpeg_2000_become_zeros(pieces):
    plain = blanked(J2K)
    made = blanked(commented(J2K, NAME) + NAME, pieces=pieces)
    assert made == commented(plain, GONE) + GONE
    assert np.array_equal(imagecodecs.jpeg2k_decode(made), IMAGE)


def test_comments_in_the_header_of_a_tile_part_become_zeros():
    tile = J2K.index(b"\xff\x90\0\x0a")
    comment = b"\xff\x64" + struct.pack(">HH", len(NAME) + 4, 1)
    size = struct.unpack_from(">L", J2K, tile + 6)[0] + len(comment) + len(NAME)
    head = J2K[: tile + 6] + struct.pack(">L", size) + J2K[tile + 10 : tile + 12]
    made = blanked(head + comment + NAME + J2K[tile + 12 :])
    assert made == blanked(head + comment + GONE + J2K[tile + 12 :])
    assert NAME not in made
    assert np.array_equal(imagecodecs.jpeg2k_decode(made), IMAGE)


def test_a_last_tile_part_may_leave_its_length_open():
    tile = J2K.index(b"\xff\x90\0\x0a")
    made = blanked(J2K[: tile + 6] + bytes(4) + J2K[tile + 10 :] + NAME)
    assert made.endswith(b"\xff\xd9" + GONE)
    assert np.array_equal(imagecodecs.jpeg2k_decode(made), IMAGE)


def box(kind, body):
    return struct.pack(">L", len(body) + 8) + kind + body


def test_boxes_of_text_become_free_space():
    for kind in (b"xml ", b"uuid", b"ASOC"):
        made = blanked(JP2 + box(kind, NAME) + NAME[:6])
        assert made == blanked(JP2) + box(b"free", GONE) + bytes(6)
        assert np.array_equal(imagecodecs.jpeg2k_decode(made), IMAGE)


def test_boxes_of_jpeg_xl_are_followed():
    start = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    image = box(b"jxlc", imagecodecs.jpegxl_encode(IMAGE, lossless=True)[:40])
    content = start + box(b"Exif", NAME) + box(b"brob", b"Exif" + NAME) + image
    assert blanked(content) == start + box(b"free", GONE) + box(b"free", bytes(4) + GONE) + image


@pytest.mark.parametrize("content", [NAME, b"\0" * 12, b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x05abcd"])
def test_what_is_no_image_is_not_explained(content):
    with pytest.raises(UnexplainedError):
        blanked(content)


@settings(deadline=None, max_examples=150)
@given(
    content=st.sampled_from([*ENCODED, J2K, JP2]),
    changes=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=5),
    cut=st.integers(2, 5000),
    pieces=st.integers(1, 4),
)
def test_damage_ends_in_an_answer_of_the_same_length(content, changes, cut, pieces):
    damaged = bytearray(content[:cut])
    for position, value in changes:
        if position < len(damaged):
            damaged[position] = value
    try:
        assert len(blanked(bytes(damaged), pieces=pieces)) == len(damaged)
    except UnexplainedError:
        assert len(damaged) <= len(content)
