"""The public corpus: real files of real devices."""

import collections
import io
import re
import warnings

import numpy as np
import pydicom
import pytest
from deid_objects import deidentified

from cauce.core.errors import Refused
from cauce.core.statuses import AttentionCause
from cauce.stages import process

pytestmark = pytest.mark.corpus

IDENTIFYING = frozenset(
    {
        "PatientName",
        "PatientID",
        "OtherPatientIDs",
        "OtherPatientNames",
        "PatientBirthDate",
        "PatientBirthName",
        "PatientAddress",
        "PatientMotherBirthName",
        "AccessionNumber",
        "StudyID",
        "ReferringPhysicianName",
        "PerformingPhysicianName",
        "OperatorsName",
        "NameOfPhysiciansReadingStudy",
        "PhysiciansOfRecord",
        "RequestingPhysician",
        "InstitutionName",
        "InstitutionAddress",
        "StationName",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
        "FrameOfReferenceUID",
        "DeviceSerialNumber",
        "RequestedProcedureID",
        "PerformedProcedureStepID",
        "ScheduledProcedureStepID",
    }
)
WRITTEN_BY_US = b"REMOVED 19000101 000000"


@pytest.fixture(scope="module")
def files(corpus):
    return sorted(path for path in corpus.rglob("*") if path.is_file() and path.name != "MANIFEST.tsv")


def parsed(source):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(source, stop_before_pixels=True, force=True)


def header_of(output):
    """Return an output without its pixels, which may hold any bytes."""
    for head in (b"\xe0\x7f\x10\x00OB", b"\xe0\x7f\x10\x00OW", b"\x7f\xe0\x00\x10OW", b"\xe0\x7f\x10\x00"):
        before, found, _ = output.rpartition(head)
        if found:
            return before
    return output


def identity_of(ds):
    """Return the identifying values of five bytes and more, at all depths of an original, as they stand there."""
    values = set()
    for element in ds.iterall():
        if element.keyword not in IDENTIFYING or not element.value:
            continue
        raw = element.value.original_string if element.VR == "PN" and element.VM == 1 else str(element.value).encode()
        for part in re.split(rb"[\^=\\]|', '", raw):
            if len(part.strip()) >= 5 and part.strip() not in WRITTEN_BY_US:
                values.add(part.strip())
    return values


def test_every_file_is_clean_or_says_why_not_and_few_are_doubted(files):
    causes = collections.Counter()
    studies, doubted = set(), set()
    for path in files:
        outcome, output = deidentified(path.read_bytes())
        study = outcome.study_instance_uid or path.name
        studies.add(study)
        causes[outcome.cause] += 1
        if outcome.cause is not None:
            assert output == b""
        if outcome.cause in {AttentionCause.IDENTITY_SUSPECTED, AttentionCause.DEIDENTIFICATION_FAILED}:
            doubted.add(study)
    assert causes[None] >= 700
    assert causes[AttentionCause.PIXELS_UNPROVEN] <= 130
    assert len(doubted) <= 0.05 * len(studies)


def test_nothing_that_identifies_is_left_in_any_header(files):
    checked = 0
    for path in files[::2]:
        content = path.read_bytes()
        try:
            outcome, output = deidentified(content)
        except Refused:
            continue
        if outcome.cause is not None:
            continue
        header = header_of(output).lower()
        left = [value for value in identity_of(parsed(path)) if value.lower() in header]
        assert left == [], path.name
        checked += 1
    assert checked > 300


def test_every_output_is_read_by_another_parser_and_keeps_its_pixels(files):
    checked = 0
    for path in files[1::7]:
        outcome, output = deidentified(path.read_bytes())
        if outcome.cause is not None:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            before = pydicom.dcmread(path, force=True)
            after = pydicom.dcmread(pydicom.filebase.DicomBytesIO(output))
        assert after.PatientIdentityRemoved == "YES"
        assert after.SOPInstanceUID == after.file_meta.MediaStorageSOPInstanceUID == outcome.sop_instance_uid
        assert not any(element.tag.is_private for element in after.iterall())
        if before.get("PixelData") != after.get("PixelData"):  # comments in it were blanked
            frames = [process.frames(io.BytesIO(content)) for content in (path.read_bytes(), output)]
            assert all(np.array_equal(frames[0].read(i), frames[1].read(i)) for i in range(len(frames[0])))
            assert len(frames[0]) == len(frames[1])
        assert {key: after.get(key) for key in ("Rows", "Columns", "Modality", "PixelSpacing")} == {
            key: before.get(key) for key in ("Rows", "Columns", "Modality", "PixelSpacing")
        }
        checked += 1
    assert checked > 80


def test_the_ultrasound_with_a_name_in_its_pixels_is_held_back(corpus):
    for path in sorted((corpus / "deid-burnedin").rglob("*.dcm")):
        outcome, _ = deidentified(path.read_bytes())
        assert outcome.cause is AttentionCause.PIXELS_UNPROVEN
