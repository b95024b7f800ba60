"""A page of results is bounded by bytes as well as by rows."""

import pytest
import rest_rows as rows
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cauce.api.rest import result_pages, results

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client_of, researcher):
    return client_of(researcher)


def long_result(name, *, size, blanks=0):
    return rows.result(id=name, data_size=size, raw_data=[("1" + " " * blanks + " ") * size])


def walked(client, link):
    """The ids of each page, by following `next`."""
    pages = []
    while link:
        page = client.get(link).json()
        pages.append([one["id"] for one in page["results"]])
        link = page["next"]
    return pages


def test_a_page_ends_where_its_raw_data_would_be_too_long(client, monkeypatch):
    monkeypatch.setattr(result_pages, "RAW_BYTES_MAX", 1000)
    for name, size in (("a", 100), ("b", 200), ("c", 300), ("d", 2000), ("e", 1), ("f", 1)):
        long_result(name, size=size)
    assert walked(client, "/api/results/?ordering=id") == [["a", "b"], ["c"], ["d"], ["e", "f"]]
    assert walked(client, "/api/results/?ordering=-id&limit=2") == [["f", "e"], ["d"], ["c"], ["b", "a"]]


def test_pages_before_are_bounded_too_and_leave_none_out(client, monkeypatch):
    monkeypatch.setattr(result_pages, "RAW_BYTES_MAX", 1000)
    for number in range(7):
        long_result(f"r{number}", size=200)
    *_, last = pages = walked(client, "/api/results/?ordering=id")
    assert pages == [["r0", "r1"], ["r2", "r3"], ["r4", "r5"], ["r6"]]
    assert last == ["r6"]
    link = "/api/results/?ordering=id"
    while link:
        page = client.get(link).json()
        link = page["next"]
    back, link = [], page["previous"]
    while link:
        page = client.get(link).json()
        back.append([one["id"] for one in page["results"]])
        link = page["previous"]
    assert back == [["r4", "r5"], ["r2", "r3"], ["r0", "r1"]]


def test_blanks_count_as_well_as_numbers(client, monkeypatch):
    monkeypatch.setattr(result_pages, "RAW_BYTES_MAX", 1000)
    for name in "abc":
        long_result(name, size=3, blanks=150)
    assert walked(client, "/api/results/?ordering=id") == [["a", "b"], ["c"]]


def test_rows_of_the_platform_have_no_raw_data_and_always_fit(client, monkeypatch):
    monkeypatch.setattr(result_pages, "RAW_BYTES_MAX", 1000)
    study = rows.study()
    for _ in range(5):
        rows.result(rows.series(study), data_size=10**9)
    assert [len(page) for page in walked(client, "/api/results/")] == [5]


def test_raw_data_are_read_for_the_rows_of_the_page_alone_and_a_page_costs_a_fixed_number_of_queries(client):
    counts = []
    for number in range(6):
        long_result(f"r{number}", size=10)
        with CaptureQueriesContext(connection) as asked:
            page = client.get("/api/results/?ordering=id&limit=3").json()
        counts.append(len(asked))
        assert [one["raw_data"] for one in page["results"]] == [["1 " * 10]] * min(number + 1, 3)
        (listed,) = [one["sql"] for one in asked if "ORDER BY" in one["sql"] and "processingresult" in one["sql"]]
        assert "raw_data" not in listed
    assert len(set(counts)) == 1


def test_a_result_deleted_while_the_page_is_made_is_left_out_and_the_next_page_follows(client, monkeypatch):
    for number in range(4):
        long_result(f"r{number}", size=1)
    fill = result_pages.with_raw_data

    def deleted_before(page):
        rows.ProcessingResult.objects.filter(pk="r1").delete()
        return fill(page)

    monkeypatch.setattr(results.result_pages, "with_raw_data", deleted_before)
    assert walked(client, "/api/results/?ordering=id&limit=2") == [["r0"], ["r2", "r3"]]
