"""What is passed over, and what never is."""

import pytest

from cauce.core.statuses import ItemStatus
from cauce.stages.ingest import SkipReason, skip_reason, skipped

DICOM = b"\0" * 128 + b"DICM\x02\0\0\0UL"
TEXT = b"These images were written by ...\n" * 10


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("DICOMDIR", SkipReason.MEDIA_DIRECTORY),
        ("disc/dicomdir", SkipReason.MEDIA_DIRECTORY),
        ("disc\\DICOMDIR;1", SkipReason.MEDIA_DIRECTORY),
        ("a/.DS_Store", SkipReason.SYSTEM_FILE),
        ("a\\Thumbs.db", SkipReason.SYSTEM_FILE),
        ("__MACOSX/a/IM000001", SkipReason.SYSTEM_FILE),
        ("a/._IM000001", SkipReason.SYSTEM_FILE),
        ("$RECYCLE.BIN/x", SkipReason.SYSTEM_FILE),
        ("README", SkipReason.ACCOMPANYING_FILE),
        ("Readme.txt", SkipReason.ACCOMPANYING_FILE),
        ("viewer/Viewer.EXE", SkipReason.ACCOMPANYING_FILE),
        ("AUTORUN.INF", SkipReason.ACCOMPANYING_FILE),
        ("help/index.htm", SkipReason.ACCOMPANYING_FILE),
        ("IM000001", None),
        ("notes.txt", None),
        ("scan.png", None),
        ("my__macosx/IM000001", None),
        ("readme_of_scan.dcm", None),
        ("", None),
    ],
)
def test_a_file_that_is_no_dicom_is_passed_over_by_its_name(name, reason):
    assert skip_reason(name, TEXT, is_media_directory=False) == reason


@pytest.mark.parametrize("name", ["DICOMDIR", "README", ".DS_Store", "__MACOSX/x", "viewer.exe", "._IM1"])
@pytest.mark.parametrize(
    "head",
    [DICOM, b"MZ".ljust(128, b"\0") + b"DICM", b"DICM\x02\0", b"\x02\0\0\0UL\x04\0", b"\x08\0\x05\0CS\x0a\0"],
    ids=["part10", "polyglot", "no-preamble", "no-prefix", "no-meta"],
)
def test_a_file_that_is_dicom_is_never_passed_over_because_of_its_name(name, head):
    assert skip_reason(name, head, is_media_directory=False) is None


def test_a_media_directory_is_passed_over_whatever_its_name():
    assert skip_reason("IM000001", DICOM, is_media_directory=True) == SkipReason.MEDIA_DIRECTORY


def test_the_verdict_names_the_reason():
    verdict = skipped("a/README", SkipReason.ACCOMPANYING_FILE)
    assert (verdict.status, verdict.name, verdict.code) == (ItemStatus.SKIPPED, "a/README", "accompanying_file")
    assert verdict.detail == "It comes with the images and is no instance."
