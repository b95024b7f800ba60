"""Commands that look at a server: what they print for people and for programs."""

import json

import httpx
import pytest
from fake_server import problem

JOB = {
    "id": "j1",
    "url": "http://localhost:8000/api/jobs/j1/",
    "step": "process",
    "status": "dead",
    "study": "s1",
    "series": None,
    "attempts": 5,
    "cause": "the pixels cannot be decoded",
    "created_at": "2026-01-02T03:04:05.678Z",
}


def moment(text):
    from cauce.cli.output import text_of

    return str(text_of(text))


@pytest.fixture
def status(server):
    found = {
        "studies": {"receiving": 0, "queued": 1, "processing": 0, "ready": 34, "attention": 2},
        "jobs": {"queued": 0, "running": 1, "succeeded": 260, "retrying": 0, "dead": 1, "cancelled": 0},
        "oldest_waiting_s": 12.4,
        "workers": [{"name": "node-1-ab", "host": "node"}, {"name": "node-2-cd", "host": "node"}],
        "free_bytes": 80_600_000_000,
        "versions": {"cauce": "0.1.0", "python": "3.11.7"},
    }
    server.documents["/api/status/"] = found
    return found


def test_status_tells_how_things_are_and_what_waits_for_a_person(run, status):
    assert run("status") == (
        0,
        (
            "studies       1 queued, 34 ready, 2 attention\n"
            "jobs          1 running, 260 succeeded, 1 dead\n"
            "longest wait  12 s\n"
            "workers       node-1-ab, node-2-cd\n"
            "room          80.6 GB free\n"
            "version       0.1.0, Python 3.11.7\n"
            "1 job failed for good: cauce jobs list --status dead\n"
            "2 studies need a person: cauce studies list --status attention\n"
        ),
        "",
    )


def test_status_says_so_when_nothing_works(run, status):
    status |= {
        "studies": dict.fromkeys(status["studies"], 0),
        "jobs": dict.fromkeys(status["jobs"], 0),
        "workers": [],
        "oldest_waiting_s": 0.0,
        "free_bytes": None,
    }
    assert run("status").out == (
        "studies       none\n"
        "jobs          none\n"
        "longest wait  none\n"
        "workers       none\n"
        "room          unknown\n"
        "version       0.1.0, Python 3.11.7\n"
        "no worker runs, so nothing is worked on: cauce up, or cauce worker\n"
    )


def test_status_speaks_json(run, status):
    assert json.loads(run("status", "--json").out) == status


def test_a_list_is_aligned_and_reads_well(run, server):
    server.documents["/api/studies/"] = {
        "results": [
            {
                "id": "a1",
                "status": "ready",
                "modalities": ["CT", "PT"],
                "instances": 48,
                "study_date": "20251020",
                "patient_name": "Doe^Jane",
                "study_description": "Tórax 3 mm",
            },
            {"id": "b22", "status": "attention", "modalities": ["US"], "instances": 1, "study_date": ""},
        ],
        "next": None,
    }
    assert run("studies", "list") == (
        0,
        (
            "id   status     modality  images  date        patient   description\n"
            "a1   ready      CT, PT    48      2025-10-20  Doe^Jane  Tórax 3 mm\n"
            "b22  attention  US        1       -           -         -\n"
        ),
        "",
    )


@pytest.mark.parametrize(
    ("command", "path", "empty"),
    [
        (["studies", "list"], "/api/studies/", "no studies"),
        (["jobs", "list"], "/api/jobs/", "no jobs"),
        (["results", "list"], "/api/results/", "no results"),
        (["projects", "list"], "/api/projects/", "no projects"),
        (["modalities", "list"], "/api/calling-aes/", "no modality has called from elsewhere"),
        (["conflicts", "list"], "/api/conflicts/", "no conflicts"),
    ],
)
def test_an_empty_list_says_so_for_people_and_nothing_for_programs(run, server, command, path, empty):
    server.documents[path] = {"results": [], "next": None}
    assert run(*command) == (0, f"{empty}\n", "")
    assert run(*command, "--json") == (0, "", "")


def test_all_pages_are_read_each_once(run, server):
    """The address of a next page keeps its parameters: they were lost once, and the first page came for ever."""
    link = "http://localhost:8000/api/jobs/?limit=1000&cursor=abc&status=dead"
    server.documents["/api/jobs/?limit=1000&status=dead"] = {"results": [{"id": "1"}, {"id": "2"}], "next": link}
    server.documents["/api/jobs/?limit=1000&cursor=abc&status=dead"] = {"results": [{"id": "3"}], "next": None}
    done = run("jobs", "list", "--status", "dead", "--limit", "5000", "--json")
    assert [json.loads(text)["id"] for text in done.out.splitlines()] == ["1", "2", "3"]
    assert len(server.requests) == 2


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_more_rows_than_asked_for_and_it_is_said_that_there_are_more(run, server, most):
    server.documents["/api/jobs/"] = {"results": [{"id": "1"}, {"id": "2"}], "next": None}
    done = run("jobs", "list", "--limit", most)
    rows = [text.split()[0] for text in done.out.splitlines()[1:]]
    assert rows == {1: ["1", "only"], 2: ["1", "2"], 3: ["1", "2"]}[most]
    assert done.out.endswith("only the first 1; more with --limit\n") is (most == 1)
    assert len(run("jobs", "list", "--limit", most, "--json").out.splitlines()) == min(most, 2)


def test_filters_are_passed_on(run, server):
    server.documents["/api/studies/"] = {"results": [], "next": None}
    run("studies", "list", "--status", "ready", "--project", "trial", "--limit", "7")
    assert dict(server.requests[-1].url.params) == {"limit": "8", "status": "ready", "project": "trial"}


def test_a_wrong_filter_is_wrong_use(run, server):
    server.documents["/api/studies/"] = problem(
        400, "status is one of ready, queued.", errors={"status": ["status is one of ready, queued."]}
    )
    done = run("studies", "list", "--status", "bogus")
    assert done == (2, "", "cauce: status is one of ready, queued; see: cauce studies list --help\n")


def test_one_job_is_shown_with_its_attempts_and_their_logs(run, server):
    attempt = {
        "number": 1,
        "worker": "node-1",
        "started_at": "2026-01-02T03:04:06Z",
        "ended_at": None,
        "outcome": "failed",
        "code": "undecodable",
        "log": "cauce.core.errors.Undecodable\n  in decode",
    }
    server.documents["/api/jobs/j1/"] = {**JOB, "history": [attempt]}
    done = run("jobs", "show", "j1")
    assert done.out == (
        "id          j1\n"
        "url         http://localhost:8000/api/jobs/j1/\n"
        "step        process\n"
        "status      dead\n"
        "study       s1\n"
        "attempts    5\n"
        "cause       the pixels cannot be decoded\n"
        f"created at  {moment('2026-01-02T03:04:05.678Z')}\n"
        "\n"
        "history\n"
        "number  outcome  code         started              ended  worker\n"
        f"1       failed   undecodable  {moment('2026-01-02T03:04:06Z')}  -      node-1\n"
        "\n"
        "log of attempt 1\n"
        "cauce.core.errors.Undecodable\n"
        "  in decode\n"
    )
    assert json.loads(run("jobs", "show", "j1", "--json").out) == {**JOB, "history": [attempt]}


def test_one_study_is_shown_with_its_parts_in_tables(run, server):
    server.documents["/api/studies/s1/"] = {
        "id": "s1",
        "status": "ready",
        "causes": [],
        "series": [
            {"id": "x1", "modality": "CT", "instances": 2, "figures": {"mean": -674.71, "unit": "HU"}, "extra": 1},
            {"id": "x2", "modality": "SR", "instances": 1, "series_description": "Dose", "figures": None},
        ],
        "warnings": {"odd_uid": 3},
    }
    assert run("studies", "show", "s1").out == (
        "id      s1\n"
        "status  ready\n"
        "\n"
        "series\n"
        "id  modality  instances  series description  figures\n"
        "x1  CT        2          -                   mean -674.7 HU\n"
        "x2  SR        1          Dose                -\n"
        "\n"
        "warnings\n"
        "odd uid  3\n"
    )


@pytest.mark.parametrize(
    ("command", "noun"), [("studies", "study"), ("jobs", "job"), ("results", "result"), ("projects", "project")]
)
def test_what_is_not_there_is_named(run, server, command, noun):
    server.documents[f"/api/{command}/a%2Fb/"] = problem(404, "There is nothing here, or nothing for this account.")
    assert run(command, "show", "a/b") == (1, "", f"cauce: there is no {noun} a/b\n")


@pytest.mark.parametrize(("command", "said"), [("replay", "job j1 is queued"), ("cancel", "job j1 is cancelled")])
def test_a_job_is_replayed_and_cancelled(run, server, command, said):
    assert run("jobs", command, "j1") == (0, f"{said}\n", "")
    assert server.posted == [(f"/api/jobs/j1/{command}/", b"")]


def test_a_job_that_is_in_no_state_for_that_is_a_failure(run, server):
    server.documents["/api/jobs/j1/replay/"] = problem(409, "the job is running, only dead jobs can be replayed")
    assert run("jobs", "replay", "j1") == (1, "", "cauce: the job is running, only dead jobs can be replayed\n")


def test_a_project_is_made(run, server):
    assert run("projects", "create", "trial", "--name", "A trial") == (0, "project trial made\n", "")
    assert run("projects", "create", "other").status == 0
    assert [json.loads(body) for _, body in server.posted] == [
        {"slug": "trial", "name": "A trial"},
        {"slug": "other", "name": "other"},
    ]


def test_a_wrong_slug_is_wrong_use(run, server):
    server.documents["/api/projects/"] = problem(
        400, "Some fields are missing or wrong.", errors={"slug": ["wants lower-case letters."]}
    )
    done = run("projects", "create", "Bad Slug")
    assert done == (2, "", "cauce: slug: wants lower-case letters; see: cauce projects create --help\n")


CT1 = {
    "id": "m1",
    "ae_title": "CT1",
    "address": "192.0.2.7",
    "allowed": False,
    "attempts": 3,
    "first_seen_at": None,
    "last_seen_at": "2026-01-02T03:04:05Z",
}


def test_modalities_that_want_in_are_listed_and_let_in(run, server):
    server.documents["/api/calling-aes/"] = {"results": [CT1], "next": None}
    assert run("modalities", "list", "--wanting").out == (
        "AE title  address    may store  attempts  last seen\n"
        f"CT1       192.0.2.7  no         3         {moment('2026-01-02T03:04:05Z')}\n"
    )
    assert server.requests[-1].url.params["allowed"] == "false"
    assert json.loads(run("modalities", "show", "CT1", "192.0.2.7", "--json").out) == CT1
    server.documents["/api/calling-aes/"] = {**CT1, "allowed": True}
    assert run("modalities", "allow", "CT1", "192.0.2.7").out == "CT1 at 192.0.2.7 may store\n"
    assert [json.loads(body) for _, body in server.posted] == [{"ae_title": "CT1", "address": "192.0.2.7"}]


def test_a_modality_is_forbidden_by_title_and_address(run, server):
    server.documents["/api/calling-aes/"] = {"results": [{**CT1, "address": "192.0.2.8"}, CT1], "next": None}
    server.documents["/api/calling-aes/m1/forbid/"] = CT1
    assert run("modalities", "forbid", "CT1", "192.0.2.7") == (0, "CT1 at 192.0.2.7 may no longer store\n", "")
    done = run("modalities", "forbid", "CT1", "192.0.2.9")
    assert done == (1, "", "cauce: no modality CT1 is known at 192.0.2.9; see: cauce modalities list\n")


def test_conflicts_are_settled(run, server):
    assert run("conflicts", "accept", "v1").out == "the new content holds; the study gets another revision\n"
    assert run("conflicts", "reject", "v2").out == "the old content stays\n"
    assert [path for path, _ in server.posted] == ["/api/conflicts/v1/accept/", "/api/conflicts/v2/reject/"]


def test_conflicts_of_a_study_are_settled_together(run, server):
    server.documents["/api/conflicts/v1/accept-study/"] = {"settled": 3}
    server.documents["/api/conflicts/v2/reject-study/"] = {"settled": 1}
    done = run("conflicts", "accept", "v1", "--study")
    assert done.out == "3 new contents hold; the study gets another revision\n"
    assert run("conflicts", "reject", "v2", "--study").out == "the old content stays\n"
    done = run("conflicts", "accept", "v1", "--study", "--json")
    assert json.loads(done.out) == {"id": "v1", "state": "current", "settled": 3}


def test_a_content_of_a_conflict_is_downloaded(run, server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    server.documents["/api/conflicts/v1/"] = {"versions": [{"id": "v0", "state": "current"}, {"id": "v1"}]}
    server.documents["/api/conflicts/v1/versions/v1/"] = httpx.Response(200, content=b"the new one")
    server.documents["/api/conflicts/v1/versions/v0/"] = httpx.Response(200, content=b"the first")
    assert run("conflicts", "download", "v1") == (0, "v1.dcm\n", "")
    assert (tmp_path / "v1.dcm").read_bytes() == b"the new one"
    done = run("conflicts", "download", "v1", "--held", "-o", "first.dcm", "--json")
    assert json.loads(done.out) == {"id": "v0", "file": "first.dcm", "bytes": 9}
    assert (tmp_path / "first.dcm").read_bytes() == b"the first"


def test_what_cannot_be_downloaded_leaves_nothing_behind(run, server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    server.documents["/api/conflicts/v1/versions/v1/"] = problem(404, "There is no such version of a conflict.")
    assert run("conflicts", "download", "v1") == (1, "", "cauce: there is no such version of a conflict\n")
    assert list(tmp_path.glob("**/*.dcm")) == list(tmp_path.glob("**/.cauce-download-*")) == []
    done = run("conflicts", "download", "v1", "-o", "nowhere/v1.dcm")
    assert (done.status, "nowhere cannot be written (No such file or directory)" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (problem(401, "The token is not valid."), 1, "the server does not know this token: The token is not valid."),
        (problem(403, "This account may not do that."), 1, "this account may not do that"),
        (problem(500, "Something went wrong here."), 1, "something went wrong here"),
        (problem(502, ""), 1, "the server answered 502"),
    ],
)
def test_what_the_server_refuses_is_told_in_its_words(run, server, answer, status, said):
    server.documents["/api/status/"] = answer
    done = run("status")
    assert (done.status, done.out) == (status, "")
    assert done.err.rstrip(".\n") == f"cauce: {said}".rstrip(".")
