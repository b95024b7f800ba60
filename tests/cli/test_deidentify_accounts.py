"""`cauce deidentify` accounts for every file, whatever goes wrong with one of them."""

import errno
import json

import pytest

from cauce.samples import ct_slice, to_part10


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "in"
    place.mkdir()
    for number in range(3):
        (place / f"{number}.dcm").write_bytes(to_part10(ct_slice(number, seed=5)))
    return place


def report_of(out):
    return json.loads((out / "report.json").read_text())["files"]


@pytest.fixture
def breaks(monkeypatch):
    """Let the second file that is de-identified end with an error."""
    from cauce.stages import deidentify

    def make(error):
        real, calls = deidentify.deidentify_instance, []

        def breaking(*given, **options):
            calls.append(given)
            if len(calls) == 2:
                raise error
            return real(*given, **options)

        monkeypatch.setattr(deidentify, "deidentify_instance", breaking)

    return make


def test_a_defect_with_one_file_holds_that_file_and_the_others_come_out(run, folder, tmp_path, breaks):
    breaks(ZeroDivisionError("told nobody"))
    done = run("deidentify", folder, tmp_path / "out")
    assert (done.status, done.err) == (1, "")
    assert (
        "deidentification_failed: Something unexpected went wrong (ZeroDivisionError, test_deidentify_accounts.py line "
        in done.out
    )
    assert "told nobody" not in done.out
    assert [entry["status"] for entry in report_of(tmp_path / "out")] == ["clean", "held", "clean"]


def test_a_file_that_fails_while_it_is_read_is_held(run, folder, tmp_path, breaks):
    breaks(OSError(errno.EIO, "Input/output error"))
    assert run("deidentify", folder, tmp_path / "out").status == 1
    assert [entry.get("cause") for entry in report_of(tmp_path / "out")] == [None, "unreadable", None]


def test_once_no_room_is_left_what_was_not_written_is_held(run, folder, tmp_path, breaks):
    breaks(OSError(errno.ENOSPC, "No space left on device"))
    done = run("deidentify", folder, tmp_path / "out")
    assert (done.status, done.err) == (1, "")
    assert f"unwritable: {tmp_path}/out cannot be written to: No space left on device" in done.out
    assert [entry.get("cause") for entry in report_of(tmp_path / "out")] == [None, "unwritable", "unwritable"]
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 1
    assert list((tmp_path / "out").glob(".*")) == []


def test_an_earlier_report_is_not_overwritten(run, folder, tmp_path):
    assert run("deidentify", folder, tmp_path / "out").status == 0
    before = (tmp_path / "out" / "report.json").read_bytes()
    done = run("deidentify", folder, tmp_path / "out")
    assert done.status == 2
    assert "OUT holds the report of an earlier run: choose another folder" in done.err
    assert (tmp_path / "out" / "report.json").read_bytes() == before


def test_what_is_no_file_and_links_that_lead_nowhere_are_accounted_for(run, folder, tmp_path):
    (folder / "gone.dcm").symlink_to(folder / "nowhere")
    assert run("deidentify", folder, tmp_path / "out").status == 0
    skipped = [entry for entry in report_of(tmp_path / "out") if entry["status"] == "skipped"]
    assert [(entry["code"], entry["detail"]) for entry in skipped] == [("link", "A link that leads nowhere.")]
    assert "gone" not in (tmp_path / "out" / "report.json").read_text()
