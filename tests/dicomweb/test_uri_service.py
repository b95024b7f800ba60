"""WADO-URI: one object by the query alone."""

from io import BytesIO

import cv2
import numpy as np
import pydicom
import pytest

from cauce import samples

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ct(stow):
    file = samples.to_part10(samples.ct_slice())
    stow([file])
    return file


def query_of(file, **more):
    ds = pydicom.dcmread(BytesIO(file), stop_before_pixels=True)
    given = {
        "requestType": "WADO",
        "studyUID": ds.StudyInstanceUID,
        "seriesUID": ds.SeriesInstanceUID,
        "objectUID": ds.SOPInstanceUID,
        **more,
    }
    return "?" + "&".join(f"{name}={value}" for name, value in given.items() if value is not None)


@pytest.mark.parametrize("root", ["/wado", "/dicom-web/wado", "/projects/default/dicom-web/wado"])
def test_an_image_comes_as_a_picture(ct, get, root):
    answer = get(query_of(ct), root=root)
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
    assert cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_UNCHANGED).shape == (512, 512)


def test_the_file_comes_for_who_asks(ct, get):
    answer = get(query_of(ct, contentType="application/dicom", transferSyntax="*"), root="/wado")
    assert answer.body == ct
    other = get(query_of(ct, contentType="application/dicom", transferSyntax="1.2.840.10008.1.2.5"), root="/wado")
    made = pydicom.dcmread(BytesIO(other.body))
    assert made.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.5"
    assert np.array_equal(made.pixel_array, pydicom.dcmread(BytesIO(ct)).pixel_array)


def test_an_object_without_pixels_comes_as_a_file(corpus, stow, get):
    file = next(corpus.rglob("*rtplan*.dcm")).read_bytes()
    stow([file])
    answer = get(query_of(file, transferSyntax="*"), root="/wado")
    assert (answer.headers["content-type"].partition(";")[0], answer.body) == ("application/dicom", file)


def test_rows_columns_and_region_shape_the_picture(ct, get):
    small = get(query_of(ct, rows=100, contentType="image/png"), root="/wado")
    assert cv2.imdecode(np.frombuffer(small.body, np.uint8), cv2.IMREAD_UNCHANGED).shape[:2] == (100, 100)
    view = {"windowCenter": 40, "windowWidth": 400, "contentType": "image/png"}
    whole = cv2.imdecode(np.frombuffer(get(query_of(ct, **view), root="/wado").body, np.uint8), 0)
    part = get(query_of(ct, region="0.25,0.5,0.5,0.75", rows=128, columns=128, **view), root="/wado")
    assert np.array_equal(cv2.imdecode(np.frombuffer(part.body, np.uint8), 0), whole[256:384, 128:256])


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"requestType": None}, 400, "requestType"),
        ({"requestType": "wado"}, 400, "requestType"),
        ({"objectUID": None}, 400, "objectUID"),
        ({"objectUID": "x"}, 400, None),
        ({"objectUID": "1.2.3"}, 404, None),
        ({"anonymize": "yes"}, 400, "anonymize"),
        ({"presentationUID": "1.2"}, 400, "presentationUID"),
        ({"frameNumber": "2"}, 404, None),
        ({"frameNumber": "x"}, 400, "frameNumber"),
        ({"rows": "0"}, 400, "rows"),
        ({"region": "0,0,2,2"}, 400, "region"),
        ({"imageQuality": "0"}, 400, "imageQuality"),
        ({"windowCenter": "1"}, 400, "window"),
        ({"contentType": "text/html"}, 406, None),
        ({"contentType": "application/dicom", "transferSyntax": "1.2.3"}, 406, None),
    ],
)
def test_what_is_wrong_is_told(ct, get, changes, status, field):
    answer = get(query_of(ct, **changes), root="/wado")
    assert answer.status == status
    assert list(answer.json().get("errors", {})) == ([field] if field else [])


def test_originals_are_for_who_may_see_identity(ct, get):
    from cauce.core.statuses import Role

    assert get(query_of(ct), root="/wado", role=Role.RESEARCHER).status == 403
