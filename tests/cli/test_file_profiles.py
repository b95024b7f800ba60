"""`cauce profiles`, and `cauce deidentify` under profiles of files and as a dry run."""

import hashlib
import json

import pytest
from pydicom import dcmread

from cauce.samples import ct_slice, to_part10, us_image


@pytest.fixture
def folder(tmp_path):
    """Three slices of one patient, of two series."""
    place = tmp_path / "in"
    place.mkdir()
    for number in range(3):
        ds = ct_slice(number, seed=5)
        ds.StudyDescription = f"Knee of {ds.PatientName}"
        if number == 2:
            ds.SeriesInstanceUID = "2.25.77"
        (place / f"{number}.dcm").write_bytes(to_part10(ds))
    return place


@pytest.fixture
def written(tmp_path):
    """Write a profile, and return its path."""

    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_profiles_that_ship_are_listed_with_what_they_are_for(run):
    done = run("profiles", "list")
    assert (done.status, done.err) == (0, "")
    assert [line.split()[0] for line in done.out.splitlines()[1:] if not line.startswith(" ")] == [
        "basic",
        "modified-dates",
        "quality",
        "research",
        "research-full",
        "sharing",
        "standard",
    ]
    listed = json.loads(run("profiles", "list", "--json").out)
    assert listed["basic"]["codes"] == ["113100"]
    assert len(listed["research-full"]["codes"]) == 11


def test_a_profile_that_is_shown_can_be_checked_and_used(run, written, folder, tmp_path):
    mine = written(run("profiles", "show", "research").out)
    done = run("profiles", "check", mine)
    assert (done.status, done.err) == (0, "")
    assert "DICOM PS3.15 2026d Research" in done.out
    assert run("profiles", "diff", "research", mine) == (0, "they say the same\n", "")
    assert run("deidentify", folder, tmp_path / "out", "--profile", mine).status == 0


def test_a_profile_of_a_file_is_followed(run, written, folder, tmp_path):
    mine = written("name: Mine\noptions: [clean_descriptors]\nrules:\n- {tag: KVP, action: remove}\n")
    assert run("deidentify", folder, tmp_path / "out", "--profile", mine).status == 0
    made = [dcmread(path) for path in (tmp_path / "out").rglob("*.dcm")]
    assert {ds.StudyDescription for ds in made} == {"Knee of"}
    assert all("KVP" not in ds for ds in made)
    assert {ds.DeidentificationMethod for ds in made} == {"DICOM PS3.15 2026d Mine"}
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["profile"]["name"], report["profile"]["options"]) == ("Mine", ["clean_descriptors"])
    assert report["profile"]["rules"] == 1


def test_the_report_has_the_digest_of_every_output(run, folder, tmp_path):
    run("deidentify", folder, tmp_path / "out")
    entries = json.loads((tmp_path / "out" / "report.json").read_text())["files"]
    assert len(entries) == 3
    for entry in entries:
        content = (tmp_path / "out" / entry["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]


def test_a_broken_profile_is_refused_with_every_fault_and_nothing_is_written(run, written, folder, tmp_path):
    mine = written("name: Mine\noptions: [retain_all]\nrules:\n- {tag: PatientName, action: keep}\n")
    checked = run("profiles", "check", mine)
    assert checked.status == 1
    assert [line[:7] for line in checked.out.splitlines()] == ["line 2:", "line 4:", "2 fault"]
    done = run("deidentify", folder, tmp_path / "out", "--profile", mine)
    assert done.status == 1
    assert done.out == ""
    assert "line 2: " in done.err
    assert "line 4: " in done.err
    assert not (tmp_path / "out").exists()


def test_a_profile_that_is_not_there_is_wrong_use(run, folder, tmp_path):
    for name, words in (("nobody", "there is no profile nobody"), (tmp_path / "none.yaml", "cannot be read")):
        done = run("deidentify", folder, tmp_path / "out", "--profile", name)
        assert done.status == 2
        assert words in done.err


def test_differences_of_profiles_are_named(run):
    done = run("profiles", "diff", "basic", "sharing", "--json")
    assert done.status == 1
    assert {row["what"]: row["other"] for row in json.loads(done.out)} == {
        "clean_pixel_data": "yes",
        "clean_structured_content": "yes",
        "retain_patient_characteristics": "yes",
        "PatientWeight": "empty",
        "EthnicGroup": "remove",
        "EthnicGroups": "remove",
        "EthnicGroupCodeSequence": "remove",
    }


def test_a_dry_run_shows_one_file_of_each_series_and_writes_nothing(run, folder, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    done = run("deidentify", folder, "--dry-run", "--profile", "research")
    assert (done.status, done.err) == (0, "")
    assert [line for line in done.out.splitlines() if line.endswith(".dcm")] == [f"{folder}/0.dcm", f"{folder}/2.dcm"]
    assert "00100030 PatientBirthDate" in done.out
    assert "elements stay as they are" in done.out
    assert sorted(tmp_path.rglob("*")) == before


def test_a_dry_run_speaks_json_of_every_file(run, folder):
    entries = [json.loads(line) for line in run("deidentify", folder, "--dry-run", "--json").out.splitlines()]
    assert [entry["source"] for entry in entries] == ["in/0.dcm", "in/1.dcm", "in/2.dcm"]
    changed = {change["path"]: change["change"] for change in entries[0]["changes"]}
    assert (changed["00100030"], changed["00081030"], changed["00120062"]) == ("emptied", "removed", "added")


def test_a_dry_run_says_what_would_be_held(run, tmp_path):
    (tmp_path / "abdomen.dcm").write_bytes(to_part10(us_image(seed=5, RecognizableVisualFeatures="YES")))
    done = run("deidentify", tmp_path / "abdomen.dcm", "--dry-run")
    assert done.status == 1
    assert done.out.startswith(f"would be held  {tmp_path}/abdomen.dcm  pixels_unproven: ")


def test_without_a_dry_run_a_folder_to_write_into_is_wanted(run, folder):
    done = run("deidentify", folder)
    assert done.status == 2
    assert "OUT is missing" in done.err
