"""What waits for the next transaction: it is in it, or in the one after."""

import pytest

from cauce.adapters.put_off import PutOff


def fail(put_off, *, meanwhile=lambda: None):
    """A transaction that takes all that waits, and fails."""

    def transaction():
        with put_off.taken():
            meanwhile()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        transaction()


def test_what_was_added_is_handed_over_once_in_its_order():
    put_off = PutOff()
    assert not put_off
    put_off.add(1)
    put_off.add(2)
    assert put_off
    with put_off.taken() as taken:
        assert taken == [1, 2]
    assert not put_off
    with put_off.taken() as taken:
        assert taken == []


def test_what_was_in_a_transaction_that_failed_goes_before_what_came_meanwhile():
    put_off = PutOff()
    put_off.add(1)
    fail(put_off, meanwhile=lambda: put_off.add(2))
    with put_off.taken() as taken:
        assert taken == [1, 2]


def test_what_is_in_every_transaction_that_fails_is_given_up():
    put_off = PutOff()
    put_off.add("bad")
    failures = 0
    while put_off:
        fail(put_off)
        failures += 1
    assert failures == 17
