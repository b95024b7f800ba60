import base64
import json

import pytest
import rest_rows as rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.django_db


def cursor_of(value) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        "x",
        5,
        [0],
        [0, 1],
        [0, "2026-01-01T00:00:00+00:00"],
        [0, "2026-01-01T00:00:00+00:00", "1"],
        [0, "2026-01-01T00:00:00+00:00", True],
        [0, "2026-01-01T00:00:00+00:00", 1.5],
        [0, "2026-01-01T00:00:00+00:00", 2**63],
        [0, "2026-01-01T00:00:00+00:00", 1, 2],
        [2, "2026-01-01T00:00:00+00:00", 1],
        [True, "2026-01-01T00:00:00+00:00", 1],
        [0, "0001-01-01T00:00:00+23:59", 1],
        [0, "9999-12-31T23:59:59-23:59", 1],
        [0, 17, 1],
        [0, None, 1],
        [0, "never", 1],
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(client_of, clinician, value):
    rows.study()
    answer = client_of(clinician).get("/api/studies/", {"cursor": cursor_of(value)})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["cursor"])


@pytest.mark.parametrize(
    "cursor", ["=", "%00", "a", "ä", "[0]", "e30", "x" * 5000, base64.b64encode(b"[" * 3000).decode()]
)
def test_a_cursor_that_is_no_cursor_is_refused(client_of, clinician, cursor):
    answer = client_of(clinician).get("/api/studies/", {"cursor": cursor})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["cursor"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4),
        max_leaves=6,
    )
)
def test_no_cursor_breaks_the_list_of_results(client_of, clinician, value):
    answer = client_of(clinician).get("/api/results/", {"cursor": cursor_of(value)})
    assert answer.status_code in {200, 400}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(min_value=0, max_value=3), max_size=9),
    limit=st.integers(min_value=1, max_value=4),
    order=st.sampled_from(["data_size", "-data_size", "device_name", "-mean_before_normalization", "id", "-id"]),
)
def test_walking_forward_and_back_shows_each_row_once(client_of, researcher, sizes, limit, order):
    rows.ProcessingResult.objects.all().delete()
    for number, size in enumerate(sizes):
        mean = None if size == 0 else size / 3
        rows.result(id=f"r{number}", data_size=size, device_name="D" * size, mean_before_normalization=mean)
    client = client_of(researcher)
    link, pages = f"/api/results/?limit={limit}&ordering={order}&total=true", []
    while link:
        page = client.get(link).json()
        assert page["total"] == len(sizes)
        pages.append([one["id"] for one in page["results"]])
        back, link = page["previous"], page["next"]
    walked = [one for page in pages for one in page]
    assert sorted(walked) == sorted(f"r{number}" for number in range(len(sizes)))
    returned = pages[-1] if pages else []
    while back:
        page = client.get(back).json()
        returned = [one["id"] for one in page["results"]] + returned
        back = page["previous"]
    assert returned == walked


def test_a_page_is_found_by_an_index_however_deep_it_lies(client_of, clinician):
    """The plan of a deep page searches the index of the list, it does not scan."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    if connection.vendor != "sqlite":
        pytest.skip("this reads a plan of the embedded database; that of PostgreSQL is read in test_results_writing.py")
    for _ in range(4):
        rows.study()
    client = client_of(clinician)
    link = client.get("/api/studies/?limit=2").json()["next"]
    with CaptureQueriesContext(connection) as asked:
        client.get(link)
    (statement,) = [q["sql"] for q in asked if 'FROM "records_study"' in q["sql"] and "ORDER BY" in q["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + statement.replace("%", "%%"))
        plan = " ".join(str(row[-1]) for row in cursor.fetchall())
    assert "SEARCH records_study USING INDEX" in plan
    assert "TEMP B-TREE" not in plan
