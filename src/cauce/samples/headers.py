"""The header modules that all samples share (PS3.3 C.7), with identity at the depths where real files carry it.

- at the root: patient, physicians, operator, institution, descriptions;
- one level down: other patient ids, the request, contributing equipment, a private sequence;
- two levels down: the operator's employer, inside contributing equipment.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from cauce.samples.identity import Identity, stable_uid

IMPLEMENTATION_CLASS_UID: Final = UID(stable_uid(0, "cauce", "samples"))
IMPLEMENTATION_VERSION_NAME: Final = "CAUCE_SAMPLES_1"
PRIVATE_GROUP: Final = 0x0029
PRIVATE_CREATOR: Final = "CAUCE SAMPLE"
MADE_BY_CODE: Final = "Made by code: no patient, no scanner."


def item(**attributes: Any) -> Dataset:
    """Return a data set with these attributes, named by keyword."""
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a coded concept (PS3.3 8.8)."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def base(
    who: Identity, *, sop_class_uid: str, sop_instance_uid: str, modality: str, study: str, series: str
) -> Dataset:
    """Return patient, study, series, equipment and SOP common modules; `study` and `series` describe them in words."""
    ds = item(
        SpecificCharacterSet="ISO_IR 100",
        InstanceCreationDate=who.study_date,
        InstanceCreationTime=who.study_time,
        SOPClassUID=sop_class_uid,
        SOPInstanceUID=sop_instance_uid,
        TimezoneOffsetFromUTC="+0100",
        StudyDate=who.study_date,
        SeriesDate=who.study_date,
        AcquisitionDate=who.study_date,
        ContentDate=who.study_date,
        StudyTime=who.study_time,
        SeriesTime=who.study_time,
        AcquisitionTime=who.study_time,
        ContentTime=who.study_time,
        AccessionNumber=who.accession_number,
        Modality=modality,
        StudyDescription=study,
        SeriesDescription=series,
        StudyInstanceUID=who.uid(modality, "study"),
        SeriesInstanceUID=who.uid(modality, "series"),
        StudyID=who.study_id,
        SeriesNumber=1,
        PerformedProcedureStepStartDate=who.study_date,
        PerformedProcedureStepStartTime=who.study_time,
        PerformedProcedureStepID=f"P{who.study_id}",
    )
    ds.update(_patient(who))
    ds.update(_people_and_places(who))
    ds.RequestAttributesSequence = Sequence([_request(who, study)])
    ds.ContributingEquipmentSequence = Sequence([_contribution(who)])
    _add_private(ds, who)
    ds.file_meta = _file_meta(ds, ExplicitVRLittleEndian)
    return ds


def _patient(who: Identity) -> Dataset:
    return item(
        PatientName=who.patient_name,
        PatientID=who.patient_id,
        IssuerOfPatientID="HOSPITAL DE EJEMPLO",
        PatientBirthDate=who.birth_date,
        PatientSex=who.sex,
        PatientAge=who.age,
        PatientSize="1.68",
        PatientWeight="71",
        PatientAddress=who.address,
        PatientTelephoneNumbers=who.telephone,
        PatientComments=f"{MADE_BY_CODE} {who.patient_name.replace('^', ' ')}",
        OtherPatientIDsSequence=Sequence(
            [item(PatientID=who.other_patient_id, IssuerOfPatientID="REGISTRO FICTICIO", TypeOfPatientID="TEXT")]
        ),
    )


def _people_and_places(who: Identity) -> Dataset:
    return item(
        Manufacturer="Cauce",
        ManufacturerModelName="Phantom",
        DeviceSerialNumber=f"SN-{who.patient_id[-6:]}",
        SoftwareVersions="1",
        StationName="DEMO01",
        InstitutionName=who.institution,
        InstitutionAddress=who.institution_address,
        InstitutionalDepartmentName="Radiología",
        ReferringPhysicianName=who.referring_physician,
        PerformingPhysicianName=who.requesting_physician,
        OperatorsName=who.operator,
    )


def _request(who: Identity, study: str) -> Dataset:
    """Return the request: the patient's name in free text, and who asked (which makes it a Standard Extended item)."""
    return item(
        RequestingPhysician=who.requesting_physician,
        RequestedProcedureDescription=f"{study}: {who.patient_name.replace('^', ' ')}",
        RequestedProcedureID=f"R{who.study_id}",
        ScheduledProcedureStepDescription=study,
        ScheduledProcedureStepID=f"S{who.study_id}",
    )


def _contribution(who: Identity) -> Dataset:
    operator = item(
        PersonIdentificationCodeSequence=Sequence([code("DEMO-OP-7", "99CAUCE", who.operator.replace("^", " "))]),
        InstitutionName=who.institution,
    )
    return item(
        PurposeOfReferenceCodeSequence=Sequence([code("109101", "DCM", "Acquisition Equipment")]),
        Manufacturer="Cauce",
        InstitutionName=who.institution,
        StationName="DEMO01",
        OperatorsName=who.operator,
        OperatorIdentificationSequence=Sequence([operator]),
        ContributionDateTime=who.study_date + who.study_time,
        ContributionDescription=MADE_BY_CODE,
    )


def _add_private(ds: Dataset, who: Identity) -> None:
    """Add a private block whose values name the patient, at the root and inside a private sequence."""
    block = ds.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
    block.add_new(0x01, "LO", who.patient_name.replace("^", " "))
    block.add_new(0x02, "SQ", Sequence([item(PatientName=who.patient_name, PatientID=who.patient_id)]))


def add_pixels(ds: Dataset, pixels: NDArray[Any]) -> None:
    """Add the image pixel module for grey (rows, columns) or colour (rows, columns, 3) of 8 or 16 bits."""
    bits = pixels.dtype.itemsize * 8
    colour = pixels.ndim == 3  # noqa: PLR2004 - the third axis is colour
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        ds.PlanarConfiguration = 0
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    octets = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
    ds.add_new("PixelData", "OB" if bits == 8 else "OW", octets + b"\0" * (len(octets) % 2))  # noqa: PLR2004 - bits


def override(ds: Dataset, attributes: Mapping[str, Any]) -> None:
    """Set attributes by keyword; `None` takes one away.

    Raises:
        ValueError: a keyword is not of the data dictionary (PS3.6).
    """
    for keyword, value in attributes.items():
        if value is not None:
            setattr(ds, keyword, value)
        elif keyword in ds:
            delattr(ds, keyword)


def _file_meta(ds: Dataset, syntax: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    return meta


def to_part10(ds: Dataset, *, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> bytes:
    """Return a native data set as a Part 10 file (PS3.10 7.1) in any native transfer syntax, deflated too.

    Pixels of 16 bits are expected little endian, as `add_pixels` writes them, and swapped for a big endian syntax.
    """
    syntax = UID(transfer_syntax_uid)
    in_memory = getattr(ds, "file_meta", None)
    ds.file_meta = _file_meta(ds, syntax)
    original = ds.get("PixelData")
    if original is not None and not syntax.is_little_endian and ds.BitsAllocated == 16:  # noqa: PLR2004 - bits
        ds["PixelData"].value = np.frombuffer(original, "<u2").byteswap().tobytes()
    buffer = BytesIO()
    dcmwrite(
        buffer, ds, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian, enforce_file_format=True
    )
    if original is not None:
        ds["PixelData"].value = original
    if in_memory is None:
        del ds.file_meta
    else:
        ds.file_meta = in_memory
    return buffer.getvalue()
