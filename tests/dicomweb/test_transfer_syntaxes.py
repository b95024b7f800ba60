"""WADO-RS: whole instances in the transfer syntax that the client names, or in the standard's own choice."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from test_retrieve import parts_of, place_of

from cauce import samples

pytestmark = pytest.mark.django_db(transaction=True)

IMPLICIT, EXPLICIT, JPEG_LS = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80"
DICOM = 'multipart/related; type="application/dicom"'


@pytest.fixture
def implicit(stow):
    file = samples.small_instance(transfer_syntax_uid=IMPLICIT)
    stow([file])
    return file


def read(content):
    return pydicom.dcmread(BytesIO(content))


@pytest.mark.parametrize(
    ("parameter", "syntax"),
    [
        ("", EXPLICIT),
        ("; transfer-syntax=*", IMPLICIT),
        (f"; transfer-syntax={IMPLICIT}", IMPLICIT),
        (f"; transfer-syntax={EXPLICIT}", EXPLICIT),
        (f'; transfer-syntax="{JPEG_LS}"', JPEG_LS),
        ("; transfer-syntax=1.2.840.10008.1.2.5", "1.2.840.10008.1.2.5"),
        ("; transfer-syntax=1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.201"),
    ],
)
def test_an_instance_comes_in_the_syntax_that_is_named(implicit, get, parameter, syntax):
    ((kind, content),) = parts_of(get(place_of(implicit), accept=DICOM + parameter))
    assert kind == f"application/dicom; transfer-syntax={syntax}"
    made, sent = read(content), read(implicit)
    assert made.file_meta.TransferSyntaxUID == syntax
    assert made.SOPInstanceUID == sent.SOPInstanceUID
    if syntax != "1.2.840.10008.1.2.4.201":  # of which pydicom has no decoder at hand
        assert np.array_equal(made.pixel_array, sent.pixel_array)
    del made.PixelData, sent.PixelData
    assert made == sent


def test_what_has_no_codec_is_not_acceptable_by_name_and_comes_as_it_is_without(corpus, stow, get):
    video = next(corpus.rglob("*video-mpeg2.dcm")).read_bytes()
    stow([video])
    assert get(place_of(video), accept=f"{DICOM}; transfer-syntax={EXPLICIT}").status == 406
    ((kind, content),) = parts_of(get(place_of(video), accept=DICOM))
    assert (kind, content) == ("application/dicom; transfer-syntax=1.2.840.10008.1.2.4.100", video)


def test_a_second_choice_is_taken_where_the_first_has_no_codec(implicit, get):
    lossy = "1.2.840.10008.1.2.4.50"
    accept = f"{DICOM}; transfer-syntax={lossy}, {DICOM}; transfer-syntax={JPEG_LS};q=0.5"
    ((kind, _),) = parts_of(get(place_of(implicit), accept=accept))
    assert kind == f"application/dicom; transfer-syntax={JPEG_LS}"


def test_pixels_that_have_no_room_in_a_syntax_are_not_acceptable_by_its_name(corpus, stow, get):
    plan = next(corpus.rglob("*rtplan*.dcm")).read_bytes()
    stow([plan])
    for accept in (DICOM, "application/dicom"):
        answer = get(place_of(plan), accept=f"{accept}; transfer-syntax={JPEG_LS}")
        assert (answer.status, answer.json()["code"]) == (406, "no_codec")


def test_damaged_pixels_come_as_they_are_stored_where_no_syntax_is_named(stow, get):
    good = read(samples.small_instance())
    good.compress("1.2.840.10008.1.2.5")
    good.PixelData = good.PixelData[:20] + b"\xff" * (len(good.PixelData) - 28) + good.PixelData[-8:]
    buffer = BytesIO()
    good.save_as(buffer)
    assert stow([buffer.getvalue()]).status in (200, 202)
    for accept in (DICOM, "application/dicom"):
        answer = get(place_of(buffer.getvalue()), accept=accept)
        assert answer.status == 200
        content = parts_of(answer)[0][1] if accept == DICOM else answer.body
        assert content == buffer.getvalue()
