"""The reference page on searches says what the code's own table says."""

import re
from pathlib import Path

from cauce.adapters.search_conditions import Parameters, conditions_of
from cauce.adapters.search_realms import ORIGINALS
from cauce.core.matching import parse_match
from cauce.core.searching import ATTRIBUTES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "dicomweb.md"
ROW = re.compile(r"^\| ([\w.]+) \| (study|series|instance) \| ([\w ]*) ?\| (yes)? ?\| (yes)? ?\|$", re.MULTILINE)
VALUES = {"DA": "20240101", "TM": "1000", "UI": "1.2", "IS": "1", "US": "1"}


def test_each_attribute_is_in_the_table_as_it_is_in_the_code():
    rows = ROW.findall(PAGE.read_text("utf-8"))
    told = [
        (keyword, level, bool(returned.strip()), matched, indexed)
        for keyword, level, returned, matched, indexed in rows
    ]
    known = [
        (
            one.keyword,
            one.level.name.lower(),
            one.is_returned or "." in one.tag,
            "yes" if one.is_matched else "",
            "yes" if is_indexed(one) else "",
        )
        for one in ATTRIBUTES
    ]
    assert told == known


def is_indexed(attribute):
    if not attribute.is_matched:
        return False
    match = parse_match(attribute, VALUES.get(attribute.vr, "X"))
    (condition,) = conditions_of(ORIGINALS, {attribute.name: match}, Parameters())
    return condition.table is not None
