"""Two encodings of one object give the same bytes: our codecs against DCMTK's, and every lossless pair of our own."""

import io
import shutil
import subprocess
import zlib

import imagecodecs
import numpy as np
import pytest
from process_objects import (
    BIG,
    DEFLATED,
    DEFLATED_FRAMES,
    EXPLICIT,
    HTJ2K_LOSSLESS,
    IMPLICIT,
    J2K_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
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

from cauce.core.errors import Undecodable
from cauce.stages.process import decoded_frames

RNG = np.random.default_rng(8)
STACK = RNG.integers(0, 65536, (3, 16, 24)).astype(np.uint16)
SIGNED = RNG.integers(-2048, 2048, (3, 16, 24)).astype(np.int16)
COLOUR = RNG.integers(0, 256, (16, 24, 3)).astype(np.uint8)

DECODERS = {JPEG_LOSSLESS_SV1: "dcmdjpeg", JPEG_LS: "dcmdjpls", RLE: "dcmdrle"}
ENCODERS = {("dcmcjpeg", "+e1"): "dcmdjpeg", ("dcmcjpls",): "dcmdjpls", ("dcmcrle",): "dcmdrle"}
NATIVE = {IMPLICIT, EXPLICIT, BIG}


def compared(content):
    return b"".join(decoded_frames(io.BytesIO(content)))


def test_native_encodings_give_the_bytes_of_a_little_endian_file():
    for syntax in (IMPLICIT, EXPLICIT, BIG, DEFLATED):
        assert compared(native(STACK, frames=3, syntax=syntax)) == STACK.tobytes()


def test_lossless_encodings_give_the_bytes_of_the_native_one():
    def deflated(frame):
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return packer.compress(frame.tobytes()) + packer.flush()

    encoders = {
        JPEG_LOSSLESS_SV1: lambda f: imagecodecs.jpeg8_encode(f, lossless=True, predictor=1, bitspersample=16),
        JPEG_LS: imagecodecs.jpegls_encode,
        J2K_LOSSLESS: lambda f: imagecodecs.jpeg2k_encode(f, codecformat="j2k", reversible=True, level=0),
        HTJ2K_LOSSLESS: lambda f: imagecodecs.htj2k_encode(f, reversible=True),
        RLE: rle,
        DEFLATED_FRAMES: deflated,
    }
    for syntax, encode in encoders.items():
        content = encapsulated([encode(frame) for frame in STACK], STACK, frames=3, syntax=syntax)
        assert compared(content) == STACK.tobytes(), syntax


def test_bits_that_the_codestream_has_no_room_for_repeat_the_sign():
    twelve = [frame.view(np.uint16) & 0xFFF for frame in SIGNED]
    codestreams = [imagecodecs.jpeg8_encode(frame, lossless=True, predictor=1, bitspersample=12) for frame in twelve]
    content = encapsulated(codestreams, SIGNED, frames=3, syntax=JPEG_LOSSLESS_SV1, BitsStored=12)
    assert compared(content) == SIGNED.tobytes()


def test_unused_bits_of_native_and_run_length_cells_are_kept():
    dirty = STACK | 0xF000
    attributes = {"frames": 3, "BitsStored": 12}
    assert compared(native(dirty, **attributes)) == dirty.tobytes()
    assert compared(encapsulated([rle(f) for f in dirty], dirty, syntax=RLE, **attributes)) == dirty.tobytes()


def test_colour_is_compared_by_pixel_in_the_stored_colour_space():
    planes = np.ascontiguousarray(COLOUR.transpose(2, 0, 1)).reshape(COLOUR.shape)
    for photometric in ("RGB", "YBR_FULL"):
        same = [
            native(COLOUR, PhotometricInterpretation=photometric),
            native(planes, PhotometricInterpretation=photometric, PlanarConfiguration=1),
            encapsulated([rle(COLOUR)], COLOUR, syntax=RLE, PhotometricInterpretation=photometric),
            encapsulated(
                [imagecodecs.jpegls_encode(COLOUR)], COLOUR, syntax=JPEG_LS, PhotometricInterpretation=photometric
            ),
        ]
        assert [compared(content) == COLOUR.tobytes() for content in same] == [True] * 4


def test_the_transform_of_jpeg_2000_is_undone():
    codestream = imagecodecs.jpeg2k_encode(COLOUR, codecformat="j2k", reversible=True, level=0)
    content = encapsulated([codestream], COLOUR, syntax=J2K_LOSSLESS, PhotometricInterpretation="YBR_RCT")
    assert compared(content) == COLOUR.tobytes()


def test_single_bits_run_on_as_in_a_native_file():
    masks = RNG.integers(0, 2, (3, 5, 7)).astype(np.uint8)
    packed = np.packbits(masks.ravel(), bitorder="little").tobytes()
    values = described(masks, frames=3, BitsAllocated=1, BitsStored=1)
    assert compared(written({**values, "PixelData": packed})) == packed
    each = [rle_of([np.packbits(mask.ravel(), bitorder="little").tobytes()]) for mask in masks]
    assert compared(encapsulated(each, masks, frames=3, syntax=RLE, BitsAllocated=1, BitsStored=1)) == packed


def test_video_is_not_compared_and_an_object_without_pixels_has_nothing_to_compare():
    with pytest.raises(Undecodable, match="video"):
        compared(encapsulated([b"\0\0\1\xb3"], COLOUR, syntax=MPEG2))
    assert compared(written({"Modality": "SR"})) == b""


@pytest.fixture(scope="module")
def dcmtk():
    """Run a converter of DCMTK; the tests that want it are skipped, loudly, where it is absent."""
    if not all(shutil.which(tool) for tool in (*DECODERS.values(), *(command[0] for command in ENCODERS))):
        pytest.skip("DCMTK IS ABSENT: install the package `dcmtk`, this test proves nothing here")

    def convert(*command):
        return subprocess.run([str(part) for part in command], capture_output=True, check=False).returncode == 0

    return convert


def of(path):
    with path.open("rb") as source:
        return b"".join(decoded_frames(source))


def sampled(corpus, wanted, *, most):
    """Return some files of the corpus whose transfer syntax is wanted, spread over all of them."""
    found = []
    for path in sorted(p for p in corpus.rglob("*") if p.is_file() and p.name != "MANIFEST.tsv"):
        reader = opened(path.read_bytes())
        layout = reader.layout
        if layout is None or layout.bits_allocated not in {8, 16} or path.stat().st_size > 2_000_000:
            continue
        if reader.transfer_syntax_uid in wanted and layout.photometric in {"MONOCHROME1", "MONOCHROME2", "RGB"}:
            found.append((path, reader.transfer_syntax_uid))
    return found[:: max(len(found) // most, 1)]


def test_compressed_objects_and_what_dcmtk_makes_of_them_give_the_same_bytes(corpus, dcmtk, tmp_path):
    files = sampled(corpus, DECODERS, most=24)
    assert {syntax for _, syntax in files} == set(DECODERS)
    for path, syntax in files:
        plain = tmp_path / "plain.dcm"
        assert dcmtk(DECODERS[syntax], path, plain)
        assert of(path) == of(plain), path.name


def test_native_objects_and_what_dcmtk_makes_of_them_give_the_same_bytes(corpus, dcmtk, tmp_path):
    done = 0
    for path, _ in sampled(corpus, NATIVE, most=14):
        before = of(path)
        for command, back in ENCODERS.items():
            packed, plain = tmp_path / "packed.dcm", tmp_path / "plain.dcm"
            assert dcmtk(*command, path, packed), (command, path.name)
            assert of(packed) == before, (command, path.name)
            assert dcmtk(back, packed, plain)
            assert of(plain) == before, (back, path.name)
            done += 1
    assert done >= 42
