"""Damaged and hostile frames end in Undecodable, within the memory of an honest frame, whatever codecs make of them."""

import io
import struct
import subprocess
import sys
import zlib

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from process_objects import (
    DEFLATED,
    DEFLATED_FRAMES,
    EXPLICIT,
    HTJ2K_LOSSLESS,
    J2K_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    JXL_LOSSLESS,
    MPEG2,
    RLE,
    encapsulated,
    native,
    opened,
    rle,
    with_items,
)

from cauce.core.errors import CauceError, Refused, Undecodable
from cauce.core.limits import Limits
from cauce.stages.process import frames, measure_instance

GREY8 = np.random.default_rng(2).integers(0, 256, (24, 40)).astype(np.uint8)
GREY16 = GREY8.astype(np.uint16) * 200
CODESTREAMS = {
    JPEG_BASELINE: (GREY8, imagecodecs.jpeg8_encode(GREY8, level=90)),
    JPEG_EXTENDED: (GREY16, imagecodecs.jpeg8_encode(GREY16 >> 4, level=90, bitspersample=12)),
    JPEG_LOSSLESS_SV1: (GREY16, imagecodecs.jpeg8_encode(GREY16, lossless=True, bitspersample=16)),
    JPEG_LS: (GREY16, imagecodecs.jpegls_encode(GREY16)),
    J2K_LOSSLESS: (GREY16, imagecodecs.jpeg2k_encode(GREY16, codecformat="j2k", reversible=True, level=0)),
    HTJ2K_LOSSLESS: (GREY16, imagecodecs.htj2k_encode(GREY16, reversible=True)),
    JXL_LOSSLESS: (GREY16, imagecodecs.jpegxl_encode(GREY16, lossless=True)),
    RLE: (GREY16, rle(GREY16)),
    DEFLATED_FRAMES: (GREY16, zlib.compress(GREY16.tobytes())[2:-4]),
}


def read_or_undecodable(content):
    """Return the frame, or None when it is undecodable; anything else fails the test."""
    try:
        return opened(content).read(0)
    except Undecodable:
        return None


@pytest.mark.parametrize("syntax", CODESTREAMS)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_frame_that_ends_early_is_undecodable(syntax, share):
    like, codestream = CODESTREAMS[syntax]
    cut = codestream[: int(len(codestream) * share) & ~1] or b"\0\0"
    assert read_or_undecodable(encapsulated([cut], like, syntax=syntax)) is None


@pytest.mark.parametrize("syntax", CODESTREAMS)
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_flipped_bits_never_raise_anything_else(syntax, flips):
    like, codestream = CODESTREAMS[syntax]
    damaged = bytearray(codestream)
    for place, bit in flips:
        damaged[int(place * len(damaged))] ^= 1 << bit
    read = read_or_undecodable(encapsulated([bytes(damaged)], like, syntax=syntax))
    assert read is None or read.shape == like.shape


@pytest.mark.parametrize("syntax", CODESTREAMS)
@given(junk=st.binary(max_size=200))
@settings(max_examples=20, deadline=None)
def test_bytes_of_any_kind_never_raise_anything_else(syntax, junk):
    like, codestream = CODESTREAMS[syntax]
    for content in (junk, codestream[:20] + junk, junk + codestream[-20:]):
        read = read_or_undecodable(with_items([b"", content + b"\0" * (len(content) % 2 or 2)], like, syntax=syntax))
        assert read is None or read.shape == like.shape


@given(place=st.floats(0, 1, exclude_max=True), junk=st.binary(min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_a_header_damaged_anywhere_is_refused_or_undecodable_or_read(place, junk):
    content = bytearray(native(GREY16, RescaleSlope="2", WindowCenter="3", WindowWidth="9"))
    at = 132 + int(place * (len(content) - GREY16.nbytes - 132))
    content[at : at + len(junk)] = junk
    try:
        outcome = measure_instance(io.BytesIO(bytes(content)))
    except Refused:
        return
    assert outcome.outcome in {"measured", "no_pixels", "undecodable"}


@pytest.mark.parametrize("syntax", [s for s in CODESTREAMS if s not in {RLE, DEFLATED_FRAMES}])
def test_a_codestream_of_other_dimensions_is_undecodable(syntax):
    _, codestream = CODESTREAMS[syntax]
    for shape in ((40, 24), (24, 41), (12, 40), (24, 40, 3)):
        like = np.zeros(shape, np.uint16)
        assert read_or_undecodable(encapsulated([codestream], like, syntax=syntax)) is None


def jpeg2000(*, rows, columns, tile=None, precinct=None, block=(4, 4), where="main"):
    """Return a short codestream that asks for many records: tiles, precincts or code blocks."""
    tile_rows, tile_columns = tile or (rows, columns)
    size = struct.pack(">HIIIIIIIIH", 0, columns, rows, 0, 0, tile_columns, tile_rows, 0, 0, 1) + bytes([7, 1, 1])
    plain = bytes([0, 0, 0, 1, 0, 5, 4, 4, 0, 1])
    style = bytes([1 if precinct is not None else 0, 0, 0, 1, 0, 5, *block, 0, 1])
    style += bytes([precinct] * 6) if precinct is not None else b""
    quantised = bytes([0x40] * 17)

    def segment(marker, body):
        return struct.pack(">HH", marker, 2 + len(body)) + body

    head = segment(0xFF52, style) if where == "tile" else b""
    if where == "component":
        head = segment(0xFF53, bytes([0, style[0]]) + style[5:])
    body = head + b"\xff\x93" + bytes(200)
    main = style if where == "main" else plain
    return (
        b"\xff\x4f"
        + segment(0xFF51, size)
        + segment(0xFF52, main)
        + segment(0xFF5C, quantised)
        + segment(0xFF90, struct.pack(">HIBB", 0, 12 + len(body), 0, 1))
        + body
        + b"\xff\xd9"
    )


@pytest.mark.parametrize(
    "bomb",
    [
        {"rows": 4096, "columns": 4096, "precinct": 0x11},
        {"rows": 4096, "columns": 4096, "precinct": 0x33},
        {"rows": 4096, "columns": 4096, "block": (0, 0)},
        {"rows": 255, "columns": 257, "tile": (1, 1)},
        {"rows": 4096, "columns": 4096, "precinct": 0x11, "where": "tile"},
        {"rows": 4096, "columns": 4096, "precinct": 0x11, "where": "component"},
    ],
    ids=str,
)
def test_a_codestream_cut_too_finely_never_reaches_the_codec(bomb, monkeypatch):
    monkeypatch.setattr(imagecodecs, "jpeg2k_decode", lambda *_, **__: pytest.fail("it was decoded"))
    like = np.broadcast_to(np.uint8(0), (bomb["rows"], bomb["columns"]))
    with pytest.raises(Undecodable, match="cut too finely"):
        opened(encapsulated([jpeg2000(**bomb)], like, syntax=J2K_LOSSLESS)).read(0)


def test_the_same_codestream_cut_as_usual_is_decoded():
    like = np.broadcast_to(np.uint8(0), (512, 512))
    content = encapsulated([jpeg2000(rows=512, columns=512, precinct=0x77)], like, syntax=J2K_LOSSLESS)
    assert opened(content).read(0).shape == (512, 512)


def test_a_jpeg_of_more_scans_than_any_image_needs_is_undecodable():
    _, codestream = CODESTREAMS[JPEG_BASELINE]
    end = codestream.rindex(b"\xff\xd9")
    scans = codestream[:end] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" * 300 + codestream[end:]
    assert read_or_undecodable(encapsulated([scans], GREY8, syntax=JPEG_BASELINE)) is None


def test_runs_that_unpack_to_more_than_the_frame_are_undecodable():
    run = b"\x81\x07" * 2_000_000  # 256 MB of sevens
    bomb = struct.pack("<16I", 1, 64, *[0] * 14) + run
    assert read_or_undecodable(encapsulated([bomb], GREY8, syntax=RLE)) is None


def test_a_deflated_frame_unfolds_no_further_than_the_frame():
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    bomb = packer.compress(bytes(50_000_000)) + packer.flush()
    assert opened(encapsulated([bomb], GREY8, syntax=DEFLATED_FRAMES)).read(0).tolist() == np.zeros((24, 40)).tolist()


def test_a_compressed_frame_far_longer_than_the_decoded_one_is_not_read():
    _, codestream = CODESTREAMS[JPEG_LS]
    content = with_items([b"", codestream + bytes(17 << 20)], GREY16, syntax=JPEG_LS)
    with pytest.raises(Undecodable, match="far longer"):
        opened(content).read(0)


def test_a_deflated_data_set_that_unfolds_without_end_is_refused():
    content = native(np.zeros((400, 400), np.uint8), syntax=DEFLATED)
    with pytest.raises(Refused) as refusal:
        frames(io.BytesIO(content), limits=Limits(inflated_bytes_max=100_000))
    assert refusal.value.code == "too_large"


@pytest.mark.parametrize("stream", [b"#EXTM3U\nfile:///etc/hostname\n", b"ffconcat version 1.0\nfile x\n", b"\0" * 64])
def test_a_video_that_is_no_video_never_reaches_the_player(stream, monkeypatch):
    import cv2

    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: pytest.fail("it was played"))
    assert read_or_undecodable(encapsulated([stream], np.zeros((8, 8, 3), np.uint8), syntax=MPEG2)) is None


def test_a_damaged_video_is_undecodable():
    stream = b"\0\0\1\xb3" + bytes(range(256)) * 8
    assert read_or_undecodable(encapsulated([stream], np.zeros((8, 8, 3), np.uint8), syntax=MPEG2)) is None


_WITHIN = """
import io, resource, sys
from cauce.stages.process import measure_instance
content = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
outcome = measure_instance(io.BytesIO(content))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(outcome.outcome, (after - before) // 1024)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no resource usage")
@pytest.mark.parametrize("kind", ["precincts", "runs", "native"])
def test_a_process_that_is_sent_a_bomb_stays_small(kind):
    large = np.broadcast_to(np.uint8(0), (4096, 4096))
    content = {
        "precincts": lambda: encapsulated(
            [jpeg2000(rows=4096, columns=4096, precinct=0x11)], large, syntax=J2K_LOSSLESS
        ),
        "runs": lambda: encapsulated(
            [struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\7" * 4_000_000], GREY8, syntax=RLE
        ),
        "native": lambda: native(GREY16, Rows=65535, Columns=65535),
    }[kind]()
    done = subprocess.run([sys.executable, "-c", _WITHIN], input=content, capture_output=True, check=True, timeout=60)
    outcome, grown_mb = done.stdout.split()
    assert outcome == b"undecodable"
    assert int(grown_mb) < 40


def test_the_malformed_corpus_raises_nothing_but_our_own_errors(malformed):
    outcomes = set()
    for path in sorted(p for p in malformed.rglob("*") if p.is_file() and p.name != "MANIFEST.tsv"):
        with path.open("rb") as source:
            try:
                outcomes.add(measure_instance(source).outcome)
            except CauceError as error:
                outcomes.add(type(error).__name__)
    assert outcomes == {"measured", "no_pixels", "undecodable", "Refused"}


def test_errors_carry_a_reason_and_the_transfer_syntax_but_no_value():
    content = native(GREY16, PatientName="Roe^Jane", Rows=0)
    with pytest.raises(Undecodable) as refusal:
        frames(io.BytesIO(content))
    assert (refusal.value.detail, refusal.value.transfer_syntax_uid) == (
        "Rows or Columns is missing or zero",
        EXPLICIT,
    )
