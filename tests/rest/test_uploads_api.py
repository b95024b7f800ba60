import datetime as dt

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
    theirs, nobodys = rows.upload(admin), rows.upload(None, sender="gone")
    for upload in (theirs, nobodys):
        for path in ("", "receipt"):
            assert client_of(clinician).get(f"/api/uploads/{upload.public_id}/{path}").status_code == 404
            assert client_of(admin).get(f"/api/uploads/{upload.public_id}/{path}").status_code == 200


def test_what_a_modality_sent_is_read_by_all_who_may_see_originals(client_of, clinician, researcher, admin):
    rows.upload(clinician)
    sent = rows.upload(None, source="dimse", sender="CT1")
    rows.item(sent, name="C-STORE 1")
    path = f"/api/uploads/{sent.public_id}/"
    assert client_of(clinician).get(path).json()["results"][0]["name"] == "C-STORE 1"
    assert client_of(researcher).get(path).status_code == 404
    listed = client_of(clinician).get("/api/uploads/?modalities=true").json()["results"]
    assert [(one["id"], one["sender"]) for one in listed] == [(sent.public_id, "CT1")]
    assert client_of(researcher).get("/api/uploads/?modalities=true").json()["results"] == []


def test_deliveries_are_found_by_entrance_and_sender(client_of, admin):
    sent = {
        source: rows.upload(None if source == "dimse" else admin, source=source, sender=f"by {source}")
        for source in ("upload", "stow", "dimse")
    }

    def found(**query):
        return [
            one["id"] for one in client_of(admin).get("/api/uploads/", {"everyone": "true", **query}).json()["results"]
        ]

    assert found(source="dimse,stow") == [sent["dimse"].public_id, sent["stow"].public_id]
    assert found(sender="by upload") == [sent["upload"].public_id]
    assert found(sender="by upload", source="stow") == []


def followed(client, upload):
    return client.get(f"/api/uploads/{upload.public_id}/").json()["results"]


def test_a_receipt_follows_each_instance_from_stored_to_delivered(client_of, clinician):
    upload, series = rows.upload(clinician), rows.series(rows.study(status="receiving"))
    client, version = client_of(clinician), rows.instance(series)
    rows.item(upload, version=version, study=series.study)
    seen = [followed(client, upload)[0]["became"]]
    revision = rows.revision(series.study, status="processing")
    rows.batch(series, [version])
    seen += [followed(client, upload)[0]["became"]]
    output = rows.deidentified(version)
    seen += [followed(client, upload)[0]["became"]]
    rows.measured(output)
    seen += [followed(client, upload)[0]["became"]]
    revision.status, revision.finished_at = "ready", rows.timezone.now()
    revision.save()
    seen += [followed(client, upload)[0]["became"]]
    assert [one["state"] for one in seen] == ["waiting", "closed", "deidentified", "processed", "delivered"]
    assert [one["revision"] for one in seen] == [None, 1, 1, 1, 1]
    assert [one["outcome"] for one in seen] == ["", "", "", "measured", "measured"]
    times = ("stored_at", "closed_at", "deidentified_at", "processed_at", "delivered_at")
    assert [sum(one[name] is not None for name in times) for one in seen] == [1, 2, 3, 4, 5]
    assert {one["held_back_at"] for one in seen} == {None}


def test_what_is_held_back_says_why_and_is_never_delivered(client_of, clinician):
    upload, series = rows.upload(clinician), rows.series(rows.study(status="attention"))
    held, dead, unmeasured, taken_back, damaged = versions = [rows.instance(series) for _ in range(5)]
    rows.revision(series.study, status="attention", finished_at=rows.timezone.now())
    rows.batch(series, [held, damaged])
    rows.deidentified(held, cause="pixels_unproven", detail="no rule covers it")
    for version, step, status, code in (
        (dead, "deidentify", "dead", "unexpected"),
        (unmeasured, "process", "dead", "unexpected"),
        (taken_back, "deidentify", "cancelled", "cancelled"),
    ):
        batch = rows.batch(series, [version])
        rows.job(series.study, step=step, status=status, code=code, cause=f"the {step} step", batch=batch)
    rows.measured(rows.deidentified(damaged))
    rows.deidentified(unmeasured)
    damaged.damage = "it does not open"
    damaged.save()
    for version in versions:
        rows.item(upload, version=version, study=series.study)
    found = [line["became"] for line in followed(client_of(clinician), upload)]
    assert [(one["state"], one["cause"], one["detail"]) for one in found] == [
        ("held_back", "pixels_unproven", "no rule covers it"),
        ("held_back", "job_dead", "the deidentify step"),
        ("delivered", "job_dead", "the process step"),
        ("held_back", "job_dead", "the deidentify step"),
        ("delivered", "object_damaged", "it does not open"),
    ]
    assert (found[0]["held_back_at"] is None, found[0]["delivered_at"], found[0]["deidentified_at"]) == (
        False,
        None,
        None,
    )


def test_a_revision_that_was_overtaken_delivers_nothing_and_the_next_one_does(client_of, clinician):
    upload, series = rows.upload(clinician), rows.series(rows.study())
    version = rows.instance(series)
    rows.batch(series, [version])
    rows.deidentified(version)
    now = rows.timezone.now()
    rows.revision(series.study, 1, status="cancelled", finished_at=now)
    rows.revision(series.study, 2, status="attention", finished_at=now)
    rows.revision(series.study, 3, status="ready", finished_at=now)
    rows.item(upload, version=version, study=series.study)
    (line,) = followed(client_of(clinician), upload)
    assert (line["became"]["state"], line["became"]["revision"]) == ("delivered", 2)


def test_a_conflict_is_open_until_it_is_settled_and_then_says_how(client_of, clinician):
    upload, series = rows.upload(clinician), rows.series(rows.study())
    first = rows.instance(series)
    second = rows.instance(series, of_instance=first.instance, state="conflict")
    rows.item(upload, version=first)
    rows.item(upload, version=second, status="conflict", code="differs")
    client = client_of(clinician)

    def states():
        return [(one["became"]["state"], one["became"]["conflict"]) for one in followed(client, upload)]

    assert states() == [("waiting", ""), ("contested", "open")]
    rows.Version.objects.filter(pk=second.pk).update(state="superseded")
    assert states() == [("waiting", ""), ("superseded", "settled")]
    rows.Version.objects.filter(pk=first.pk).update(state="superseded")
    rows.Version.objects.filter(pk=second.pk).update(state="current")
    assert states() == [("superseded", ""), ("waiting", "settled")]


def test_a_line_says_when_its_conflict_was_settled(client_of, browser_of, clinician):
    upload, series = rows.upload(clinician), rows.series(rows.study())
    first = rows.instance(series)
    second = rows.instance(series, of_instance=first.instance, state="conflict")
    rows.item(upload, version=second, status="conflict", code="differs")
    client = client_of(clinician)
    assert [one["became"]["settled_at"] for one in followed(client, upload)] == [None]
    assert client.post(f"/api/conflicts/{second.object_id}/reject/").status_code == 204
    settled_at = dt.datetime(2031, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
    rows.Version.objects.filter(pk=second.pk, settled_at__isnull=False).update(settled_at=settled_at)
    assert [one["became"]["settled_at"] for one in followed(client, upload)] == ["2031-05-06T07:08:09Z"]
    assert "2031-05-06 07:08:09 UTC" in browser_of(clinician).get(f"/deliveries/{upload.public_id}/").content.decode()


def test_a_duplicate_follows_what_it_is_a_duplicate_of_where_that_is_beyond_doubt(client_of, clinician):
    upload, series = rows.upload(clinician), rows.series(rows.study())
    alone, contested = rows.instance(series), rows.instance(series)
    reencoded = rows.instance(series)
    rows.AlternateEncoding.objects.create(
        version=reencoded, transfer_syntax_uid="1.2", dataset_sha256=b"x" * 32, received_at=rows.timezone.now()
    )
    rows.instance(series, of_instance=contested.instance, state="conflict")
    for version in (alone, contested, reencoded):
        uid = version.instance.sop_instance_uid
        rows.item(upload, status="duplicate", study=series.study, sop_instance_uid=uid)
    rows.item(upload, status="duplicate", sop_instance_uid="1.2.3.of.another.project")
    lines = followed(client_of(clinician), upload)
    assert [line["became"] and line["became"]["state"] for line in lines] == ["waiting", None, "waiting", None]
    assert [line["dataset_sha256"] for line in lines] == [alone.dataset_sha256.hex(), None, None, None]


def test_a_receipt_tells_each_verdict_with_its_digest_and_its_warnings(client_of, clinician):
    upload, series = rows.upload(clinician), rows.series(rows.study())
    version = rows.instance(series, warnings=[{"code": "vr", "detail": "odd"}])
    rows.item(upload, name="0.dcm", version=version, study=series.study, sop_instance_uid="1.2.3")
    rows.item(upload, name="x.pdf", status="refused", code="not_dicom", detail="no")
    receipt = client_of(clinician).get(f"/api/uploads/{upload.public_id}/").json()
    assert receipt["counts"] == {"stored": 1, "refused": 1}
    first, last = receipt["results"]
    assert first["warnings"] == [{"code": "vr", "detail": "odd"}]
    assert (first["study"], first["sop_instance_uid"]) == (series.study.public_id, "1.2.3")
    assert (first["dataset_sha256"], first["dataset_bytes"]) == (version.dataset_sha256.hex(), 600)
    assert (last["name"], last["status"], last["code"], last["study"]) == ("x.pdf", "refused", "not_dicom", None)
    assert (last["became"], last["dataset_sha256"], last["warnings"]) == (None, None, [])
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
            rows.batch(series, [version])
        with django_assert_max_num_queries(13) as asked:
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
