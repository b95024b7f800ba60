"""UIDs: one original, one new UID, wherever it is written; so objects keep pointing at each other."""

import io
import subprocess
import sys

import pydicom
from deid_objects import (
    BIG,
    CT,
    EXPLICIT,
    IMPLICIT,
    INSTANCE,
    OTHER_PSEUDONYM,
    PSEUDONYM,
    SERIES,
    STUDY,
    cleaned,
    ct,
    ct_file,
    data_set,
    deidentified,
    part10,
    read,
)
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from cauce.core.identifiers import is_valid_uid
from cauce.core.statuses import AttentionCause
from cauce.stages.deidentify import map_uid

FRAME_OF_REFERENCE = "1.2.999.10.4"
SEG, RTSTRUCT, SR = (
    "1.2.840.10008.5.1.4.1.1.66.4",
    "1.2.840.10008.5.1.4.1.1.481.3",
    "1.2.840.10008.5.1.4.1.1.88.22",
)


def mapped(uid):
    return map_uid(uid, secret=PSEUDONYM.uid_secret)


def written(ds, sop_class):
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, "1.2.999.20.3"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = STUDY, "1.2.999.20.2"
    ds.PatientName, ds.PatientID = "Quimby^Hubert", "HQ-7654321"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    target = io.BytesIO()
    ds.save_as(target, enforce_file_format=True)
    return target.getvalue()


def reference():
    ds = Dataset()
    ds.ReferencedSOPClassUID, ds.ReferencedSOPInstanceUID = CT, INSTANCE
    return ds


def item(**attributes):
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def image():
    return read(cleaned(ct_file(x00200052=("UI", FRAME_OF_REFERENCE))))


@given(st.from_regex(r"[0-2](\.(0|[1-9][0-9]{0,5})){2,8}", fullmatch=True))
def test_a_mapped_uid_is_a_uid_and_another_one(uid):
    new = mapped(uid)
    assert is_valid_uid(new)
    assert new.startswith("2.25.")
    assert new != uid
    assert new == mapped(uid)
    assert new != map_uid(uid, secret=OTHER_PSEUDONYM.uid_secret)


def test_every_process_maps_a_uid_alike():
    program = "from cauce.stages.deidentify import map_uid; print(map_uid('1.2.999.10.3', secret=b's' * 32))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert runs == {mapped(INSTANCE)} == {"2.25.136499531334605032790806636153820385165"}


def test_the_ids_of_an_object_are_mapped_and_its_classes_are_kept():
    outcome, output = deidentified(ct_file(x00200052=("UI", FRAME_OF_REFERENCE)))
    ds = read(output)
    assert (ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.FrameOfReferenceUID) == tuple(
        mapped(uid) for uid in (INSTANCE, SERIES, STUDY, FRAME_OF_REFERENCE)
    )
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID == outcome.sop_instance_uid
    assert (outcome.series_instance_uid, outcome.study_instance_uid) == (ds.SeriesInstanceUID, ds.StudyInstanceUID)
    assert ds.SOPClassUID == ds.file_meta.MediaStorageSOPClassUID == CT


def test_another_patient_gets_other_uids():
    ds = read(cleaned(ct_file(), pseudonym=OTHER_PSEUDONYM))
    assert ds.SOPInstanceUID == map_uid(INSTANCE, secret=OTHER_PSEUDONYM.uid_secret) != mapped(INSTANCE)


def test_uids_are_mapped_alike_in_every_encoding():
    assert {read(cleaned(ct_file(syntax))).SOPInstanceUID for syntax in (IMPLICIT, EXPLICIT, BIG)} == {mapped(INSTANCE)}


def test_uids_that_the_standard_gives_out_are_kept():
    talairach = "1.2.840.10008.1.4.1.1"
    ds = read(cleaned(ct_file(x00200052=("UI", talairach), x00080062=("UI", "1.2.840.10008.5.1.4.1.1.4\\1.2.999.77"))))
    assert ds.FrameOfReferenceUID == talairach
    assert list(ds.SOPClassesInStudy) == ["1.2.840.10008.5.1.4.1.1.4", "1.2.999.77"]


def test_each_of_several_uids_is_mapped():
    ds = read(cleaned(ct_file(x00083010=("UI", "1.2.3.44\\1.2.3.55"))))
    assert list(ds.IrradiationEventUID) == [mapped("1.2.3.44"), mapped("1.2.3.55")]


def test_a_segmentation_keeps_pointing_at_its_images():
    seg = item(
        Modality="SEG",
        FrameOfReferenceUID=FRAME_OF_REFERENCE,
        ReferencedSeriesSequence=[item(SeriesInstanceUID=SERIES, ReferencedInstanceSequence=[reference()])],
        PerFrameFunctionalGroupsSequence=[
            item(DerivationImageSequence=[item(SourceImageSequence=[reference()])]) for _ in range(3)
        ],
    )
    made, ct_image = read(cleaned(written(seg, SEG))), image()
    series = made.ReferencedSeriesSequence[0]
    assert made.StudyInstanceUID == ct_image.StudyInstanceUID
    assert series.SeriesInstanceUID == ct_image.SeriesInstanceUID
    assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == ct_image.SOPInstanceUID
    assert series.ReferencedInstanceSequence[0].ReferencedSOPClassUID == CT
    for frame in made.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == ct_image.SOPInstanceUID
    assert made.FrameOfReferenceUID == ct_image.FrameOfReferenceUID


def test_a_structure_set_keeps_pointing_at_its_images():
    structures = item(
        Modality="RTSTRUCT",
        StructureSetLabel="Quimby",
        ReferencedFrameOfReferenceSequence=[
            item(
                FrameOfReferenceUID=FRAME_OF_REFERENCE,
                RTReferencedStudySequence=[
                    item(
                        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
                        ReferencedSOPInstanceUID=STUDY,
                        RTReferencedSeriesSequence=[item(SeriesInstanceUID=SERIES, ContourImageSequence=[reference()])],
                    )
                ],
            )
        ],
        StructureSetROISequence=[item(ROINumber=1, ROIName="Quimby's lung")],
        ROIContourSequence=[
            item(
                ReferencedROINumber=1,
                ContourSequence=[item(ContourImageSequence=[reference()], ContourData=["1.5", "2.5", "3.5"])],
            )
        ],
    )
    output = cleaned(written(structures, RTSTRUCT))
    made, ct_image = read(output), image()
    study = made.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
    assert study.ReferencedSOPInstanceUID == ct_image.StudyInstanceUID
    assert study.RTReferencedSeriesSequence[0].SeriesInstanceUID == ct_image.SeriesInstanceUID
    contour = made.ROIContourSequence[0].ContourSequence[0]
    assert contour.ContourImageSequence[0].ReferencedSOPInstanceUID == ct_image.SOPInstanceUID
    assert contour.ContourData == [1.5, 2.5, 3.5]
    assert b"Quimby" not in output


def test_a_report_keeps_pointing_at_its_evidence():
    report = item(
        Modality="SR",
        CurrentRequestedProcedureEvidenceSequence=[
            item(
                StudyInstanceUID=STUDY,
                ReferencedSeriesSequence=[item(SeriesInstanceUID=SERIES, ReferencedSOPSequence=[reference()])],
            )
        ],
        ContentSequence=[item(ValueType="TEXT", TextValue="Mr. Quimby came in with a cough")],
    )
    output = cleaned(written(report, SR))
    evidence, ct_image = read(output).CurrentRequestedProcedureEvidenceSequence[0], image()
    assert evidence.StudyInstanceUID == ct_image.StudyInstanceUID
    series = evidence.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == ct_image.SeriesInstanceUID
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == ct_image.SOPInstanceUID
    (content,) = read(output).ContentSequence
    assert (content.RelationshipType, content.ValueType, content.TextValue) == ("CONTAINS", "TEXT", "REMOVED")
    assert content.ConceptNameCodeSequence[0].CodingSchemeDesignator == "99CAUCE"
    assert b"Quimby" not in output


def test_an_object_without_an_id_of_its_own_is_held_back():
    for tag in (0x00080018, 0x0020000D, 0x0020000E):
        for value in (None, ("UI", ""), ("UI", "1.2.3\\1.2.4")):
            outcome, output = deidentified(ct_file(**{f"x{tag:08X}": value}))
            assert outcome.cause is AttentionCause.DEIDENTIFICATION_FAILED
            assert outcome.detail == "It lacks a UID that every instance has."
            assert output == b""


def test_an_object_without_a_class_takes_that_of_its_file_meta_information():
    assert read(cleaned(part10(data_set(ct(x00080016=None))))).file_meta.MediaStorageSOPClassUID == CT


def test_a_class_that_is_no_uid_is_mapped_like_any_other_value():
    elements = ct(x00080016=("UI", "Quimby"))
    del elements[0x7FE00010]  # pixels of an unknown class would be looked at
    output = cleaned(part10(data_set(elements)))
    assert pydicom.dcmread(io.BytesIO(output)).SOPClassUID == mapped("Quimby")
