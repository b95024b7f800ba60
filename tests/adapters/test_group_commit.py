import random
import threading
import time

import pytest

from cauce.adapters.group_commit import GroupCommit
from cauce.core.errors import DatabaseUnavailable, InvalidRequest, StorageFull, Unexpected
from cauce.core.traces import trace_of


class Ledger:
    """A transaction that can be held back, and remembers what came in which group."""

    def __init__(self):
        self.groups = []
        self.committed = []
        self.is_held = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.judge = lambda _group: None

    def __call__(self, group):
        self.groups.append(list(group))
        self.is_held.set()
        self.go.wait()
        self.judge(group)
        self.committed.extend(group)
        return [f"answer to {item}" for item in group]


class Submitter(threading.Thread):
    def __init__(self, commit, item):
        super().__init__(daemon=True)  # a test that fails must not hang the run
        self.commit, self.item = commit, item
        self.answer = self.error = None

    def run(self):
        try:
            self.answer = self.commit.submit(self.item)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self.error = error


def gather(commit, ledger, first, items):
    """Let `first` hold the transaction while all `items` come to wait; return the threads, which run on."""
    ledger.go.clear()
    threads = [Submitter(commit, first)]
    threads[0].start()
    ledger.is_held.wait()
    for item in items:
        threads.append(Submitter(commit, item))
        threads[-1].start()
        while len(commit._queue) < len(threads) - 1:  # in this order
            time.sleep(0.001)
    ledger.go.set()
    return threads


def join(threads):
    for thread in threads:
        thread.join()
    return threads


def test_an_item_alone_is_committed_at_once():
    ledger = Ledger()
    assert GroupCommit(ledger).submit(1) == "answer to 1"
    assert ledger.groups == [[1]]


def test_who_waits_at_the_same_time_shares_a_transaction():
    ledger = Ledger()
    commit = GroupCommit(ledger)
    threads = join(gather(commit, ledger, 0, range(1, 11)))
    assert ledger.groups == [[0], list(range(1, 11))]
    assert [thread.answer for thread in threads] == [f"answer to {number}" for number in range(11)]


def test_a_transaction_takes_no_more_than_its_limit_and_nobody_is_forgotten():
    ledger = Ledger()
    commit = GroupCommit(ledger, most=10)
    threads = join(gather(commit, ledger, 0, range(1, 26)))
    assert [len(group) for group in ledger.groups] == [1, 10, 10, 5]
    assert [thread.answer for thread in threads] == [f"answer to {number}" for number in range(26)]


def test_one_bad_item_fails_alone():
    def judge(group):
        if 5 in group:
            raise InvalidRequest("five is bad")

    ledger = Ledger()
    ledger.judge = judge
    threads = join(gather(GroupCommit(ledger), ledger, 0, range(1, 9)))
    assert [thread.item for thread in threads if thread.error] == [5]
    assert isinstance(threads[5].error, InvalidRequest)
    assert sorted(ledger.committed) == [0, 1, 2, 3, 4, 6, 7, 8]
    assert [thread.answer for thread in threads if thread.item != 5] == [
        f"answer to {number}" for number in range(9) if number != 5
    ]


def test_when_the_database_does_not_answer_all_hear_so_at_once():
    def judge(group):
        if len(group) > 1:
            raise DatabaseUnavailable("no answer")

    ledger = Ledger()
    ledger.judge = judge
    threads = join(gather(GroupCommit(ledger), ledger, 0, range(1, 21)))
    assert len(ledger.groups) == 2  # nobody waited for the same once more
    errors = [thread.error for thread in threads[1:]]
    assert {(type(error), error.detail) for error in errors} == {(DatabaseUnavailable, "no answer")}
    assert len({id(error) for error in errors}) == 20
    assert "judge" in trace_of(errors[0])


def test_when_it_stops_answering_among_single_tries_the_rest_hear_so_at_once():
    def judge(group):
        if len(group) > 1:
            raise InvalidRequest("something in here")
        if group[0] == 2:
            raise StorageFull("full")

    ledger = Ledger()
    ledger.judge = judge
    threads = join(gather(GroupCommit(ledger), ledger, 0, range(1, 6)))
    assert ledger.groups == [[0], [1, 2, 3, 4, 5], [1], [2]]
    assert [type(thread.error) for thread in threads] == [type(None), type(None), *[StorageFull] * 4]


def test_a_leader_that_is_interrupted_leaves_nobody_waiting():
    def judge(group):
        if len(group) > 1:
            raise KeyboardInterrupt

    ledger = Ledger()
    ledger.judge = judge
    commit = GroupCommit(ledger)
    threads = join(gather(commit, ledger, 0, range(1, 5)))
    assert sorted(type(thread.error).__name__ for thread in threads[1:]) == ["KeyboardInterrupt"] + ["Unexpected"] * 3
    assert commit.submit(9) == "answer to 9"


@pytest.mark.parametrize("answers", [[], ["one"], ["one", "two", "three", "four"]])
def test_a_transaction_that_does_not_answer_each_item_fails_all_and_is_not_run_again(answers):
    ledger = Ledger()
    commit = GroupCommit(lambda group: ledger(group) if len(group) == 1 else (ledger(group), answers)[1])
    threads = join(gather(commit, ledger, 0, range(1, 4)))
    assert [type(thread.error) for thread in threads[1:]] == [Unexpected] * 3
    assert ledger.groups == [[0], [1, 2, 3]]


def test_many_threads_get_each_their_own_answer_and_every_item_commits_once():
    def judge(group):
        if any(item % 50 == 7 for item in group):
            raise InvalidRequest("a seven")

    ledger = Ledger()
    ledger.judge = judge
    commit = GroupCommit(ledger, most=8)
    answers = {}

    def work(start):
        for item in random.Random(start).sample(range(start, start + 50), 50):
            try:
                answers[item] = commit.submit(item)
            except InvalidRequest:
                answers[item] = "refused"

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 1_600, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    good = [item for item in range(1_600) if item % 50 != 7]
    assert answers == {item: "refused" if item % 50 == 7 else f"answer to {item}" for item in range(1_600)}
    assert sorted(ledger.committed) == good
    assert max(len(group) for group in ledger.groups) <= 8


def test_what_is_put_off_is_committed_with_what_comes_next_in_its_order():
    ledger = Ledger()
    commit = GroupCommit(ledger)
    for item in (1, 2, 3):
        commit.put_off(item)
    assert (ledger.groups, commit.has_waiting) == ([], True)
    assert commit.submit(4) == "answer to 4"
    assert (ledger.groups, commit.has_waiting) == ([[1, 2, 3, 4]], False)


def test_as_much_as_fills_a_group_is_not_put_off_any_longer():
    ledger = Ledger()
    commit = GroupCommit(ledger, most=3)
    for item in range(7):
        commit.put_off(item)
    assert ledger.groups == [[0, 1, 2], [3, 4, 5]]
    assert commit.submit(7) == "answer to 7"
    assert ledger.committed == list(range(8))


def test_what_is_put_off_and_bad_fails_alone_and_nobody_hears_of_it():
    def judge(group):
        if 2 in group:
            raise InvalidRequest("two is bad")

    ledger = Ledger()
    ledger.judge = judge
    commit = GroupCommit(ledger)
    for item in (1, 2, 3):
        commit.put_off(item)
    assert commit.submit(4) == "answer to 4"
    assert ledger.committed == [1, 3, 4]
    assert not commit.has_waiting


def test_what_is_put_off_waits_on_while_the_database_does_not_answer():
    def judge(group):
        if 4 in group:
            raise DatabaseUnavailable("no answer")

    ledger = Ledger()
    ledger.judge = judge
    commit = GroupCommit(ledger)
    for item in (1, 2, 3):
        commit.put_off(item)
    with pytest.raises(DatabaseUnavailable):
        commit.submit(4)
    assert commit.submit(5) == "answer to 5"
    assert ledger.committed == [1, 2, 3, 5]
