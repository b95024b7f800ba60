import datetime as dt
import fcntl
import os
import random
import sqlite3
import threading
from decimal import Decimal
from pathlib import Path

import databases
import pytest
from databases import open_database
from django.db import IntegrityError as DjangoIntegrityError
from django.db import OperationalError, connection, transaction
from django.db.models import Count, F, Sum
from django.db.models.functions import TruncDay
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from processes import fork, in_processes

from cauce.audit.models import AuditEvent
from cauce.core.errors import IntegrityError
from cauce.records.models import Job, Project, Study
from cauce.settings.environment import current

pytestmark = pytest.mark.django_db

TEXT = "DOE^JANE 19700101"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cauce.db"


def run(database, sql, params=None):
    with database.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def make_database(path, rows=1):
    database = open_database(path)
    run(database, "CREATE TABLE patient (name TEXT)")
    for _ in range(rows):
        run(database, "INSERT INTO patient VALUES (%s)", [TEXT])
    return database


# --- on disk -------------------------------------------------------------------------------------------------------


def test_nothing_readable_lies_on_the_disk(path):
    database = make_database(path, rows=50)
    files = {each.suffix: each.read_bytes() for each in path.parent.iterdir()}
    assert set(files) == {".db", ".db-wal", ".db-shm", ".lock"}
    assert len(files[".db-wal"]) > 50 * 4096  # the rows are there, in the log
    database.close()
    files[""] = path.read_bytes()
    for content in files.values():
        assert TEXT.encode() not in content
        assert b"SQLite format 3" not in content
        assert b"CREATE TABLE" not in content
    plain = sqlite3.connect(path)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        plain.execute("SELECT * FROM sqlite_master")
    plain.close()


def test_what_spills_over_memory_is_not_written_to_files_in_the_open(path):
    """SQLCipher encrypts no temporary files, so the library must be built to keep what they would hold in memory."""
    database = make_database(path)
    assert "TEMP_STORE=2" in {row[0] for row in run(database, "PRAGMA compile_options")}


def test_what_was_written_opens_with_the_same_key(path):
    make_database(path, rows=3).close()
    database = open_database(path)
    assert run(database, "SELECT name FROM patient") == [(TEXT,)] * 3
    database.close()


def test_another_key_is_told_plainly_and_changes_nothing(path):
    make_database(path).close()
    content = path.read_bytes()
    for _ in range(2):
        with pytest.raises(IntegrityError, match="does not open under its key"):
            open_database(path, key_from="databases.other_key").ensure_connection()
    assert path.read_bytes() == content
    assert run(open_database(path), "SELECT name FROM patient") == [(TEXT,)]


def test_another_key_is_noticed_on_connecting_whatever_the_settings_say(path):
    make_database(path).close()
    with pytest.raises(IntegrityError, match="does not open under its key"):
        open_database(path, key_from="databases.other_key", init_command="").ensure_connection()


@pytest.mark.parametrize("content", [b"SQLite format 3\0" + bytes(4080), b"junk" * 5_000])
def test_a_file_that_is_no_database_of_ours_is_told_plainly_and_stays(path, content):
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="does not open under its key"):
        open_database(path).ensure_connection()
    assert path.read_bytes() == content


def test_a_plain_database_is_not_opened(path):
    plain = sqlite3.connect(path)
    plain.execute("CREATE TABLE t (a)")
    plain.commit()
    plain.close()
    with pytest.raises(IntegrityError):
        open_database(path).ensure_connection()


def test_the_key_is_in_neither_settings_nor_errors(path):
    make_database(path).close()
    database = open_database(path, key_from="databases.other_key")
    with pytest.raises(IntegrityError) as caught:
        database.ensure_connection()
    shown = f"{database.settings_dict} {database.get_connection_params()} {caught.value} {caught.value.__cause__}"
    assert bytes(range(1, 33)).hex()[:16] not in shown


def test_a_folder_that_is_not_there_is_the_databases_own_error(tmp_path):
    with pytest.raises((OperationalError, FileNotFoundError)):
        open_database(tmp_path / "missing" / "x.db").ensure_connection()


# --- promises ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_pragmas_that_the_promises_rest_on_are_in_force_in_every_thread():
    found = []

    def look():
        pragmas = ("synchronous", "journal_mode", "foreign_keys", "busy_timeout", "legacy_alter_table")
        found.append({name: run(connection, f"PRAGMA {name}")[0][0] for name in pragmas})
        found[-1]["cipher"] = run(connection, "PRAGMA cipher_version")[0][0].split(".")[0]
        connection.close()

    look()
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    in_force = {"synchronous": 2, "journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30_000}
    assert found == [in_force | {"legacy_alter_table": 0, "cipher": "4"}] * 2


def test_foreign_keys_are_enforced_whatever_the_settings_say(path):
    database = open_database(path, init_command="")
    assert run(database, "PRAGMA foreign_keys") == [(1,)]
    database.close()


@pytest.mark.django_db(transaction=True)
def test_a_row_that_refers_to_nothing_is_refused():
    with pytest.raises(DjangoIntegrityError, match="FOREIGN KEY"):
        Study.objects.create(project_id=10**9, study_instance_uid="1.2", last_received_at=timezone.now())
    assert Study.objects.count() == 0


def test_what_was_committed_survives_a_killed_process(path):
    make_database(path).close()

    def write_and_die():
        database = open_database(path)
        with transaction_on(database):
            run(database, "INSERT INTO patient VALUES ('committed')")
        database.cursor().execute("BEGIN IMMEDIATE")
        database.cursor().execute("INSERT INTO patient VALUES ('not committed')")
        os.kill(os.getpid(), 9)

    process = fork.Process(target=write_and_die)
    process.start()
    process.join()
    assert process.exitcode == -9
    assert run(open_database(path), "SELECT name FROM patient") == [(TEXT,), ("committed",)]


class transaction_on:  # noqa: N801 - reads as a word of the test
    def __init__(self, database):
        self.database = database

    def __enter__(self):
        self.database.cursor().execute("BEGIN IMMEDIATE")

    def __exit__(self, *_error):
        self.database.cursor().execute("COMMIT")


def test_a_new_file_is_made_by_one_connection_alone_and_later_ones_wait_for_nobody(path, monkeypatch):
    """Two that make it at once draw two salts, and SQLite waits for nobody when both turn the file to WAL."""
    seen = []

    def key():
        with open(f"{path}.lock", "w") as lock:  # noqa: PTH123 - the name is SQLite's
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                seen.append("free")
            except BlockingIOError:
                seen.append("held")
        return bytes(32)

    monkeypatch.setattr(databases, "key", key)
    for _ in range(2):
        open_database(path).ensure_connection()
    assert seen == ["held", "free"]


def test_processes_that_begin_together_on_a_new_file_all_get_in(tmp_path):
    for turn in range(3):
        path = tmp_path / f"{turn}.db"
        assert in_processes(6, _begin, path) == ["in"] * 6
        assert run(open_database(path), "SELECT count(*) FROM t") == [(60,)]


def _begin(number, path):
    for _ in range(10):  # opened and closed again and again: the last one out clears the log away
        database = open_database(path)
        with transaction_on(database):
            run(database, "CREATE TABLE IF NOT EXISTS t (a)")
            run(database, "INSERT INTO t VALUES (%s)", [number])
        database.close()
    return "in"


@pytest.mark.django_db(transaction=True)
def test_the_tests_run_on_an_encrypted_database_of_their_own():
    name = Path(connection.settings_dict["NAME"])
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    assert connection.display_name == "SQLCipher"
    assert name.parent == current().data_folder
    assert "cauce-tests-" in str(name)
    assert name.name == (f"test.db_{worker}" if worker else "test.db")
    assert not name.read_bytes().startswith(b"SQLite format 3")


# --- transactions --------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_transactions_take_the_lock_when_they_begin():
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        Project.objects.count()
    assert queries[0]["sql"].split()[:2] == ["BEGIN", "IMMEDIATE"]


@pytest.mark.django_db(transaction=True)
def test_threads_that_read_and_write_lose_nothing_and_never_fail():
    row = AuditEvent.objects.create(action="count", detail={"count": 0})
    errors = []

    def work():
        try:
            for _ in range(25):
                with transaction.atomic():
                    count = AuditEvent.objects.get(pk=row.pk).detail["count"]
                    AuditEvent.objects.filter(pk=row.pk).update(detail={"count": count + 1})
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert AuditEvent.objects.get(pk=row.pk).detail == {"count": 100}


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_fails_leaves_nothing_and_savepoints_work():
    with pytest.raises(ZeroDivisionError):
        write_and_fail("outer")
    with transaction.atomic():
        AuditEvent.objects.create(action="kept")
        with pytest.raises(ZeroDivisionError):
            write_and_fail("inner")
    assert list(AuditEvent.objects.values_list("action", flat=True)) == ["kept"]


def write_and_fail(action):
    with transaction.atomic():
        AuditEvent.objects.create(action=action)
        _ = 1 / 0


# --- what we use of Django -----------------------------------------------------------------------------------------


def make_jobs(*keys, **more):
    """Jobs of one study that are not in the database yet."""
    project, _ = Project.objects.get_or_create(slug="of-the-test")
    study, _ = Study.objects.get_or_create(
        project=project, study_instance_uid="1.2", defaults={"last_received_at": timezone.now()}
    )
    return [Job(**{"key": key, "study": study, "step": "close", "due_at": timezone.now()} | more) for key in keys]


def test_bulk_create_updates_what_is_there():
    later = timezone.now() + dt.timedelta(hours=1)
    Job.objects.bulk_create(make_jobs("k0", "k1", "k2"))
    again = make_jobs("k1", "k2", "k3", "k4", step="other", due_at=later)
    Job.objects.bulk_create(again, update_conflicts=True, unique_fields=["key"], update_fields=["due_at"])
    rows = dict(Job.objects.values_list("key", "due_at"))
    assert sorted(rows) == ["k0", "k1", "k2", "k3", "k4"]
    assert [rows[f"k{number}"] == later for number in range(5)] == [False, True, True, True, True]
    assert Job.objects.get(key="k1").step == "close"


def test_bulk_create_passes_over_what_is_there_and_returns_keys_of_what_is_new():
    Job.objects.bulk_create(make_jobs("a", "b"))
    Job.objects.bulk_create(make_jobs("a", "b", "c", "d"), ignore_conflicts=True)
    assert Job.objects.count() == 4
    new = Project.objects.bulk_create([Project(slug="a"), Project(slug="b")])
    assert [Project.objects.get(pk=project.pk).slug for project in new] == ["a", "b"]


def test_bulk_statements_of_thousands_of_rows_and_parameters_pass():
    keys = [f"k{number}" for number in range(3_000)]
    Job.objects.bulk_create(make_jobs(*keys))
    assert Job.objects.filter(key__in=keys).count() == 3_000
    assert Job.objects.filter(key__in=keys).update(step="other") == 3_000


def test_json_is_kept_and_searched():
    detail = {"count": 3, "names": ["é", "ü"], "deep": {"x": None, "y": 1.5, "z": True}}
    AuditEvent.objects.create(action="json", detail=detail)
    AuditEvent.objects.create(action="json", detail={"count": 4})
    assert AuditEvent.objects.get(detail__count=3).detail == detail
    assert AuditEvent.objects.filter(detail__deep__y__gt=1, detail__has_key="names").count() == 1
    assert AuditEvent.objects.filter(detail__count__in=[3, 4]).count() == 2


def test_times_keep_their_microseconds_and_their_zone():
    moment = dt.datetime(2026, 2, 3, 4, 5, 6, 789_012, tzinfo=dt.UTC)
    make_jobs("t", due_at=moment)[0].save()
    assert Job.objects.get(key="t").due_at == moment
    assert Job.objects.filter(due_at__lt=moment + dt.timedelta(microseconds=1)).count() == 1
    assert Job.objects.annotate(day=TruncDay("due_at")).get(key="t").day == dt.datetime(2026, 2, 3, tzinfo=dt.UTC)


def test_aggregates_expressions_and_patterns_work():
    Job.objects.bulk_create(make_jobs("k0", "k1", "k2", "50% _ \\ off"))
    assert Job.objects.aggregate(count=Count("pk"), attempts=Sum("attempts")) == {"count": 4, "attempts": 0}
    Job.objects.update(attempts=F("attempts") + 2)
    assert Job.objects.aggregate(attempts=Sum("attempts")) == {"attempts": 8}
    for pattern in ("50% _", "% _ \\", "_ \\ off"):
        assert Job.objects.filter(key__contains=pattern).count() == 1
    assert Job.objects.filter(key__regex=r"^k[01]$").count() == 2
    assert Job.objects.filter(key__iexact="K2").count() == 1


def test_parameters_are_named_or_in_order_and_percent_signs_are_doubled(path):
    database = open_database(path)
    assert run(database, "SELECT %s, '%%s', %s", [1, "a"]) == [(1, "%s", "a")]
    assert run(database, "SELECT %(b)s, %(a)s, '%%'", {"a": 1, "b": 2}) == [(2, 1, "%")]
    assert run(database, "SELECT '%s'") == [("%s",)]
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a, b)")
        cursor.executemany("INSERT INTO t VALUES (%s, %s)", iter([(1, 2), (3, 4)]))
        cursor.executemany("INSERT INTO t VALUES (%(a)s, %(b)s)", [{"a": 5, "b": 6}])
        cursor.executemany("INSERT INTO t VALUES (%s, %s)", [])
    assert run(database, "SELECT * FROM t") == [(1, 2), (3, 4), (5, 6)]
    database.close()


def test_types_of_pythons_pass_both_ways(path):
    database = open_database(path)
    run(database, "CREATE TABLE t (a bool, b date, c time, d datetime, e decimal, f blob)")
    blob = random.Random(3).randbytes(10_000)
    values = [True, dt.date(2026, 1, 2), "03:04:05", dt.datetime(2026, 1, 2, 3, 4), Decimal("1.50"), blob]  # noqa: DTZ001 - SQLite knows no zones
    run(database, "INSERT INTO t VALUES (%s, %s, %s, %s, %s, %s)", values)
    found = run(database, "SELECT * FROM t")[0]
    assert found == (True, values[1], dt.time(3, 4, 5), values[3], 1.5, blob)
    database.close()
