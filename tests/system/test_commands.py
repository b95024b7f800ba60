"""Commands against a running platform: one for all of them, with the demonstration's studies in it."""

import json
import zipfile
from pathlib import Path

import httpx
import pytest

from cauce.samples import small_instance, to_part10, us_image, write_demo
from running_platform import start_platform, stop_platform

pytestmark = pytest.mark.xdist_group("system")


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    running = start_platform(folder)
    try:
        running.sample = folder / "sample"
        write_demo(running.sample, seed=11)
        (running.sample / "face.dcm").write_bytes(to_part10(us_image(seed=12, RecognizableVisualFeatures="YES")))
        running.verdicts = running.import_(running.sample)
        running.await_end()
        yield running
    finally:
        stop_platform(running)


@pytest.fixture
def cauce(platform, monkeypatch, capsys):
    """Run one command in this process, with a token: it needs nothing but the server."""
    from cauce.cli.main import main
    from cauce.settings import environment

    def run(*command, status=0, token=platform.token):
        monkeypatch.setenv("CAUCE_HTTP", f"127.0.0.1:{platform.http_port}")
        monkeypatch.setenv("CAUCE_TOKEN", token)
        environment.current.cache_clear()
        capsys.readouterr()
        ended = main([str(word) for word in command])
        out, err = capsys.readouterr()
        assert ended == status, err + out
        assert err.count("\n") <= 1
        return err or out

    yield run
    monkeypatch.undo()
    environment.current.cache_clear()


@pytest.fixture
def json_of(cauce):
    def run(*command, **options):
        return [json.loads(text) for text in cauce(*command, "--json", **options).splitlines()]

    return run


def test_import_gives_a_verdict_a_file_by_its_path_and_a_second_time_all_are_duplicates(platform, cauce):
    files = sorted(path for path in platform.sample.rglob("*") if path.is_file())
    assert [Path(verdict["path"]) for verdict in platform.verdicts] == files
    assert {verdict["status"] for verdict in platform.verdicts} == {"stored"}
    out = cauce("import", platform.sample)
    assert f"\n{len(files)} files: {len(files)} duplicate\n3 studies; receipt: http://localhost:" in out


def test_import_of_odd_names_finds_each_file_again(json_of, tmp_path):
    names = ["niño.dcm", 'we"ird.dcm', "two\nlines.dcm", "100%22.dcm"]
    for name in names:
        (tmp_path / name).write_bytes(small_instance())
    verdicts = {verdict["path"]: verdict["status"] for verdict in json_of("import", tmp_path)}
    assert verdicts == {str(tmp_path / name): "stored" for name in names}


def test_import_of_a_zip_names_what_lies_in_it(json_of, tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for name in ("a.dcm", "b/c.dcm"):
            archive.writestr(name, small_instance())
    verdicts = {verdict["path"]: verdict["status"] for verdict in json_of("import", tmp_path / "two.zip")}
    assert verdicts == {f"{tmp_path}/two.zip/a.dcm": "stored", f"{tmp_path}/two.zip/b/c.dcm": "stored"}


def test_a_delivery_that_ends_with_what_cannot_be_read_is_complete_all_the_same(platform, cauce, tmp_path, monkeypatch):
    from cauce.cli import importing

    for number in range(66):
        (tmp_path / f"{number:02}.dcm").write_bytes(
            small_instance(StudyInstanceUID="2.25.77", SeriesInstanceUID="2.25.78")
        )
    found = list(importing.files_of([tmp_path]))
    monkeypatch.setattr(importing, "files_of", lambda _paths, **_options: found)
    for file in found[64:]:
        file.path.unlink()
    assert "66 files: 64 stored, 2 refused\n  2 refused: unreadable\n" in cauce("import", tmp_path, status=1)
    assert platform.rows("/api/uploads/")[0]["final"] is True


def test_status(cauce, json_of):
    (found,) = json_of("status")
    assert (found["studies"]["ready"] >= 1, found["studies"]["attention"] >= 1) == (True, True)
    assert len(found["workers"]) == 2
    out = cauce("status")
    assert out.startswith("studies       ")
    assert "a person: cauce studies list --status attention\n" in out


def test_studies(cauce, json_of):
    waiting = json_of("studies", "list", "--status", "attention", "--project", "default")
    (face,) = [study for study in waiting if study["modalities"] == ["US"]]
    ct = next(study for study in json_of("studies", "list") if study["instances"] == 48)
    (study,) = json_of("studies", "show", ct["id"])
    assert (study["status"], study["series"][0]["figures"]["unit"]) == ("ready", "HU")
    shown = cauce("studies", "show", face["id"])
    assert "\ncauses\ncause            count  detail\npixels_unproven  1      " in shown
    assert cauce("studies", "show", "none", status=1) == "cauce: there is no study none\n"


def test_jobs(cauce, json_of):
    study = next(study for study in json_of("studies", "list") if study["instances"] == 48)["id"]
    jobs = json_of("jobs", "list", "--status", "succeeded", "--study", study)
    assert {job["step"] for job in jobs} == {"close", "deidentify", "process", "summarise", "deliver"}
    (job,) = json_of("jobs", "show", jobs[0]["id"])
    assert [attempt["outcome"] for attempt in job["history"]] == ["succeeded"]
    assert "\nhistory\nnumber  outcome    code  started " in cauce("jobs", "show", jobs[0]["id"])
    assert "can be replayed" in cauce("jobs", "replay", jobs[0]["id"], status=1)
    assert "can be cancelled" in cauce("jobs", "cancel", jobs[0]["id"], status=1)


def test_results(cauce, json_of):
    study = next(study for study in json_of("studies", "list") if study["instances"] == 48)["id"]
    (result,) = json_of("results", "list", "--study", study)
    assert result["figures"]["measured"] == 48
    assert json_of("results", "show", result["id"]) == [result]
    assert "\nfigures\ninstances " in cauce("results", "show", result["id"])


def test_projects(platform, cauce, json_of):
    assert cauce("projects", "create", "trial-7", "--name", "Trial 7") == "project trial-7 made\n"
    assert {project["slug"] for project in json_of("projects", "list")} >= {"default", "trial-7"}
    assert json_of("projects", "show", "trial-7")[0]["name"] == "Trial 7"
    assert cauce("projects", "create", "trial-7", status=1) == "cauce: there is a project of this slug already\n"
    said = cauce("projects", "create", "Not A Slug", status=2)
    assert said.endswith("; see: cauce projects create --help\n")
    cauce("import", platform.sample, "--project", "none", status=1)


def test_modalities(cauce, json_of):
    assert cauce("modalities", "list") == "no modality has called from elsewhere\n"
    assert cauce("modalities", "allow", "CT1", "192.0.2.7") == "CT1 at 192.0.2.7 may store\n"
    (modality,) = json_of("modalities", "list")
    assert (modality["ae_title"], modality["allowed"]) == ("CT1", True)
    assert json_of("modalities", "show", "CT1", "192.0.2.7") == [modality]
    assert cauce("modalities", "forbid", "CT1", "192.0.2.7") == "CT1 at 192.0.2.7 may no longer store\n"
    assert [row["allowed"] for row in json_of("modalities", "list", "--wanting")] == [False]
    assert [row["allowed"] for row in json_of("modalities", "allow", "CT1", "192.0.2.7")] == [True]
    assert [row["allowed"] for row in json_of("modalities", "forbid", "CT1", "192.0.2.7")] == [False]
    said = cauce("modalities", "allow", "CT1", "nowhere", status=2)
    assert said.endswith("; see: cauce modalities allow --help\n")


def test_conflicts(cauce, json_of, tmp_path):
    uids = {"StudyInstanceUID": "2.25.1", "SeriesInstanceUID": "2.25.2", "SOPInstanceUID": "2.25.3"}
    for number, patient_id in enumerate(("P", "P", "ANOTHER"), start=1):
        instance = small_instance(**uids, InstanceNumber=str(number), PatientID=patient_id)
        (tmp_path / f"{number}.dcm").write_bytes(instance)
        cauce("import", tmp_path / f"{number}.dcm")
    latest, earlier = json_of("conflicts", "list")
    assert {latest["sop_instance_uid"], earlier["sop_instance_uid"]} == {"2.25.3"}
    assert cauce("conflicts", "list", "--study", latest["study"]).count("\n") == 3
    assert "another patient" in cauce("conflicts", "accept", latest["id"], status=1)
    assert json_of("conflicts", "reject", latest["id"]) == [{"id": latest["id"], "state": "superseded"}]
    assert cauce("conflicts", "accept", earlier["id"]).startswith("the new content holds; ")
    assert json_of("conflicts", "list") == []
    cauce("conflicts", "accept", earlier["id"], status=1)


def test_accounts_and_tokens_work_beside_the_server_and_without_one_signed_in(platform, cauce, json_of):
    password = platform.cauce("users", "create", "ana", "--role", "researcher").stdout.split()[3]
    credentials = {"username": "ana", "password": password}
    assert httpx.post(f"{platform.url}/api/auth/token", json=credentials, timeout=30).status_code == 200
    token = platform.cauce("tokens", "create", "--user", "ana").stdout.strip()
    assert all("patient_name" not in study for study in json_of("studies", "list", token=token))
    said = cauce("import", platform.sample, token=token, status=1)
    assert said == "cauce: this account may not store instances\n"
    assert platform.cauce("users", "disable", "ana").stdout == "user ana is disabled\n"
    assert "does not know this token" in cauce("studies", "list", token=token, status=1)


def test_who_holds_the_data_folder_needs_no_token_and_the_doctor_finds_all_well(platform):
    assert platform.cauce("studies", "list", "--json").stdout.count("\n") >= 2
    done = platform.cauce("doctor")
    assert done.stderr == ""
    assert "failed" not in done.stdout
    assert f"ok       web             http://localhost:{platform.http_port} is ready\n" in done.stdout
    assert f"ok       DICOM listener  CAUCE at 127.0.0.1:{platform.dimse_port}\n" in done.stdout
