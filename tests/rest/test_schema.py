import json
import warnings

import jsonschema
import pytest
import rest_rows as rows
import yaml
from django.urls import get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def schema():
    GENERATOR_STATS.enable_trace_lineno()
    with GENERATOR_STATS.silence(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = SchemaGenerator().get_schema(request=None, public=True)
        noted = (dict(GENERATOR_STATS._warn_cache), dict(GENERATOR_STATS._error_cache))
    assert noted == ({}, {})
    return made


def test_the_description_is_valid_openapi_and_made_without_a_warning(schema):
    validate_schema(schema)
    assert schema["info"]["title"] == "Cauce"


def test_every_route_of_the_interface_is_described(schema):
    apart = {"docs", "schema", "events"}
    routes = {
        "/" + str(pattern.pattern)
        for pattern in get_resolver().url_patterns
        if str(pattern.pattern).startswith("api/") and pattern.name not in apart
    }
    described = {path.replace("{", "<").replace("}", ">") for path in schema["paths"]}
    import re

    assert {re.sub("<[a-z]+:", "<", route) for route in routes} == described
    assert set(schema["paths"]["/api/uploads/"]) == {"get", "post"}


def test_every_operation_names_its_problems(schema):
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            content = operation["responses"]["400"]["content"]
            assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert operation["description"], (path, method)


def test_declared_parameters_are_the_ones_that_are_taken(schema, client_of, clinician):
    client = client_of(clinician)
    for path in ("/api/studies/", "/api/jobs/", "/api/results/", "/api/uploads/", "/api/tokens/"):
        declared = {one["name"] for one in schema["paths"][path]["get"]["parameters"] if one["in"] == "query"}
        refusal = client.get(path, {"no-such": "1"}).json()["errors"]["no-such"][0]
        taken = set(refusal.partition("it takes: ")[2].rstrip(".").split(", "))
        assert taken - {"format"} == declared


def test_answers_are_as_described(schema, client_of, clinician, researcher, admin):
    study = rows.planted_study(causes=[{"cause": "conflict", "detail": "x", "count": 1}])
    job = rows.job(study, status="dead", code="unexpected", cause="x")
    rows.attempt(job)
    upload = rows.upload(admin)
    rows.item(upload, study=study)
    rows.result()
    rows.calling_ae()
    rows.contested(study)
    series = study.series.get().public_id
    paths = {
        "/api/": "/api/",
        "/api/studies/": "/api/studies/",
        "/api/studies/{study_id}/": f"/api/studies/{study.public_id}/",
        "/api/jobs/": "/api/jobs/",
        "/api/jobs/{job_id}/": f"/api/jobs/{job.public_id}/",
        "/api/results/": "/api/results/",
        "/api/results/{result_id}/": f"/api/results/series-{series}/",
        "/api/results/{result_id}/measurements/": f"/api/results/series-{series}/measurements/",
        "/api/elements/": "/api/elements/",
        "/api/elements/{result_id}/": f"/api/elements/series-{series}/",
        "/api/elements/{result_id}/measurements/": f"/api/elements/series-{series}/measurements/",
        "/api/uploads/": "/api/uploads/",
        "/api/uploads/{upload_id}/": f"/api/uploads/{upload.public_id}/",
        "/api/projects/": "/api/projects/",
        "/api/pipelines/": "/api/pipelines/",
        "/api/users/": "/api/users/",
        "/api/users/me/": "/api/users/me/",
        "/api/tokens/": "/api/tokens/",
        "/api/audit/": "/api/audit/",
        "/api/calling-aes/": "/api/calling-aes/",
        "/api/conflicts/": "/api/conflicts/",
        "/api/status/": "/api/status/",
    }
    components = _plain(schema["components"])
    for route, path in paths.items():
        described = schema["paths"][route]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        for user in (admin, clinician, researcher):
            answer = client_of(user).get(path)
            if answer.status_code == 200:
                jsonschema.Draft4Validator({**described, "components": components}).validate(answer.json())
        assert client_of(admin).get(path).status_code == 200, path


def _plain(schema):
    """OpenAPI 3.0 writes `nullable`; JSON Schema writes a list of types."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _plain(value) for key, value in schema.items() if key != "nullable"}
    if schema.get("nullable") is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made


def test_the_description_is_served_in_both_forms_and_the_page_needs_nothing_from_elsewhere(browser_of, researcher):
    browser = browser_of(researcher)
    as_yaml = browser.get("/api/schema/")
    assert yaml.safe_load(as_yaml.content)["openapi"].startswith("3.")
    as_json = browser.get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    assert json.loads(as_json.content)["paths"].keys() == yaml.safe_load(as_yaml.content)["paths"].keys()
    page = browser.get("/api/docs/").content.decode()
    assert "http://" not in page
    assert "https://" not in page
    assert "<style" not in page
    assert "<script>" not in page


def test_a_problem_of_the_description_is_a_problem_document(client_of, researcher):
    answer = client_of(researcher).get("/api/schema/?nonsense=1")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["code"] == "invalid"
