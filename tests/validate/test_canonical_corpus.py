"""Real files, written anew by DCMTK in every encoding it knows, keep their canonical digest."""

import shutil
import subprocess

import pydicom
import pytest
from validate_files import digest_of, header_of

from cauce.core.errors import Refused
from cauce.stages.process import decoded_frames

pytestmark = pytest.mark.corpus

CONVERSIONS = [
    ("dcmconv", "+ti"),
    ("dcmconv", "+te", "-e", "+g"),
    ("dcmconv", "+tb", "-e", "-g"),
    ("dcmconv", "+td"),
]
COMPRESSIONS = [("dcmcrle",), ("dcmcjpls",)]
DECOMPRESSIONS = {
    "1.2.840.10008.1.2.5": ("dcmdrle",),
    "1.2.840.10008.1.2.4.57": ("dcmdjpeg",),
    "1.2.840.10008.1.2.4.70": ("dcmdjpeg",),
    "1.2.840.10008.1.2.4.80": ("dcmdjpls",),
}
ICONS = {"GH133.dcm", "examples_overlay.dcm"}
"""DCMTK also (de)compresses the icon nested in these, and only pixels of the top level are decoded for the digest."""


@pytest.fixture(scope="module")
def dcmtk():
    if not all(shutil.which(name) for name in ("dcmconv", "dcmcrle", "dcmcjpls", "dcmdjpeg")):
        pytest.skip("DCMTK IS ABSENT: apt-get install dcmtk; this test proves nothing here")


@pytest.fixture(scope="module")
def files(corpus):
    return [path for path in sorted(corpus.rglob("*")) if path.is_file() and path.suffix != ".tsv"]


def converted(command, path, folder):
    """Return the bytes that a converter makes of a file, `None` where it cannot."""
    out = folder / "out.dcm"
    out.unlink(missing_ok=True)
    run = subprocess.run([*command, str(path), str(out)], capture_output=True, check=False)
    return out.read_bytes() if run.returncode == 0 and out.exists() else None


def compare(paths, commands_for, folder):
    """Return how many conversions kept the digest, and the (command, file) that did not."""
    same, different = 0, []
    for path in paths:
        try:
            expected = digest_of(path.read_bytes(), decoded_frames)
        except Refused:
            continue
        for command in commands_for(path):
            data = converted(command, path, folder)
            if data is None:
                continue
            if digest_of(data, decoded_frames) == expected:
                same += 1
            else:
                different.append((command, path.name))
    return same, different


def test_native_encodings_by_dcmtk_keep_the_digest(files, dcmtk, tmp_path):
    same, different = compare(files[::15], lambda _: CONVERSIONS, tmp_path)
    assert different == []
    assert same >= 150


def test_lossless_compression_by_dcmtk_keeps_the_digest(files, dcmtk, tmp_path):
    paths = [path for path in files[4::20] if path.name not in ICONS]
    same, different = compare(paths, lambda _: COMPRESSIONS, tmp_path)
    assert different == []
    assert same >= 50


def test_decompression_by_dcmtk_keeps_the_digest(files, dcmtk, tmp_path):
    compressed = []
    for path in files:
        meta = pydicom.dcmread(path, force=True, stop_before_pixels=True).file_meta
        command = DECOMPRESSIONS.get(str(meta.get("TransferSyntaxUID")))
        if command and path.name not in ICONS:
            compressed.append((path, command))
    commands = dict(compressed[::2])
    same, different = compare(list(commands), lambda path: [commands[path]], tmp_path)
    assert different == []
    assert same >= 24


MR_SMALL = ("_bigendian", "_expb", "_implicit", "_RLE", "_jp2klossless", "_jpeg_ls_lossless", "_padded", "")
FAMILIES = [
    [f"MR_small{suffix}.dcm" for suffix in MR_SMALL],
    [
        "examplesOld__test-images__CTImage.dcm",
        "examplesOld__test-images__CTImage.dcm_*_1.2.840.10008.1.2.dcm",
        "examplesOld__test-images__CTImage.dcm_*_1.2.840.10008.1.2.1.dcm",
        "examplesOld__test-images__CTImage.dcm_*_1.2.840.10008.1.2.1.99.dcm",
        "examplesOld__test-images__CTImage.dcm_*_1.2.840.10008.1.2.2.dcm",
        "examplesOld__test-images__CTImage.dcm_*_1.2.840.10008.1.2.4.80.dcm",
        "examplesOld__test-images__CTImage.dcm_*_1.2.840.10008.1.2.4.90.dcm",
        "examplesOld__test-images__CTImage.dcm_*_1.2.840.10008.1.2.5.dcm",
    ],
    ["OBXXXX1A.dcm", "OBXXXX1A_expb.dcm", "OBXXXX1A_rle.dcm"],
    ["SC_rgb.dcm", "SC_rgb_jpeg_gdcm.dcm"],
    ["REF__CT1_UNC", "*CT1_UNC.fragmented_bot_jpeg_ls.80.dcm", "*CT1_UNC.fragmented_no_bot_jpeg_ls.80.dcm"],
    ["generic__compressed*__001__IM-0001-0001-0001.dcm"],
]


@pytest.mark.parametrize("patterns", FAMILIES, ids=[family[-1] for family in FAMILIES])
def test_one_object_that_many_writers_encoded_has_one_digest(corpus, patterns):
    family = {path for pattern in patterns for path in corpus.rglob(pattern)}
    assert len(family) >= max(2, len(patterns))
    assert len({digest_of(path.read_bytes(), decoded_frames) for path in family}) == 1


def test_files_that_share_a_digest_are_of_one_object(files):
    owners = {}
    for path in files[::2]:
        data = path.read_bytes()
        try:
            owners.setdefault(digest_of(data), set()).add(header_of(data).sop_instance_uid)
        except Refused:
            continue
    assert [uids for uids in owners.values() if len(uids) > 1] == []
    assert len(owners) > 400
