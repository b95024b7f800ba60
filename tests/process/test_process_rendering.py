"""Rendered frames: window, viewport, quality and media type do what PS3.18 section 8.3.5 says."""

import cv2
import imagecodecs
import numpy as np
import pytest
from process_objects import BIG, described, native, opened, written

from cauce.core.errors import InvalidRequest, NotFound
from cauce.stages.process.rendering import (
    MEDIA_TYPES,
    Viewport,
    parsed_viewport,
    parsed_window,
    rendered,
    thumbnail,
)

RAMP = np.arange(256, dtype=np.int16).reshape(8, 32) - 100
CT = {"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -24}
COLOUR = np.zeros((40, 60, 3), np.uint8)
COLOUR[:, :20, 0], COLOUR[:, 20:40, 1], COLOUR[:, 40:, 2] = 250, 200, 150
QUARTERS = np.repeat(np.repeat(np.array([[0, 80], [160, 240]], np.uint8), 10, 0), 20, 1)


def shown(content, **options):
    """Return a picture as an array: PNG, so that nothing is lost."""
    data = rendered(opened(content), **{"frame": 0, "media_type": "image/png", **options})
    return imagecodecs.png_decode(data)


def grey(array, **attributes):
    full = {"WindowCenter": 127.5, "WindowWidth": 255, "VOILUTFunction": "LINEAR_EXACT"}
    return native(array, **{**full, **attributes})


def test_without_parameters_a_picture_has_a_pixel_for_each_of_the_frame():
    assert shown(grey(QUARTERS)).tolist() == QUARTERS.tolist()
    assert shown(native(COLOUR)).tolist() == COLOUR.tolist()


@pytest.mark.parametrize(
    ("function", "black", "white"),
    [("linear", 39, 60), ("linear-exact", 40, 60), ("sigmoid", None, None)],
)
def test_a_window_is_of_modality_values_and_of_its_function(function, black, white):
    picture = shown(native(RAMP, **CT), window=(50.0, 20.0, function)).ravel()
    hu = RAMP.ravel() - 24
    if function == "sigmoid":
        expected = np.rint(255 / (1 + np.exp(-4 * (hu - 50) / 20)))
    elif function == "linear":
        expected = np.rint(np.clip((hu - 49.5) / 19 + 0.5, 0, 1) * 255)
    else:
        expected = np.rint(np.clip((hu - 50) / 20 + 0.5, 0, 1) * 255)
    assert np.abs(picture - expected).max() <= 1
    if black is not None:
        assert picture[hu <= black].max() == 0
        assert picture[hu >= white].min() == 255


def test_a_window_is_taken_at_its_word_even_where_it_shows_nothing():
    assert set(shown(native(RAMP, **CT), window=(5000.0, 10.0, "linear")).ravel().tolist()) == {0}
    assert set(
        shown(native(RAMP, **CT, PhotometricInterpretation="MONOCHROME1"), window=(5000.0, 10.0, "linear")).flat
    ) == {255}


def test_a_window_says_nothing_of_colour():
    assert shown(native(COLOUR), window=(10.0, 5.0, "linear")).tolist() == COLOUR.tolist()


def test_a_viewport_keeps_the_aspect_ratio_and_is_not_exceeded():
    assert shown(grey(QUARTERS), viewport=Viewport(width=100, height=100)).shape == (50, 100)
    assert shown(grey(QUARTERS), viewport=Viewport(width=100, height=25)).shape == (25, 50)
    assert shown(grey(QUARTERS), viewport=Viewport(width=20, height=400)).shape == (10, 20)
    assert shown(grey(QUARTERS), viewport=Viewport(width=40, height=20)).tolist() == QUARTERS.tolist()
    assert shown(native(COLOUR), viewport=Viewport(width=30, height=30)).shape == (20, 30, 3)


def test_pixels_of_unequal_sides_become_square_in_a_viewport():
    content = grey(QUARTERS, PixelSpacing=[2.0, 1.0])
    assert shown(content, viewport=Viewport(width=80, height=80)).shape == (80, 80)
    assert shown(content).shape == (20, 40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20,10,20,0,20,10", [[80]]),
        ("20,10,0,10,20,10", [[160]]),
        ("40,20,,,-40,20", [[80, 0], [240, 160]]),
        ("40,20,,,40,-20", [[160, 240], [0, 80]]),
        ("40,20,0,0,-40,-20", [[240, 160], [80, 0]]),
        ("30,10,10,0,,10", [[0, 80, 80]]),
        ("20,10,-5,-5,25,15", [[0]]),
    ],
)
def test_the_source_is_a_part_of_the_frame_turned_over_where_negative(text, expected):
    picture = shown(grey(QUARTERS), viewport=parsed_viewport(text))
    rows, columns = len(expected), len(expected[0])
    blocks = picture[:: picture.shape[0] // rows, :: picture.shape[1] // columns]
    assert blocks.tolist() == expected
    assert set(np.unique(picture)) == {value for row in expected for value in row}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "100",
        "1,2,3",
        "a,b",
        "nan,5",
        "0,10",
        "-5,10",
        "9000,10",
        "8000,8000",
        ",10",
        "10,10,500,0,10,10",
        "9,9,0,0,0,5",
    ],
)
def test_a_viewport_that_is_none_is_refused(text):
    with pytest.raises(InvalidRequest) as raised:
        shown(grey(QUARTERS), viewport=parsed_viewport(text))
    assert raised.value.field == "viewport"


@pytest.mark.parametrize(
    "text", ["", "40", "40,400", "40,400,cubic", "x,400,linear", "40,0,linear", "40,-1,sigmoid", "inf,1,linear"]
)
def test_a_window_that_is_none_is_refused(text):
    with pytest.raises(InvalidRequest) as raised:
        parsed_window(text)
    assert raised.value.field == "window"


def test_parameters_are_read_as_they_are_written():
    assert parsed_window("40, 0.5 ,LINEAR-EXACT") == (40.0, 0.5, "linear-exact")
    assert parsed_viewport("512,256") == Viewport(width=512, height=256)
    assert parsed_viewport("10,20,1.5,,-3,4") == Viewport(
        width=10, height=20, x=1.5, y=0.0, source_width=-3.0, source_height=4.0
    )


STARTS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG", "image/gif": b"GIF8", "image/jp2": b"\0\0\0\x0cjP  "}


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
@pytest.mark.parametrize("content", [grey(QUARTERS), native(COLOUR)], ids=["grey", "colour"])
def test_every_media_type_shows_the_same_picture(media_type, content):
    data = rendered(opened(content), frame=0, media_type=media_type)
    assert data.startswith(STARTS[media_type])
    decode = {"image/gif": imagecodecs.gif_decode}.get(media_type)
    if decode is None:
        picture = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    else:
        picture = decode(data)
    expected = shown(content)
    picture = picture if picture.ndim == expected.ndim else picture[..., 0]
    blurred = [cv2.blur(image.astype(np.float32), (8, 8))[8:-8, 8:-8] for image in (picture, expected)]
    assert np.abs(blurred[0] - blurred[1]).max() < (26 if media_type == "image/gif" else 8)


def test_a_jpeg_is_baseline_and_smaller_with_less_quality():
    noise = native(np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8))
    sizes = [len(rendered(opened(noise), frame=0, quality=quality)) for quality in (1, 50, 89, 90, 100)]
    assert sizes == sorted(sizes)
    data = rendered(opened(noise), frame=0)
    assert data.count(b"\xff\xc0\0\x11\x08") == 1
    assert b"\xff\xc2\0\x11" not in data


@pytest.mark.parametrize("options", [{"quality": 0}, {"quality": 101}, {"media_type": "image/webp"}])
def test_what_is_out_of_range_is_refused(options):
    with pytest.raises(InvalidRequest):
        rendered(opened(grey(QUARTERS)), frame=0, **options)


def test_a_frame_that_is_not_there_is_not_found():
    for frame in (-1, 1):
        with pytest.raises(NotFound):
            rendered(opened(grey(QUARTERS)), frame=frame)
    with pytest.raises(NotFound):
        rendered(opened(written({"Modality": "SR"})), frame=0)


def test_any_frame_of_many_is_rendered():
    many = np.stack([np.full((4, 6), value, np.uint8) for value in (10, 20, 30)])
    for index, value in enumerate((10, 20, 30)):
        content = native(many, frames=3, syntax=BIG, WindowCenter=127.5, WindowWidth=255, VOILUTFunction="LINEAR_EXACT")
        assert set(shown(content, frame=index).flat) == {value}


def test_a_thumbnail_is_small_and_square_pixelled_and_of_the_middle_frame():
    many = np.stack([np.full((4, 6), value, np.uint8) for value in (10, 200, 30)])
    attributes = described(many, frames=3, WindowCenter=127.5, WindowWidth=255, VOILUTFunction="LINEAR_EXACT")
    reader = opened(written({**attributes, "PixelData": many.tobytes()}))
    picture = imagecodecs.png_decode(thumbnail(reader, media_type="image/png"))
    assert (picture.shape, set(picture.flat)) == ((85, 128), {200})
    assert set(imagecodecs.png_decode(thumbnail(reader, frame=2, media_type="image/png", size_px=12)).flat) == {30}
    with pytest.raises(InvalidRequest):
        thumbnail(reader, size_px=0)
