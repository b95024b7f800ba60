"""The tool that draws previews on sheets does so, and says of each file that has none why."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from process_objects import JPEG_LS, encapsulated, native, written

TOOL = Path(__file__).resolve().parents[2] / "tools" / "contact_sheet.py"


def test_a_sheet_is_drawn_for_each_modality(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "deeper").mkdir(parents=True)
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8)
    for number in range(9):
        (folder / f"slice-{number}").write_bytes(native(picture, Modality="CT"))
    (folder / "deeper" / "colour.dcm").write_bytes(native(np.zeros((8, 8, 3), np.uint8), Modality="US"))
    (folder / "broken").write_bytes(encapsulated([b"\0\0"], picture, syntax=JPEG_LS))
    (folder / "report").write_bytes(written({"Modality": "SR"}))
    (folder / "README").write_text("no image")
    done = subprocess.run([sys.executable, TOOL, folder, out], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["CT: 9", "US: 1", "undecodable: 1"]
    assert sorted(path.name for path in out.iterdir()) == ["CT-1.png", "US-1.png", "undecodable-1.png"]
    assert cv2.imread(str(out / "CT-1.png")).shape == (2 * 206, 8 * 194, 3)


def test_a_folder_without_images_is_said_to_have_none(tmp_path):
    done = subprocess.run([sys.executable, TOOL, tmp_path, tmp_path / "out"], capture_output=True, check=False)
    assert done.returncode == 1
