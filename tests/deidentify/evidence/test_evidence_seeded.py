"""Files seeded with 60 made-up strings each: none survives, every file is accounted for, nothing gets worse."""

import collections

import pytest
from deid_objects import deidentified, read
from iod_errors import new_errors
from seeding import seeded
from survivors import survivors

from cauce.core.statuses import AttentionCause


def take(numbers, folder):
    """De-identify seeded files and hold each output against its strings; return how many were written or held."""
    outcomes = collections.Counter()
    for number in numbers:
        content, strings = seeded(number)
        outcome, output = deidentified(content)
        outcomes[outcome.cause] += 1
        if outcome.cause is not None:
            assert output == b""
            assert outcome.detail
            assert [string for string in strings if string in outcome.detail] == []
            continue
        assert survivors(output, strings) == {}, number
        assert read(output).PatientIdentityRemoved == "YES"
        assert new_errors(seeded(number, is_deflated=False)[0], output, folder) == 0, number
    return outcomes


def test_nothing_survives_in_a_sample(tmp_path):
    outcomes = take(range(0, 200, 7), tmp_path)
    assert outcomes[AttentionCause.DEIDENTIFICATION_FAILED] == 0
    assert outcomes[None] > 0.6 * outcomes.total()


@pytest.mark.cluster
def test_nothing_survives_in_200_files(tmp_path):
    outcomes = take(range(200), tmp_path)
    assert outcomes.total() == 200
    assert outcomes[AttentionCause.PIXELS_UNPROVEN] == 40  # PDF and CDA documents
    assert outcomes[AttentionCause.DEIDENTIFICATION_FAILED] == 0
    assert outcomes[None] >= 130
