"""When a study's closing need not be armed anew."""

import datetime as dt

import pytest

from cauce.adapters.held_sql import HeldStudy
from cauce.adapters.quiet_timer import QuietTimer

NOW = dt.datetime(2028, 2, 29, 23, 59, 59, tzinfo=dt.UTC)


def study(closings=0, pk=1):
    return HeldStudy(pk, "a" * 32, closings)


def seconds(count):
    return dt.timedelta(seconds=count)


@pytest.fixture
def timer():
    return QuietTimer(seconds(60))


def test_what_was_armed_a_moment_ago_stays_as_it_is(timer):
    assert not timer.is_armed(study(), NOW)
    timer.committed({1: 0}, NOW)
    assert timer.is_armed(study(), NOW)
    assert timer.is_armed(study(), NOW + seconds(0.999))
    assert not timer.is_armed(study(), NOW + seconds(1))
    assert not timer.is_armed(study(pk=2), NOW)


@pytest.mark.parametrize(("quiet_s", "kept_s"), [(60, 1), (6, 0.1), (3600, 1), (0.6, 0.01), (0, 0)])
def test_it_stays_for_a_sixtieth_of_the_quiet_time_a_second_at_most(quiet_s, kept_s):
    timer = QuietTimer(seconds(quiet_s))
    timer.committed({1: 0}, NOW)
    assert timer.is_armed(study(), NOW + seconds(kept_s) - dt.timedelta.resolution) is (kept_s > 0)
    assert not timer.is_armed(study(), NOW + seconds(kept_s))


def test_a_study_that_has_closed_since_or_does_not_receive_is_armed_anew(timer):
    timer.committed({1: 0}, NOW)
    assert not timer.is_armed(study(closings=1), NOW)
    assert not timer.is_armed(study(closings=None), NOW)


def test_a_clock_that_went_back_arms_anew(timer):
    timer.committed({1: 0}, NOW)
    assert not timer.is_armed(study(), NOW - dt.timedelta.resolution)


def test_it_forgets_rather_than_grow(timer):
    for pk in range(20_000):
        timer.committed({pk: 0}, NOW)
    assert len(timer._armed) <= 4096
    assert timer.is_armed(study(pk=19_999), NOW)
