import json
import re
from pathlib import Path

import pytest
import rest_rows as rows

from cauce.records.models import ProcessingResult
from cauce.settings import logging

pytestmark = pytest.mark.django_db
KNOWN = {"id": "r1", "device_name": "CT SCAN", "raw_data": ["2 4 8"]}
MEANS = {"mean_before_normalization": 4.666667, "mean_after_normalization": 0.583333, "data_size": 3}


@pytest.fixture
def client(client_of, clinician):
    return client_of(clinician)


def send(client, method, path, body):
    return client.generic(method, path, json.dumps(body), content_type="application/json")


def fields(answer, status=400):
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), answer.content
    return answer.json()["errors"]


def held():
    return sorted(ProcessingResult.objects.values_list("pk", flat=True))


# --- create --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{}, MEANS, {"data_size": 3}])
def test_a_result_is_created_with_or_without_its_computed_fields(client, given):
    answer = send(client, "POST", "/api/results/", {**KNOWN, **given})
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["id"], made["device_name"], made["raw_data"], made["data_size"]) == ("r1", "CT SCAN", ["2 4 8"], 3)
    assert made["mean_before_normalization"] == pytest.approx(14 / 3)
    assert made["mean_after_normalization"] == pytest.approx(14 / 24)
    assert (made["study"], made["measurements"], made["pipeline"]) == (None, None, "")
    assert answer["Location"] == made["url"] == "http://testserver/api/results/r1/"
    assert client.get("/api/results/r1/").json() == made
    assert client.get("/api/elements/r1/").json() == made


@pytest.mark.parametrize("raw", [["2 4 8"], ["2", "4  8 "], [2, 4, 8.0], [[2, 4], [8]], ["2 4", 8], ["2e0 +4 8.0"]])
def test_rows_are_texts_lists_or_numbers(client, raw):
    made = send(client, "POST", "/api/results/", {**KNOWN, "raw_data": raw}).json()
    assert (made["data_size"], made["raw_data"]) == (3, raw)
    assert made["mean_after_normalization"] == pytest.approx(0.5833333333)


def test_each_field_that_disagrees_is_named(client):
    wrong = {"mean_before_normalization": 4.6, "mean_after_normalization": 0.5833, "data_size": 4}
    assert set(fields(send(client, "POST", "/api/results/", {**KNOWN, **wrong}))) == set(wrong)
    near = {"mean_before_normalization": 14 / 3 * (1 + 9e-7)}
    assert send(client, "POST", "/api/results/", {**KNOWN, **near}).status_code == 201


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": None}, "id"),
        ({"id": "  "}, "id"),
        ({"id": 7}, "id"),
        ({"id": "a/b"}, "id"),
        ({"id": ".."}, "id"),
        ({"id": "a\nb"}, "id"),
        ({"id": "a\0b"}, "id"),
        ({"id": "\ud800"}, "id"),
        ({"id": "x" * 201}, "id"),
        ({"id": "series-" + "0" * 32}, "id"),
        ({"device_name": ""}, "device_name"),
        ({"device_name": None}, "device_name"),
        ({"device_name": "x" * 201}, "device_name"),
        ({"raw_data": []}, "raw_data"),
        ({"raw_data": [""]}, "raw_data"),
        ({"raw_data": None}, "raw_data"),
        ({"raw_data": "2 4 8"}, "raw_data"),
        ({"raw_data": {"a": 1}}, "raw_data"),
        ({"raw_data": ["2 4 x"]}, "raw_data"),
        ({"raw_data": ["2 4 1_0"]}, "raw_data"),
        ({"raw_data": ["٣"]}, "raw_data"),
        ({"raw_data": ["2 nan"]}, "raw_data"),
        ({"raw_data": ["2 1e999"]}, "raw_data"),
        ({"raw_data": [10**400]}, "raw_data"),
        ({"raw_data": [True]}, "raw_data"),
        ({"raw_data": [["1"]]}, "raw_data"),
        ({"raw_data": [[[1]]]}, "raw_data"),
        ({"raw_data": ["0 0"]}, "raw_data"),
        ({"raw_data": ["-1 -2"]}, "raw_data"),
        ({"raw_data": ["1e-320 -1e308"]}, "raw_data"),
        ({"data_size": "3"}, "data_size"),
        ({"data_size": 3.5}, "data_size"),
        ({"mean_before_normalization": "4.666667"}, "mean_before_normalization"),
        ({"mean_before_normalization": 10**400}, "mean_before_normalization"),
        ({"mean_after_normalization": None}, "mean_after_normalization"),
        ({"created_at": "2026-01-01T00:00:00Z"}, "created_at"),
        ({"devicename": "CT"}, "devicename"),
    ],
)
def test_a_field_that_is_wrong_is_named_and_nothing_is_kept(client, change, named):
    assert list(fields(send(client, "POST", "/api/results/", {**KNOWN, **change}))) == [named]
    assert held() == []


@pytest.mark.parametrize("name", ["id", "device_name", "raw_data"])
def test_a_field_that_is_missing_is_named(client, name):
    body = {key: value for key, value in KNOWN.items() if key != name}
    assert list(fields(send(client, "POST", "/api/results/", body))) == [name]


def test_the_message_says_which_number_of_which_row_is_wrong_and_never_what_it_holds(client):
    said = fields(send(client, "POST", "/api/results/", {**KNOWN, "raw_data": ["1 2", "3 JANE 5"]}))
    assert said == {"raw_data": ["row 2, value 2 is not a number"]}


@pytest.mark.parametrize("body", ["", "[", "[1]", '"x"', "null", "{" * 100_000, '{"id": NaN}', "[" * 100_000])
@pytest.mark.parametrize("path", ["/api/results/", "/api/elements/"])
def test_a_body_that_is_no_object_is_refused(client, path, body):
    answer = client.generic("POST", path, body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_an_id_that_exists_is_a_conflict(client):
    assert send(client, "POST", "/api/results/", KNOWN).status_code == 201
    answer = send(client, "POST", "/api/results/", {**KNOWN, "raw_data": ["1"]})
    assert (answer.json()["code"], list(fields(answer, 409))) == ("conflict", ["id"])
    assert client.get("/api/results/r1/").json()["data_size"] == 3


# --- elements ------------------------------------------------------------------------------------------------------


def element(name, data=("2 4", "8"), device="CT SCAN"):
    return {"id": name, "data": list(data), "deviceName": device}


def test_every_element_becomes_a_result(client):
    answer = send(client, "POST", "/api/elements/", {"1": element("a"), "2": element("b", ["0 10"], "RX 1")})
    assert answer.status_code == 201, answer.content
    assert [(one["id"], one["device_name"], one["data_size"]) for one in answer.json()] == [
        ("a", "CT SCAN", 3),
        ("b", "RX 1", 2),
    ]
    assert answer.json()[1]["mean_after_normalization"] == 0.5
    assert held() == ["a", "b"]


@pytest.mark.parametrize(
    ("bad", "wrong"),
    [
        (7, None),
        ({"id": "b", "data": ["1"]}, "deviceName"),
        ({"data": ["1"], "deviceName": "CT"}, "id"),
        ({"id": "b", "deviceName": "CT"}, "data"),
        (element(" "), "id"),
        (element("x" * 201), "id"),
        (element("a/b"), "id"),
        (element("b", device=""), "deviceName"),
        (element("b", device="x" * 201), "deviceName"),
        (element("b", []), "data"),
        (element("b", ["x"]), "data"),
        (element("b", ["0"]), "data"),
        (element("b", [1]), "data"),
        ({**element("b"), "data": "1 2"}, "data"),
        ({**element("b"), "more": 1}, "more"),
        (element("a"), "id"),
    ],
)
def test_a_bad_element_is_named_by_its_key_and_none_is_kept(client, bad, wrong):
    said = fields(send(client, "POST", "/api/elements/", {"1": element("a"), "no 2": bad}))
    assert list(said) == ["no 2"]
    assert wrong is None or list(said["no 2"]) == [wrong]
    assert held() == []


def test_an_element_whose_id_exists_is_a_conflict_that_names_its_key(client):
    send(client, "POST", "/api/results/", {**KNOWN, "id": "b"})
    answer = send(client, "POST", "/api/elements/", {"1": element("a"), "2": element("b")})
    assert list(fields(answer, 409)) == ["2"]
    assert held() == ["b"]


def test_a_request_takes_a_thousand_elements_and_no_more(client):
    many = {str(number): element(f"e{number}", ["1"]) for number in range(1001)}
    assert list(fields(send(client, "POST", "/api/elements/", many))) == ["non_field_errors"]
    del many["0"]
    assert len(send(client, "POST", "/api/elements/", many).json()) == 1000


# --- change and delete ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("base", ["/api/results/", "/api/elements/"])
def test_device_name_and_id_can_change_and_a_new_id_moves_the_row(client, method, base):
    before = send(client, "POST", "/api/results/", KNOWN).json()
    answer = send(client, method, f"{base}r1/", {"device_name": "MRI", "id": "r 2%é"})
    assert answer.status_code == 200, answer.content
    after = answer.json()
    assert (after["id"], after["device_name"], after["record"]) == ("r 2%é", "MRI", before["record"])
    assert after["updated_at"] > before["updated_at"]
    kept = ["raw_data", "data_size", "created_at", "mean_before_normalization", "mean_after_normalization"]
    assert [after[name] for name in kept] == [before[name] for name in kept]
    assert client.get("/api/results/r1/").status_code == 404
    assert client.get(after["url"]).json() == after
    assert held() == ["r 2%é"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"data_size": 3}, {"data_size"}),
        (
            {"raw_data": ["1"], "mean_before_normalization": 1, "device_name": "X"},
            {"raw_data", "mean_before_normalization"},
        ),
        ({"created_at": "2026-01-01"}, {"created_at"}),
        ({"nonsense": 1}, {"nonsense"}),
        ({"id": ""}, {"id"}),
        ({"id": "a/b", "device_name": 3}, {"id", "device_name"}),
    ],
)
def test_what_cannot_change_is_named_and_nothing_changes(client, method, body, named):
    before = send(client, "POST", "/api/results/", KNOWN).json()
    assert set(fields(send(client, method, "/api/results/r1/", body))) == named
    assert client.get("/api/results/r1/").json() == before


def test_renaming_to_an_id_that_exists_is_a_conflict_and_both_stay(client):
    for name in ("a", "b"):
        send(client, "POST", "/api/results/", {**KNOWN, "id": name})
    answer = send(client, "PATCH", "/api/results/a/", {"id": "b", "device_name": "X"})
    assert list(fields(answer, 409)) == ["id"]
    assert held() == ["a", "b"]
    assert client.get("/api/results/a/").json()["device_name"] == "CT SCAN"


def test_a_result_is_deleted_once(client):
    send(client, "POST", "/api/results/", KNOWN)
    answer = client.delete("/api/results/r1/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.delete("/api/results/r1/").status_code == 404
    assert held() == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_what_is_not_there_is_not_found(client, method):
    for name in ("none", "%00", "x" * 300, "%ff"):
        assert send(client, method, f"/api/results/{name}/", {"id": "new"}).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_the_platforms_own_results_are_read_only(client, method):
    result = rows.result(rows.series(rows.study()))
    for body in ({"device_name": "X"}, {"raw_data": 1}):
        answer = send(client, method, f"/api/results/{result.pk}/", body)
        assert (answer.status_code, answer.json()["code"]) == (403, "read_only_result")
    assert ProcessingResult.objects.get().device_name == "ACME"


# --- trail and logs ------------------------------------------------------------------------------------------------


def test_each_change_is_in_the_trail_by_an_id_of_ours_that_stays(client, clinician):
    record = send(client, "POST", "/api/results/", {**KNOWN, "id": "JANE DOE"}).json()["record"]
    send(client, "PATCH", "/api/results/JANE DOE/", {"id": "r2"})
    client.delete("/api/results/r2/")
    events = rows.AuditEvent.objects.filter(action__startswith="result.").order_by("pk")
    created, changed, deleted = events.values_list("action", "subject", "actor_name", "detail")
    assert created == ("result.create", record, clinician.username, {"data_size": 3})
    assert changed[:3] == ("result.change", record, clinician.username)
    assert changed[3] == {"changed": ["id"], "was": changed[3]["was"]}
    assert re.fullmatch("[0-9a-f]{32}", changed[3]["was"])
    assert deleted == ("result.delete", record, clinician.username, {})


def test_nothing_of_what_was_sent_is_logged(client):
    logging.configure(rows.bootstrap.environment.current(), role="tests")  # another test may have closed the file
    log = next(Path(rows.bootstrap.environment.current().data_folder).glob("logs/tests.jsonl"))
    start = log.stat().st_size
    send(client, "POST", "/api/results/", {"id": "JANE-77", "device_name": "DOEDEVICE", "raw_data": ["1 987654"]})
    send(client, "POST", "/api/results/", {"id": "JANE-77", "device_name": "DOEDEVICE", "raw_data": ["1 987654"]})
    send(client, "POST", "/api/elements/", {"JANE": element("JANE-78", ["987654 x"])})
    send(client, "PATCH", "/api/results/JANE-77/", {"id": "JANE-79"})
    client.delete("/api/results/JANE-79/")
    lines = log.read_text()[start:]
    events = [json.loads(line)["event"] for line in lines.splitlines()]
    assert [event for event in events if event.startswith(("result", "api"))] == [
        "results.created",
        "api.problem",
        "api.problem",
        "result.changed",
        "result.deleted",
    ]
    assert [word for word in ("JANE", "DOEDEVICE", "987654") if word in lines] == []


# --- browsable pages -----------------------------------------------------------------------------------------------


def test_the_forms_of_the_pages_hold_what_can_be_sent(browser_of, clinician):
    browser = browser_of(clinician, headers={"accept": "text/html"})
    rows.result(id="a1", device_name="ACME")
    for path, words in (
        ("/api/results/", ['"id": ""', '"device_name": ""', '"raw_data": null']),
        ("/api/elements/", ['"deviceName": "CT SCAN"', '"data": [']),
        ("/api/results/a1/", ['"id": "a1"', '"device_name": "ACME"']),
    ):
        page = browser.get(path).content.decode()
        form = page.partition("<textarea")[2].partition("</textarea>")[0].replace("&quot;", '"')
        assert [word for word in words if word not in form] == [], form
        assert "created_at" not in form
