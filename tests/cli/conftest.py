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
def no_waiting(monkeypatch):
    """Nobody waits, and time passes all the same; returns what they would have waited, in seconds."""
    from cauce.cli.imports import patience

    waits = []
    original = patience.Patience.__init__

    def hurried(self, **options):
        original(self, **{"sleep": waits.append, "clock": lambda: sum(waits), **options})

    monkeypatch.setattr(patience.Patience, "__init__", hurried)
    return waits


@pytest.fixture
def send(server):
    """Send files; returns their entries and the sending."""

    from cauce.cli.client import Client
    from cauce.cli.sending import Sending

    def call(files):
        entries = []
        with Client() as client:
            run = Sending(client=client, project="default", on_verdicts=entries.extend)
            run.run(files)
        return entries, run

    return call


@pytest.fixture
def files(tmp_path):
    from cauce.cli.found import files_of

    def make(count, *, size_bytes=1):
        place = tmp_path / "many"
        place.mkdir(exist_ok=True)
        for number in range(count):
            (place / f"{number:04}.dcm").write_bytes(b"x" * size_bytes)
        return list(files_of([place]))

    return make
