"""Commands in this process, as `cauce …` runs them, and a server made of answers."""

from typing import NamedTuple

import pytest
from fake_server import FakeServer


class Done(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def run(capsys):
    """Run one command; returns its exit status and what it printed."""
    from cauce.cli.main import main

    def call(*arguments):
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        return Done(status, *capsys.readouterr())

    return call


@pytest.fixture
def settings_of(monkeypatch):
    """Set `CAUCE_…` variables for this test."""
    from cauce.settings import environment

    def change(**variables):
        for name, value in variables.items():
            if value is None:
                monkeypatch.delenv(f"CAUCE_{name}", raising=False)
            else:
                monkeypatch.setenv(f"CAUCE_{name}", str(value))
        environment.current.cache_clear()

    yield change
    monkeypatch.undo()
    environment.current.cache_clear()


@pytest.fixture
def server(monkeypatch, settings_of):
    """A server that every client talks to."""
    from cauce.cli import client

    fake = FakeServer()
    original = client.Client.__init__

    def connected(self, **options):
        original(self, **{**options, "transport": fake})

    monkeypatch.setattr(client.Client, "__init__", connected)
    settings_of(TOKEN="of a test")
    return fake


@pytest.fixture
def no_waiting():
    """Retries do not wait; returns what they would have waited, in seconds."""
    import stamina

    waits = []

    def note(details):
        waits.append(details.wait_for)

    before = stamina.instrumentation.get_on_retry_hooks()
    stamina.instrumentation.set_on_retry_hooks([note])
    with stamina.set_testing(True, attempts=100, cap=True):
        yield waits
    stamina.instrumentation.set_on_retry_hooks(before)
