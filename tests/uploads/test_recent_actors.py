"""Whom a bearer credential named a moment ago."""

import pytest

from cauce.api.raw import recent_actors
from cauce.api.raw.recent_actors import RECENT_S, RecentActors
from cauce.api.raw.request import Request
from cauce.core.actors import Actor
from cauce.core.statuses import Role

ANA = Actor(kind="user", name="ana", role=Role.TECHNOLOGIST, user_id=7, address="192.0.2.1")


def request(authorization=None, address="192.0.2.9"):
    headers = [(b"authorization", authorization.encode())] if authorization else []
    return Request(scope={"headers": headers, "client": (address, 1)}, receive=None, send=None)


@pytest.fixture
def clock(monkeypatch):
    moment = [1000.0]
    monkeypatch.setattr(recent_actors.time, "monotonic", lambda: moment[0])
    return moment


def test_a_credential_is_known_for_a_moment_and_from_any_address(clock):
    recent = RecentActors()
    recent.remember(request("Bearer one"), ANA)
    known = recent.find(request("Bearer one", address="192.0.2.77"))
    assert (known.user_id, known.role, known.address) == (7, Role.TECHNOLOGIST, "192.0.2.77")
    assert recent.find(request("Bearer two")) is None
    clock[0] += RECENT_S
    assert recent.find(request("Bearer one")) is not None
    clock[0] += 0.001
    assert recent.find(request("Bearer one")) is None


def test_to_be_found_does_not_make_it_last(clock):
    recent = RecentActors()
    recent.remember(request("Bearer one"), ANA)
    for _ in range(3):
        clock[0] += RECENT_S / 2
        found = recent.find(request("Bearer one"))
    assert found is None


def test_a_session_is_never_remembered(clock):
    recent = RecentActors()
    recent.remember(request(), ANA)
    assert recent.find(request()) is None


def test_what_is_remembered_is_bounded_and_holds_no_credential(clock):
    recent = RecentActors()
    for number in range(5000):
        recent.remember(request(f"Bearer secret-{number}"), ANA)
    assert len(recent._known) <= 1024
    assert not any(b"secret" in key for key in recent._known)
    assert recent.find(request("Bearer secret-4999")) is not None
