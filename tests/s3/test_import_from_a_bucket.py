"""`cauce import s3://…` from a real S3 server into a real platform."""

import io
import json
import os
import secrets
import subprocess
import sys
import threading
import zipfile

import obstore
import pytest

from cauce.cli.imports import buckets
from cauce.cli.imports.items import SourceBroken
from cauce.samples import small_instance
from running_platform import start_platform, stop_platform

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300), pytest.mark.xdist_group("s3")]


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    running = start_platform(tmp_path_factory.mktemp("platform"))
    yield running
    stop_platform(running)


@pytest.fixture
def import_(platform, s3, tmp_path):
    """Import as somebody does who has AWS's variables set."""

    def call(*arguments, **variables):
        done = subprocess.run(
            [sys.executable, "-m", "cauce", "import", *map(str, arguments)],
            env={**platform.environ, **s3.environ, "XDG_STATE_HOME": str(tmp_path / "state"), **variables},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert s3.secret_key not in done.stdout + done.stderr
        return done

    return call


@pytest.fixture
def objects_of(s3):
    """What a bucket's address names, as an import sees it."""

    def call(url, passed=lambda *_: None):
        return list(buckets.bucket_at(url, s3.environ).objects(passed=passed))

    return call


@pytest.fixture(autouse=True)
def aws(s3, monkeypatch):
    for name, value in s3.environ.items():
        monkeypatch.setenv(name, value)


def verdicts(done):
    return [(entry["path"], entry["status"], entry["code"]) for entry in map(json.loads, done.stdout.splitlines())]


def test_a_prefix_is_imported_with_zips_in_it_and_what_only_begins_alike_is_not(s3, bucket, import_):
    store = s3.store(bucket)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("in a zip.dcm", small_instance())
    obstore.put(store, "studies/a/1.dcm", small_instance())
    obstore.put(store, "studies/a/niño %20.dcm", small_instance("MR"))
    obstore.put(store, "studies/b.zip", archive.getvalue())
    obstore.put(store, "studies/notes.txt", b"not DICOM")
    obstore.put(store, "studies-of-others/2.dcm", small_instance())
    done = import_("--json", f"s3://{bucket}/studies")
    assert (done.returncode, done.stderr) == (1, "")
    assert sorted(verdicts(done)) == [
        (f"s3://{bucket}/studies/a/1.dcm", "stored", ""),
        (f"s3://{bucket}/studies/a/niño %20.dcm", "stored", ""),
        (f"s3://{bucket}/studies/b.zip/in a zip.dcm", "stored", ""),
        (f"s3://{bucket}/studies/notes.txt", "refused", "not_dicom"),
    ]


def test_one_object_can_be_named(s3, bucket, import_):
    obstore.put(s3.store(bucket), "a/1.dcm", small_instance())
    obstore.put(s3.store(bucket), "a/2.dcm", small_instance())
    done = import_(f"s3://{bucket}/a/1.dcm")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == f"stored     s3://{bucket}/a/1.dcm"
    assert "\n1 file: 1 stored\n" in done.stdout


def test_long_objects_are_read_in_pieces_and_arrive_bit_for_bit(s3, bucket, objects_of, monkeypatch):
    monkeypatch.setattr(buckets, "PIECE_BYTES", 100_000)
    content = secrets.token_bytes(1_234_567)
    obstore.put(s3.store(bucket), "long", content)
    (found,) = objects_of(f"s3://{bucket}/long")
    assert found.is_alone
    with found.open() as reading:
        assert b"".join(iter(lambda: reading.read(65536), b"")) == content
        reading.seek(0)
        assert reading.read(10) == content[:10]
    assert reading.mark == found.mark


def test_an_object_that_is_replaced_while_it_is_read_breaks_off_and_never_mixes(s3, bucket, objects_of, monkeypatch):
    monkeypatch.setattr(buckets, "PIECE_BYTES", 100_000)
    obstore.put(s3.store(bucket), "long", b"a" * 300_000)
    (found,) = objects_of(f"s3://{bucket}/long")
    with found.open() as reading:
        assert reading.read(100_000) == b"a" * 100_000
        obstore.put(s3.store(bucket), "long", b"b" * 300_000)
        with pytest.raises(SourceBroken, match="It was replaced while it was read"):
            reading.read(1)


def test_an_object_that_was_replaced_since_it_was_listed_is_read_as_it_is_now(s3, bucket, objects_of):
    obstore.put(s3.store(bucket), "x", b"old")
    (found,) = objects_of(f"s3://{bucket}/x")
    obstore.put(s3.store(bucket), "x", b"newer")
    with found.open() as reading:
        assert (reading.size_bytes, reading.read(100)) == (5, b"newer")
    assert reading.mark != found.mark


def test_an_object_that_is_deleted_before_it_is_read_says_so(s3, bucket, objects_of):
    obstore.put(s3.store(bucket), "x", b"1")
    (found,) = objects_of(f"s3://{bucket}/x")
    obstore.delete(s3.store(bucket), "x")
    with pytest.raises(SourceBroken, match=r"^It was deleted before it was read\.$"):
        found.open()


def test_many_objects_are_listed_page_by_page_in_their_order(s3, bucket, objects_of):
    store = s3.store(bucket)
    names = [f"many/{number:04}" for number in range(1200)]
    for name in names:
        obstore.put(store, name, b"1")
    assert sorted(found.path for found in objects_of(f"s3://{bucket}/many/")) == names


def test_an_import_that_was_killed_goes_on_where_it_was(s3, bucket, import_, platform, tmp_path):
    store = s3.store(bucket)
    for number in range(300):
        obstore.put(store, f"{number:03}.dcm", small_instance())
    environ = {**platform.environ, **s3.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    command = [sys.executable, "-m", "cauce", "import", "--json", f"s3://{bucket}"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(65):
            process.stdout.readline()
        process.kill()
    done = import_("--json", f"s3://{bucket}")
    assert done.returncode == 0
    earlier = [entry["earlier"] for entry in map(json.loads, done.stdout.splitlines())]
    assert len(earlier) == 300
    assert 64 <= sum(earlier) < 300
    assert done.stderr.startswith(f"going on: {sum(earlier)} files have their verdict from an earlier run")


@pytest.mark.parametrize(
    ("url", "variables", "told"),
    [
        ("s3://there-is-no-such-bucket", {}, "there is no bucket at s3://there-is-no-such-bucket"),
        ("s3://{bucket}/none", {}, "there is nothing at s3://{bucket}/none"),
        ("s3://{bucket}", {"AWS_SECRET_ACCESS_KEY": "wrong"}, "s3://{bucket}: these credentials do not reach it"),
        ("s3://{bucket}", {"AWS_ACCESS_KEY_ID": "wrong"}, "s3://{bucket}: these credentials do not reach it"),
    ],
)
def test_what_keeps_a_bucket_from_being_read_is_told_in_one_line(bucket, import_, url, variables, told):
    done = import_(url.format(bucket=bucket), **variables)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"cauce: {told.format(bucket=bucket)}")
    assert done.stderr.count("\n") == 1


def test_memory_stays_bounded_however_long_an_object_is(s3, bucket, objects_of):
    obstore.put(s3.store(bucket), "long", bytes(200_000_000))
    code = (
        "import os, resource\n"
        "from cauce.cli.imports import buckets\n"
        f"(found,) = buckets.bucket_at('s3://{bucket}/long').objects(passed=print)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "with found.open() as reading:\n"
        "    read = sum(len(chunk) for chunk in iter(lambda: reading.read(65536), b''))\n"
        "print(read, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **s3.environ}, capture_output=True, text=True, check=True
    )
    read, grown_kib = map(int, done.stdout.split())
    assert read == 200_000_000
    assert grown_kib < 80_000


def test_four_objects_are_read_at_once(s3, bucket, objects_of):
    """The client is shared by the threads that send."""
    for number in range(4):
        obstore.put(s3.store(bucket), f"{number}", bytes([number]) * 100_000)
    read = {}

    def read_one(found):
        with found.open() as reading:
            read[found.path] = b"".join(iter(lambda: reading.read(65536), b""))

    threads = [threading.Thread(target=read_one, args=(found,)) for found in objects_of(f"s3://{bucket}")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert read == {f"{number}": bytes([number]) * 100_000 for number in range(4)}
