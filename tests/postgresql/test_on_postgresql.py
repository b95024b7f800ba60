"""The tests of what works on a database, run once more with PostgreSQL under them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import postgresql

WORKERS = str(min(4, os.cpu_count() or 1))
"""Each has a database of its own on the one server."""
ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def url():
    if postgresql.programs() is None:
        pytest.skip("POSTGRESQL IS ABSENT: make test-cluster installs it, this test proves nothing here")
    with postgresql.server(syncs=False) as made:
        yield made


@pytest.mark.parametrize(
    ("paths", "at_least"),
    [
        (["tests/rest", "tests/accounts", "tests/pages"], 800),
        (["tests/flow"], 30),
        (
            [
                "tests/dicomweb/test_search_matching.py",
                "tests/dicomweb/test_search_answers.py",
                "tests/dicomweb/test_search_clean.py",
            ],
            90,
        ),
        (
            ["tests/dicomweb/work_items", "tests/dicomweb/passes"],
            100,
        ),
        (["tests/adapters/test_vault_sql.py", "tests/adapters/test_vault_links.py"], 60),
    ],
)
def test_it_holds_on_postgresql(url, paths, at_least):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CAUCE_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-m", "not cluster", "-p", "no:randomly", "-n", WORKERS, *paths],
        cwd=ROOT,
        env={**kept, "TESTS_DATABASE_URL": url},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
    assert "vendor: postgresql" in done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) >= at_least
