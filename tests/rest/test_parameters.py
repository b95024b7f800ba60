"""What the schema says of a query parameter is what is taken, and everything else is refused by name."""

import contextlib
import datetime as dt
import re

import pytest
import rest_rows as rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cauce.api.rest import parameters
from cauce.core.errors import InvalidRequest

pytestmark = pytest.mark.django_db
LISTS = ["/api/results/", "/api/elements/"]
LONG = "1" * 400


@pytest.fixture
def client(client_of, admin):
    return client_of(admin)


def refused(answer, name):
    """Assert a problem document that names the parameter."""
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), answer.content
    assert list(answer.json()["errors"]) == [name]
    return True


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "query",
    [
        "ordering=",
        "ordering=Created_at",
        "ordering=created_at,id",
        "updated_at_lte=",
        "updated_at_lte=2026",
        "updated_at_lte=20260131",
        "updated_at_lte=2026-W05-1",
        "updated_at_lte=2026-02-30",
        "updated_at_lte=2026-01-31T25:00",
        "updated_at_lte=2026-01-31T12:00:00%2B25:00",
        "updated_at_lte=%202026-01-31",
        "updated_at_lte=2026-01-31%0A",
        "created_at_gt=9999-12-31T23:59:59-23:59",
        "created_at=NaN",
        f"created_at={LONG}",
        "data_size=",
        "data_size=1.0",
        "data_size=1e3",
        "data_size=%201",
        "data_size=+1",
        "data_size=007",
        "data_size=1_000",
        "data_size=9223372036854775808",
        "data_size_lt=%D9%A3",
        f"data_size={LONG}",
        "mean_before_normalization=",
        "mean_before_normalization=nan",
        "mean_before_normalization=inf",
        "mean_before_normalization=-Infinity",
        "mean_before_normalization=1e999",
        "mean_before_normalization=1_0",
        "mean_before_normalization=.5",
        "mean_before_normalization=0x10",
        "mean_before_normalization=%EF%BC%91",
        f"mean_before_normalization={LONG}",
        "study=",
        "study=" + "A" * 32,
        "study=" + "0" * 33,
        "study=" + "0" * 32 + "%20",
        "device_name=%00",
        "device_name=" + "x" * 201,
        "device_name=" + "%20" * 201,
        "device_name=%FF",
        "device_name=%ED%A0%80",
        "device_name=CT&device_name=MR",
        "data_size=1&data_size=1",
        "limit=",
        "limit=0",
        "limit=1001",
        "limit=010",
        "limit=1&limit=2",
        f"limit={LONG}",
        "total=",
        "total=True",
        "total=1",
        "cursor=",
        "cursor=%20",
        "cursor=W10%3D",
        f"cursor={LONG}",
        "cursor=" + "x" * 5000,
        "device=CT",
        "=1",
        "device_name%00=CT",
        "%FF=1",
        "format=xml",
        "format=",
    ],
)
def test_what_the_schema_has_no_place_for_is_refused_by_name(client, path, query):
    rows.result()
    name = {"%FF": "\ufffd", "device_name%00": "device_name\0"}.get(query.partition("=")[0], query.partition("=")[0])
    assert refused(client.get(f"{path}?{query}"), name)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "device_name=",
        "device_name=%EF%BF%BD",
        "device_name=%25_'\"",
        "data_size=-0",
        "data_size_gte=-9223372036854775807",
        "mean_before_normalization_gt=-1.5E-300",
        "created_at_gt=2026-01-31",
        "created_at_gt=2026-01-31T12:00",
        "created_at_gt=2026-01-31%2012:00:00.5",
        "created_at_gt=2026-01-31T12:00:00.123456Z",
        "created_at_gt=2026-01-31T12:00:00+01:00",
        "created_at_gt=2026-01-31T12:00:00%2B01:00",
        "ordering=-mean_after_normalization",
        "limit=1000&total=true",
        "study=" + "0" * 32,
        "format=json",
    ],
)
@pytest.mark.parametrize("path", LISTS)
def test_what_the_schema_describes_is_taken(client, path, query):
    assert client.get(f"{path}?{query}").status_code == 200


@pytest.mark.parametrize(
    ("path", "query", "name"),
    [
        ("/api/jobs/", "status=", "status"),
        ("/api/jobs/", "status=queued,", "status"),
        ("/api/jobs/", "status=QUEUED", "status"),
        ("/api/jobs/", "step=none", "step"),
        ("/api/studies/", "project=", "project"),
        ("/api/studies/", "modality=" + "x" * 201, "modality"),
        ("/api/studies/", "modality=" + ",".join("x" * 101), "modality"),
        ("/api/studies/", "modality=%00", "modality"),
        ("/api/studies/", "date_from=", "date_from"),
        ("/api/studies/", "date_to=2026-1-1", "date_to"),
        ("/api/studies/", "date_to=20261301", "date_to"),
        ("/api/audit/", "since=never", "since"),
        ("/api/audit/", "actor=a&actor=b", "actor"),
        ("/api/tokens/", "everyone=1", "everyone"),
        ("/api/tokens/", "everyone=", "everyone"),
        ("/api/conflicts/", "study=1", "study"),
        ("/api/calling-aes/", "allowed=1", "allowed"),
    ],
)
def test_other_lists_refuse_the_same(client, path, query, name):
    assert refused(client.get(f"{path}?{query}"), name)


def test_a_parameter_of_several_values_may_be_repeated_or_hold_commas(client):
    for query in ("status=queued&status=dead", "status=queued,dead"):
        assert client.get(f"/api/jobs/?{query}").status_code == 200


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.from_regex(parameters.MOMENT["pattern"]) | st.text(max_size=30))
def test_a_time_is_read_or_refused_and_nothing_but_what_is_described_is_read(text):
    found = None
    with contextlib.suppress(InvalidRequest):
        found = parameters.moment({"at": text}, "at")
    assert found is None or re.search(parameters.MOMENT["pattern"], text)
    assert found is None or found.tzinfo is dt.UTC


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63) + 1, 2**63 - 1))
def test_numbers_are_read_as_json_writes_them(number):
    assert parameters.number({"n": str(number)}, "n") == float(number)
    if isinstance(number, int):
        assert parameters.integer({"n": str(number)}, "n") == number


def test_times_are_in_utc_and_a_date_is_its_first_moment():
    expected = dt.datetime(2026, 1, 31, 11, 0, tzinfo=dt.UTC)
    for text in ("2026-01-31T12:00+01:00", "2026-01-31 12:00:00 01:00", "2026-01-31T11:00:00.0Z", "2026-01-31T11:00"):
        assert parameters.moment({"at": text}, "at") == expected
    assert parameters.moment({"at": "2026-01-31"}, "at") == dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    assert parameters.moment({}, "at") is None
