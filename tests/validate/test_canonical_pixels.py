"""Pixels count as samples where the compression is lossless, as compressed bytes where it is lossy."""

import struct

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.pixels import iter_pixels
from validate_files import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    JPEG_LS,
    RLE,
    Encapsulated,
    Encoding,
    digest_of,
    image,
    part10,
)

from cauce.core.errors import Undecodable

J2K_LOSSLESS = "1.2.840.10008.1.2.4.90"
UNCOMPRESSED_FRAMES = "1.2.840.10008.1.2.1.98"
TABLE = 0x7FE00001


def decode(source):
    """Yield frames as `canonical_digest` wants them: little endian, colour by pixel."""
    source.seek(0)
    ds = pydicom.dcmread(source)
    for frame in iter_pixels(ds, raw=True):
        yield frame.astype(f"<u{ds.BitsAllocated // 8}").tobytes()


def never(_):
    pytest.fail("There is nothing to decode here.")


def undecodable(_):
    yield b"some of it"
    raise Undecodable("No codec.", transfer_syntax_uid=RLE)


def samples(shape, *, bits=8, seed=7):
    return np.random.default_rng(seed).integers(0, 1 << bits, shape, f"<u{bits // 8}")


def described(array, *, planar=None, photometric=None):
    """Return how `image` is told of an array of (frames, rows, columns, samples)."""
    frames, rows, columns, count = array.shape
    return {
        "frames": frames,
        "rows": rows,
        "columns": columns,
        "samples": count,
        "bits": array.dtype.itemsize * 8,
        "planar": planar if count > 1 else None,
        "photometric": photometric or ("RGB" if count > 1 else "MONOCHROME2"),
    }


def native(array, transfer_syntax=EXPLICIT, *, planar=0, vr="OW", trailing=b"", **more):
    stored = np.moveaxis(array, 3, 1) if planar else array
    pixels = stored.tobytes()
    if transfer_syntax == BIG and vr == "OW":
        pixels = stored.astype(">u2").tobytes() if array.dtype.itemsize == 2 else swapped(pixels)
    pixels += b"\0" * (len(pixels) & 1)
    return part10(image(pixels=pixels + trailing, vr=vr, **described(array, planar=planar, **more)), transfer_syntax)


def swapped(pixels):
    return np.frombuffer(pixels + b"\0" * (len(pixels) & 1), ">u2").astype("<u2").tobytes()


def rle(array, *, planar=0, fragments=1, table=True):
    frames = [encoded(frame) for frame in array]
    value = encapsulate(frames, fragments_per_frame=fragments, has_bot=table)
    items = tuple(items_of(value))
    return part10(image(pixels=Encapsulated(items), vr="OB", **described(array, planar=planar)), RLE)


def encoded(frame):
    """Return one frame in RLE (PS3.5 annex G), a segment a byte of a sample, most significant first."""
    size = frame.dtype.itemsize
    planes = [frame[:, :, i] for i in range(frame.shape[2])]
    segments = [literal_runs(plane.tobytes()[size - 1 - k :: size]) for plane in planes for k in range(size)]
    offsets = np.cumsum([64, *[len(segment) for segment in segments[:-1]]])
    header = struct.pack("<16L", len(segments), *offsets, *[0] * (15 - len(segments)))
    return header + b"".join(segments)


def literal_runs(data):
    runs = [data[i : i + 128] for i in range(0, len(data), 128)]
    segment = b"".join(bytes([len(run) - 1]) + run for run in runs)
    return segment + b"\0" * (len(segment) & 1)


def items_of(value):
    while value:
        length = struct.unpack("<L", value[4:8])[0]
        yield value[8 : 8 + length]
        value = value[8 + length :]


@pytest.mark.parametrize("shape", [(1, 5, 7, 1), (3, 4, 6, 1), (1, 5, 7, 3), (2, 4, 6, 3)])
@pytest.mark.parametrize("bits", [8, 16])
def test_native_encodings_planes_and_rle_share_one_digest(shape, bits):
    array = samples(shape, bits=bits)
    vrs = ["OW"] if bits == 16 else ["OW", "OB"]
    files = [
        native(array, transfer_syntax, planar=planar, vr=vr)
        for transfer_syntax in (EXPLICIT, IMPLICIT, BIG, DEFLATED)
        for planar in (0, 1)
        for vr in vrs
        if not (transfer_syntax == IMPLICIT and vr == "OB")
    ]
    files += [rle(array, planar=planar, table=table) for planar in (0, 1) for table in (True, False)]
    assert len({digest_of(data, decode) for data in files}) == 1


@pytest.mark.parametrize("planar", [0, 1])
def test_one_sample_of_one_plane_of_one_frame_counts(planar):
    array = samples((2, 4, 6, 3))
    expected = digest_of(native(array))
    for at in np.ndindex(array.shape):
        changed = array.copy()
        changed[at] ^= 1
        assert digest_of(native(changed, planar=planar)) != expected


def test_samples_that_change_places_count():
    array = samples((2, 4, 6, 3))
    digests = {digest_of(native(other)) for other in (array, array[::-1], array[..., ::-1], array[:, ::-1])}
    assert len(digests) == 4


def test_a_large_colour_image_is_split_into_planes_across_chunks():
    array = samples((1, 901, 1201, 3))
    assert digest_of(native(array, planar=1)) == digest_of(native(array)) == digest_of(rle(array), decode)


def test_native_pixels_are_not_decoded():
    assert digest_of(part10(image()), never) == digest_of(part10(image()))
    assert digest_of(part10(image(pixels=Encapsulated((b"", b"\xff\xd8"))), JPEG), never)


def test_the_decoder_gets_the_source_and_may_yield_pieces_of_any_length():
    array = samples((1, 9, 11, 3), bits=16)
    data = rle(array)

    def in_bits(source):
        assert source.getvalue() == data
        whole = array.tobytes()
        yield from (whole[i : i + 5] for i in range(0, len(whole), 5))

    assert digest_of(data, in_bits) == digest_of(native(array))


def test_the_colour_transform_of_jpeg_2000_is_undone_by_decoding():
    array = samples((1, 4, 6, 3))
    options = described(array, planar=0, photometric="YBR_RCT")
    data = part10(image(pixels=Encapsulated((b"", b"codestream")), vr="OB", **options), J2K_LOSSLESS)
    assert digest_of(data, lambda _: [array.tobytes()]) == digest_of(native(array, photometric="RGB"))
    assert digest_of(native(array, photometric="YBR_FULL")) != digest_of(native(array, photometric="RGB"))


def test_frames_that_are_encapsulated_uncompressed_are_samples():
    array = samples((2, 4, 6, 1))
    items = (b"", *[frame.tobytes() for frame in array])
    data = part10(image(pixels=Encapsulated(items), vr="OB", **described(array)), UNCOMPRESSED_FRAMES)
    assert digest_of(data, decode=lambda _: items[1:]) == digest_of(native(array))


@pytest.mark.parametrize("decoder", [None, undecodable])
def test_what_cannot_be_decoded_counts_by_its_compressed_bytes(decoder):
    array = samples((2, 5, 7, 1))
    first = digest_of(rle(array), decoder)
    assert first == digest_of(rle(array, table=False), decoder)
    assert first != digest_of(rle(array + 1), decoder)
    assert first != digest_of(native(array), decoder)
    assert first == digest_of(rle(array))


@pytest.mark.parametrize("transfer_syntax", [JPEG, "1.2.840.10008.1.2.4.91", JPEG_LS.replace("80", "81")])
def test_of_lossy_frames_neither_fragments_nor_tables_nor_padding_count(transfer_syntax):
    def lossy(*items, more=(), with_delimiter=True):
        pixels = Encapsulated(items, with_delimiter)
        return digest_of(part10(image(*more, vr="OB", frames=2, pixels=pixels), transfer_syntax), never)

    frames = (b"\xff\xd8first\xff\xd9\0", b"\xff\xd8second\xff\xd9")
    expected = lossy(b"", *frames)
    assert lossy(struct.pack("<2L", 0, 18), *frames) == expected
    assert lossy(b"", frames[0][:4], frames[0][4:], frames[1]) == expected
    assert lossy(b"", *frames, more=[(TABLE, "OV", (0, 18)), (0x7FE00002, "OV", (10, 10))]) == expected
    assert lossy(b"", *frames, more=[(0x7FE00003, "UV", 20)]) == expected
    assert lossy(b"", frames[0], frames[1] + b"\0\0") == expected
    assert lossy(b"", frames[0], frames[1], with_delimiter=False) == expected
    assert lossy(b"", frames[0][:-1], frames[1]) == expected
    assert lossy(b"", frames[1], frames[0]) != expected
    assert lossy(b"", frames[0] + b"\0\0", frames[1]) != expected


def test_of_lossy_pixels_the_layout_of_colour_counts():
    def lossy(**options):
        pixels = Encapsulated((b"", b"\xff\xd8"))
        return digest_of(part10(image(vr="OB", samples=3, pixels=pixels, **options), JPEG))

    assert lossy(planar=0) != lossy(planar=1)
    assert lossy(photometric="YBR_RCT") != lossy(photometric="RGB")


@pytest.mark.parametrize("transfer_syntax", [EXPLICIT, BIG])
def test_zeros_behind_the_last_frame_do_not_count_and_anything_else_does(transfer_syntax):
    array = samples((1, 4, 6, 1), bits=16)
    expected = digest_of(native(array, transfer_syntax))
    assert digest_of(native(array, transfer_syntax, trailing=bytes(300))) == expected
    assert digest_of(native(array, transfer_syntax, trailing=bytes(299) + b"\1")) != expected


def test_the_byte_that_makes_the_length_even_does_not_count():
    array = samples((1, 5, 7, 1))
    odd = native(array, vr="OB")
    assert digest_of(odd[:-1] + b"\xff") == digest_of(odd)
    assert digest_of(odd[:-2] + b"\xff\0") != digest_of(odd)


def test_chroma_subsampled_samples_count_as_they_are_stored():
    pixels = bytes(range(16))
    options = {"rows": 2, "columns": 4, "samples": 3, "bits": 8, "photometric": "YBR_FULL_422", "vr": "OB"}
    expected = digest_of(part10(image(pixels=pixels, planar=0, **options)))
    assert digest_of(part10(image(pixels=pixels + bytes(4), planar=0, **options))) == expected
    assert digest_of(part10(image(pixels=pixels[:-1] + b"\0", planar=0, **options))) != expected


def test_pixels_that_nothing_describes_count_whole():
    def undescribed(pixels, transfer_syntax=EXPLICIT):
        elements = [element for element in image(pixels=pixels, vr="OB") if element[0] != 0x00280010]
        return digest_of(part10(elements, transfer_syntax))

    assert undescribed(b"abc") == undescribed(b"abc\0")
    assert undescribed(b"abcd") != undescribed(b"abcd\0\0")
    assert undescribed(b"abcd") == undescribed(b"abcd", BIG)


def test_planes_of_samples_that_cannot_be_split_count_as_they_are_stored():
    options = {"rows": 1, "columns": 8, "samples": 3, "bits": 4, "photometric": "RGB", "vr": "OB"}
    pixels = bytes(range(12))
    planes, by_pixel = (digest_of(part10(image(pixels=pixels, planar=planar, **options))) for planar in (1, 0))
    assert planes != by_pixel


def test_the_description_may_come_behind_the_pixels():
    array = samples((1, 4, 6, 3))
    elements = image(pixels=array.tobytes(), vr="OB", **described(array, planar=0))
    disordered = [elements[-1], *elements[:-1]]
    data = part10(disordered, encoding=Encoding())
    assert digest_of(data) == digest_of(native(array, planar=1))


def test_planar_configuration_of_grey_samples_says_nothing():
    plain = part10(image())
    assert digest_of(part10(image(planar=0))) == digest_of(part10(image(planar=1))) == digest_of(plain)


def test_pixels_sent_twice_count_twice():
    elements = image()
    twice = part10([*elements, (0x7FE00010, "OW", (9, 9, 9, 9, 9, 9))])
    assert digest_of(twice) not in {digest_of(part10(elements)), digest_of(part10(image(pixels=(9,) * 6)))}


def test_another_error_of_the_decoder_is_not_hidden():
    def broken(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        digest_of(rle(samples((1, 4, 4, 1))), broken)


def test_float_pixels_count():
    elements = [element for element in image(bits=32) if element[0] != 0x7FE00010]
    one, other = ([*elements, (0x7FE00008, "OF", (1.0, 2.0, 3.0, 4.0, 5.0, last))] for last in (6.0, 6.5))
    assert digest_of(part10(one)) == digest_of(part10(one, BIG)) == digest_of(part10(one, IMPLICIT))
    assert digest_of(part10(one)) != digest_of(part10(other))
