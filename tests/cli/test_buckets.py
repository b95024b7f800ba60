"""Objects of a bucket, without a server: addresses, credentials, outages. With a real one: tests/s3."""

import obstore
import pytest
from obstore.exceptions import GenericError
from obstore.store import MemoryStore

from cauce.cli.imports import buckets
from cauce.cli.imports.buckets import Bucket, bucket_at
from cauce.core.errors import ConfigurationError, InvalidRequest, Unavailable

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture
def store():
    return MemoryStore()


def bucket(store, prefix=""):
    return Bucket(store=store, name="images", prefix=prefix)


def names(found):
    return [(one.shown, one.name) for one in found]


def test_objects_are_named_as_files_of_a_folder_are(store):
    for path in ("a/b/1", "a/b/2", "a/bc/3", "4"):
        obstore.put(store, path, b"x")
    assert names(bucket(store, "a/b").objects(passed=print)) == [
        ("s3://images/a/b/1", "b/1"),
        ("s3://images/a/b/2", "b/2"),
    ]
    assert names(bucket(store, "4").objects(passed=print)) == [("s3://images/4", "4")]
    assert [name for _, name in names(bucket(store).objects(passed=print))] == [
        "images/4",
        "images/a/b/1",
        "images/a/b/2",
        "images/a/bc/3",
    ]


def test_objects_without_content_are_passed_over(store):
    obstore.put(store, "a/folder", b"")
    told = []
    assert list(bucket(store, "a").objects(passed=lambda *said: told.append(said[:2]))) == []
    assert told == [("s3://images/a/folder", "empty")]


@pytest.mark.parametrize("url", ["s3://", "s3:///a", "s3://b/a//c", "s3://b/../c", "s3://b/a/./c"])
def test_an_address_that_is_none_is_wrong_use(run, server, url):
    assert run("import", url) == (
        2,
        "",
        "cauce: an address of a bucket is s3://BUCKET or s3://BUCKET/PREFIX; see: cauce import --help\n",
    )
    with pytest.raises(InvalidRequest):
        bucket_at(url, KEYS)


@pytest.mark.parametrize(
    ("url", "name", "prefix"),
    [("s3://b", "b", ""), ("s3://b/", "b", ""), ("S3://b/a/c/", "b", "a/c"), ("s3://b/a b#?.dcm", "b", "a b#?.dcm")],
)
def test_an_address_names_a_bucket_and_a_prefix(url, name, prefix):
    found = bucket_at(url, KEYS)
    assert (found.name, found.prefix) == (name, prefix)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {"access_key_id": "one", "secret_access_key": "s1", "region": "eu-west-3"}),
        (
            {"AWS_PROFILE": "two", "AWS_REGION": "us-west-2"},
            {"access_key_id": "two", "secret_access_key": "s2", "session_token": "t2"},
        ),
        (KEYS, {}),
        ({"AWS_SKIP_SIGNATURE": "true"}, {}),
    ],
)
def test_credentials_are_those_of_the_environment_else_of_the_profile(tmp_path, environ, expected):
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = one\naws_secret_access_key = s1\n"
        "[two]\naws_access_key_id = two\naws_secret_access_key = s2\naws_session_token = t2\n"
    )
    (tmp_path / "config").write_text("[default]\nregion = eu-west-3\n[profile two]\nregion = eu-west-3\n")
    files = {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
    }
    assert buckets._profile({**files, **environ}) == expected


@pytest.mark.parametrize("content", ["[other]\naws_access_key_id = x\n", "no file of settings"])
def test_a_profile_that_is_not_there_is_a_wrong_setting_that_quotes_nothing(tmp_path, content):
    (tmp_path / "credentials").write_text(content)
    environ = {"AWS_PROFILE": "mine", "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}
    with pytest.raises(ConfigurationError) as raised:
        buckets._profile(environ)
    assert content not in raised.value.detail


@pytest.fixture
def quick(monkeypatch):
    import stamina

    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def failing(monkeypatch, *errors):
    left, inner = list(errors), obstore.get

    def get(*arguments, **options):
        if left:
            raise left.pop(0)
        return inner(*arguments, **options)

    monkeypatch.setattr(obstore, "get", get)


def test_a_short_trouble_of_the_bucket_is_got_over(store, monkeypatch, quick):
    obstore.put(store, "1", b"content")
    failing(monkeypatch, GenericError("down"), OSError("reset"))
    (found,) = bucket(store).objects(passed=print)
    with found.open() as reading:
        assert reading.read() == b"content"


def test_a_long_trouble_of_the_bucket_is_waited_for_as_that_of_the_server_is(
    run, server, store, monkeypatch, quick, no_waiting
):
    from cauce.cli import importing

    obstore.put(store, "1.dcm", b"content")
    monkeypatch.setattr(importing.buckets, "bucket_at", lambda _url: bucket(store))
    failing(monkeypatch, *[GenericError("down")] * 12)
    done = run("import", "s3://images")
    assert done.status == 0
    assert done.out.splitlines()[0] == "stored     s3://images/1.dcm"
    assert done.err.splitlines()[0] == "the bucket does not answer: waiting for up to 5 minutes, it goes on by itself"
    assert b"content" in server.uploads[0][2]


def test_a_bucket_that_stays_away_ends_it_with_how_to_go_on(run, server, store, monkeypatch, quick, no_waiting):
    from cauce.cli import importing

    obstore.put(store, "1.dcm", b"content")
    monkeypatch.setattr(importing.buckets, "bucket_at", lambda _url: bucket(store))
    failing(monkeypatch, *[GenericError("down")] * 1000)
    done = run("import", "s3://images")
    assert done.status == 1
    assert done.err.splitlines()[-1] == "cauce: the bucket does not answer"


def test_a_listing_that_breaks_off_ends_it(store, monkeypatch):
    def broken(*_arguments, **_options):
        raise GenericError("503 Slow Down, and an address with secrets")

    monkeypatch.setattr(obstore, "list", broken)
    with pytest.raises(Unavailable, match=r"^s3://images: the bucket does not answer; AWS_ENDPOINT_URL") as raised:
        list(bucket(store).objects(passed=print))
    assert "secrets" not in raised.value.detail
