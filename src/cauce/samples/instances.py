"""Whole objects: a slice of the phantom, an ultrasound image, a secondary capture, and tiny ones by the hundred."""

import functools
import itertools
import uuid
from typing import Any, Final

import cv2
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
)

from cauce.samples import headers, phantom, shapes, sonogram
from cauce.samples.identity import Identity, identity, plain, stable_uid

DEMO_SEED: Final = 1
"""The seed of `cauce demo`: the same study each time it is run."""

_LEFT_MM: Final = -(shapes.FIELD_MM - phantom.SPACING_MM) / 2
_TOP_MM: Final = 1142.5
_INTERCEPT: Final = -1024
_CM_PER_PX: Final = sonogram.MM_PER_PX / 10
_SMALL_PX: Final = 32


def thorax_identity(*, seed: int) -> Identity:
    """Return who the phantom's images say that they show."""
    return identity("FICTICIA DEMO^INÉS", sex="F", seed=seed)


def ultrasound_identity(*, seed: int) -> Identity:
    """Return who the ultrasound image says that it shows."""
    return identity("IMAGINARIO DEMO^RAMÓN", sex="M", seed=seed)


@functools.lru_cache(maxsize=1)
def _thorax(seed: int) -> phantom.Thorax:
    return phantom.Thorax(seed=seed)


def ct_slice(index: int = phantom.SLICES // 2, *, seed: int = DEMO_SEED, **attributes: Any) -> Dataset:
    """Return slice `index` (0 the topmost of 48) of the phantom as a CT image (PS3.3 A.3); `attributes` override.

    All slices of one seed make one series in one frame of reference.
    """
    who = thorax_identity(seed=seed)
    ds = headers.base(
        who,
        sop_class_uid=CTImageStorage,
        sop_instance_uid=who.uid("CT", "instance", str(index)),
        modality="CT",
        study="TC de tórax con contraste",
        series="Tórax 3 mm",
    )
    _add_ct_acquisition(ds)
    _add_ct_geometry(ds, who, index)
    headers.add_pixels(ds, _thorax(seed).slice_hu(index) - np.int16(_INTERCEPT))
    headers.override(ds, attributes)
    return ds


def _add_ct_geometry(ds: Dataset, who: Identity, index: int) -> None:
    """Add frame of reference, image plane and rescaling (PS3.3 C.7.4.1, C.7.6.2, C.11.1)."""
    z_mm = _TOP_MM - index * phantom.SLICE_MM
    ds.FrameOfReferenceUID = who.uid("CT", "frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.InstanceNumber = index + 1
    ds.ImagePositionPatient = [_LEFT_MM, _LEFT_MM, z_mm]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = [phantom.SPACING_MM, phantom.SPACING_MM]
    ds.SliceThickness = phantom.SLICE_MM
    ds.SpacingBetweenSlices = phantom.SLICE_MM
    ds.SliceLocation = z_mm
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = _INTERCEPT, 1, "HU"
    ds.WindowCenter, ds.WindowWidth = [40, -600], [400, 1500]
    ds.WindowCenterWidthExplanation = ["SOFT TISSUE", "LUNG"]


def _add_ct_acquisition(ds: Dataset) -> None:
    """Add what a scanner would say of how it was done (PS3.3 C.8.2.1, C.7.6.4)."""
    attributes: dict[str, Any] = {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "AcquisitionNumber": 1,
        "ImagesInAcquisition": phantom.SLICES,
        "ImageComments": headers.MADE_BY_CODE,
        "QualityControlImage": "YES",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "BodyPartExamined": "CHEST",
        "PatientPosition": "HFS",
        "ProtocolName": "TORAX CONTRASTE",
        "ContrastBolusAgent": "Contraste ficticio 300",
        "ContrastBolusRoute": "IV",
        "ContrastBolusVolume": 80,
        "ScanOptions": "HELIX",
        "KVP": 120,
        "DataCollectionDiameter": 500,
        "ReconstructionDiameter": shapes.FIELD_MM,
        "DistanceSourceToDetector": 1085,
        "DistanceSourceToPatient": 595,
        "GantryDetectorTilt": 0,
        "TableHeight": 142,
        "RotationDirection": "CW",
        "ExposureTime": 500,
        "XRayTubeCurrent": 240,
        "Exposure": 120,
        "FilterType": "BODY",
        "FocalSpots": 1.2,
        "ConvolutionKernel": "STANDARD",
        "RevolutionTime": 0.5,
        "SingleCollimationWidth": 0.75,
        "TotalCollimationWidth": 48,
        "SpiralPitchFactor": 1.0,
        "CTDIvol": 8.1,
        "CTDIPhantomTypeCodeSequence": Sequence([headers.code("113691", "DCM", "IEC Body Dosimetry Phantom")]),
    }
    headers.override(ds, attributes)


def us_image(*, seed: int = DEMO_SEED, **attributes: Any) -> Dataset:
    """Return an ultrasound image (PS3.3 A.6) that names its patient in its pixels; `attributes` override."""
    who = ultrasound_identity(seed=seed)
    ds = headers.base(
        who,
        sop_class_uid=UltrasoundImageStorage,
        sop_instance_uid=who.uid("US", "instance"),
        modality="US",
        study="Ecografía abdominal",
        series="Abdomen superior",
    )
    ds.SpecificCharacterSet = "ISO_IR 192"
    headers.override(
        ds,
        {
            "ImageType": ["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"],
            "InstanceNumber": 1,
            "PatientOrientation": [],
            "BodyPartExamined": "ABDOMEN",
            "ProtocolName": "ABDOMEN",
            "TransducerType": "CURVED LINEAR",
            "DepthOfScanField": round(sonogram.DEPTH_MM),
            "MechanicalIndex": 0.9,
            "SoftTissueThermalIndex": 0.4,
            "UltrasoundColorDataPresent": 0,
            "BurnedInAnnotation": "YES",
            "LossyImageCompression": "00",
            "SequenceOfUltrasoundRegions": Sequence([_region()]),
        },
    )
    headers.add_pixels(ds, sonogram.screen(_label(who), seed=seed))
    headers.override(ds, attributes)
    return ds


def _label(who: Identity) -> sonogram.Label:
    born, taken, clock = who.birth_date, who.study_date, who.study_time
    return sonogram.Label(
        name=plain(who.patient_name).replace("^", ", "),
        patient_id=who.patient_id,
        born=f"{born[:4]}-{born[4:6]}-{born[6:]}",
        taken=f"{taken[:4]}-{taken[4:6]}-{taken[6:]} {clock[:2]}:{clock[2:4]}:{clock[4:]}",
        institution="HOSPITAL DE EJEMPLO",
    )


def _region() -> Dataset:
    """Return the fan as a calibrated region (PS3.3 C.8.5.5): two-dimensional tissue, in cm."""
    left, top, right, bottom = sonogram.fan_box()
    return headers.item(
        RegionSpatialFormat=1,
        RegionDataType=1,
        RegionFlags=0,
        RegionLocationMinX0=left,
        RegionLocationMinY0=top,
        RegionLocationMaxX1=right,
        RegionLocationMaxY1=bottom,
        ReferencePixelX0=sonogram.APEX_PX[0] - left,
        ReferencePixelY0=sonogram.APEX_PX[1] + sonogram.PROBE_RADIUS_PX - top,
        PhysicalUnitsXDirection=3,
        PhysicalUnitsYDirection=3,
        ReferencePixelPhysicalValueX=0.0,
        ReferencePixelPhysicalValueY=0.0,
        PhysicalDeltaX=_CM_PER_PX,
        PhysicalDeltaY=_CM_PER_PX,
        TransducerFrequency=3500,
    )


def secondary_capture(*, seed: int = DEMO_SEED, **attributes: Any) -> Dataset:
    """Return a captured report page (PS3.3 A.8.1) that names the phantom's patient; `attributes` override."""
    who = thorax_identity(seed=seed)
    ds = headers.base(
        who,
        sop_class_uid=SecondaryCaptureImageStorage,
        sop_instance_uid=who.uid("OT", "instance"),
        modality="OT",
        study="TC de tórax con contraste",
        series="Captura de pantalla",
    )
    ds.StudyInstanceUID = who.uid("CT", "study")
    headers.override(
        ds,
        {
            "ConversionType": "WSD",
            "BodyPartExamined": "CHEST",
            "ImageType": ["DERIVED", "SECONDARY"],
            "InstanceNumber": 1,
            "PatientOrientation": [],
            "BurnedInAnnotation": "YES",
            "SecondaryCaptureDeviceManufacturer": "Cauce",
        },
    )
    page = np.full((480, 640, 3), 250, np.uint8)
    lines = (
        "INFORME (EJEMPLO)",
        plain(who.patient_name),
        who.patient_id,
        who.study_date,
        "Sin hallazgos: es un maniqui.",
    )
    for row, text in enumerate(lines):
        cv2.putText(page, text, (40, 70 + 48 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (30, 34, 40), 1, cv2.LINE_AA)
    headers.add_pixels(ds, page)
    headers.override(ds, attributes)
    return ds


_KINDS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "CT": (CTImageStorage, {"KVP": 120, "AcquisitionNumber": 1, "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]}),
    "MR": (
        MRImageStorage,
        {
            "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"],
            "ScanningSequence": "SE",
            "SequenceVariant": "NONE",
            "ScanOptions": [],
            "MRAcquisitionType": "2D",
            "RepetitionTime": 500,
            "EchoTime": 15,
            "EchoTrainLength": 1,
        },
    ),
    "OT": (SecondaryCaptureImageStorage, {"ConversionType": "SYN", "ImageType": ["DERIVED", "SECONDARY"]}),
}
_counter = itertools.count(1)


def small_instance(kind: str = "CT", *, transfer_syntax_uid: str = ExplicitVRLittleEndian, **attributes: Any) -> bytes:
    """Return a tiny valid object (32 x 32, about 3 kB) as a Part 10 file in any native transfer syntax.

    `kind` is `CT`, `MR` or `OT`. Each call makes a new study, series and instance unless `attributes`, DICOM keywords,
    say otherwise; `None` leaves an attribute out.

    Raises:
        KeyError: there is no such kind.
        ValueError: an attribute is not of the data dictionary.
    """
    number = next(_counter)
    ds = _small_header(kind, number)
    ramp = np.arange(_SMALL_PX * _SMALL_PX, dtype=np.int64).reshape(_SMALL_PX, _SMALL_PX)
    if kind == "OT":
        ds.PatientOrientation = []
        headers.add_pixels(ds, (ramp % 256).astype(np.uint8))
    else:
        _add_plane(ds)
        headers.add_pixels(ds, (ramp + number % 1000).astype(np.int16 if kind == "CT" else np.uint16))
    headers.override(ds, attributes)
    return headers.to_part10(ds, transfer_syntax_uid=transfer_syntax_uid)


def _small_header(kind: str, number: int) -> Dataset:
    sop_class_uid, special = _KINDS[kind]
    return headers.item(
        SpecificCharacterSet="ISO_IR 192",
        SOPClassUID=sop_class_uid,
        SOPInstanceUID=_fresh_uid(),
        StudyInstanceUID=_fresh_uid(),
        SeriesInstanceUID=_fresh_uid(),
        StudyDate="20250102",
        StudyTime="101112",
        AccessionNumber=f"A{number}",
        Modality=kind,
        BodyPartExamined="CHEST",
        Manufacturer="Cauce",
        ReferringPhysicianName="MODELO^ÚRSULA",
        PatientName=f"PRUEBA^NÚMERO {number}",
        PatientID=f"TEST-{number}",
        PatientBirthDate="19700101",
        PatientSex="O",
        StudyID=str(number % 10_000),
        SeriesNumber=1,
        InstanceNumber=1,
        **special,
    )


def _add_plane(ds: Dataset) -> None:
    ds.FrameOfReferenceUID = stable_uid(0, ds.SeriesInstanceUID)
    ds.PositionReferenceIndicator = ""
    ds.PatientPosition = "HFS"
    ds.ImagePositionPatient = [-16, -16, 0]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = [1, 1]
    ds.SliceThickness = 3
    if ds.Modality == "CT":
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = _INTERCEPT, 1, "HU"


def _fresh_uid() -> str:
    return f"2.25.{uuid.uuid4().int}"
