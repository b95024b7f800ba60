"""Commands about what was held back, pseudonyms, profiles and reports: what they send and what they print."""

import json

import httpx
import pytest
from fake_server import problem

HELD = {
    "id": "h1",
    "url": "http://localhost:8000/api/quarantine/h1/",
    "status": "held",
    "cause": "pixels_unproven",
    "detail": "Secondary captures may show anything.",
    "study": "s1",
    "instance_number": 3,
    "boxes": [],
    "elements": [],
}
REPORT = {
    "study": "s1",
    "revision": {"id": "r1", "number": 2},
    "delivered_at": "2026-01-31T12:00:00+00:00",
    "profile": {"number": 3, "key": "k", "name": "Basic Profile", "digest": "ab" * 32, "edition": "2026d"},
    "instances": {"in": 4, "written": 2, "held": 1, "rejected": 1, "unaccounted": 0},
    "actions": {"removed": 12},
    "outputs": [
        {
            "sop_instance_uid": "2.25.1",
            "sha256": "cd" * 32,
            "decisions": [
                {"decision": "released", "by": "anna", "cause": "pixels_unproven", "reason": "nothing legible"}
            ],
        }
    ],
    "held": [{"id": "h1", "status": "held", "cause": "pixels_unproven", "detail": "why", "decisions": []}],
}
PROFILE = {"number": 2, "name": "Basic Profile", "version": "1", "digest": "ab" * 32, "text": "name: Basic Profile\n"}


def sent(server):
    return [(path, json.loads(body) if body else None) for path, body in server.posted]


def test_what_is_held_is_listed_on_a_line_each(run, server):
    server.documents["/api/quarantine/"] = {"results": [HELD], "next": None}
    assert run("quarantine", "list", "--status", "held").out == (
        "id  status  cause            study  image  detail\n"
        "h1  held    pixels_unproven  s1     3      Secondary captures may show anything.\n"
    )
    assert dict(server.requests[-1].url.params) == {"status": "held", "limit": "51"}
    server.documents["/api/quarantine/"] = {"results": [], "next": None}
    assert run("quarantine", "list").out == "nothing is held back\n"


def test_decisions_are_sent_with_their_reason(run, server):
    for verb in ("release", "reject"):
        server.documents[f"/api/quarantine/h1/{verb}/"] = HELD
        assert run("quarantine", verb, "h1", "--reason", "nothing legible").status == 0
    assert sent(server) == [
        ("/api/quarantine/h1/release/", {"reason": "nothing legible"}),
        ("/api/quarantine/h1/reject/", {"reason": "nothing legible"}),
    ]


def test_a_redaction_names_boxes_and_elements(run, server):
    server.documents["/api/quarantine/h1/redact/"] = HELD
    command = ["quarantine", "redact", "h1", "--reason", "a name above", "--box", "0,0,240,32", "--box", "1, 2, 3, 4"]
    assert run(*command, "--remove", "PatientComments").out == "redacted; its study gets another revision\n"
    assert sent(server)[0][1] == {
        "reason": "a name above",
        "boxes": [{"x": 0, "y": 0, "width": 240, "height": 32}, {"x": 1, "y": 2, "width": 3, "height": 4}],
        "elements": ["PatientComments"],
    }


@pytest.mark.parametrize("box", ["1,2,3", "a,b,c,d", "1,2,3,-4", ""])
def test_a_box_that_is_none_is_wrong_use(run, server, box):
    done = run("quarantine", "redact", "h1", "--reason", "a name above", "--box", box)
    assert done.status == 2
    assert done.err.startswith("cauce: a box is x,y,width,height in pixels")
    assert server.posted == []


def test_what_the_server_refuses_is_said_in_one_line(run, server):
    server.documents["/api/quarantine/h1/release/"] = problem(409, "It is rejected already.")
    done = run("quarantine", "release", "h1", "--reason", "nothing legible")
    assert (done.status, done.err) == (1, "cauce: it is rejected already\n")
    server.documents["/api/quarantine/h2/"] = problem(404, "There is no such held instance.")
    assert run("quarantine", "show", "h2").err == "cauce: nothing that is held back has the id h2\n"
    assert run("quarantine", "release", "h1").status == 2


def test_a_picture_becomes_a_file(run, server, tmp_path):
    server.documents["/api/quarantine/h1/picture/?frame=2"] = httpx.Response(200, content=b"\x89PNG...")
    target = tmp_path / "frame.png"
    assert run("quarantine", "picture", "h1", str(target), "--frame", "2").out == f"{target} written\n"
    assert target.read_bytes() == b"\x89PNG..."


def test_who_stands_behind_a_pseudonym_is_asked_in_the_body(run, server):
    found = {"project": "p", "pseudonym": "ABC", "patient_id": "4711", "issuer_of_patient_id": "", "studies": ["s1"]}
    server.documents["/api/pseudonyms/resolve/"] = found
    done = run("pseudonyms", "resolve", "ABC", "--reason", "follow-up", "--project", "p")
    assert done.out == "project     p\npseudonym   ABC\npatient id  4711\nstudies     s1\n"
    assert sent(server) == [("/api/pseudonyms/resolve/", {"project": "p", "pseudonym": "ABC", "reason": "follow-up"})]
    assert json.loads(run("pseudonyms", "resolve", "ABC", "--reason", "follow-up", "--json").out) == found


def test_a_pseudonym_is_found_by_patient(run, server):
    server.documents["/api/pseudonyms/find/"] = {"project": "default", "pseudonym": "ABC"}
    run("pseudonyms", "find", "--patient-id", "4711", "--issuer", "H", "--reason", "withdrawn")
    assert sent(server)[0][1] == {
        "project": "default",
        "reason": "withdrawn",
        "study": "",
        "patient_id": "4711",
        "issuer_of_patient_id": "H",
    }


def test_nothing_is_erased_unless_it_is_meant(run, server):
    done = run("pseudonyms", "erase", "ABC", "--reason", "asked for")
    assert (done.status, server.posted) == (1, [])
    server.documents["/api/pseudonyms/erase/"] = httpx.Response(204)
    assert run("pseudonyms", "erase", "ABC", "--reason", "asked for", "--yes").out == "the link of ABC is erased\n"
    assert sent(server)[0][1] == {"project": "default", "pseudonym": "ABC", "reason": "asked for"}


def test_a_profile_is_shown_as_it_can_be_set(run, server, tmp_path):
    server.documents["/api/projects/trial/profile/"] = PROFILE
    assert run("projects", "profile", "show", "trial").out == PROFILE["text"]
    file = tmp_path / "profile.yaml"
    file.write_text(PROFILE["text"], encoding="utf-8")
    done = run("projects", "profile", "set", "trial", str(file), "--based-on", "1")
    assert done.out == "Basic Profile is version 2 of the project's profile\n"
    assert sent(server) == [("/api/projects/trial/profile/", {"text": PROFILE["text"], "based_on": 1})]
    assert server.requests[-1].method == "PUT"


def test_a_profile_that_cannot_be_read_is_not_sent(run, server, tmp_path):
    done = run("projects", "profile", "set", "trial", str(tmp_path / "none.yaml"))
    assert done.status == 2
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert run("projects", "profile", "set", "trial", str(tmp_path / "binary")).status == 2
    assert server.posted == []


def test_a_broken_profile_is_told_with_its_faults(run, server, tmp_path):
    file = tmp_path / "profile.yaml"
    file.write_text("options: [", encoding="utf-8")
    fault = "options: there is no option of this name"
    server.documents["/api/projects/trial/profile/"] = problem(400, fault, errors={"text": [fault]})
    done = run("projects", "profile", "set", "trial", str(file))
    assert done.status == 2
    assert done.err.startswith(f"cauce: {fault}; see: ")


def test_a_dry_run_shows_each_element_before_and_after(run, server):
    change = {"path": "00100010", "keyword": "PatientName", "vr": "PN", "change": "replaced"}
    tried = {"series": "abc", "instance_number": 1, "cause": "", "detail": "", "kept": 9, "changed": 1}
    held = {**tried, "cause": "pixels_unproven", "detail": "why", "changes": []}
    server.documents["/api/projects/trial/profile/dry-run/"] = {
        "profile": PROFILE,
        "instances": [{**tried, "changes": [{**change, "before": "DOE^JANE", "after": "TRIAL"}]}, held],
    }
    assert run("projects", "profile", "dry-run", "trial", "--study", "s1").out == (
        "Basic Profile, digest abababababababab\n"
        "\n"
        "series abc, image 1\n"
        "element               change    before    after\n"
        "00100010 PatientName  replaced  DOE^JANE  TRIAL\n"
        "9 elements stay as they are\n"
        "\n"
        "series abc, image 1\n"
        "would be held  pixels_unproven\n"
        "because        why\n"
    )
    assert sent(server)[0][1] == {"study": "s1"}


def test_a_report_is_told_in_short_and_printed_whole(run, server):
    server.documents["/api/studies/s1/deidentification/"] = REPORT
    out = run("studies", "report", "s1", "--revision", "2").out
    assert dict(server.requests[-1].url.params) == {"revision": "2"}
    for said in (
        "images in       4\n",
        "written         2\n",
        "Basic Profile, version 3",
        "PS3.15 2026d",
        "removed  12",
    ):
        assert said in out
    assert "released  anna  pixels_unproven  nothing legible" in out
    assert "not accounted for" not in out
    assert json.loads(run("studies", "report", "s1", "--json").out) == REPORT


def test_a_study_is_de_identified_anew(run, server):
    server.documents["/api/studies/s1/deidentify/"] = {"id": "s1", "status": "queued"}
    assert run("studies", "deidentify", "s1").out == "study s1 is de-identified anew, as its next revision\n"
