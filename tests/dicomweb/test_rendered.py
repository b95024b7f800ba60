"""WADO-RS: pictures and thumbnails."""

from io import BytesIO

import cv2
import numpy as np
import pydicom
import pytest
from test_retrieve import parts_of, place_of

from cauce import samples

pytestmark = pytest.mark.django_db(transaction=True)


def picture(body):
    """Decode a picture as (height, width[, 3]) of bytes."""
    return cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.fixture
def ct(stow):
    file = samples.to_part10(samples.ct_slice())
    stow([file])
    return file


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "image/jpeg"),
        ("image/*", "image/jpeg"),
        ("image/png", "image/png"),
        ("image/gif", "image/gif"),
        ("text/html, image/webp, image/png;q=0.8, */*;q=0.1", "image/png"),
    ],
)
@pytest.mark.parametrize("tail", ["/rendered", "/frames/1/rendered"])
def test_an_instance_is_shown_as_the_client_likes(ct, get, accept, kind, tail):
    answer = get(place_of(ct) + tail, accept=accept)
    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    if kind != "image/gif":
        assert picture(answer.body).shape[:2] == (512, 512)


def test_the_window_is_the_one_that_is_asked_for(ct, get):
    hounsfield = pydicom.dcmread(BytesIO(ct)).pixel_array.astype(float) - 1024
    answer = get(place_of(ct) + "/rendered?window=40,400,linear-exact", accept="image/png")
    expected = np.clip((hounsfield - 40) / 400 + 0.5, 0, 1) * 255
    assert np.abs(picture(answer.body).astype(float) - expected).max() <= 1


def test_the_picture_fits_the_viewport_and_keeps_its_shape(ct, get):
    answer = get(place_of(ct) + "/rendered?viewport=200,100", accept="image/png")
    assert picture(answer.body).shape[:2] == (100, 100)


def test_a_part_of_the_image_is_shown(ct, get):
    whole = picture(get(place_of(ct) + "/rendered?window=40,400,linear", accept="image/png").body)
    part = get(place_of(ct) + "/rendered?window=40,400,linear&viewport=64,32,100,200,64,32", accept="image/png")
    assert np.array_equal(picture(part.body), whole[200:232, 100:164])


def test_quality_decides_the_size(ct, get):
    low, high = (len(get(place_of(ct) + f"/rendered?quality={q}").body) for q in (10, 95))
    assert low < high / 3


@pytest.mark.parametrize(
    "query",
    [
        *("window=1", "window=a,b,linear", "window=40,0,linear", "window=40,400,cubic", "window=nan,400,linear"),
        *("viewport=1", "viewport=0,5", "viewport=99999,99999", "viewport=5,5,1,1,0,0", "viewport=5,5,900,900,1,1"),
        *("quality=0", "quality=101", "quality=x", "quality=" + "9" * 5000),
    ],
)
def test_malformed_wishes_are_told(ct, get, query):
    answer = get(place_of(ct) + f"/rendered?{query}")
    assert (answer.status, answer.json()["code"]) == (400, "invalid")
    assert list(answer.json()["errors"]) == [query.partition("=")[0]]


def test_a_series_is_shown_picture_by_picture(stow, get):
    study, series = samples.stable_uid("test", "a"), samples.stable_uid("test", "b")
    files = [samples.small_instance(StudyInstanceUID=study, SeriesInstanceUID=series) for _ in range(3)]
    stow(files)
    answer = get(place_of(files[0], "series") + "/rendered", accept='multipart/related; type="image/png"')
    assert [kind for kind, _ in parts_of(answer)] == ["image/png"] * 3
    assert get(place_of(files[0], "series") + "/rendered", accept="image/png").status == 406


@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_a_thumbnail_is_one_small_picture(ct, get, level):
    answer = get(place_of(ct, level) + "/thumbnail")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
    assert max(picture(answer.body).shape[:2]) == 128
    assert get(place_of(ct, level) + "/thumbnail", if_none_match=answer.headers["etag"]).status == 304


def test_what_has_no_pixels_is_not_shown(corpus, stow, get):
    file = next(corpus.rglob("*rtplan*.dcm")).read_bytes()
    stow([file])
    for tail in ("/rendered", "/thumbnail"):
        assert get(place_of(file) + tail).status == 404


def test_many_viewers_share_one_decoding(ct, web, token, monkeypatch):
    from asgi_driver import call
    from cauce import flow

    times = []
    rendered = flow.rendered
    monkeypatch.setattr(flow, "rendered", lambda *args, **given: times.append(1) or rendered(*args, **given))
    headers = {"authorization": f"Bearer {token()}"}
    target = f"/dicom-web{place_of(ct)}/rendered"
    answers = call(web, *[("GET", target, {"headers": headers})] * 20)
    assert {answer.status for answer in answers} == {200}
    assert len(times) == 1
