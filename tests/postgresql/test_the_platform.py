"""`cauce up` on PostgreSQL: the main job."""

import pytest
from benchmarks import postgresql

from cauce.samples import small_instance
from running_platform import start_platform, stop_platform

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]


@pytest.fixture
def url():
    if postgresql.programs() is None:
        pytest.skip("POSTGRESQL IS ABSENT: make test-cluster installs it, this test proves nothing here")
    with postgresql.server() as made:
        yield made


def test_studies_go_through_the_whole_flow(url, tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    for number in range(12):
        (files / f"{number}.dcm").write_bytes(small_instance("MR" if number % 2 else "CT"))
    platform = start_platform(tmp_path, CAUCE_DATABASE_URL=url)
    try:
        assert [one["status"] for one in platform.import_(files)] == ["stored"] * 12
        assert {study["status"] for study in platform.await_end()} == {"ready"}
        assert [one["status"] for one in platform.import_(files)] == ["duplicate"] * 12
        assert len(platform.rows("/api/results/")) == 12
        assert "PostgreSQL 1" in platform.cauce("doctor", check=False).stdout
        assert not (platform.data / "cauce.db").exists()
    finally:
        stop_platform(platform)
