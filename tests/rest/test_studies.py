import datetime as dt
import json

import pytest
import rest_rows as rows
from django.utils import timezone

from cauce.audit.models import AuditEvent

pytestmark = pytest.mark.django_db


def names(answer):
    return [one["patient_name"] for one in answer.json()["results"]]


def test_a_study_is_listed_with_its_identity_and_figures_to_a_clinician(client_of, clinician):
    study = rows.planted_study()
    answer = client_of(clinician).get("/api/studies/")
    assert answer.status_code == 200
    (one,) = answer.json()["results"]
    assert one["id"] == study.public_id
    assert one["url"] == f"http://testserver/api/studies/{study.public_id}/"
    assert (one["status"], one["modalities"], one["series_count"], one["instances"]) == ("ready", ["CT"], 1, 1)
    assert one["preview"].startswith("http://testserver/api/series/")
    assert one["patient_name"] == "Zyxwvut^Planted"
    assert one["study_instance_uid"] == rows.STUDY_UID


def test_a_researcher_is_given_ids_modality_status_and_counts_and_nothing_else(client_of, researcher):
    rows.planted_study()
    (one,) = client_of(researcher).get("/api/studies/").json()["results"]
    assert set(one) == {
        "id",
        "url",
        "project",
        "status",
        "causes",
        "modalities",
        "series_count",
        "instances",
        "preview",
    }


def test_an_auditor_sees_no_study(client_of, auditor):
    study = rows.planted_study()
    client = client_of(auditor)
    assert client.get("/api/studies/").json()["results"] == []
    assert client.get(f"/api/studies/{study.public_id}/").status_code == 404


def test_a_study_tells_its_series_revisions_warnings_held_back_and_jobs(client_of, clinician):
    study = rows.planted_study(causes=[{"cause": "pixels_unproven", "detail": "ultrasound", "count": 2}])
    held = rows.instance(study.series.get())
    rows.deidentified(held, cause="pixels_unproven", detail="ultrasound")
    whole = client_of(clinician).get(f"/api/studies/{study.public_id}/").json()
    (one,) = whole["series"]
    assert one["series_instance_uid"] == rows.SERIES_UID
    assert one["series_number"] == 7
    assert one["instances"] == 2
    assert one["figures"]["mean"] == 10.5
    assert one["figures"]["snr"] is None
    assert one["result"].endswith(f"/api/results/series-{one['id']}/")
    assert [(r["number"], r["status"]) for r in whole["revisions"]] == [(1, "ready")]
    assert whole["warnings"] == {"charset": 1}
    assert whole["held_back"] == {"pixels_unproven": 1}
    assert whole["causes"] == [{"cause": "pixels_unproven", "detail": "ultrasound", "count": 2}]
    assert whole["jobs"] == [{"step": "deidentify", "status": "succeeded", "count": 1}]


def test_free_text_in_the_modality_is_not_shown(client_of, researcher):
    study = rows.study()
    rows.series(study, modality="Zyxwvut^Planted")
    (one,) = client_of(researcher).get("/api/studies/").json()["results"]
    assert one["modalities"] == []


def test_reading_leaves_audit_rows_without_identity(client_of, clinician):
    study = rows.planted_study()
    client = client_of(clinician)
    client.get("/api/studies/?patient=zyxwvut")
    client.get(f"/api/studies/{study.public_id}/")
    client.get(f"/api/series/{study.series.get().public_id}/preview/")
    events = AuditEvent.objects.order_by("pk")
    assert [(e.action, e.subject, e.actor_name) for e in events] == [
        ("study.list", "", clinician.username),
        ("study.read", study.public_id, clinician.username),
        ("series.preview", study.series.get().public_id, clinician.username),
    ]
    assert events[0].detail == {"count": 1}
    assert events[0].address == "192.0.2.7"


@pytest.mark.parametrize(
    "typed",
    [
        "muller",
        "MÜLLER",
        "Müller",
        "muller jose",
        "jose muller",
        "Müller^José",
        "josé",
        "mu\u0308ller",
        "PAT-9",
        "pat-9",
    ],
)
def test_patients_are_found_whatever_the_case_the_accents_and_the_order(client_of, clinician, typed):
    rows.study(patient_name="MÜLLER^José Ángel", patient_id="PAT-9")
    rows.study(patient_name="Other^One", patient_id="PAT-10")
    answer = client_of(clinician).get("/api/studies/", {"patient": typed})
    assert names(answer) == ["MÜLLER^José Ángel"]


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("Straße^Anna", "strasse"),
        ("Strasse^Anna", "STRAẞE"),
        ("IŞIK^Ali", "ışık"),  # noqa: RUF001 - Turkish
        ("ışık^ali", "ISIK"),  # noqa: RUF001 - Turkish
        ("İNCİ^Su", "inci"),
        ("山田^太郎", "太郎"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "たろう"),
        ("김^희중", "희중"),
        ("Ivanov=Иванов^Иван", "иванов"),
        ("Mu\u0308ller^Jo", "müller"),
        ("O'Brien^Pat", "o'brien"),
        ("a.b*c^x", "a.b*c"),
        ("50% Off^x", "50%"),
    ],
)
def test_names_of_all_scripts_are_found(client_of, clinician, stored, typed):
    rows.study(patient_name=stored)
    rows.study(patient_name="Nobody^Else")
    assert names(client_of(clinician).get("/api/studies/", {"patient": typed})) == [stored]


@pytest.mark.parametrize("typed", ["a.b", "b_n", "%", "[m]", "(", "\\", "(?:a"])
def test_what_is_typed_is_never_a_pattern(client_of, clinician, typed):
    rows.study(patient_name="axb^Benn", patient_id="1")
    answer = client_of(clinician).get("/api/studies/", {"patient": typed})
    assert (answer.status_code, names(answer)) == (200, [])


def test_filters_narrow_the_list(client_of, clinician):
    other = rows.Project.objects.create(slug="trial")
    ready = rows.study(study_date="20240110", patient_name="A")
    waiting = rows.study(study_date="20240215", patient_name="B", status="attention", project=other)
    undated = rows.study(patient_name="C", status="queued")
    rows.series(ready, modality="CT")
    rows.series(waiting, modality="MR")
    rows.series(undated, modality="US")
    client = client_of(clinician)

    def found(**query):
        return set(names(client.get("/api/studies/", query)))

    assert found(status="ready") == {"A"}
    assert found(status="ready,attention") == {"A", "B"}
    assert found(status=["ready", "queued"]) == {"A", "C"}
    assert found(project="trial") == {"B"}
    assert found(modality="ct,us") == {"A", "C"}
    assert found(date_from="2024-02-01") == {"B"}
    assert found(date_to="20240201") == {"A"}
    assert found(date_from="2024-01-10", date_to="2024-02-15") == {"A", "B"}
    assert found(study_instance_uid=undated.study_instance_uid) == {"C"}


@pytest.mark.parametrize(
    "query",
    [
        {"status": "done"},
        {"date_from": "yesterday"},
        {"date_from": "2024-02-30"},
        {"patient": "x" * 201},
        {"stauts": "ready"},
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "٣"},
        {"cursor": "!"},
        {"total": "yes"},
    ],
)
def test_a_wrong_or_unknown_parameter_is_refused_by_name(client_of, clinician, query):
    answer = client_of(clinician).get("/api/studies/", query)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert list(answer.json()["errors"]) == list(query)


@pytest.mark.parametrize("name", ["patient", "date_from", "date_to", "study_instance_uid"])
def test_who_may_not_see_identity_may_not_search_by_it(client_of, researcher, name):
    answer = client_of(researcher).get("/api/studies/", {name: "20240101"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_researchers_cursor_does_not_hold_times_of_arrival(client_of, researcher):
    import base64

    for _ in range(3):
        rows.study()
    link = client_of(researcher).get("/api/studies/?limit=1").json()["next"]
    cursor = link.partition("cursor=")[2].partition("&")[0]
    held = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    assert [type(part) for part in held] == [int, int]


def test_pages_leave_nothing_out_and_repeat_nothing_while_studies_arrive(client_of, clinician):
    client, now = client_of(clinician), timezone.now()
    made = [rows.study(last_received_at=now - dt.timedelta(minutes=n % 3)).public_id for n in range(12)]
    seen, link = [], "/api/studies/?limit=5&total=true"
    backward = None
    while link:
        page = client.get(link).json()
        assert page["total"] >= 12
        seen += [one["id"] for one in page["results"]]
        rows.study(last_received_at=now + dt.timedelta(minutes=len(seen)))
        backward, link = page["previous"], page["next"]
    assert sorted(seen) == sorted(made)
    back = []
    while backward:
        page = client.get(backward).json()
        back = [one["id"] for one in page["results"]] + back
        backward = page["previous"]
    assert back[-10:] == seen[:10]
    assert len(back) == len(set(back)) == 13


def test_the_first_page_has_no_previous_and_the_last_no_next(client_of, clinician):
    client = client_of(clinician)
    for _ in range(2):
        rows.study()
    only = client.get("/api/studies/?limit=2").json()
    assert (only["next"], only["previous"]) == (None, None)
    first = client.get("/api/studies/?limit=1").json()
    assert first["previous"] is None
    second = client.get(first["next"]).json()
    assert second["next"] is None
    again = client.get(second["previous"]).json()
    assert again["results"] == first["results"]
    assert again["previous"] is None


def test_a_list_costs_the_same_number_of_queries_whatever_its_length(
    client_of, clinician, django_assert_max_num_queries
):
    client = client_of(clinician)
    for _ in range(3):
        rows.planted_study(study_instance_uid=None) if False else _full_study()
    with django_assert_max_num_queries(8) as few:
        client.get("/api/studies/")
    for _ in range(12):
        _full_study()
    with django_assert_max_num_queries(8) as many:
        assert len(client.get("/api/studies/").json()["results"]) == 15
    assert len(few) == len(many)


def _full_study():
    study = rows.study()
    for modality in ("CT", "MR"):
        one = rows.series(study, modality=modality)
        rows.preview(one)
        for _ in range(3):
            rows.instance(one)
    return study


def test_a_study_costs_the_same_number_of_queries_whatever_its_size(
    client_of, clinician, django_assert_max_num_queries
):
    small, large = _full_study(), rows.study()
    for number in range(10):
        one = rows.series(large, series_number=number)
        rows.result(one, revision=rows.revision(large, number=number + 1))
        rows.instance(one, warnings=[{"code": "x", "detail": ""}])
        rows.job(large)
    client = client_of(clinician)
    with django_assert_max_num_queries(14) as few:
        client.get(f"/api/studies/{small.public_id}/")
    with django_assert_max_num_queries(14) as many:
        client.get(f"/api/studies/{large.public_id}/")
    assert len(few) == len(many)


def test_the_picture_of_a_study_is_that_of_its_largest_series(client_of, clinician):
    study = rows.study()
    small, large, unpictured = (rows.series(study) for _ in range(3))
    for one, count in ((small, 1), (large, 3), (unpictured, 5)):
        for _ in range(count):
            rows.instance(one)
    rows.preview(small)
    rows.preview(large)
    (one,) = client_of(clinician).get("/api/studies/").json()["results"]
    assert one["preview"].endswith(f"/api/series/{large.public_id}/preview/")


def test_a_preview_is_served_with_a_tag_and_not_sent_again(client_of, researcher):
    study = rows.planted_study()
    path = f"/api/series/{study.series.get().public_id}/preview/"
    client = client_of(researcher)
    answer = client.get(path, headers={"accept": "image/png"})
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, "image/png", rows.PNG)
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["ETag"] == f'"{study.artifacts.get().public_id}"'
    again = client.get(path, headers={"if-none-match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


def test_a_series_without_a_preview_is_not_found(client_of, clinician):
    one = rows.series(rows.study())
    answer = client_of(clinician).get(f"/api/series/{one.public_id}/preview/", headers={"accept": "image/*"})
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def test_a_preview_that_is_no_picture_is_not_served(client_of, clinician):
    one = rows.series(rows.study())
    rows.preview(one, media_type="text/html")
    assert client_of(clinician).get(f"/api/series/{one.public_id}/preview/").status_code == 404
