import datetime as dt

import pytest
import rest_rows as rows
from django.utils import timezone

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=0)


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [one["id"] for one in answer.json()["results"]]


def test_a_summary_of_the_platform_is_a_row_with_links_and_no_raw_data(client_of, researcher):
    study = rows.planted_study()
    series = study.series.get()
    (one,) = client_of(researcher).get("/api/results/").json()["results"]
    base = f"http://testserver/api/results/series-{series.public_id}/"
    assert one["id"] == f"series-{series.public_id}"
    assert (one["device_name"], one["data_size"], one["raw_data"]) == ("ACME", 4096, None)
    assert (one["mean_before_normalization"], one["mean_after_normalization"]) == (10.5, 0.5)
    assert (one["url"], one["measurements"]) == (base, base + "measurements/")
    assert (one["study"], one["series"], one["revision"]) == (study.public_id, series.public_id, 1)
    assert one["figures"]["unit"] == "HU"
    assert client_of(researcher).get(one["url"]).json() == one


def test_numbers_that_json_cannot_say_are_null(client_of, researcher):
    rows.result(mean_before_normalization=float("inf"), mean_after_normalization=None)
    (one,) = client_of(researcher).get("/api/results/").json()["results"]
    assert (one["mean_before_normalization"], one["mean_after_normalization"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "cba"),
        ({"device_name": "mri"}, "b"),
        ({"device_name": "%"}, ""),
        ({"data_size": "20"}, "b"),
        ({"data_size_gt": "10", "data_size_lt": "30"}, "b"),
        ({"data_size_gte": "20"}, "cb"),
        ({"mean_before_normalization_lte": "2"}, "ba"),
        ({"mean_before_normalization": "3.0"}, "c"),
        ({"mean_after_normalization_gt": "0.25"}, "c"),
        ({"created_at_gt": NOW.isoformat()}, "cb"),
        ({"created_at": NOW.isoformat().replace("+00:00", "Z")}, "a"),
        ({"updated_at_lt": (NOW + dt.timedelta(hours=1)).isoformat()}, "a"),
        ({"created_at_gte": f"{NOW.date() + dt.timedelta(days=4000)}"}, ""),
        ({"ordering": "data_size"}, "abc"),
        ({"ordering": "-data_size"}, "cba"),
        ({"ordering": "device_name"}, "acb"),
        ({"ordering": "id"}, "abc"),
        ({"ordering": "mean_after_normalization"}, "abc"),
        ({"ordering": "-mean_after_normalization"}, "cba"),
    ],
)
def test_results_are_filtered_and_ordered(client_of, researcher, query, found):
    for hours, (name, device, before, after) in enumerate(
        [("a", "CT 100% SCAN"[:2], 1.0, None), ("b", "MRI", 2.0, 0.25), ("c", "CT SCAN", 3.0, 0.5)]
    ):
        rows.result(
            id=name,
            device_name=device,
            mean_before_normalization=before,
            mean_after_normalization=after,
            data_size=(hours + 1) * 10,
            at=NOW + dt.timedelta(hours=hours),
        )
    assert ids(client_of(researcher).get("/api/results/", query)) == list(found)


@pytest.mark.parametrize("ordering", ["created_at", "-updated_at", "-data_size", "mean_before_normalization", "-id"])
def test_every_order_pages_without_gaps(client_of, researcher, ordering):
    for number in range(7):
        rows.result(
            id=f"r{number}",
            mean_before_normalization=None if number % 3 == 0 else number / 3,
            data_size=number % 2,
            at=NOW + dt.timedelta(seconds=number % 2),
        )
    client, seen, link = client_of(researcher), [], f"/api/results/?ordering={ordering}&limit=2"
    while link:
        page = client.get(link).json()
        seen += [one["id"] for one in page["results"]]
        last, link = page, page["next"]
    assert sorted(seen) == [f"r{number}" for number in range(7)]
    back, link = [one["id"] for one in last["results"]], last["previous"]
    while link:
        page = client.get(link).json()
        back = [one["id"] for one in page["results"]] + back
        link = page["previous"]
    assert back == seen


@pytest.mark.parametrize(
    "query",
    [
        {"data_size": "many"},
        {"data_size_gt": "1" * 30},
        {"data_size": "٣"},
        {"mean_before_normalization_gt": "nan"},
        {"mean_before_normalization": "1e999"},
        {"created_at": "tomorrow"},
        {"created_at": "0001-01-01T00:00:00+23:00"},
        {"updated_at_gt": "2026-13-01"},
        {"ordering": "raw_data"},
        {"ordering": "--id"},
        {"device": "CT"},
        {"device_name": "x" * 201},
        {"study": "x"},
    ],
)
def test_a_wrong_filter_is_refused_by_name(client_of, researcher, query):
    answer = client_of(researcher).get("/api/results/", query)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == list(query)


def test_the_measurements_behind_a_summary_are_those_of_its_revision_and_pipeline(client_of, researcher):
    series = rows.series(rows.study())
    old, kept, late = (rows.instance(series, instance_number=number) for number in (1, 2, 3))
    rows.batch(series, [old], first=1, last=1)
    rows.batch(series, [kept], first=1)
    rows.batch(series, [late], first=3)
    outputs = [rows.deidentified(version) for version in (old, kept, late)]
    for output in outputs:
        rows.measured(output)
    other = rows.measured(rows.deidentified(rows.instance(series)))
    other.pipeline = "another"
    other.save()
    rows.revision(series.study, number=1)
    result = rows.result(series, revision=rows.revision(series.study, number=2))
    answer = client_of(researcher).get(f"/api/results/{result.pk}/measurements/").json()
    (one,) = answer["results"]
    assert one["sop_instance_uid"] == outputs[1].sop_instance_uid
    assert (one["instance_number"], one["outcome"]) == (2, "measured")
    assert one["measurements"] == {"mean": 1.5, "unit": "HU"}


def test_measurements_cost_a_fixed_number_of_queries(client_of, researcher, django_assert_max_num_queries):
    series = rows.series(rows.study())
    result = rows.result(series, revision=rows.revision(series.study))
    client, counts = client_of(researcher), []
    for _ in range(2):
        versions = [rows.instance(series) for _ in range(5)]
        rows.batch(series, versions)
        for version in versions:
            rows.measured(rows.deidentified(version))
        with django_assert_max_num_queries(6) as asked:
            client.get(f"/api/results/{result.pk}/measurements/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("name", ["nothing", "a%2Fb", "%00", "series-" + "0" * 32])
def test_a_result_that_is_not_there_is_not_found(client_of, researcher, name):
    answer = client_of(researcher).get(f"/api/results/{name}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
