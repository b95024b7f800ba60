"""The whole platform as its users start it: `cauce up` in processes of its own, on free loopback ports."""

import pytest

from running_platform import start_platform, stop_platform


@pytest.fixture
def start(tmp_path):
    """Start platforms that are stopped with the test: on a folder of their own, or on that of one that has ended."""
    started = []

    def begin(*, on=None, **settings):
        folder = on.data.parent if on else tmp_path / f"platform {len(started)}"
        folder.mkdir(exist_ok=True)
        platform = start_platform(folder, **settings)
        started.append(platform)
        return platform

    yield begin
    for platform in started:
        stop_platform(platform)
