import pytest
from crash_model import Disk
from object_stores import make_store


@pytest.fixture
def disk(monkeypatch, tmp_path):  # the folder is there before anything is recorded
    """The calls that make things durable, recorded (see `crash_model`)."""
    recorder = Disk()
    recorder.install(monkeypatch)
    return recorder


@pytest.fixture
def root(tmp_path):
    return tmp_path / "objects"


@pytest.fixture
def store(root):
    return make_store(root)
