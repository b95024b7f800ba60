"""Tiny objects for tests of uploads: valid in every native transfer syntax, new each time, open to overrides."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from cauce.core.limits import Limits
from cauce.samples import small_instance, to_part10
from cauce.samples.headers import add_pixels, item
from cauce.stages.validate import read_header

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


def header_of(content):
    return read_header(BytesIO(content), size_bytes=len(content), limits=Limits())


@pytest.mark.parametrize("kind", ["CT", "MR", "OT"])
@pytest.mark.parametrize("transfer_syntax_uid", SYNTAXES, ids=lambda uid: uid.keyword)
def test_a_small_instance_is_taken_without_a_warning_in_every_native_syntax(kind, transfer_syntax_uid):
    content = small_instance(kind, transfer_syntax_uid=transfer_syntax_uid)
    header = header_of(content)
    assert header.warnings == ()
    assert header.transfer_syntax_uid == transfer_syntax_uid
    assert header.attributes.modality == kind
    assert len(content) < 4096


def test_pixels_are_the_same_whatever_the_syntax():
    grey = np.arange(6, dtype=np.uint16).reshape(2, 3) * 1000
    ds = item(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.7",
        SOPInstanceUID="2.25.1",
        StudyInstanceUID="2.25.2",
        SeriesInstanceUID="2.25.3",
    )
    add_pixels(ds, grey)
    for transfer_syntax_uid in SYNTAXES:
        read = pydicom.dcmread(BytesIO(to_part10(ds, transfer_syntax_uid=transfer_syntax_uid)))
        assert np.array_equal(read.pixel_array, grey), transfer_syntax_uid


def test_each_call_makes_another_study_series_and_instance():
    first, second = (header_of(small_instance()) for _ in range(2))
    assert first.sop_instance_uid != second.sop_instance_uid
    assert first.series_instance_uid != second.series_instance_uid
    assert first.study_instance_uid != second.study_instance_uid
    assert first.attributes.patient_id != second.attributes.patient_id


def test_keywords_override_and_none_leaves_out():
    content = small_instance("MR", StudyInstanceUID="2.25.77", PatientName="UNO^DOS", PatientID=None, SeriesNumber=9)
    header = header_of(content)
    assert header.study_instance_uid == "2.25.77"
    assert header.attributes.patient_name == "UNO^DOS"
    assert header.attributes.patient_id == ""
    assert header.attributes.series_number == 9


def test_an_unknown_kind_is_an_error():
    with pytest.raises(KeyError, match="XX"):
        small_instance("XX")


def test_three_hundred_are_made_of_as_many_studies():
    headers = [header_of(small_instance()) for _ in range(300)]
    assert len({header.study_instance_uid for header in headers}) == 300
