import json
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauce.core.bounded_threads import run_each
from cauce.core.errors import InvalidRequest
from cauce.core.normalisation import agree, averages, numbers_of
from cauce.readings.elements import element_of, read_elements


def test_the_known_answer():
    found = averages(numbers_of(["2 4 8"]))
    assert (found.size, round(found.mean, 6), round(found.mean_normalised, 6)) == (3, 4.666667, 0.583333)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.floats(min_value=-1e300, max_value=1e300), min_size=1, max_size=5), min_size=1, max_size=5))
def test_averages_are_those_of_the_definition(rows):
    values = np.array([one for row in rows for one in row])
    assert numbers_of([" ".join(map(repr, row)) for row in rows]).tolist() == values.tolist()
    assert numbers_of(rows).tolist() == values.tolist()
    if values.max() <= 0:
        with pytest.raises(InvalidRequest, match="maximum of 0 or below"):
            averages(values)
        return
    with np.errstate(all="ignore"):
        expected = (values / values.max()).mean()
    if np.isfinite(expected) and values.max() > 1e-300:
        assert averages(values).mean_normalised == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_a_sum_that_overflows_has_a_mean_all_the_same():
    found = averages(numbers_of(["1.5e308 1.5e308 1.5e308"]))
    assert (found.mean, found.mean_normalised) == (1.5e308, 1.0)


@pytest.mark.parametrize(("one", "other", "same"), [(1.0, 1.0000009, True), (1.0, 1.000002, False), (0.0, 1e-9, False)])
def test_averages_agree_within_a_millionth(one, other, same):
    assert agree(one, other) is same


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no numbers"),
        ([" "], "no numbers"),
        ("1 2", "a list of rows"),
        (None, "a list of rows"),
        (["1", "2 x"], "row 2, value 2 is not a number"),
        (["1 inf"], "row 1, value 2 is not a finite number"),
        (["1 nan"], "not a finite"),
        ([True], "row 1, value 1"),
        ([[1, "2"]], "row 1, value 2"),
        ([None], "row 1, value 1"),
        (["1_0 2"], "row 1, value 1"),
        (["1 ２"], "row 1, value 2"),  # noqa: RUF001 - a digit of another script
        ([10**400], "row 1, value 1"),
    ],
)
def test_what_is_no_number_is_refused_by_its_place(rows, words):
    with pytest.raises(InvalidRequest, match=words):
        numbers_of(rows)


@pytest.mark.parametrize(
    ("given_element", "field"),
    [
        ({"data": ["1"], "deviceName": "CT"}, "id"),
        ({"id": "a", "data": ["1"]}, "deviceName"),
        ({"id": "a", "deviceName": "CT"}, "data"),
        ({"id": "", "data": ["1"], "deviceName": "CT"}, "id"),
        ({"id": 1, "data": ["1"], "deviceName": "CT"}, "id"),
        ({"id": "a", "data": "1", "deviceName": "CT"}, "data"),
        ({"id": "a\ud800", "data": ["1"], "deviceName": "CT"}, "id"),
        ({"id": "a", "data": ["1"], "deviceName": "\udfff"}, "deviceName"),
        ([], None),
    ],
)
def test_a_bad_element_is_refused_by_its_key(given_element, field):
    with pytest.raises(InvalidRequest) as caught:
        element_of(given_element)
    assert caught.value.field == field


def test_the_numbers_of_an_element_are_refused_as_its_data():
    element = element_of({"id": "a", "data": ["0"], "deviceName": "CT"})
    with pytest.raises(InvalidRequest) as caught:
        element.averages()
    assert caught.value.field == "data"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON.*line 1, column 1"),
        (b'{"1": {', "is not JSON"),
        (b"[]", "an object of elements"),
        (b"{}", "holds no elements"),
        (b'{"1": \xff}', "is not UTF-8: byte 7"),
        (b'{"1": 1, "1": 2}', "the key '1' twice"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_a_file_of_no_elements_says_why(tmp_path, content, words):
    (tmp_path / "e.json").write_bytes(content)
    with pytest.raises(InvalidRequest, match=words):
        read_elements(tmp_path / "e.json")


def test_elements_are_read_as_they_are(tmp_path):
    (tmp_path / "e.json").write_text(json.dumps({"1": {"id": "a"}, "2": 7}), encoding="utf-8-sig")
    assert read_elements(tmp_path / "e.json") == {"1": {"id": "a"}, "2": 7}


# --- threads -------------------------------------------------------------------------------------------------------


def test_each_task_has_its_thread_and_no_more_than_the_bound_are_alive():
    alive, most, lock, seen = 0, 0, threading.Lock(), set()
    full = threading.Barrier(4, timeout=30)

    def work(task):
        nonlocal alive, most
        with lock:
            alive += 1
            mine = sum(thread.name.startswith("bounded-") for thread in threading.enumerate())
            most = max(most, mine)
            seen.add((task, threading.current_thread().name))
        if task <= 4:
            full.wait()  # four do run at once
        with lock:
            alive -= 1

    run_each(work, range(1, 41), at_most=4, name="bounded")
    assert most == 4
    assert seen == {(task, f"bounded-{task}") for task in range(1, 41)}


def test_the_next_starts_as_one_ends():
    first_may_end, third_ran = threading.Event(), threading.Event()

    def work(task):
        if task == 1:
            assert first_may_end.wait(30)
        if task == 3:
            third_ran.set()
            first_may_end.set()

    run_each(work, [1, 2, 3], at_most=2, name="next")
    assert third_ran.is_set()


def test_an_error_is_raised_when_those_that_run_have_ended():
    ran = []

    def work(task):
        ran.append(task)
        if task == 2:
            raise KeyError("two")

    with pytest.raises(KeyError, match="two"):
        run_each(work, range(1000), at_most=1, name="failing")
    assert ran == [0, 1, 2]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("failing-")]
