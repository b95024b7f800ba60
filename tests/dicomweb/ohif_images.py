"""Studies of the kinds that a viewer has ways of its own for, each with the grey or colour that it should show."""

from dataclasses import dataclass, field
from io import BytesIO

import cv2
import imagecodecs
import numpy as np
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    EnhancedCTImageStorage,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    MRImageStorage,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
)

from cauce import samples
from cauce.samples import headers
from cauce.samples.identity import identity, stable_uid


@dataclass(frozen=True)
class Shown:
    """A study: its instances as files, and what is seen of each image: (rows, columns), or (rows, columns, 3)."""

    name: str
    patient: str
    """As viewers write it."""
    description: str
    study: str
    files: list[bytes]
    images: list[np.ndarray] = field(repr=False)


def studies():
    """Return the studies, by the name of their kind."""
    return {one.name: one for one in (ct(), mr(), enhanced_ct(), cine(), colour(), colour_cine())}


def windowed(values, centre, width):
    """Return values as grey from 0 to 255 (PS3.3 C.11.2.1.2)."""
    return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1) * 255


def hounsfield(ds):
    return np.frombuffer(ds.PixelData, np.uint16 if ds.PixelRepresentation == 0 else np.int16).reshape(
        ds.Rows, ds.Columns
    ).astype(float) + float(ds.RescaleIntercept)


def ct():
    """Five slices, native."""
    series = [samples.ct_slice(index) for index in range(10, 40, 6)]
    return Shown(
        "CT",
        "FICTICIA DEMO, INÉS",
        series[0].StudyDescription,
        series[0].StudyInstanceUID,
        [samples.to_part10(ds) for ds in series],
        [windowed(hounsfield(ds), 40, 400) for ds in series],
    )


def mr():
    """Three slices whose contrast is turned round, in JPEG 2000."""
    files, images = [], []
    for number, index in enumerate((14, 22, 30)):
        source = samples.ct_slice(index)
        grey = cv2.resize(windowed(hounsfield(source), 0, 1200), (256, 320), interpolation=cv2.INTER_AREA)
        values = np.rint(np.where(grey > 12, 1300 - grey * 4, 20)).astype(np.uint16)
        ds = _base("MR", MRImageStorage, number)
        headers.override(
            ds,
            {
                "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"],
                "ScanningSequence": "SE",
                "SequenceVariant": "NONE",
                "ScanOptions": [],
                "MRAcquisitionType": "2D",
                "RepetitionTime": 500,
                "EchoTime": 15,
                "EchoTrainLength": 1,
                "FrameOfReferenceUID": stable_uid(7, "MR", "frame of reference"),
                "PositionReferenceIndicator": "",
                "PatientPosition": "HFS",
                "ImagePositionPatient": [-128, -160, -18 * number],
                "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
                "PixelSpacing": [1, 1],
                "SliceThickness": 18,
                "WindowCenter": 700,
                "WindowWidth": 1200,
            },
        )
        headers.add_pixels(ds, values)
        ds.compress(JPEG2000Lossless, generate_instance_uid=False)
        files.append(_written(ds))
        images.append(windowed(values.astype(float), 700, 1200))
    return Shown("MR", "VISOR, MR", ds.StudyDescription, ds.StudyInstanceUID, files, images)


def enhanced_ct():
    """Six frames in one object with functional groups, in JPEG-LS."""
    slices = [samples.ct_slice(index) for index in range(8, 44, 6)]
    first = slices[0]
    ds = _base("CT", EnhancedCTImageStorage, 0, kind="enhanced")
    headers.override(
        ds,
        {
            "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
            "FrameOfReferenceUID": stable_uid(7, "enhanced", "frame of reference"),
            "PositionReferenceIndicator": "",
            "PatientPosition": "HFS",
            "NumberOfFrames": len(slices),
            "SharedFunctionalGroupsSequence": Sequence([_shared(first)]),
            "PerFrameFunctionalGroupsSequence": Sequence([_of_frame(n, one) for n, one in enumerate(slices, 1)]),
        },
    )
    headers.add_pixels(ds, np.frombuffer(first.PixelData, np.uint16).reshape(first.Rows, first.Columns))
    ds.PixelRepresentation = first.PixelRepresentation
    planes = [np.frombuffer(one.PixelData, np.uint16).reshape(one.Rows, one.Columns) for one in slices]
    _encapsulate(ds, [imagecodecs.jpegls_encode(plane) for plane in planes], JPEGLSLossless)
    return Shown(
        "multi-frame CT",
        "VISOR, ENHANCED",
        ds.StudyDescription,
        ds.StudyInstanceUID,
        [_written(ds)],
        [windowed(hounsfield(one), 40, 400) for one in slices],
    )


def _shared(first):
    return headers.item(
        PixelMeasuresSequence=Sequence(
            [headers.item(PixelSpacing=first.PixelSpacing, SliceThickness=first.SliceThickness)]
        ),
        PlaneOrientationSequence=Sequence([headers.item(ImageOrientationPatient=first.ImageOrientationPatient)]),
        PixelValueTransformationSequence=Sequence(
            [headers.item(RescaleIntercept=first.RescaleIntercept, RescaleSlope=1, RescaleType="HU")]
        ),
        FrameVOILUTSequence=Sequence([headers.item(WindowCenter=40, WindowWidth=400)]),
    )


def _of_frame(number, one):
    return headers.item(
        FrameContentSequence=Sequence(
            [headers.item(FrameAcquisitionNumber=1, InStackPositionNumber=number, StackID="1")]
        ),
        PlanePositionSequence=Sequence([headers.item(ImagePositionPatient=one.ImagePositionPatient)]),
    )


def cine():
    """Eight frames of grey in which a disc goes round, in RLE."""
    frames = [np.ascontiguousarray(frame[..., 1]) for frame in _sweep(8)]
    ds = _base("US", UltrasoundMultiFrameImageStorage, 0, kind="cine")
    _add_cine(ds, len(frames))
    headers.add_pixels(ds, frames[0])
    ds.PixelData = b"".join(frame.tobytes() for frame in frames)
    ds.compress(RLELossless, generate_instance_uid=False)
    return Shown("multi-frame", "VISOR, CINE", ds.StudyDescription, ds.StudyInstanceUID, [_written(ds)], frames)


def colour():
    """One image of red, green and blue, native."""
    ds = samples.us_image()
    image = np.frombuffer(ds.PixelData, np.uint8).reshape(ds.Rows, ds.Columns, 3).copy()
    cv2.circle(image, (ds.Columns // 2 - 60, ds.Rows // 2), 46, (220, 40, 30), -1)
    cv2.circle(image, (ds.Columns // 2 + 60, ds.Rows // 2), 46, (30, 60, 230), -1)
    ds.PixelData = image.tobytes()
    return Shown(
        "colour", "IMAGINARIO DEMO, RAMÓN", ds.StudyDescription, ds.StudyInstanceUID, [samples.to_part10(ds)], [image]
    )


def colour_cine():
    """Four frames of colour, in JPEG with shared chroma."""
    frames = _sweep(4)
    ds = _base("US", UltrasoundMultiFrameImageStorage, 0, kind="colour cine")
    _add_cine(ds, len(frames))
    headers.add_pixels(ds, frames[0])
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92]
    encoded = [cv2.imencode(".jpg", frame[..., ::-1], quality)[1].tobytes() for frame in frames]
    headers.override(
        ds,
        {
            "PhotometricInterpretation": "YBR_FULL_422",
            "LossyImageCompression": "01",
            "LossyImageCompressionRatio": 10,
            "LossyImageCompressionMethod": "ISO_10918_1",
        },
    )
    _encapsulate(ds, encoded, JPEGBaseline8Bit)
    return Shown(
        "multi-frame colour", "VISOR, COLOUR CINE", ds.StudyDescription, ds.StudyInstanceUID, [_written(ds)], frames
    )


def _sweep(count):
    """Return frames on which discs of three colours go round, over a ramp."""
    frames = []
    for number in range(count):
        frame = np.zeros((240, 320, 3), np.uint8)
        frame[...] = np.linspace(10, 120, 320)[None, :, None]
        for colour_number, colour_of in enumerate(((230, 60, 40), (50, 200, 70), (40, 80, 240))):
            angle = 2 * np.pi * (number / count + colour_number / 3)
            centre = (int(160 + 80 * np.cos(angle)), int(120 + 80 * np.sin(angle)))
            cv2.circle(frame, centre, 28, colour_of, -1)
        frames.append(frame)
    return frames


def _add_cine(ds, count):
    headers.override(
        ds,
        {
            "ImageType": ["ORIGINAL", "PRIMARY"],
            "NumberOfFrames": count,
            "FrameTime": 100,
            "FrameIncrementPointer": 0x00181063,
            "LossyImageCompression": "00",
            "BurnedInAnnotation": "NO",
        },
    )


def _base(modality, sop_class_uid, number, *, kind=""):
    """Return the header of instance `number` of the only series of a patient of its own."""
    kind = kind or modality
    who = identity(f"VISOR^{kind.upper()}", sex="O", seed=7)
    ds = headers.base(
        who,
        sop_class_uid=sop_class_uid,
        sop_instance_uid=stable_uid(7, kind, str(number)),
        modality=modality,
        study=f"Prueba {kind}",
        series=f"Serie {kind}",
    )
    ds.StudyInstanceUID, ds.SeriesInstanceUID = stable_uid(7, kind, "study"), stable_uid(7, kind, "series")
    ds.PatientID = f"VISOR-{kind.upper().replace(' ', '-')}"
    ds.InstanceNumber = number + 1
    ds.SpecificCharacterSet = "ISO_IR 192"
    return ds


def _encapsulate(ds, frames, syntax):
    ds.PixelData = encapsulate(frames)
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = syntax


def _written(ds):
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
