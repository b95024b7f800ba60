"""`cauce validate`, `deidentify`, `process`: the stages on files, with no server."""

import json
import os

import numpy as np
import pytest
from pydicom import dcmread

from cauce.samples import ct_slice, secondary_capture, small_instance, to_part10, us_image
from cauce.stages.validate import EXPLANATIONS


@pytest.fixture
def folder(tmp_path):
    """Two slices of one patient, in a folder with what else lies in such folders."""
    place = tmp_path / "in"
    (place / "sub").mkdir(parents=True)
    for number in (0, 1):
        (place / "sub" / f"slice {number}.dcm").write_bytes(to_part10(ct_slice(number, seed=5)))
    return place


SHOWN = {"RecognizableVisualFeatures": "YES"}
"""What no profile lets pass: a face."""


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def test_validate_says_of_each_file_whether_it_would_be_taken(run, folder):
    (folder / "notes.txt").write_text("no DICOM")
    whole = small_instance()
    (folder / "cut.dcm").write_bytes(whole[: len(whole) // 2])
    done = run("validate", folder)
    assert done.status == 1
    assert done.err == ""
    assert done.out.splitlines() == [
        "refused  not_dicom: This is no DICOM file.",
        f"         {folder}/notes.txt",
        "refused  truncated: An element's value runs past the end of the data that hold it.",
        f"         {folder}/cut.dcm",
        "4 files: 2 refused, 2 ok",
    ]
    every = run("validate", "--all", folder).out.splitlines()
    assert every[4:] == [
        "ok       nothing is irregular",
        f"         {folder}/sub/slice 0.dcm",
        f"         {folder}/sub/slice 1.dcm",
        "4 files: 2 refused, 2 ok",
    ]


def test_validate_ends_with_0_when_all_would_be_taken(run, folder):
    done = run("validate", folder / "sub" / "slice 0.dcm", folder)
    assert done.status == 0
    assert done.out.splitlines()[-1] == "3 files: 3 ok"


def test_validate_puts_alike_findings_together_the_worst_first(run, tmp_path):
    for number in range(5):
        (tmp_path / f"{number}.dcm").write_bytes(small_instance(StudyInstanceUID="1.2.03"))
    program = b"MZ".ljust(128, b"\0") + small_instance(StudyInstanceUID="1.2.03")[128:]
    (tmp_path / "5.dcm").write_bytes(program)
    done = run("validate", tmp_path)
    assert done.status == 0
    assert done.out.splitlines() == [
        "warning  preamble_executable: The preamble begins a program: as another kind of file, this one may run.",
        f"         {EXPLANATIONS['preamble_executable']}",
        f"         {tmp_path}/5.dcm",
        "warning  uid_irregular: Study Instance UID breaks the rules for UIDs.",
        f"         {EXPLANATIONS['uid_irregular']}",
        *[f"         {tmp_path}/{number}.dcm" for number in range(3)],
        "         and 3 more",
        "6 files: 6 warning",
    ]
    assert run("validate", "--strict", tmp_path).status == 1
    first = lines_of(run("validate", "--json", tmp_path / "5.dcm").out)[0]
    assert [warned["code"] for warned in first["warnings"]] == ["preamble_executable", "uid_irregular"]


def test_validate_speaks_json(run, folder):
    (folder / "notes.txt").write_text("no DICOM")
    done = run("validate", "--json", folder)
    assert done.status == 1
    refused, *taken = lines_of(done.out)
    assert refused == {
        "path": f"{folder}/notes.txt",
        "status": "refused",
        "code": "not_dicom",
        "detail": "This is no DICOM file.",
        "warnings": [],
    }
    assert taken[0] == {
        "path": f"{folder}/sub/slice 0.dcm",
        "status": "ok",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
        "transfer_syntax_uid": "1.2.840.10008.1.2.1",
        "modality": "CT",
        "frames": 1,
        "warnings": [],
    }


@pytest.mark.parametrize("command", ["validate", "deidentify", "process"])
def test_what_lies_beside_images_is_passed_over_and_is_no_failure(run, folder, tmp_path, command):
    (folder / "README.txt").write_text("what this is")
    (folder / "DICOMDIR").write_bytes(b"")
    (folder / "more.zip").write_bytes(b"PK\x03\x04 and so on")
    done = run(command, folder, *([] if command == "validate" else [tmp_path / "out"]))
    assert done.status == 0
    good = {"validate": "ok", "deidentify": "clean", "process": "measured"}[command]
    assert f"5 files: 3 skipped, 2 {good}" in done.out


def test_every_line_of_validate_has_warnings(run, folder):
    (folder / "README.txt").write_text("what this is")
    (folder / "notes.txt").write_text("no DICOM")
    (folder / "gone.dcm").symlink_to(folder / "nowhere")
    lines = lines_of(run("validate", "--json", folder).out)
    assert {"skipped", "refused", "ok"} <= {line["status"] for line in lines}
    assert {type(line["warnings"]) for line in lines} == {list}


def test_validate_says_why_a_file_is_passed_over(run, tmp_path):
    (tmp_path / "more.zip").write_bytes(b"PK\x03\x04 and so on")
    assert run("validate", tmp_path) == (
        0,
        f"skipped  archive: Zips are opened by `cauce import` only.\n         {tmp_path}/more.zip\n1 file: 1 skipped\n",
        "",
    )


def test_validate_of_an_empty_folder_says_so(run, tmp_path):
    assert run("validate", tmp_path) == (0, "no files\n", "")


@pytest.mark.parametrize("command", ["validate", "deidentify", "process"])
def test_a_file_that_cannot_be_read_has_a_verdict_and_the_others_go_on(run, folder, tmp_path, command, monkeypatch):
    unreadable = folder / "sub" / "slice 0.dcm"
    unreadable.unlink()
    unreadable.symlink_to("nowhere")  # found by nobody: a link to nothing is no file
    (folder / "locked.dcm").write_bytes(b"x")
    from pathlib import Path

    opened = Path.open

    def refuse(path, *arguments, **options):
        if path.name == "locked.dcm":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    done = run(command, folder, *([] if command == "validate" else [tmp_path / "out"]))
    assert done.status == 1
    assert ("3 files: " if command == "deidentify" else "2 files: ") in done.out  # it accounts for the link, too
    assert f"{os.sep}locked.dcm" in done.out
    assert "unreadable: Permission denied" in done.out
    assert done.err == ""


def test_deidentify_names_files_by_new_uids_and_says_where_the_report_is(run, folder, tmp_path):
    out = tmp_path / "out"
    done = run("deidentify", folder, out)
    assert done == (0, f"2 files: 2 clean; report: {out}/report.json\n", "")
    report = json.loads((out / "report.json").read_text())
    assert (report["profile"]["name"], report["profile"]["codes"]) == ("Standard", ["113100", "113101"])
    assert [entry["status"] for entry in report["files"]] == ["clean", "clean"]
    assert "slice" not in (out / "report.json").read_text()
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.dcm"))
    assert written == sorted(entry["path"] for entry in report["files"])
    for path in written:
        pseudonym, series, file_name = path.split("/")
        ds = dcmread(out / path)
        assert (ds.PatientID, ds.SeriesInstanceUID, f"{ds.SOPInstanceUID}.dcm") == (pseudonym, series, file_name)
    original = ct_slice(0, seed=5)
    everything = b"".join((out / path).read_bytes() for path in written)
    assert str(original.PatientName).split("^")[0].encode() not in everything
    assert original.StudyInstanceUID.encode() not in everything


def test_deidentify_keeps_names_where_that_is_asked_for(run, folder, tmp_path):
    out = tmp_path / "out"
    done = run("deidentify", folder, out, "--keep-names")
    assert done.status == 0
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.dcm")) == [
        "in/sub/slice 0.dcm",
        "in/sub/slice 1.dcm",
    ]
    assert [entry["source"] for entry in json.loads((out / "report.json").read_text())["files"]] == [
        "in/sub/slice 0.dcm",
        "in/sub/slice 1.dcm",
    ]


def test_deidentify_blanks_text_in_pixels_and_says_where(run, tmp_path):
    (tmp_path / "abdomen.dcm").write_bytes(to_part10(us_image(seed=5)))
    done = run("deidentify", tmp_path / "abdomen.dcm", tmp_path / "out")
    assert done == (0, f"1 file: 1 clean; report: {tmp_path}/out/report.json\n", "")
    (entry,) = json.loads((tmp_path / "out" / "report.json").read_text())["files"]
    ds = dcmread(tmp_path / "out" / entry["path"])
    assert ds.BurnedInAnnotation == "NO"
    assert len(entry["boxes"]) > 3
    for x, y, width, height in entry["boxes"]:
        assert len(np.unique(ds.pixel_array[y : y + height, x : x + width])) == 1


@pytest.mark.parametrize("profile", ["standard", "basic"])
def test_deidentify_holds_back_what_cannot_be_proven_clean(run, tmp_path, profile):
    source = tmp_path / "in"
    source.mkdir()
    (source / "abdomen.dcm").write_bytes(to_part10(us_image(seed=5, **SHOWN)))
    (source / "report.dcm").write_bytes(to_part10(secondary_capture(seed=5, **SHOWN)))
    done = run("deidentify", source, tmp_path / "out", "--profile", profile)
    assert done.status == 1
    first, second, last = done.out.splitlines()
    assert first.startswith(f"held  {source}/abdomen.dcm  pixels_unproven: ")
    assert second.startswith(f"held  {source}/report.dcm  pixels_unproven: ")
    assert last == f"2 files: 2 held; report: {tmp_path}/out/report.json"
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["report.json"]


def test_deidentify_moves_dates_where_that_is_asked_for(run, folder, tmp_path):
    assert run("deidentify", folder, tmp_path / "moved", "--profile", "modified-dates").status == 0
    assert run("deidentify", folder, tmp_path / "removed").status == 0
    original = ct_slice(0, seed=5).StudyDate
    moved = {dcmread(path).StudyDate for path in (tmp_path / "moved").rglob("*.dcm")}
    assert len(moved) == 1
    assert len(moved.pop()) == 8
    assert original not in moved
    assert {dcmread(path).StudyDate for path in (tmp_path / "removed").rglob("*.dcm")} == {""}
    assert json.loads((tmp_path / "moved" / "report.json").read_text())["profile"]["codes"] == [
        "113100",
        "113107",
    ]


def test_deidentify_speaks_json(run, folder, tmp_path):
    done = run("deidentify", folder, tmp_path / "out", "--json")
    assert [(entry["source"], entry["status"]) for entry in lines_of(done.out)] == [
        ("in/sub/slice 0.dcm", "clean"),
        ("in/sub/slice 1.dcm", "clean"),
    ]


def test_the_images_of_one_patient_stay_together(run, folder, tmp_path):
    run("deidentify", folder, tmp_path / "out")
    written = [dcmread(path) for path in (tmp_path / "out").rglob("*.dcm")]
    assert len({ds.PatientID for ds in written}) == 1
    assert len({ds.SeriesInstanceUID for ds in written}) == 1


def test_two_files_of_one_uid_make_two_files(run, tmp_path):
    place = tmp_path / "in"
    place.mkdir()
    for number in (1, 2):
        (place / f"{number}.dcm").write_bytes(to_part10(ct_slice(0, seed=5, InstanceNumber=number)))
    done = run("deidentify", place, tmp_path / "out")
    assert done.status == 0
    first, second = sorted((tmp_path / "out").rglob("*.dcm"), key=lambda path: len(path.name))
    assert second.name == f"{first.stem}-2.dcm"
    assert {dcmread(first).InstanceNumber, dcmread(second).InstanceNumber} == {1, 2}


@pytest.mark.parametrize("given", ["in", "in/sub/slice 0.dcm"])
def test_originals_are_never_overwritten_under_their_own_names(run, folder, given):
    source = folder.parent / given
    before = {path: path.read_bytes() for path in folder.rglob("*.dcm")}
    done = run("deidentify", source, source.parent, "--keep-names")
    assert done.status == 2
    assert "it would be overwritten" in done.err
    assert {path: path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", ["deidentify", "process"])
def test_what_is_written_must_not_lie_in_what_is_read(run, folder, command):
    done = run(command, folder, folder / "out")
    assert done.status == 2
    assert done.err == f"cauce: OUT lies inside IN: choose a folder beside it; see: cauce {command} --help\n"
    assert not (folder / "out").exists()


@pytest.mark.parametrize("command", ["deidentify", "process"])
def test_a_file_in_the_place_of_the_folder_to_write_is_wrong_use(run, folder, tmp_path, command):
    (tmp_path / "out").write_text("")
    done = run(command, folder, tmp_path / "out")
    assert done.status == 2
    said = f"OUT wants a folder, and {tmp_path}/out is a file"
    assert done.err == f"cauce: {said}; see: cauce {command} --help\n"


def test_process_measures_and_renders(run, folder, tmp_path):
    run("deidentify", folder, tmp_path / "clean")
    done = run("process", tmp_path / "clean", tmp_path / "out")
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert done.status == 0
    assert results["pipeline"] == "basic-1"
    assert [entry["outcome"] for entry in results["files"]] == ["measured", "measured"]
    assert all(entry["unit"] == "HU" and entry["preview"] for entry in results["files"])
    pictures = list((tmp_path / "out").rglob("*.png"))
    assert len(pictures) == 2
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)


def test_process_speaks_json(run, folder, tmp_path):
    done = run("process", folder, tmp_path / "out", "--json")
    assert done.status == 0
    assert [(entry["path"], entry["outcome"]) for entry in lines_of(done.out)] == [
        ("in/sub/slice 0.dcm", "measured"),
        ("in/sub/slice 1.dcm", "measured"),
    ]


def test_process_counts_what_it_did(run, folder, tmp_path):
    done = run("process", folder, tmp_path / "out")
    assert done == (0, f"2 files: 2 measured; results: {tmp_path}/out/results.json\n", "")
