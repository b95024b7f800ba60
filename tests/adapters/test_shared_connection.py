"""One connection that threads take in turn."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from cauce.adapters.shared_connection import SharedConnection
from cauce.records.models import Project

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shared():
    made = SharedConnection()
    yield made
    made.close()


def in_threads(function, count):
    with ThreadPoolExecutor(count) as pool:
        return [future.result(timeout=60) for future in [pool.submit(function) for _ in range(count)]]


def test_all_threads_use_one_connection_and_get_their_own_back(shared):
    def used():
        own = connections["default"]
        with shared.held():
            Project.objects.count()
            within = connection.connection
        return within, connections["default"] is own, own.connection

    found = in_threads(used, 4)
    assert len({id(within) for within, _, _ in found}) == 1
    assert all(is_own for _, is_own, _ in found)
    assert all(opened is None for _, _, opened in found), "none had to open its own"


def test_only_one_thread_holds_it_at_a_time(shared):
    inside, most = [], []
    lock = threading.Lock()

    def hold():
        with shared.held():
            with lock:
                inside.append(1)
                most.append(len(inside))
            Project.objects.count()
            with lock:
                inside.pop()

    in_threads(hold, 8)
    assert max(most) == 1


def test_a_thread_in_a_transaction_stays_in_it(shared):
    with transaction.atomic():
        Project.objects.create(slug="mine", name="mine")
        with shared.held():
            assert Project.objects.filter(slug="mine").exists()
            assert connection.in_atomic_block


def test_an_error_leaves_it_free_and_a_broken_connection_is_opened_anew(shared):
    with pytest.raises(ZeroDivisionError), shared.held():
        1 / 0  # noqa: B018 - the error is the subject
    with shared.held():
        Project.objects.count()
        connection.connection.close()
        connection.errors_occurred = True
    with shared.held():
        assert Project.objects.count() >= 0


def test_closed_it_opens_again_when_it_is_needed(shared):
    with shared.held():
        Project.objects.count()
        first = connection.connection
    shared.close()
    shared.close()
    with shared.held():
        Project.objects.count()
        assert connection.connection is not first
