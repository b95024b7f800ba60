"""Requests drawn from the description of the interface, right ones and wrong ones; answers are held against it.

What is drawn is the same in every run: Hypothesis would else mix in the constants of whatever modules happen to be
loaded, and these differ with the tests that ran before in the same process. More is drawn where `TESTS_DRAWN` says so.
"""

import json
import os
from functools import cache
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest
import rest_rows as rows
import review_rows as review
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as drawing
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from cauce.accounts.tokens import issue_access
from cauce.core.statuses import Role

pytestmark = pytest.mark.django_db
EXAMPLES = int(os.environ.get("TESTS_DRAWN", "12"))
EXAMPLES_ELSEWHERE = max(5, EXAMPLES // 3)
RESULTS = ("/api/results/", "/api/elements/")
SEED = int(os.environ.get("TESTS_SEED", "1"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
ELSEWHERE = {"POST /api/uploads/"}
"""Files are taken by a raw route, which a server has and Django alone has not; tests/uploads asks it."""


@pytest.fixture(autouse=True)
def open_connection():
    """Requests keep the connection of the test, as Django's own test client sees to."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """Hashing is slow by design, and no password is right here; other tests have theirs hashed as always."""
    rows._hashed()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def same_examples(monkeypatch):
    """Draw no constants of the modules that are loaded."""
    monkeypatch.setattr(providers, "_get_local_constants", Constants)
    providers.CONSTANTS_CACHE.cache.clear()
    yield
    providers.CONSTANTS_CACHE.cache.clear()


@cache
def operations():
    """Every operation that is described, by its name."""
    schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
    schema.app = get_wsgi_application()
    found = (one.ok() for one in schema.get_all_operations())
    named = {f"{one.method.upper()} {one.path}": one for one in found}
    return {name: one for name, one in sorted(named.items()) if name not in ELSEWHERE}


def ids(caller):
    """One of everything that a path can name."""
    study = rows.planted_study()
    upload = rows.upload(caller)
    rows.item(upload, study=study)
    rows.result(study.series.get() if rows.ProcessingResult.objects.count() == 0 else None)
    return {
        "study_id": study.public_id,
        "series_id": study.series.get().public_id,
        "job_id": rows.job(study, status="dead").public_id,
        "upload_id": upload.public_id,
        "slug": "default",
        "user_id": rows.user(Role.CLINICIAN).public_id,
        "token_id": rows.api_token(caller).public_id,
        "calling_ae_id": rows.calling_ae().public_id,
        "version_id": (contested := rows.contested(study)).object_id,
        "wanted_id": contested.object_id,
        "result_id": rows.result(id="r1", raw_data=["2 4 8"]).pk,
        "held_id": review.held(study).public_id,
        "revision_id": review.report(study.revisions.get()).revision.public_id,
    }


def is_wrong(case, url):
    """Whether a request is wrong as it was sent: `limit={}` leaves no trace in a URL, and `limit=[5]` becomes right."""
    wrong = {where for where, part in case.meta.components.items() if part.mode is GenerationMode.NEGATIVE}
    if wrong - {ParameterLocation.QUERY, ParameterLocation.HEADER, ParameterLocation.COOKIE}:
        return True
    declared = {one.name: one.definition["schema"] for one in case.operation.query}
    sent = parse_qs(urlsplit(url).query, keep_blank_values=True)
    return any(name not in declared or not fits(values, declared[name]) for name, values in sent.items())


def fits(values, schema):
    """Whether the texts of one parameter are what its schema says."""
    if schema["type"] == "array":
        found = [part for value in values for part in value.split(",")]
    elif len(values) == 1:
        found = values[0] if schema["type"] == "string" else json_of(values[0])
    else:
        return False
    return jsonschema.Draft202012Validator(schema).is_valid(found)


def json_of(text):
    """The value that a text is in JSON, or else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("name", list(operations()))
def test_answers_are_as_described_whatever_is_asked(name, mode):
    operation, caller = operations()[name], rows.user(Role.ADMIN)
    headers = {"Authorization": f"Bearer {issue_access(caller)}"}
    there = ids(caller)
    statuses, wrong = [], 0

    @seed(SEED)
    @drawing(
        max_examples=EXAMPLES if operation.path.startswith(RESULTS) else EXAMPLES_ELSEWHERE,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        nonlocal wrong
        if case.path_parameters and len(statuses) % 2 == 0 and mode is GenerationMode.POSITIVE:
            case.path_parameters = {one: there[one] for one in case.path_parameters}
        savepoint = transaction.savepoint()  # each request meets the same rows
        try:
            answer = case.call(headers=headers)
            must_fail = mode is GenerationMode.NEGATIVE and is_wrong(case, answer.request.url)
            wrong += must_fail
            case.validate_response(answer, checks=[*CHECKS, negative_data_rejection] if must_fail else CHECKS)
        finally:
            transaction.savepoint_rollback(savepoint)
        statuses.append(answer.status_code)

    ask()
    assert statuses
    assert wrong or mode is GenerationMode.POSITIVE or not (operation.query or operation.body), "none was wrong"
