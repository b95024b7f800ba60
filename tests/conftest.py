"""Every test process gets a data folder and keys of its own, before anything reads the settings."""

import os
import tempfile
from pathlib import Path

import pytest

for _name in [name for name in os.environ if name.startswith("CAUCE_")]:
    del os.environ[_name]
_home = Path(tempfile.mkdtemp(prefix="cauce-tests-"))
os.environ["CAUCE_DATA"] = str(_home / "data")
os.environ["CAUCE_KEYS"] = str(_home / "keys" / "keys.json")
os.environ["CAUCE_RESERVE_MB"] = "0"
os.environ["CAUCE_ALLOWED_HOSTS"] = "testserver"  # what clients of applications in this process ask for
os.environ["XDG_STATE_HOME"] = str(_home / "state")  # journals of imports
if _database := os.environ.get("TESTS_DATABASE_URL"):  # tests/postgresql runs the suite once more with this
    os.environ["CAUCE_DATABASE_URL"] = _database

CORPUS = Path(__file__).resolve().parent.parent / ".corpus"


def pytest_configure(config):
    import signal

    # Where tests run in the background Ctrl-C is ignored, and programs that they start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from cauce import bootstrap
    from cauce.settings import environment

    # pytest-django reads the settings before this file when it is told their name, and the tests would then share the
    # data folder and the keys of whoever runs them. So it is told by `setup` alone, and processes that are started
    # from here (those of xdist first) do not inherit the name.
    if environment.current.cache_info().currsize:
        raise pytest.UsageError("The settings were read before the tests had a folder: unset DJANGO_SETTINGS_MODULE.")
    bootstrap.setup("tests")
    del os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_report_header(config):
    from django.db import connection

    return f"database vendor: {connection.vendor}"


def pytest_unconfigure(config):
    import shutil

    shutil.rmtree(_home, ignore_errors=True)


@pytest.fixture(autouse=True)
def _language():
    """Requests choose a language for their thread, which is this one in many tests: what comes next begins without."""
    yield
    from django.utils import translation

    translation.deactivate()


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The public corpus: 840 real files. Tests that want it are skipped, loudly, where it is absent."""
    if not (CORPUS / "public").is_dir():
        pytest.skip("THE PUBLIC CORPUS IS ABSENT: .corpus/public is not unpacked, this test proves nothing here")
    return CORPUS / "public"


@pytest.fixture(scope="session")
def malformed() -> Path:
    """The malformed corpus: 436 hostile inputs."""
    if not (CORPUS / "malformed").is_dir():
        pytest.skip("THE MALFORMED CORPUS IS ABSENT: .corpus/malformed is not unpacked, this test proves nothing here")
    return CORPUS / "malformed"
