"""Requests drawn from the description of the interface, right ones and wrong ones; answers are held against it."""

import pytest
import rest_rows as rows
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
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
EXAMPLES = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
PATHS = ("/api/results/", "/api/elements/")


@pytest.fixture(autouse=True)
def open_connection():
    """Requests keep the connection of the test, as Django's own test client sees to."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def operations():
    """Every operation on results and elements, by its name."""
    described = SchemaGenerator().get_schema(request=None, public=True)
    schema = schemathesis.openapi.from_dict(described)
    schema.app = get_wsgi_application()
    found = (one.ok() for one in schema.get_all_operations())
    return {f"{one.method.upper()} {one.path}": one for one in found if one.path.startswith(PATHS)}


OPERATIONS = [
    f"{method} {path}{rest}"
    for path in PATHS
    for rest, methods in (
        ("", "GET POST"),
        ("{result_id}/", "GET PUT PATCH DELETE"),
        ("{result_id}/measurements/", "GET"),
    )
    for method in methods.split()
]


def test_the_list_of_operations_is_whole():
    assert set(operations()) == set(OPERATIONS)


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_are_as_described_whatever_is_asked(name, mode):
    operation = operations()[name]
    headers = {"Authorization": f"Bearer {issue_access(rows.user(Role.ADMIN))}"}
    checks = [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE else CHECKS
    statuses = set()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        if "{result_id}" in name and len(statuses) % 2 == 0 and mode is GenerationMode.POSITIVE:
            case.path_parameters = {"result_id": rows.result().pk}
        answer = case.call_and_validate(headers=headers, checks=checks)
        statuses.add(answer.status_code)

    try:
        ask()
    except Exception as error:
        if "nsatisfiable" not in type(error).__name__ and "Skip" not in type(error).__name__:
            raise
        pytest.skip("nothing of it can be wrong")
    assert statuses
