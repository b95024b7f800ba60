"""`cauce doctor`: what is wrong, and what to do about it."""

import json

import pytest

from cauce.cli import doctor
from cauce.settings.environment import load


@pytest.fixture
def fresh(settings_of, tmp_path):
    """A place where nothing was ever started, and ports on which nobody listens."""
    settings_of(DATA=tmp_path / "data", KEYS=tmp_path / "keys.json", HTTP="127.0.0.1:1", DIMSE="127.0.0.1:1")
    return tmp_path


def findings(run):
    return {finding["name"]: finding for finding in json.loads(run("doctor", "--json").out)}


def test_before_the_first_start_nothing_is_broken_and_nothing_is_made(run, fresh):
    done = run("doctor")
    assert done.status == 0
    assert done.err == ""
    lines = done.out.splitlines()
    assert lines[1:3] == [
        f"warning  data folder     {fresh}/data does not exist yet",
        "                         it is made by the first `cauce up`; or set CAUCE_DATA to where the data is",
    ]
    assert lines[-1] == "nothing is broken; 6 warnings"
    assert list(fresh.iterdir()) == []


def test_each_thing_looked_at_has_a_line(run, fresh):
    assert list(findings(run)) == [
        "python",
        "data folder",
        "room",
        "keys",
        "database",
        "tables",
        "object store",
        "clock",
        "codecs",
        "text in pixels",
        "web",
        "DICOM listener",
    ]
    assert findings(run)["web"] == {
        "name": "web",
        "status": "warning",
        "detail": "no server answers at http://localhost:1",
        "advice": "start it with: cauce up",
    }


def test_a_lost_key_is_a_failure_that_says_what_to_do(run, fresh):
    (fresh / "data").mkdir(mode=0o700)
    (fresh / "data" / "keyring.json").write_text("{}")
    done = run("doctor")
    assert done.status == 1
    assert f"failed   keys            {fresh}/keys.json is missing\n" in done.out
    assert "without it nothing in the data folder can be read: put it back, or set CAUCE_KEYS" in done.out
    assert done.out.endswith("\n1 thing must be put right\n")


@pytest.fixture
def without_catalogue(fresh):
    leaf = fresh / "data" / "objects" / "originals" / "aa"
    leaf.mkdir(parents=True, mode=0o700)
    (leaf / ("a" * 32)).write_bytes(b"an original")
    (fresh / "data").chmod(0o700)


def test_a_lost_catalogue_is_a_failure_that_says_what_to_do(run, without_catalogue):
    found = findings(run)["tables"]
    assert (found["status"], found["detail"]) == ("failed", "the database is missing, but originals are stored")
    assert "cauce doctor --repair" in found["advice"]


def test_a_lost_catalogue_keeps_the_platform_from_starting_on_an_empty_one(run, fresh, without_catalogue):
    done = run("up")
    assert done.status == 2, "as for any configuration that cannot be"
    assert done.err.startswith("cauce: the database is missing, but originals are stored: put it back from a backup")
    assert not (fresh / "data" / "cauce.db").exists()


def test_folders_without_originals_are_no_lost_catalogue(run, fresh):
    (fresh / "data" / "objects" / "originals" / "aa").mkdir(parents=True, mode=0o700)
    assert findings(run)["tables"]["detail"] == "there is no database yet"


def test_a_key_of_another_installation_is_not_used_to_make_a_key_ring(run, fresh):
    (fresh / "keys.json").write_text("{}")
    assert findings(run)["keys"]["detail"] == f"{fresh}/keys.json, not used by this data folder yet"
    assert [path.name for path in fresh.iterdir()] == ["keys.json"]


def test_a_folder_that_others_may_look_into_is_a_warning(run, fresh):
    (fresh / "data").mkdir()
    (fresh / "data").chmod(0o755)
    found = findings(run)["data folder"]
    assert (found["status"], found["advice"]) == ("warning", f"take that from them: chmod 700 {fresh}/data")


def test_a_key_inside_the_data_folder_is_a_warning(run, fresh, settings_of):
    (fresh / "data").mkdir(mode=0o700)
    (fresh / "data" / "keys.json").write_text("{}")
    settings_of(KEYS=fresh / "data" / "keys.json")
    assert findings(run)["keys"]["detail"] == "the key file lies inside CAUCE_DATA"


def test_no_room_left_is_a_failure(run, fresh, settings_of):
    settings_of(RESERVE_MB=2**40)
    done = run("doctor", "--json")
    assert done.status == 1
    room = next(finding for finding in json.loads(done.out) if finding["name"] == "room")
    assert room["status"] == "failed"
    assert room["advice"] == "intake answers storage_full: free some room, or lower CAUCE_RESERVE_MB"


def test_an_old_library_of_the_database_is_named(monkeypatch):
    from sqlcipher3 import dbapi2

    monkeypatch.setattr(dbapi2, "sqlite_version_info", (3, 40, 1))
    monkeypatch.setattr(dbapi2, "sqlite_version", "3.40.1")
    found = doctor._database(load({}))
    assert (found.status, found.detail) == ("warning", "SQLCipher on SQLite 3.40.1")
    assert "3.51.3" in found.advice


def test_a_check_that_fails_in_an_unforeseen_way_is_a_failure_and_the_others_go_on(run, fresh, monkeypatch):
    def fail(_settings):
        raise RuntimeError("secret")

    monkeypatch.setattr(doctor, "_codecs", fail)
    done = run("doctor")
    assert done.status == 1
    assert "failed   codecs          could not be looked at (RuntimeError)\n" in done.out
    assert "DICOM listener" in done.out
    assert "secret" not in done.out


def test_all_is_well_where_all_is_well(run, monkeypatch):
    monkeypatch.setattr(doctor, "_findings", lambda _settings: iter([doctor._python(None)]))
    done = run("doctor")
    assert done.status == 0
    assert done.out.endswith("\nall is well\n")


def test_a_reader_of_text_that_does_not_load_is_a_failure(run, fresh, monkeypatch):
    from cauce.stages import deidentify

    def gone():
        raise deidentify.OcrUnavailable("What reads text in pictures cannot be loaded.")

    monkeypatch.setattr(deidentify, "text_reader", gone)
    found = findings(run)["text in pixels"]
    assert (found["status"], found["detail"]) == ("failed", "What reads text in pictures cannot be loaded.")
