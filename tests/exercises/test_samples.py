"""The samples that come with the exercises, and what is installed for them."""

import json
import subprocess
import sys
from pathlib import Path

import pydicom

from cauce.stages import process

ROOT = Path(__file__).resolve().parents[2]
EXERCISES = ROOT / "exercises"
SAMPLES = [
    "file_operations/sample-01-csv.csv",
    "file_operations/sample-01-dicom.dcm",
    "oop/sample-02-dicom.dcm",
    "multithreading/sample-03-00-json.json",
    "multithreading/sample-03-01-json.json",
]


def test_the_samples_are_those_that_the_script_makes(tmp_path):
    script = [sys.executable, str(EXERCISES / "make_samples.py"), "--folder", str(tmp_path)]
    subprocess.run(script, check=True, capture_output=True)
    for name in SAMPLES:
        made, kept = (tmp_path / name).read_bytes(), (EXERCISES / name).read_bytes()
        if not name.startswith("oop/"):  # another version of the encoder makes other JPEGs
            assert made == kept, name
    ds = pydicom.dcmread(EXERCISES / "oop/sample-02-dicom.dcm")
    assert (ds.Modality, ds.NumberOfFrames, ds.file_meta.TransferSyntaxUID.name) == (
        "XA",
        96,
        "JPEG Baseline (Process 1)",
    )
    with (EXERCISES / "oop/sample-02-dicom.dcm").open("rb") as source:
        assert [frame.shape for frame in process.frames(source)] == [(256, 256)] * 96
    ds = pydicom.dcmread(EXERCISES / "file_operations/sample-01-dicom.dcm")
    assert (ds.Modality, ds.SOPClassUID.name, ds.BitsAllocated) == ("MR", "Secondary Capture Image Storage", 16)
    assert ds.pixel_array.shape == (512, 512)
    small = json.loads((EXERCISES / SAMPLES[3]).read_text())
    large = json.loads((EXERCISES / SAMPLES[4]).read_text())
    assert [[len(row.split()) for row in one["data"]] for one in small.values()] == [[10] * 3] * 2
    assert [[len(row.split()) for row in one["data"]] for one in large.values()] == [[10] * 5] * 50
    assert {one["deviceName"] for one in large.values()} == {"CT SCAN", "MRI", "RX 1"}
    assert any("0" in row.split() for one in large.values() for row in one["data"])


def test_the_requirements_are_the_locked_ones_and_the_project_itself():
    locked = [
        line.removesuffix("\\").strip()
        for line in (ROOT / "requirements/runtime.txt").read_text().splitlines()
        if line and not line.startswith((" ", "#"))
    ]
    lines = (EXERCISES / "requirements.txt").read_text().splitlines()
    assert lines[1:] == [*locked, "-e .."]
