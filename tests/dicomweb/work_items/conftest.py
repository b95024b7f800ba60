"""The worklist service as a client uses it: data sets sent, work items made and taken to a state."""

import pytest
from work_item_rows import JSON, LOCK, body, change, new_item, performed

from asgi_driver import call
from cauce.core.statuses import Role


@pytest.fixture
def send(web, token):
    """Send a data set to an address; returns the answer."""

    def do(method, path, document=None, *, role=Role.TECHNOLOGIST, kind=JSON, root="/dicom-web", raw=None):
        sent = raw if raw is not None else b"" if document is None else body(document)
        headers = {"authorization": f"Bearer {token(role)}", "content-length": str(len(sent))}
        if sent or document is not None:
            headers["content-type"] = kind
        return call(web, method, root + path, headers=headers, chunks=sent)

    return do


@pytest.fixture
def made(send):
    """Make a work item; returns the path of its address."""

    def make(uid="1.2.3.4", **attributes):
        answer = send("POST", f"/workitems?workitem={uid}", new_item(**attributes))
        assert answer.status == 201, answer.body
        return f"/workitems/{uid}"

    return make


@pytest.fixture
def in_state(send, made):
    """Make a work item and take it to a state; returns the path of its address."""

    def take(state, uid="1.2.3.4"):
        path = made(uid)
        if state != "SCHEDULED":
            assert send("PUT", f"{path}/state", change("IN PROGRESS")).status == 200
        if state in {"COMPLETED", "CANCELED"}:
            assert send("POST", f"{path}?{LOCK}", performed()).status == 200
            assert send("PUT", f"{path}/state", change(state)).status == 200
        return path

    return take
