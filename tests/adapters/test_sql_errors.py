import threading

import pytest
from databases import open_database
from django.db import InterfaceError, ProgrammingError, connection, transaction

from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.core.errors import DatabaseUnavailable, IntegrityError, StorageFull, Unexpected
from cauce.records.models import Project

pytestmark = pytest.mark.django_db


def run(database, sql):
    with database.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


@pytest.fixture
def database(tmp_path):
    opened = open_database(tmp_path / "cauce.db", timeout=0.01)
    run(opened, "CREATE TABLE t (a TEXT UNIQUE)")
    yield opened
    opened.close()


def test_a_database_that_others_hold_is_unavailable(database, tmp_path):
    other = open_database(tmp_path / "cauce.db")
    run(other, "BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable) as caught, translated():
        run(database, "BEGIN IMMEDIATE")
    assert caught.value.retryable
    run(other, "ROLLBACK")
    other.close()


def test_a_full_disk_is_told_as_such(database):
    run(database, "PRAGMA max_page_count = 4")
    with pytest.raises(StorageFull), translated():
        run(database, f"INSERT INTO t VALUES ('{'x' * 100_000}')")


def test_damaged_pages_are_told_as_such(database, tmp_path):
    for number in range(200):
        run(database, f"INSERT INTO t VALUES ('{number:0>500}')")
    database.close()
    content = bytearray((tmp_path / "cauce.db").read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 + 100] ^= 1
    (tmp_path / "cauce.db").write_bytes(content)
    with pytest.raises(IntegrityError, match="damaged"), translated():
        run(database, "SELECT count(*) FROM t WHERE a > '0'")


def test_a_statement_that_the_database_objects_to_is_a_defect_of_ours(database):
    run(database, "INSERT INTO t VALUES ('JANE')")
    with pytest.raises(Unexpected) as caught, translated():
        run(database, "INSERT INTO t VALUES ('JANE')")
    assert "JANE" not in str(caught.value)


def test_other_errors_of_the_database_are_translated_too():
    with pytest.raises(DatabaseUnavailable), translated():
        raise InterfaceError("cursor closed")
    with pytest.raises(Unexpected), translated():
        raise ProgrammingError("JANE")


def test_errors_of_others_pass():
    with pytest.raises(KeyError), translated():
        raise KeyError("x")


@pytest.mark.django_db(transaction=True)
def test_a_transaction_has_committed_when_it_is_left():
    with transaction_of_ours():
        Project.objects.create(slug="here")
    seen = []

    def look():
        seen.extend(Project.objects.filter(slug="here").values_list("slug", flat=True))
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == ["here"]


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_fails_leaves_nothing():
    def write_and_fail():
        with transaction_of_ours():
            Project.objects.create(slug="gone")
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert not Project.objects.filter(slug="gone").exists()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_within_another_is_refused_since_it_would_not_be_durable():
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic(), transaction_of_ours():
        pass
