"""Renew the table of required attributes from the module tables that highdicom ships (PS3.3 annexes A and C).

    pip download --no-deps --dest FOLDER highdicom==VERSION
    python tools/iod_tables.py FOLDER/highdicom-VERSION-py3-none-any.whl

Kept is what `stages/validate/iods.py` asks: for each SOP Class the modules that are mandatory, for each of those its
attributes of type 1 and 2 outside of sequences. Conditional modules and attributes, and all that lies in sequences, are
left out: whether they are required cannot be told from the table alone.
"""

import json
import sys
from collections.abc import Mapping
from email import message_from_bytes
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from pydicom.datadict import tag_for_keyword

TARGET = Path(__file__).resolve().parent.parent / "src/cauce/stages/validate/data/required_attributes.json"
MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"
EDITION = "DICOM PS3.3, 2024c with later supplements (Segmentation Label Map, Waveform Presentation State)"
_TAKEN_BACK = {"sr-document-content": {"0040A040"}}
"""Of these modules the table gives what macros for some types of content require as if it were required of all."""

_NEVER_SURE = frozenset({"00201040", "00280034"})
"""Position Reference Indicator is left out by half of the scanners and read by nobody; Pixel Aspect Ratio is 1C."""

_FOLDER = "highdicom/_standard/"
_WORDS = {"ct": "CT", "mr": "MR", "cr": "CR", "dx": "DX", "sc": "SC", "us": "US", "pet": "PET", "nm": "NM", "rt": "RT"}
_WORDS |= {"sr": "SR", "vl": "VL", "xa": "XA", "xrf": "XRF", "icc": "ICC", "sop": "SOP", "oct": "OCT", "voi": "VOI"}
_WORDS |= {
    "for": "for",
    "of": "of",
    "and": "and",
    "lut": "LUT",
    "ecg": "ECG",
    "bulk": "Bulk",
    "ivus": "IVUS",
    "stl": "STL",
    "obj": "OBJ",
    "mtl": "MTL",
}


def main() -> int:
    """Write the table."""
    with ZipFile(sys.argv[1]) as wheel:
        modules, iods, classes = (
            json.loads(wheel.read(f"{_FOLDER}{name}_map.json"))
            for name in ("module_attribute", "iod_module", "sop_class_iod")
        )
        about = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        version = message_from_bytes(wheel.read(about))["Version"]
    required = {key: _required(key, attributes) for key, attributes in modules.items()}
    classes.pop(MEDIA_DIRECTORY, None)
    mandatory = {iod: _mandatory(used, required) for iod, used in iods.items() if iod in set(classes.values())}
    kept = sorted({key for keys in mandatory.values() for key in keys})
    table = {
        "edition": EDITION,
        "source": f"highdicom {version}, from innolitics dicom-standard; both MIT, see ATTRIBUTION.md",
        "modules": {key: {"name": _name(key), **required[key]} for key in kept},
        "iods": mandatory,
        "sop_classes": dict(sorted(classes.items())),
    }
    TARGET.write_text(_lines(table), encoding="utf-8")
    print(f"{TARGET}: {len(classes)} SOP Classes, {len(mandatory)} IODs, {len(kept)} modules")
    return 0


def _required(module: str, attributes: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the tags of the attributes of type 1 and 2 outside of sequences."""
    found: dict[str, set[str]] = {"1": set(), "2": set()}
    for attribute in attributes:
        tag = f"{tag_for_keyword(attribute['keyword']) or 0:08X}"
        if attribute["type"] in found and not attribute["path"] and tag in _TAKEN_BACK.get(module, {tag}):
            found[attribute["type"]].add(tag)
    return {kind: sorted(tags - _NEVER_SURE) for kind, tags in found.items()}


def _mandatory(used: list[dict[str, str]], required: Mapping[str, Mapping[str, list[str]]]) -> list[str]:
    keys = [use["key"] for use in used if use["usage"] == "M" and use["key"] in required]
    return [key for key in dict.fromkeys(keys) if required[key]["1"] or required[key]["2"]]


def _name(key: str) -> str:
    name = " ".join(_WORDS.get(word, word.capitalize()) for word in key.split("-"))
    return name.replace("X Ray", "X-Ray").replace("Multi Frame", "Multi-frame")


def _lines(table: Mapping[str, Any]) -> str:
    """Write JSON a line an entry, so that a renewal shows what has changed."""
    parts = []
    for name, value in table.items():
        if isinstance(value, dict):
            inner = ",\n".join(f"  {json.dumps(key)}: {json.dumps(one)}" for key, one in value.items())
            parts.append(f" {json.dumps(name)}: {{\n{inner}\n }}")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
