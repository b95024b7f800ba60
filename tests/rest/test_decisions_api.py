"""Modalities that want in, and conflicts: what a person decides."""

import pytest
import rest_rows as rows

from cauce.core.statuses import Role
from cauce.settings import environment

pytestmark = pytest.mark.django_db


def deeds():
    return list(rows.AuditEvent.objects.exclude(action="study.list").order_by("pk").values_list("action", "subject"))


def test_a_modality_that_wants_in_is_listed_and_let_in(client_of, admin):
    wanting, inside = rows.calling_ae(), rows.calling_ae(allowed=True)
    client = client_of(admin)
    listed = client.get("/api/calling-aes/").json()["results"]
    assert [(one["id"], one["allowed"], one["attempts"]) for one in listed] == [
        (inside.public_id, True, 2),
        (wanting.public_id, False, 2),
    ]
    assert [one["id"] for one in client.get("/api/calling-aes/?allowed=false").json()["results"]] == [wanting.public_id]
    answer = client.post(f"/api/calling-aes/{wanting.public_id}/allow/")
    assert (answer.status_code, answer.json()["allowed"]) == (200, True)
    answer = client.post(f"/api/calling-aes/{wanting.public_id}/forbid/")
    assert (answer.status_code, answer.json()["allowed"]) == (200, False)
    assert deeds() == [("modality.allow", wanting.public_id), ("modality.forbid", wanting.public_id)]


def test_a_modality_is_let_in_before_it_ever_asked(client_of, admin):
    body = {"ae_title": "MR1", "address": "192.0.2.9"}
    answer = client_of(admin).post("/api/calling-aes/", body, content_type="application/json")
    assert answer.status_code == 200
    assert (answer.json()["allowed"], answer.json()["attempts"], answer.json()["last_seen_at"]) == (True, 0, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ae_title": "MR1"}, "address"),
        ({"ae_title": "MR1", "address": "scanner.example"}, "address"),
        ({"ae_title": "A" * 17, "address": "192.0.2.9"}, "ae_title"),
        ({"ae_title": "A\\B", "address": "192.0.2.9"}, "ae_title"),
    ],
)
def test_a_wrong_modality_is_refused_by_field(client_of, admin, body, field):
    answer = client_of(admin).post("/api/calling-aes/", body, content_type="application/json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_who_is_unknown_is_not_found(client_of, admin):
    client = client_of(admin)
    for path in ("calling-aes/{}/allow/", "calling-aes/{}/forbid/", "conflicts/{}/accept/", "conflicts/{}/reject/"):
        assert client.post("/api/" + path.format("0" * 32)).status_code == 404


def test_the_page_offers_an_administrator_to_let_a_modality_in(browser_of, admin, clinician):
    wanting = rows.calling_ae(ae_title="CT<2>", attempts=3)
    rows.calling_ae(allowed=True, ae_title="INSIDE")
    text = browser_of(admin).get("/").content.decode()
    assert "CT&lt;2&gt; at 192.0.2.50 wants in" in text
    assert "It asked 3 times" in text
    assert "INSIDE" not in text
    assert "wants in" not in browser_of(clinician).get("/").content.decode()
    answer = browser_of(admin).post(f"/calling-aes/{wanting.public_id}/allow/")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert deeds() == [("modality.allow", wanting.public_id)]
    assert "wants in" not in browser_of(admin).get("/").content.decode()


@pytest.mark.parametrize(
    ("verb", "states"), [("accept", ("superseded", "current")), ("reject", ("current", "superseded"))]
)
def test_a_conflict_is_settled_once(client_of, clinician, verb, states):
    study = rows.study(status="attention")
    version = rows.contested(study)
    client = client_of(clinician)
    (one,) = client.get("/api/conflicts/", {"study": study.public_id}).json()["results"]
    assert (one["id"], one["study"]) == (version.object_id, study.public_id)
    assert one["sop_instance_uid"] == version.instance.sop_instance_uid
    path = f"/api/conflicts/{version.object_id}/{verb}/"
    assert client.post(path).status_code == 204
    assert tuple(version.instance.versions.order_by("pk").values_list("state", flat=True)) == states
    assert client.post(path).status_code == 409
    assert client.get("/api/conflicts/").json()["results"] == []
    assert (f"conflict.{verb}", version.object_id) in deeds()


def test_a_conflict_shows_in_what_it_differs(client_of, clinician, researcher):
    study = rows.study(status="attention", patient_id="P1")
    version = rows.contested(study)
    held = version.instance.versions.get(state="current")
    filed = held.header.document
    del filed["00100020"]
    rows.set_header(version, {**filed, "00100010": {"vr": "PN", "Value": [{"Alphabetic": "OTHER^ONE"}]}})
    rows.set_header(held, {**filed, "00100020": {"vr": "LO", "Value": ["P1"]}})
    path = f"/api/conflicts/{version.object_id}/"
    found = client_of(clinician).get(path).json()
    assert (found["id"], found["differing"], found["elsewhere"]) == (version.object_id, 2, ["patient"])
    assert found["differences"] == [
        {"tag": "00100010", "keyword": "PatientName", "held": None, "contested": "OTHER^ONE"},
        {"tag": "00100020", "keyword": "PatientID", "held": "P1", "contested": None},
    ]
    assert [(one["id"], one["state"]) for one in found["versions"]] == [
        (held.object_id, "current"),
        (version.object_id, "conflict"),
    ]
    assert found["versions"][1]["url"].endswith(f"{path}versions/{version.object_id}/")
    assert ("conflict.read", version.object_id) in deeds()
    assert client_of(researcher).get(path).status_code in {403, 404}
    assert client_of(clinician).get(f"/api/conflicts/{'0' * 32}/").status_code == 404


@pytest.mark.parametrize(
    ("verb", "states"), [("accept", ["superseded", "current"]), ("reject", ["current", "superseded"])]
)
def test_the_conflicts_of_a_study_are_settled_together(client_of, clinician, researcher, verb, states):
    study = rows.study(status="attention")
    contested = [rows.contested(study), rows.contested(study)]
    other = rows.contested(rows.study())
    path = f"/api/conflicts/{contested[0].object_id}/{verb}-study/"
    assert client_of(researcher).post(path).status_code == 403
    answer = client_of(clinician).post(path)
    assert (answer.status_code, answer.json()) == (200, {"settled": 2})
    found = rows.Version.objects.filter(instance__series__study=study)
    assert list(found.order_by("instance_id", "pk").values_list("state", flat=True)) == states * 2
    other.refresh_from_db()
    assert other.state == "conflict"
    assert (f"conflict.{verb}_study", contested[0].object_id) in deeds()
    assert client_of(clinician).post(path).status_code == 409


def test_a_content_of_another_patient_is_not_taken_alone_nor_with_half_of_a_study(client_of, clinician):
    study = rows.study(patient_id="P1")
    version = rows.contested(study)
    rows.contested(study)
    header = version.header.document | {"00100020": {"vr": "LO", "Value": ["P2"]}}
    rows.set_header(version, header)
    before = rows.everything()
    for verb in ("accept", "accept-study"):
        answer = client_of(clinician).post(f"/api/conflicts/{version.object_id}/{verb}/")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert "P2" not in answer.json()["detail"]
    assert rows.everything() == before


MZ = b"MZ" + bytes(126) + b"DICM"


def test_each_content_of_a_conflict_can_be_downloaded_also_after_it_is_settled(client_of, clinician):
    version = rows.contested(rows.study())
    held = version.instance.versions.get(state="current")
    first, second = bytes(128) + b"DICM" + b"the first" * 300_000, bytes(128) + b"DICMthe second"
    rows.original(held, first)
    rows.original(version, second)
    client = client_of(clinician)
    path = f"/api/conflicts/{version.object_id}/"
    answer = client.get(f"{path}versions/{held.object_id}/", headers={"accept": "application/dicom"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/dicom")
    assert answer["Content-Length"] == str(len(first))
    assert answer["Content-Disposition"] == f'attachment; filename="{held.object_id}.dcm"'
    assert rows.content_of(answer) == first
    assert client.post(f"{path}reject/").status_code == 204
    assert rows.content_of(client.get(f"{path}versions/{version.object_id}/")) == second
    event = rows.AuditEvent.objects.filter(action="conflict.download").order_by("pk").first()
    assert (event.subject, event.detail["version"]) == (version.object_id, held.object_id)


def test_a_preamble_that_could_run_is_left_out_of_a_download(client_of, clinician):
    version = rows.contested(rows.study())
    rows.original(version, MZ + b"the rest")
    answer = client_of(clinician).get(f"/api/conflicts/{version.object_id}/versions/{version.object_id}/")
    assert rows.content_of(answer) == bytes(128) + b"DICM" + b"the rest"


def test_only_contents_of_that_conflict_are_downloaded_and_only_by_who_may_see_originals(
    client_of, clinician, researcher, auditor
):
    version, other = rows.contested(rows.study()), rows.contested(rows.study())
    lone = rows.instance(version.instance.series)
    for one in (version, other, lone):
        rows.original(one, b"content")
    path = f"/api/conflicts/{version.object_id}/versions/"
    assert client_of(clinician).get(f"{path}{other.object_id}/").status_code == 404
    assert client_of(clinician).get(f"/api/conflicts/{lone.object_id}/versions/{lone.object_id}/").status_code == 404
    assert client_of(clinician).get(f"{path}{'0' * 32}/").status_code == 404
    assert client_of(researcher).get(f"{path}{version.object_id}/").status_code == 403
    assert client_of(auditor).get(f"{path}{version.object_id}/").status_code in {403, 404}
    assert ("conflict.download", version.object_id) not in deeds()


def test_a_damaged_content_is_an_error_and_no_file(client_of, clinician):
    version = rows.contested(rows.study())
    rows.original(version, bytes(1000))
    (file,) = (environment.current().data_folder / "objects").rglob(version.object_id)
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[:-30] + bytes(30))
    answer = client_of(clinician).get(f"/api/conflicts/{version.object_id}/versions/{version.object_id}/")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")


def test_the_page_of_a_study_shows_in_what_its_conflicts_differ(browser_of, clinician, researcher):
    study = rows.study(status="attention", patient_id="P1")
    version = rows.contested(study)
    held = version.instance.versions.get(state="current")
    many = {f"001811{n:02X}": {"vr": "LO", "Value": [f"many-{n}"]} for n in range(10)}
    odd = {"00110010": {"vr": "LO", "Value": ["<b>ACME</b>"]}, "00080050": {"vr": "SH"}}
    rows.set_header(version, {**held.header.document, **many, **odd})
    text = browser_of(clinician).get(f"/studies/{study.public_id}/").content.decode()
    for expected in ("Accession Number", "(0008,0050)", '<i class="muted">empty</i>', '<i class="muted">absent</i>'):
        assert expected in text
    assert "Private attribute" in text
    assert "&lt;b&gt;ACME" in text
    assert "4 more attributes" in text
    assert "many-9" in text
    for one in (held, version):
        assert f"/api/conflicts/{version.object_id}/versions/{one.object_id}/" in text
    assert "Take all of the new ones" not in text  # there is but one
    assert "conflict.list" in [action for action, _ in deeds()]
    hidden = browser_of(researcher).get(f"/studies/{study.public_id}/").content.decode()
    assert "many-" not in hidden
    assert version.object_id not in hidden


def test_the_page_says_that_pixels_differ_where_no_attribute_does(browser_of, clinician):
    study = rows.study()
    rows.contested(study)
    text = browser_of(clinician).get(f"/studies/{study.public_id}/", headers={"accept-language": "es"}).content.decode()
    assert "difieren los píxeles" in text


def test_the_page_offers_to_move_a_study_to_a_corrected_patient(browser_of, clinician):
    study = rows.study(patient_id="P1")
    versions = [rows.contested(study), rows.contested(study)]
    for version in versions:
        rows.set_header(version, version.header.document | {"00100020": {"vr": "LO", "Value": ["P2"]}})
    browser, path = browser_of(clinician), f"/studies/{study.public_id}/"
    text = browser.get(path).content.decode()
    assert "These name another patient: P2" in text
    assert "Take this one" not in text
    late = rows.instance(study.series.first())
    answer = browser.post(f"/conflicts/{versions[0].object_id}/", {"decision": "accept-study"})
    assert (answer.status_code, answer["Location"]) == (302, f"{path}?undecided=torn")
    assert "Not done" in browser.get(answer["Location"]).content.decode()
    rows.Version.objects.filter(pk=late.pk).update(state="superseded")
    answer = browser.post(f"/conflicts/{versions[0].object_id}/", {"decision": "accept-study"})
    assert (answer.status_code, answer["Location"]) == (302, path)
    study.refresh_from_db()
    assert study.patient_id == "P2"
    assert browser.post(f"/conflicts/{versions[0].object_id}/", {"decision": "nonsense"}).status_code == 400


def test_what_names_another_series_can_only_be_kept_aside_and_what_is_many_comes_in_parts(browser_of, clinician):
    study = rows.study()
    for _ in range(27):
        version = rows.contested(study)
        elsewhere = {"0020000E": {"vr": "UI", "Value": ["1.2.3.4"]}}
        rows.set_header(version, version.header.document | elsewhere)
    text = browser_of(clinician).get(f"/studies/{study.public_id}/").content.decode()
    assert "These name another study or series" in text
    assert text.count("Keep the first<") == 25
    assert "2 more conflicts are shown once these are decided." in text
    assert "accept" not in text


def test_the_page_of_a_study_lets_a_person_settle_its_conflicts(browser_of, clinician, researcher):
    study = rows.study(status="attention")
    version = rows.contested(study)
    path = f"/studies/{study.public_id}/"
    assert version.instance.sop_instance_uid in browser_of(clinician).get(path).content.decode()
    assert "Take this one" not in browser_of(researcher).get(path).content.decode()
    settling = f"/conflicts/{version.object_id}/"
    assert browser_of(researcher).post(settling, {"decision": "accept"}).status_code == 403
    assert browser_of(rows.user(Role.AUDITOR)).post(settling, {"decision": "accept"}).status_code == 404
    answer = browser_of(clinician).post(settling, {"decision": "accept"})
    assert (answer.status_code, answer["Location"]) == (302, path)
    version.refresh_from_db()
    assert version.state == "current"
    assert browser_of(clinician).post(settling, {"decision": "reject"}).status_code == 302
    version.refresh_from_db()
    assert version.state == "current"
