import pytest
import rest_rows as rows

pytestmark = pytest.mark.django_db


def test_one_lists_ones_own_deliveries_with_their_counts(client_of, clinician, admin):
    mine, _other = rows.upload(clinician), rows.upload(admin)
    for status in ("stored", "stored", "refused"):
        rows.item(mine, status=status)
    (one,) = client_of(clinician).get("/api/uploads/").json()["results"]
    assert one["id"] == mine.public_id
    assert one["counts"] == {"stored": 2, "refused": 1}
    assert client_of(clinician).get("/api/uploads/?everyone=true").status_code == 403
    assert len(client_of(admin).get("/api/uploads/?everyone=true").json()["results"]) == 2


def test_a_delivery_of_another_is_not_found(client_of, clinician, admin):
    theirs = rows.upload(admin)
    by_modality = rows.upload(None, source="dimse")
    for upload in (theirs, by_modality):
        assert client_of(clinician).get(f"/api/uploads/{upload.public_id}/").status_code == 404
        assert client_of(admin).get(f"/api/uploads/{upload.public_id}/").status_code == 200


def test_a_receipt_tells_each_verdict_and_what_became_of_the_instance(client_of, clinician):
    upload, series = rows.upload(clinician), rows.series(rows.study())
    versions = [rows.instance(series, warnings=[{"code": "vr", "detail": "odd"}] if n == 0 else ()) for n in range(4)]
    rows.measured(rows.deidentified(versions[0]))
    rows.deidentified(versions[1])
    rows.deidentified(versions[2], cause="pixels_unproven")
    for number, version in enumerate(versions):
        rows.item(upload, name=f"{number}.dcm", version=version, study=series.study, sop_instance_uid="1.2.3")
    rows.item(upload, name="x.pdf", status="refused", code="not_dicom", detail="no")
    receipt = client_of(clinician).get(f"/api/uploads/{upload.public_id}/").json()
    assert receipt["counts"] == {"stored": 4, "refused": 1}
    became = [one["became"] for one in receipt["results"]]
    assert became == [
        {"state": "processed", "cause": "", "outcome": "measured"},
        {"state": "deidentified", "cause": "", "outcome": ""},
        {"state": "held_back", "cause": "pixels_unproven", "outcome": ""},
        {"state": "waiting", "cause": "", "outcome": ""},
        None,
    ]
    assert receipt["results"][0]["warnings"] == [{"code": "vr", "detail": "odd"}]
    assert receipt["results"][0]["study"] == series.study.public_id
    last = receipt["results"][4]
    assert (last["name"], last["status"], last["code"], last["study"]) == ("x.pdf", "refused", "not_dicom", None)
    assert rows.AuditEvent.objects.get().action == "upload.read"


def test_a_receipt_comes_in_pages_and_is_filtered(client_of, clinician):
    upload = rows.upload(clinician)
    for number in range(5):
        rows.item(upload, name=f"{number}")
    rows.item(upload, name="a.zip", status="pending")
    rows.item(upload, name="b.ZIP/folder/6", status="duplicate")
    client, path = client_of(clinician), f"/api/uploads/{upload.public_id}/"
    page = client.get(path, {"limit": 4}).json()
    assert [one["name"] for one in page["results"]] == ["0", "1", "2", "3"]
    rest = client.get(page["next"]).json()
    assert [one["name"] for one in rest["results"]] == ["4", "a.zip", "b.ZIP/folder/6"]
    assert [one["name"] for one in client.get(path, {"status": "pending"}).json()["results"]] == ["a.zip"]
    unpacked = client.get(path, {"unpacked": "true"}).json()["results"]
    assert [one["name"] for one in unpacked] == ["b.ZIP/folder/6"]


def test_a_receipt_costs_a_fixed_number_of_queries(client_of, clinician, django_assert_max_num_queries):
    upload, series = rows.upload(clinician), rows.series(rows.study())
    client, counts = client_of(clinician), []
    for _ in range(2):
        for _ in range(6):
            version = rows.instance(series)
            rows.item(upload, version=version, study=series.study)
            rows.measured(rows.deidentified(version))
        with django_assert_max_num_queries(9) as asked:
            client.get(f"/api/uploads/{upload.public_id}/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_framework_alone_takes_no_files_and_says_so(client_of, clinician):
    answer = client_of(clinician).post("/api/uploads/", {"files": "x"})
    assert (answer.status_code, answer.json()["code"]) == (501, "uploads_elsewhere")


def test_a_person_can_look_at_a_receipt_and_at_measurements_in_a_browser(client_of, admin):
    upload, series = rows.upload(admin), rows.series(rows.study())
    summary = rows.result(series)
    for path in (f"uploads/{upload.public_id}", f"results/{summary.pk}/measurements"):
        page = client_of(admin).get(f"/api/{path}/", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8"), path
