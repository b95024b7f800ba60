"""In which attributes two contents differ."""

import json
from io import BytesIO

from cauce.core.limits import Limits
from cauce.readings.differences import SHOWN_MAX, Difference, differences
from cauce.samples import small_instance
from cauce.stages.validate import read_header

UIDS = {"StudyInstanceUID": "2.25.1", "SeriesInstanceUID": "2.25.2", "SOPInstanceUID": "2.25.3"}
SAME = {
    **UIDS,
    "PatientID": "P",
    "PatientName": "A^B",
    "AccessionNumber": "1",
    "StudyID": "S",
    "FrameOfReferenceUID": "2.25.4",
}


def document(**attributes):
    data = small_instance(**SAME | attributes)
    return json.loads(read_header(BytesIO(data), size_bytes=len(data), limits=Limits()).dicom_json)


def test_the_same_header_differs_in_nothing_though_its_pixels_lie_elsewhere():
    assert differences(document(), document()) == []
    held, contested = document(), document()
    held["7FE00010"]["BulkDataURI"] = "bulk:1000:2048"
    contested["7FE00010"]["BulkDataURI"] = "bulk:5000:2048"
    assert differences(held, contested) == []
    contested["7FE00010"]["BulkDataURI"] = "bulk:5000:4096"
    (found,) = differences(held, contested)
    assert (found.keyword, found.held, found.contested) == ("PixelData", "2048 bytes", "4096 bytes")


def test_values_are_shown_as_people_read_them_in_the_order_of_tags():
    found = differences(document(), document(PatientName="Á^B", StudyDescription="new", AccessionNumber=""))
    assert found == [
        Difference(tag="00080050", keyword="AccessionNumber", held="1", contested=""),
        Difference(tag="00081030", keyword="StudyDescription", held=None, contested="new"),
        Difference(tag="00100010", keyword="PatientName", held="A^B", contested="Á^B"),
    ]


def test_long_values_are_cut_and_sequences_counted():
    held = {"00081030": {"vr": "LO", "Value": ["x" * 500]}, "00081140": {"vr": "SQ", "Value": [{}, {}]}}
    contested = {"00081140": {"vr": "SQ", "Value": [{}]}, "00091001": {"vr": "UN", "InlineBinary": "AAAA"}}
    found = {one.tag: (one.keyword, one.held, one.contested) for one in differences(held, contested)}
    assert found["00081030"] == ("StudyDescription", "x" * (SHOWN_MAX - 1) + "…", None)
    assert found["00081140"] == ("ReferencedImageSequence", "2 items", "1 item")
    assert found["00091001"] == ("", None, "AAAA")


def test_numbers_and_several_values():
    held = {"00280010": {"vr": "US", "Value": [512]}, "00280030": {"vr": "DS", "Value": [0.5, None]}}
    found = differences(held, {})
    assert [(one.held, one.contested) for one in found] == [("512", None), ("0.5\\", None)]
