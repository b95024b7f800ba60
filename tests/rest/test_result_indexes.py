"""Every order and every filter of the results list is read from an index, and the filters mean what they say."""

import datetime as dt

import pytest
import rest_rows as rows
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cauce.api.rest import result_filters

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client_of, clinician):
    return client_of(clinician)


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("order", result_filters.ORDERS)
def test_every_order_is_read_from_an_index_and_a_later_page_seeks_in_it(client, order, sign, monkeypatch):
    monkeypatch.setattr(result_filters, "FEW", 5)  # the filter is passed by many
    for number in range(30):
        rows.result(id=f"r{number:02}", data_size=number % 3, mean_before_normalization=number % 2 or None)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
    first = client.get("/api/results/", {"ordering": sign + order, "limit": 2, "data_size_gte": 0})
    for link in (None, first.json()["next"]):
        plans = plans_of(client, link or f"/api/results/?ordering={sign}{order}&limit=2&data_size_gte=0")
        plan = next(plan for plan in plans if "records_processingresult" in plan or "result" in plan)
        assert "TEMP B-TREE" not in plan, plan
        assert "Sort" not in plan, plan
        if link:
            assert "Index Cond" in plan or "SEARCH records_processingresult USING" in plan, plan


FILTERS = {
    "created_at": "created_at_gt=2026-01-01",
    "updated_at": "updated_at_gt=2026-01-01",
    "data_size": "data_size=2",
    "device_name": "device_name=mri",
    "mean_before_normalization": "mean_before_normalization_lt=2",
    "mean_after_normalization": "mean_after_normalization_gte=0.4&mean_after_normalization_lt=0.6",
}
INDEXES = {
    "created_at": "result_by_creation",
    "updated_at": "result_by_update",
    "data_size": "result_by_size",
    "device_name": "result_by_device",
    "mean_before_normalization": "result_by_mean",
    "mean_after_normalization": "result_by_normalised",
}


@pytest.mark.skipif(connection.vendor == "postgresql", reason="its own planner chooses, by its statistics")
@pytest.mark.parametrize("order", result_filters.ORDERS)
@pytest.mark.parametrize("column", FILTERS)
def test_a_filter_that_few_results_pass_is_looked_up_in_its_index_and_they_are_sorted(client, column, order):
    for number in range(40):
        rare = {"data_size": 2, "device_name": "MRI", "mean_before_normalization": 1.5, "mean_after_normalization": 0.5}
        others = {"device_name": "CT", "mean_before_normalization": 3.5, "mean_after_normalization": 0.9}
        at = timezone.now() if number < 7 else dt.datetime(2020, 1, 1 + number % 28, tzinfo=dt.UTC)
        rows.result(id=f"r{number}", at=at, **(rare if number < 7 else others))
    link, found = f"/api/results/?ordering=-{order}&limit=3&{FILTERS[column]}", []
    (plan,) = [plan for plan in plans_of(client, link) if "records_processingresult" in plan]
    leads = order if column == order else column
    assert f"SEARCH records_processingresult USING INDEX {INDEXES[leads]}" in plan, plan
    assert ("TEMP B-TREE" in plan) == (column != order), plan
    while link:
        page = client.get(link).json()
        found += [one["id"] for one in page["results"]]
        link = page["next"]
    assert sorted(found) == [f"r{number}" for number in range(7)]


def test_a_mean_that_is_not_known_passes_no_filter(client):
    rows.result(id="known", mean_before_normalization=-1e300)
    rows.result(id="unknown", mean_before_normalization=None)
    for filters, found in (
        ("lt=0", ["known"]),
        ("lte=-1e300", ["known"]),
        ("gt=-1e301", ["known"]),
        ("lt=-1e301", []),
    ):
        page = client.get(f"/api/results/?mean_before_normalization_{filters}").json()
        assert [one["id"] for one in page["results"]] == found


def test_device_names_are_found_in_any_case_also_where_they_are_many(client, monkeypatch):
    for number, name in enumerate(("CT SCAN", "Ct-2", "MRI", "Ámbar", "100%")):
        rows.result(id=f"r{number}", device_name=name)
    for most in (200, 2):
        monkeypatch.setattr(result_filters, "DEVICES_MAX", most)
        for word, found in (("ct", ["r0", "r1"]), ("%", ["r4"]), ("_", []), ("mr", ["r2"]), ("mbar", ["r3"])):
            page = client.get("/api/results/", {"device_name": word, "ordering": "id"}).json()
            assert [one["id"] for one in page["results"]] == found


def plans_of(client, link):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(link).status_code == 200
    explain = "EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
    listed = [one["sql"] for one in captured if one["sql"].startswith("SELECT") and "ORDER BY" in one["sql"]]
    with connection.cursor() as cursor:
        for sql in listed:
            cursor.execute(explain + sql)
            yield "\n".join(str(row[-1]) for row in cursor.fetchall())
