"""How long an answer is waited for."""

import threading

import pytest

from cauce.cli.client import Busy
from cauce.cli.imports.patience import Patience
from cauce.core.errors import Forbidden, StorageFull, Unavailable


class Time:
    def __init__(self):
        self.now_s = 0.0
        self.waits = []

    def sleep(self, wait_s):
        self.waits.append(wait_s)
        self.now_s += wait_s


@pytest.fixture
def waiting():
    time, said = Time(), []

    def make(**options):
        patience = Patience(say=said.append, sleep=time.sleep, clock=lambda: time.now_s, **options)
        patience.time, patience.said = time, said
        return patience

    return make


def failing(*errors, then="answer"):
    left = list(errors)

    def request():
        if left:
            raise left.pop(0)
        return then

    return request


def test_an_answer_is_returned_and_nothing_is_said(waiting):
    patience = waiting()
    assert patience.ask(lambda: 7) == 7
    assert (patience.time.waits, patience.said) == ([], [])


def test_waits_grow_up_to_half_a_minute_and_trouble_is_said_once_with_its_end(waiting):
    patience = waiting()
    assert patience.ask(failing(*[Unavailable("It is gone.")] * 9)) == "answer"
    for wait_s, middle_s in zip(patience.time.waits, [0.5, 1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert middle_s * 0.75 <= wait_s <= middle_s * 1.25
    assert patience.said == [
        "It is gone: waiting for up to 5 minutes, it goes on by itself",
        f"there is an answer again after {sum(patience.time.waits):.0f} s",
    ]


@pytest.mark.parametrize(("asked_s", "waited_s"), [(7.0, 7.0), (86_400.0, 60.0), (0.0, 0.5)])
def test_the_server_decides_how_long_the_wait_is_within_reason(waiting, asked_s, waited_s):
    patience = waiting()
    patience.ask(failing(Busy("busy", retry_after_s=asked_s)))
    assert patience.time.waits == [waited_s]


def test_a_silence_of_five_minutes_ends_it(waiting):
    patience = waiting()
    with pytest.raises(Unavailable, match="gone"):
        patience.ask(failing(*[Unavailable("gone")] * 1000))
    assert sum(patience.time.waits) == pytest.approx(300)


def test_an_answer_in_between_begins_the_count_anew(waiting):
    patience = waiting()
    for _ in range(5):
        assert patience.ask(failing(*[Unavailable("gone")] * 9)) == "answer"
    assert sum(patience.time.waits) > 300


def test_a_long_request_that_fails_in_the_end_is_tried_again(waiting):
    """What a request took itself is no silence."""
    patience = waiting()
    left = [1, 1]

    def request():
        patience.time.now_s += 3600
        if left:
            left.pop()
            raise Unavailable("cut")
        return "answer"

    left.pop()
    assert patience.ask(request) == "answer"


def test_without_an_end_any_silence_is_waited_for_and_a_full_store_as_well(waiting):
    patience = waiting(for_s=None)
    assert patience.ask(failing(*[StorageFull("full")] * 500)) == "answer"
    assert patience.said[0] == "full: waiting, it goes on by itself"


def test_a_full_store_ends_an_import_at_once(waiting):
    patience = waiting()
    with pytest.raises(StorageFull):
        patience.ask(failing(StorageFull("full")))
    assert patience.time.waits == []


def test_what_no_waiting_helps_is_raised_at_once(waiting):
    patience = waiting(for_s=None)
    with pytest.raises(Forbidden):
        patience.ask(failing(Forbidden("no")))
    assert patience.time.waits == []


def test_requests_that_wait_together_say_it_once():
    said, together = [], threading.Barrier(4)
    patience = Patience(say=said.append, sleep=lambda _: together.wait(30))
    threads = [threading.Thread(target=patience.ask, args=(failing(Unavailable("gone")),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(said) == 2
