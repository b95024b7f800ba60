"""The reference page explains every code, and no other; the table it speaks of comes from where it says."""

import json
import re
from pathlib import Path

from cauce.core.statuses import RefusalCode
from cauce.stages import validate
from cauce.stages.validate import iods

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/reference/validation.md").read_text(encoding="utf-8")
DECISION = (ROOT / "docs/decisions/0006-required-attributes.md").read_text(encoding="utf-8")
STAGE = ROOT / "src/cauce/stages/validate"


def codes_of(text):
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text, re.MULTILINE)
    return [code for row in rows for code in re.findall(r"`(\w+)`", row)]


def test_every_code_is_explained_once_on_the_page_and_no_other():
    refusals, warnings = PAGE.split("## Warnings")
    assert sorted(codes_of(refusals)) == sorted(code.value for code in RefusalCode)
    assert sorted(codes_of(warnings)) == sorted(validate.EXPLANATIONS)


def test_every_warning_that_the_stage_can_give_is_explained_and_no_other():
    sources = "".join(path.read_text(encoding="utf-8") for path in STAGE.glob("*.py"))
    given = set(re.findall(r'warn\(\s*"(\w+)"', sources)) | set(re.findall(r'_tell\(warn, "(\w+)"', sources))
    given |= set(re.findall(r'return "(preamble_\w+)"', sources))
    assert given == set(validate.EXPLANATIONS)


def test_the_worst_stands_first_and_the_unknown_last():
    codes = sorted(validate.EXPLANATIONS, key=validate.rank)
    assert (codes[0], codes[-1]) == ("preamble_executable", "type2_missing")
    assert validate.rank("no_such_code") == len(codes)


def test_the_decision_names_the_table_as_it_is():
    table = json.loads((STAGE / iods.TABLE).read_text(encoding="utf-8"))
    assert iods.edition().removeprefix("DICOM ") in " ".join(DECISION.split())
    assert f"{len(table['sop_classes'])} SOP Classes" in DECISION
    assert table["source"].split(",")[0] in DECISION
    named = {key for keys in table["iods"].values() for key in keys}
    assert set(table["iods"]) >= set(table["sop_classes"].values())
    assert named == set(table["modules"])
