"""Work items sent, images stored, and due jobs run as a worker would."""

import json

import pytest
from work_item_passes import PASS, PATH, close_now, image
from work_item_rows import JSON, body, processing_item

from asgi_driver import call, related
from cauce import flow
from cauce.core.errors import CauceError
from cauce.core.statuses import Role


@pytest.fixture
def send(web, token):
    def do(method, path, document=None, *, role=Role.TECHNOLOGIST):
        sent = b"" if document is None else body(document)
        headers = {"authorization": f"Bearer {token(role)}", "content-type": JSON}
        return call(web, method, f"/dicom-web{path}", headers=headers, chunks=sent)

    return do


@pytest.fixture
def ask(send):
    """Ask for processing; returns the answer."""

    def do(uid="1.2.3.4", **attributes):
        return send("POST", f"/workitems?{uid}", processing_item(**attributes))

    return do


@pytest.fixture
def stored(web, token, run):
    """Store images of the study and take them through the flow."""

    def store(*numbers, runs=True):
        kind, sent = related([image(number) for number in numbers])
        headers = {"authorization": f"Bearer {token()}", "content-type": kind, "accept": JSON}
        assert call(web, "POST", "/dicom-web/studies", headers=headers, chunks=sent).status == 200
        close_now()
        if runs:
            assert run() == PASS

    return store


@pytest.fixture
def run(services):
    """Run due jobs as a worker would, up to a step where one is named; returns the steps."""

    def do(*, until=None, fails=()):
        steps = []
        while (until is None or until not in steps) and (job := services.ledger.claim("worker")):
            steps.append(job.step)
            if job.step in fails:
                services.ledger.fail(job, worker="worker", error=fails[job.step], log="a trace")
                continue
            try:
                flow.STEPS[job.step](services, job)
            except CauceError as error:
                services.ledger.fail(job, worker="worker", error=error, log="a trace")
            else:
                assert services.ledger.succeed(job, worker="worker")
        return steps

    return do


@pytest.fixture
def held(get):
    """Return a work item as it is retrieved."""

    def retrieve(path=PATH):
        answer = get(path)
        assert answer.status == 200
        (document,) = json.loads(answer.body)
        return document

    return retrieve


@pytest.fixture
def admin():
    from cauce.core.actors import Actor

    return Actor(kind="user", name="tester", role=Role.ADMIN)
