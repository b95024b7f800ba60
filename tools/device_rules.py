"""Make the table of device rules anew from `isocenter` 1.0.0, as `pip download isocenter==1.0.0` gives it.

    python tools/device_rules.py isocenter-1.0.0-py3-none-any.whl

A condition of CTP is a product of terms `Attribute.equals("…")` or `.containsIgnoreCase("…")`; a sum in brackets
becomes one rule for each of its terms.
"""

import json
import re
import sys
import zipfile
from itertools import product
from pathlib import Path

TARGET = Path("src/cauce/stages/deidentify/pixel_cleaning/data/device_rules.json")
TERM = re.compile(r'([A-Za-z]+|\[[0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\])\.(equals|containsIgnoreCase)\s*\("([^"]*)"\)')
KEYWORDS = {"[0018,1030]": "ProtocolName"}


def main(wheel: str) -> None:
    """Write the table."""
    with zipfile.ZipFile(wheel) as archive:
        given = json.loads(archive.read("isocenter/resources/ctp_rules.json"))
    rules = [rule for one in given["rules"] for rule in converted(one)]
    lines = ",\n".join("  " + json.dumps(rule, separators=(", ", ": ")) for rule in rules)
    head = json.dumps({"source": given["source"], "url": given["url"]})[1:-1]
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text("{" + head + ', "rules": [\n' + lines + "\n]}\n", encoding="utf-8", newline="\n")


def converted(given: dict) -> list[dict]:
    """Return the rules that one condition stands for: what has to be so, and what is blanked (x, y, width, height)."""
    boxes = [[left, top, right - left, bottom - top] for top, bottom, left, right in given["redaction_zones"]]
    factors = re.split(r"\s*\*\s*(?![^(]*\)\s*\*)", re.sub(r"\s+", " ", given["_ctp_condition"]))
    sums = [[term.groups() for term in TERM.finditer(factor)] for factor in factors]
    if "".join(TERM.sub("", factor) for factor in factors).strip(" ()+"):
        raise ValueError(given["_ctp_condition"])
    return [
        {
            "if": [[KEYWORDS.get(name, name), "is" if how == "equals" else "has", value] for name, how, value in terms],
            "blank": boxes,
        }
        for terms in product(*sums)
    ]


if __name__ == "__main__":
    main(sys.argv[1])
