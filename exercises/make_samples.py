"""Make the sample files: own numbers and own pixels, nobody's data. Each time the same, given the same JPEG encoder.

python make_samples.py            all that are kept in the repository
python make_samples.py --large    multithreading/sample-03-02-json.json: 20 elements of 250,000 numbers, 15 MB
"""

import argparse
import csv
import io
import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import JPEGBaseline8Bit, SecondaryCaptureImageStorage, XRayAngiographicImageStorage

from cauce.samples import headers, to_part10
from cauce.samples.identity import identity

HERE = Path(__file__).resolve().parent
SEED = 3
ROWS, FRAMES, XA_PX, MR_PX = 52, 96, 256, 512
DEVICES = ("CT SCAN", "MRI", "RX 1")
_BLANK_FOLLOWS = 0.1
LARGE = "sample-03-02-json.json"


def main() -> None:
    """Write the files that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="the file of 5,000,000 numbers alone")
    parser.add_argument("--folder", type=Path, default=HERE, help="where the folders of the exercises are")
    asked = parser.parse_args()
    if asked.large:
        write_large(asked.folder / "multithreading" / LARGE)
    else:
        write_all(asked.folder)


def write_all(folder: Path) -> None:
    """Write the five samples into the folders of their exercises, which are made when they are missing."""
    for name in ("file_operations", "oop", "multithreading"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "file_operations" / "sample-01-csv.csv").write_text(table(), encoding="utf-8", newline="")
    (folder / "file_operations" / "sample-01-dicom.dcm").write_bytes(to_part10(capture()))
    (folder / "oop" / "sample-02-dicom.dcm").write_bytes(angiogram())
    for name, text in (
        ("sample-03-00-json.json", elements(2, rows=3, columns=10, lowest=1)),
        ("sample-03-01-json.json", elements(50, rows=5, columns=10, lowest=0)),
    ):
        (folder / "multithreading" / name).write_text(text, encoding="utf-8", newline="\n")


def write_large(path: Path) -> None:
    """Write 20 elements of 250,000 numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(elements(20, rows=250, columns=1000, lowest=1, ids="large"), encoding="utf-8", newline="\n")


def table() -> str:
    """Return 52 patients who never were; some numbers are followed by a blank, as spreadsheets leave them."""
    random = np.random.default_rng(SEED)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["PatientID", "Age", "Weight", "Height", "Cholesterol", "HeartRate"])
    for number in range(1, ROWS + 1):
        values = [
            random.integers(18, 90),
            random.integers(45, 110),
            random.integers(150, 200),
            random.integers(140, 280),
            random.integers(55, 100),
        ]
        writer.writerow(
            [f"ab{number}", *(f"{value} " if random.random() < _BLANK_FOLLOWS else str(value) for value in values)]
        )
    return out.getvalue()


def elements(count: int, *, rows: int, columns: int, lowest: int, ids: str = "aabbcc") -> str:
    """Return elements of rows of whole numbers up to 100, as JSON."""
    random = np.random.default_rng(SEED)
    made = {
        str(number): {
            "id": f"{ids}{number}",
            "data": [" ".join(map(str, row)) for row in random.integers(lowest, 101, (rows, columns)).tolist()],
            "deviceName": DEVICES[(number - 1) % len(DEVICES)],
        }
        for number in range(1, count + 1)
    }
    return json.dumps(made, indent=1) + "\n"


def capture() -> Dataset:
    """Return a secondary capture (PS3.3 A.8.1) of an MR image, 512 x 512, 16 bits."""
    who = identity("MUESTRA^UNO", sex="F", seed=SEED)
    ds = headers.base(
        who,
        sop_class_uid=SecondaryCaptureImageStorage,
        sop_instance_uid=who.uid("MR", "instance"),
        modality="MR",
        study="RM cerebral",
        series="Captura",
    )
    headers.override(ds, {"ConversionType": "WSD", "InstanceNumber": 1, "PatientOrientation": []})
    headers.add_pixels(ds, head())
    headers.override(ds, {"BitsStored": 12, "HighBit": 11, "WindowCenter": 900, "WindowWidth": 1800})
    return ds


def head() -> NDArray[np.uint16]:
    """Return an ellipse of skull, brain and two ventricles."""
    picture = np.zeros((MR_PX, MR_PX), np.float32)
    middle = (MR_PX // 2, MR_PX // 2)
    for axes, value in (((190, 225), 1500.0), ((176, 211), 150.0), ((168, 203), 900.0), ((150, 184), 1100.0)):
        cv2.ellipse(picture, middle, axes, 0, 0, 360, (value,), -1, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.ellipse(picture, (middle[0] + side * 34, middle[1] - 20), (16, 62), side * 12, 0, 360, (300,), -1)
    return np.rint(cv2.GaussianBlur(picture, (0, 0), 2.0)).astype(np.uint16)


def angiogram() -> bytes:
    """Return an angiogram (PS3.3 A.14) of 96 frames in JPEG baseline: contrast runs through a branching vessel."""
    who = identity("MUESTRA^DOS", sex="M", seed=SEED + 1)
    ds = headers.base(
        who,
        sop_class_uid=XRayAngiographicImageStorage,
        sop_instance_uid=who.uid("XA", "instance"),
        modality="XA",
        study="Coronariografía",
        series="Coronaria izquierda",
    )
    frames = [frame(number) for number in range(FRAMES)]
    headers.add_pixels(ds, frames[0])
    packed = [cv2.imencode(".jpg", one, [cv2.IMWRITE_JPEG_QUALITY, 60])[1].tobytes() for one in frames]
    headers.override(
        ds,
        {
            "TypeOfPatientID": "TEXT",
            "ImageType": ["ORIGINAL", "PRIMARY", "SINGLE PLANE"],
            "InstanceNumber": 1,
            "PatientOrientation": [],
            "NumberOfFrames": FRAMES,
            "FrameIncrementPointer": 0x00181063,
            "FrameTime": "66.7",
            "PixelIntensityRelationship": "LIN",
            "RadiationSetting": "GR",
            "KVP": 80,
            "XRayTubeCurrent": 500,
            "ExposureTime": 8,
            "PositionerMotion": "STATIC",
            "LossyImageCompression": "01",
            "LossyImageCompressionMethod": "ISO_10918_1",
            "LossyImageCompressionRatio": f"{FRAMES * XA_PX * XA_PX / sum(map(len, packed)):.1f}",
        },
    )
    ds.PixelData = encapsulate(packed)
    ds["PixelData"].VR = "OB"
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    out = io.BytesIO()
    dcmwrite(out, ds, enforce_file_format=True)
    return out.getvalue()


def frame(number: int) -> NDArray[np.uint8]:
    """Return one frame: the front of the contrast moves on, and the heart beats."""
    picture = np.full((XA_PX, XA_PX), 190, np.uint8)
    beat = 4 * np.sin(2 * np.pi * number / 14)
    cv2.ellipse(picture, (150, 150 + int(beat)), (95, 80), 30, 0, 360, (165,), -1, cv2.LINE_AA)
    reach = min(1.0, number / 48)
    for start, bend, end, width in (
        ((60, 40), (110, 70), (215, 200), 7),
        ((105, 75), (100, 130), (120, 225), 5),
        ((150, 118), (190, 110), (235, 130), 4),
    ):
        t = np.linspace(0, 1, 60)[:, None]
        path = (1 - t) ** 2 * np.array(start) + 2 * t * (1 - t) * np.array(bend) + t**2 * np.array(end)
        path[:, 1] += beat * t[:, 0]
        filled = path[: max(2, round(reach * len(path)))]
        points = np.rint(filled * 16).astype(np.int32)
        cv2.polylines(picture, [points], isClosed=False, color=(60,), thickness=width, lineType=cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(picture, (0, 0), 1.2)


if __name__ == "__main__":
    main()
