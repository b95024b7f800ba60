"""WADO-RS: single frames, as they are stored and in other transfer syntaxes."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from test_retrieve import parts_of, place_of

from cauce import samples

pytestmark = pytest.mark.django_db(transaction=True)

OCTETS = 'multipart/related; type="application/octet-stream"'
NATIVE = "1.2.840.10008.1.2.1"
PLAIN = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"


@pytest.fixture
def image(stow):
    file = samples.small_instance()
    stow([file])
    return file


@pytest.fixture
def stored(corpus, stow):
    """Return a function that stores a file of the public corpus by its name."""

    def store(name):
        path = next(corpus.rglob(f"*{name}*"))
        file = path.read_bytes()
        assert stow([file]).status in (200, 202)
        return file

    return store


@pytest.mark.parametrize(
    "accept", [None, OCTETS, f"{OCTETS}; transfer-syntax=*", "*/*", f"{OCTETS}; transfer-syntax={NATIVE}"]
)
def test_a_native_frame_comes_as_octets(image, get, accept):
    answer = get(place_of(image) + "/frames/1", accept=accept)
    assert answer.headers["content-type"].startswith(OCTETS)
    assert parts_of(answer) == [(PLAIN, pydicom.dcmread(BytesIO(image)).PixelData)]


def test_one_frame_may_come_alone_and_by_range(image, get):
    pixels = pydicom.dcmread(BytesIO(image)).PixelData
    answer = get(place_of(image) + "/frames/1", accept="application/octet-stream")
    assert (answer.headers["content-type"], answer.body) == (PLAIN, pixels)
    part = get(place_of(image) + "/frames/1", accept="application/octet-stream", range="bytes=4-7")
    assert (part.status, part.headers["content-range"], part.body) == (206, f"bytes 4-7/{len(pixels)}", pixels[4:8])
    assert (
        get(
            place_of(image) + "/frames/1", accept="application/octet-stream", if_none_match=answer.headers["etag"]
        ).status
        == 304
    )


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("image/jls", "image/jls; transfer-syntax=1.2.840.10008.1.2.4.80"),
        ("image/x-jls", "image/jls; transfer-syntax=1.2.840.10008.1.2.4.80"),
        ("image/jpeg", "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.70"),
        ("image/jp2", "image/jp2; transfer-syntax=1.2.840.10008.1.2.4.90"),
        ("image/jphc", "image/jphc; transfer-syntax=1.2.840.10008.1.2.4.201"),
        ("image/dicom-rle", "image/dicom-rle; transfer-syntax=1.2.840.10008.1.2.5"),
        ("image/jpx;q=0.9, image/jls;q=0.1", "image/jls; transfer-syntax=1.2.840.10008.1.2.4.80"),
        (
            "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.5",
            "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.5",
        ),
    ],
)
def test_a_native_frame_is_encoded_without_loss_for_who_asks(image, get, accept, kind):
    answer = get(place_of(image) + "/frames/1", accept=accept)
    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    ds = pydicom.dcmread(BytesIO(image))
    expected = ds.pixel_array.copy()
    ds.file_meta.TransferSyntaxUID = kind.rpartition("=")[2]
    ds.PixelData = pydicom.encaps.encapsulate([answer.body])
    ds["PixelData"].is_undefined_length = True
    buffer = BytesIO()
    ds.save_as(buffer)
    assert np.array_equal(pydicom.dcmread(BytesIO(buffer.getvalue())).pixel_array, expected)


@pytest.mark.parametrize(
    "accept", ["image/png", "video/mp4", "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50", "text/html"]
)
def test_what_cannot_be_made_is_not_acceptable(image, get, accept):
    answer = get(place_of(image) + "/frames/1", accept=accept)
    assert (answer.status, answer.json()["code"]) == (406, "not_acceptable")


@pytest.mark.parametrize(
    ("frames", "status"),
    [("0", 404), ("2", 404), ("x", 400), ("1,,1", 400), ("-1", 400), ("9" * 30, 400), ("1,1", 200)],
)
def test_frames_are_named_by_their_numbers(image, get, frames, status):
    assert get(place_of(image) + f"/frames/{frames}").status == status


def test_stored_fragments_come_as_they_are(stored, get):
    file = stored("sm_image_jpegls.dcm")
    ds = pydicom.dcmread(BytesIO(file))
    fragments = list(generate_frames(ds.PixelData, number_of_frames=ds.NumberOfFrames))
    answer = get(place_of(file) + "/frames/3,1,25", accept=f"{OCTETS}; transfer-syntax=*")
    kind = f"application/octet-stream; transfer-syntax={ds.file_meta.TransferSyntaxUID}"
    assert parts_of(answer) == [(kind, fragments[2]), (kind, fragments[0]), (kind, fragments[24])]
    alone = get(place_of(file) + "/frames/2", accept="image/jls")
    assert alone.body == fragments[1]


def test_frames_of_several_fragments_come_whole(stored, get):
    file = stored("fragmented_no_bot_jpeg_baseline.50.dcm")
    ds = pydicom.dcmread(BytesIO(file))
    frames = list(generate_frames(ds.PixelData, number_of_frames=ds.NumberOfFrames))
    assert get(place_of(file) + "/frames/8", accept="image/jpeg").body == frames[7]


def test_compressed_frames_come_decoded_for_who_asks_for_octets(stored, get):
    file = stored("sm_image_jpegls.dcm")
    pixels = pydicom.dcmread(BytesIO(file)).pixel_array
    answer = get(place_of(file) + "/frames/2,4", accept=OCTETS)
    assert parts_of(answer) == [(PLAIN, pixels[1].tobytes()), (PLAIN, pixels[3].tobytes())]


def test_the_frames_of_a_video_are_not_cut_out_of_it(stored, get):
    file = stored("video-mpeg2.dcm")
    answer = get(place_of(file) + "/frames/1", accept=OCTETS)
    assert (answer.status, answer.json()["code"]) == (406, "not_acceptable")


def test_an_object_without_pixels_has_no_frames(stored, get):
    file = stored("rtplan.dcm")
    assert get(place_of(file) + "/frames/1").status == 404


def test_big_endian_pixels_come_little_endian(stored, get):
    file = stored("MR_small_bigendian.dcm")
    expected = pydicom.dcmread(BytesIO(file)).pixel_array
    answer = get(place_of(file) + "/frames/1", accept="application/octet-stream")
    assert np.array_equal(np.frombuffer(answer.body, "<i2").reshape(expected.shape), expected)
