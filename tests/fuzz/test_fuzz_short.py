"""A few hundred damaged files, always the same: nothing but errors of ours, and every clean file can be read again."""

import pytest
from tests.fuzz import runner
from tests.fuzz.mutations import BYTES_MAX, mutated
from tests.fuzz.runner import case, fuzz
from tests.fuzz.seeds import made_seeds
from tests.fuzz.targets import run_all

from cauce.core.errors import Unexpected

CASES = 40


@pytest.fixture(scope="module")
def seeds():
    return made_seeds()


def test_the_files_that_are_damaged_are_sound(seeds):
    assert {run_all(seed)[0] for seed in seeds} <= {"ok", "warning"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(8))
def test_damaged_files_are_taken_or_refused(seeds, part):
    outcomes = {run_all(case(seeds, "short", number))[0] for number in range(part * CASES, (part + 1) * CASES)}
    assert "truncated" in outcomes
    assert {"ok", "warning"} & outcomes


def test_a_case_is_made_again_from_its_number(seeds):
    assert case(seeds, "a", 3) == case(seeds, "a", 3)
    assert case(seeds, "a", 3) != case(seeds, "a", 4)
    assert all(len(case(seeds, "b", number)) <= BYTES_MAX + 1000 for number in range(50))


def test_empty_and_tiny_files_can_be_damaged_too():
    import random

    for number in range(200):
        assert isinstance(mutated(bytes(number % 3), b"other", random.Random(number)), bytes)


@pytest.mark.filterwarnings("ignore")
def test_a_run_says_what_it_did(tmp_path):
    report = fuzz(seconds=2, seed="report", folder=tmp_path, with_corpora=False)
    assert report.cases > 0
    assert report.findings == {}
    assert list(tmp_path.iterdir()) == []
    assert report.outcomes.total() >= report.cases - 1


def test_a_finding_is_kept_once_with_the_input_that_made_it(tmp_path):
    report = runner.Report()
    trouble = 'Traceback\n  File "/x/cauce/stages/a.py", line 7, in f\nValueError: 1'
    for data in (b"first", b"second"):
        runner._count(tmp_path, report, data, ("", trouble, 0.1, 50.0))
    runner._count(tmp_path, report, b"slow", ("ok", "", 11.0, 50.0))
    runner._count(tmp_path, report, b"large", ("ok", "", 0.1, 1001.0))
    assert report.cases == 4
    assert len(report.findings) == 3
    assert {path.read_bytes() for path in report.findings.values()} == {b"first", b"slow", b"large"}


def test_an_error_that_nobody_foresaw_is_a_finding(monkeypatch, seeds):
    from tests.fuzz import targets

    def broken(*_):
        raise Unexpected("a defect")

    monkeypatch.setattr(targets, "_process", broken)
    with pytest.raises(Unexpected):
        targets.run_all(seeds[0])
