"""Real files: every one is accounted for, nothing survives in any output, and no output is worse than its original."""

import logging
from pathlib import Path

import pydicom
import pytest
from deid_objects import deidentified
from real_files import examined

from cauce.core.statuses import AttentionCause
from cauce.stages.deidentify.options import CODES
from cauce.stages.deidentify.profile import BASIC

_log = logging.getLogger("real files")
ERROR_LINES_MAX = 38
"""New error lines of `dciodvfy` over pydicom's files: as many as with the best of the other tools."""
PIXELS, SUSPECTED = AttentionCause.PIXELS_UNPROVEN, AttentionCause.IDENTITY_SUSPECTED


@pytest.fixture(scope="module")
def pydicoms():
    """Return the test files that ship with pydicom."""
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith((".py", ".pyc")))


@pytest.fixture(scope="module")
def public(corpus):
    return sorted(path for path in corpus.rglob("*") if path.is_file() and path.name != "MANIFEST.tsv")


def test_nothing_survives_in_the_files_that_pydicom_tests_with(pydicoms, tmp_path):
    outcomes, errors, left, checked = examined(pydicoms, tmp_path)
    assert left == {}
    assert outcomes.total() == len(pydicoms)
    assert outcomes[SUSPECTED] == 0
    assert checked == outcomes[None] >= 110
    assert sum(errors.values()) <= ERROR_LINES_MAX


@pytest.mark.corpus
def test_nothing_survives_in_a_sample_of_real_files(public, tmp_path):
    outcomes, _, left, checked = examined(public[3::9], tmp_path)
    assert left == {}
    assert checked == outcomes[None] > 70


@pytest.mark.corpus
@pytest.mark.cluster
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("half", [0, 1])
def test_nothing_survives_in_real_files_and_few_are_held(public, tmp_path, half):
    files = public[half::2]
    outcomes, errors, left, checked = examined(files, tmp_path)
    _log.warning("held of %d files: %s; new error lines: %s", len(files), dict(outcomes), dict(errors))
    assert left == {}
    assert outcomes.total() == len(files)
    assert checked == outcomes[None]
    assert outcomes.total() - outcomes[None] <= 0.02 * len(files)
    assert outcomes.total() - outcomes[None] - outcomes[PIXELS] < 0.01 * len(files)
    assert sum(errors.values()) <= ERROR_LINES_MAX / 2


@pytest.mark.corpus
@pytest.mark.parametrize("option", [None, *CODES])
def test_few_real_files_are_held_whatever_a_profile_retains(public, option):
    profile = BASIC.with_options(option) if option else BASIC
    causes = [deidentified(path.read_bytes(), profile=profile)[0].cause for path in public[::5]]
    doubted = [cause for cause in causes if cause not in {None, PIXELS}]
    assert len(doubted) < 0.01 * len(causes) + 1
    assert causes.count(None) > 0.8 * len(causes)
