import datetime as dt

import pytest

from cauce.api.pages import shown
from cauce.api.pages.progress import steps_of


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Doe^John", "Doe, John"),
        ("Doe^John^Q^Dr^Jr", "Doe, Dr John Q Jr"),
        ("Doe", "Doe"),
        ("^John", "John"),
        ("", ""),
        ("^^^^", ""),
        ("=山田^太郎=やまだ^たろう", "山田, 太郎"),
        ("Yamada^Tarou=山田^太郎", "Yamada, Tarou"),
        ("a^b^c^d^e^f^g", "a, d b c e"),
    ],
)
def test_a_name_reads_as_people_write_it(name, said):
    assert shown.person(name) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [("20260131", "2026-01-31"), ("2026.01.31", "2026-01-31"), ("", ""), ("soon", "soon"), ("2026", "2026")],
)
def test_a_date_reads_as_one(text, said):
    assert shown.date(text) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0.0 s"), (1.25, "1.2 s"), (42, "42 s"), (61, "1 min 01 s"), (3661, "1 h 01 min")]
)
def test_a_length_of_time_is_short(seconds, said):
    assert shown.duration(seconds) == said


def test_a_length_of_time_needs_both_ends():
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert shown.between(None, now) == shown.between(now, None) == ""
    assert shown.between(now, now - dt.timedelta(seconds=1)) == "0.0 s"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (-1024.0, "\u22121024"), (0.0416, "0.04"), (38.24, "38.2"), (12345.6, "12,346"), (None, ""), (True, "")],
)
def test_a_figure_has_the_digits_that_say_something(value, said):
    assert shown.number(value) == said


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_figure_that_is_no_number_is_not_shown(value):
    assert shown.number(value) == ""


def states(status, causes=(), jobs=()):
    return [step.state for step in steps_of(status, causes, jobs)]


def test_the_flow_shows_where_a_study_is():
    def job(step, status):
        return {"step": step, "status": status}

    assert states("receiving") == ["now", "", "", ""]
    assert states("queued") == ["done", "now", "", ""]
    assert states("processing", jobs=[job("deidentify", "running"), job("process", "queued")]) == [
        "done",
        "now",
        "",
        "",
    ]
    assert states("processing", jobs=[job("deidentify", "succeeded"), job("process", "retrying")]) == [
        "done",
        "done",
        "now",
        "",
    ]
    assert states("processing", jobs=[job("summarise", "queued"), job("close", "queued")]) == [
        "done",
        "done",
        "now",
        "",
    ]
    assert states("processing", jobs=[job("deliver", "running")]) == ["done", "done", "done", "now"]
    assert states("ready") == ["done"] * 4


@pytest.mark.parametrize(
    ("cause", "detail", "held"),
    [
        ("pixels_unproven", "", 1),
        ("undecodable_pixels", "", 2),
        ("conflict", "", 0),
        ("job_dead", "deidentify: lost", 1),
        ("job_dead", "summarise: lost", 2),
        ("job_dead", "deliver: lost", 3),
        ("something_new", "", 3),
    ],
)
def test_the_flow_shows_where_a_study_is_held(cause, detail, held):
    found = states("attention", causes=[{"cause": cause, "detail": detail}])
    assert found == ["done"] * held + ["held"] + [""] * (3 - held)
