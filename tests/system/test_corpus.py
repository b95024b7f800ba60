"""The public corpus, all 840 files, sent in: a verdict for each, an end for each study, no identity outside."""

import logging
import re
import subprocess
from collections import Counter
from pathlib import Path

import httpx
import pytest

from running_platform import start_platform, stop_platform

pytestmark = [pytest.mark.xdist_group("system"), pytest.mark.cluster, pytest.mark.corpus, pytest.mark.timeout(1800)]

_log = logging.getLogger("corpus")
FILES = 840
HELD = 839  # one of them has no pixels where its header says that it has some
STORESCU = Path("/usr/bin/storescu")
_IDENTIFYING = (0x00100010, 0x00100020, 0x00080050, 0x0020000D, 0x0020000E, 0x00080018, 0x00100040)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, corpus):
    """A platform that has taken the whole corpus in; and the verdicts."""
    platform = start_platform(tmp_path_factory.mktemp("corpus"))
    verdicts = platform.import_(corpus, check=False, timeout=600)
    platform.await_end(timeout=800)
    yield platform, verdicts
    stop_platform(platform)


def counted(verdicts):
    return Counter(verdict["status"] for verdict in verdicts if not verdict["path"].endswith("MANIFEST.tsv"))


def test_every_file_has_a_verdict_and_all_but_one_are_held(loaded):
    _, verdicts = loaded
    counts = counted(verdicts)
    assert counts.total() == FILES
    assert counts["stored"] + counts["duplicate"] + counts["conflict"] == HELD
    refused = {Path(verdict["path"]).name: verdict["code"] for verdict in verdicts if verdict["status"] == "refused"}
    assert refused == {
        "MANIFEST.tsv": "not_dicom",
        "GH1146.dcm": "pixel_length_mismatch",
    }


def test_every_study_reaches_its_end_and_few_wait_for_another_reason_than_their_pixels(loaded):
    platform, _ = loaded
    studies = platform.rows("/api/studies/")
    assert {study["status"] for study in studies} == {"ready", "attention"}
    other = [
        study
        for study in studies
        if study["status"] == "attention" and {cause["cause"] for cause in study["causes"]} - {"pixels_unproven"}
    ]
    assert len(other) <= 0.05 * len(studies)
    assert all(cause["detail"] for study in studies for cause in study["causes"])
    assert platform.rows("/api/jobs/", status="dead") == []


def test_few_images_wait_for_a_person_and_each_says_why(loaded):
    platform, _ = loaded
    held = platform.rows("/api/quarantine/")
    _log.warning("held: %s", Counter(one["detail"] for one in held))
    assert len(held) <= 0.02 * FILES
    assert len([one for one in held if one["cause"] != "pixels_unproven"]) < 0.01 * FILES
    assert all(one["detail"] for one in held)


def test_nothing_unforeseen_stands_in_the_logs(loaded):
    platform, _ = loaded
    assert "Traceback" not in platform.logs() + platform.output.read_text()
    assert '"level": "error"' not in platform.logs()


def test_the_same_folder_again_is_all_duplicates(loaded, corpus):
    platform, _ = loaded
    again = platform.import_(corpus, check=False, timeout=600)
    assert counted(again) == {"duplicate": HELD, "refused": 1}


@pytest.mark.parametrize("syntax", ["-xi", "-xe"])
def test_sent_by_storescu_in_another_transfer_syntax_it_is_all_duplicates(loaded, corpus, syntax):
    if not STORESCU.exists():
        pytest.skip("DCMTK IS ABSENT: nothing was sent by storescu, this test proves nothing here")
    platform, _ = loaded
    before = {upload["id"] for upload in platform.rows("/api/uploads/", everyone="true")}
    subprocess.run(
        [STORESCU, syntax, "+sd", "+r", "--no-halt", "-aec", "CAUCE", "127.0.0.1", str(platform.dimse_port), corpus],
        env={**platform.environ, "DCMDICTPATH": "/usr/share/libdcmtk17/dicom.dic"},
        capture_output=True,
        check=False,
        timeout=600,
    )
    counts = Counter()
    for upload in platform.rows("/api/uploads/", everyone="true"):
        if upload["id"] not in before:
            counts.update(upload["counts"])
    assert counts["duplicate"] > 600
    assert set(counts) <= {"duplicate", "refused"}
    assert counts["refused"] <= 1


def test_no_identity_of_the_corpus_stands_where_none_may(loaded, corpus):
    platform, _ = loaded
    known = identity_of(corpus)
    assert len(known) > 500
    jobs = "".join(str(platform.get(f"/api/jobs/{job['id']}/")) for job in platform.rows("/api/jobs/")[::10])
    _every_process_logs(platform)
    metrics = httpx.get(f"{platform.url}/metrics").text
    missing = "".join(
        httpx.get(f"{platform.url}{path}", headers=platform.headers).text
        for path in ("/api/studies/nothing/", "/nothing", "/api/studies/?status=frob")
    )
    names = "\n".join(str(path.relative_to(platform.data)) for path in platform.data.rglob("*"))
    for place in (platform.logs(), jobs, metrics, missing, names, platform.output.read_text()):
        words = set(re.findall(r"[\w.^-]+", place))
        assert sorted(known & words) == []


def identity_of(folder):
    """Values of 6 bytes and more that name patients, studies and instances, as whole words."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    found = set()
    for path in sorted(folder.rglob("*"))[::2]:
        if path.is_dir():
            continue
        try:
            ds = dcmread(path, stop_before_pixels=True, specific_tags=list(_IDENTIFYING))
            values = [str(ds[tag].value) for tag in _IDENTIFYING if tag in ds]
        except (InvalidDicomError, ValueError, LookupError, NotImplementedError, AttributeError):
            continue
        found.update(value.strip() for value in values)
        found.update(part for value in values for part in re.split(r"[\^= ]", value))
    return {value for value in found if len(value) >= 6 and value.lower() not in {"anonymous", "unknown", "patient"}}


def _every_process_logs(platform):
    """An empty log would prove nothing."""
    for role, event in (
        ("web", "request"),
        ("worker", "job.ended"),
        ("dimse", "dimse.listening"),
        ("up", "process.started"),
    ):
        assert f'"event": "{event}"' in (platform.data / "logs" / f"{role}.jsonl").read_text(), role
