"""A data set with every attribute of Annex E, and what became of each, for holding outputs against sources."""

import io
import struct
from datetime import date, timedelta

import pydicom
from deid_objects import CT, PSEUDONYM, data_set, part10

from cauce.stages.deidentify import deidentify_instance
from cauce.stages.deidentify.dummies import dummy_value
from cauce.stages.deidentify.rules import ATTRIBUTES

NAME = "Quimby"
NESTING = (0x00081115, 0x0008114A, 0x00081199)
"""Sequences that no profile touches, one within another."""

NOT_IN_DATA_SETS = frozenset({0x00420011, 0x00100010, 0x00100020})
"""An encapsulated document holds the object back; name and id have tests of their own."""

_TIMEZONE = 0x00080201
_TEXTS = frozenset(["LO", "LT", "SH", "ST", "UC", "UT"])
_VALUES = {
    "AE": "ZQAE",
    "AS": "045Y",
    "CS": "ZQCODE",
    "DA": "20200315",
    "DS": "71.5",
    "DT": "20200315101112.5",
    "IS": "71",
    "PN": "Stranger^Ann",
    "TM": "101112",
    "UR": "about:zq",
    "US": struct.pack("<H", 71),
    "UL": struct.pack("<L", 71),
    "FD": struct.pack("<d", 7.25),
    "FL": struct.pack("<f", 7.25),
    "SS": struct.pack("<h", -71),
    "SL": struct.pack("<l", -71),
    "OB": b"\1\2\3\4",
    "OW": b"\1\2\3\4",
    "OL": b"\1\2\3\4",
    "OF": b"\1\2\3\4",
    "OD": b"\1\2\3\4\5\6\7\1",
    "OV": b"\1\2\3\4\5\6\7\1",
    "SV": struct.pack("<q", -71),
    "UV": struct.pack("<Q", 71),
    "AT": struct.pack("<HH", 0x10, 0x20),
    "UN": b"\1\2\3\4",
}


def representation(tag):
    """Return the VR of a tag, one of several."""
    return ATTRIBUTES[tag][0][:2] or "LO"


def value_of(tag, *, is_named):
    """Return the value that an attribute has before; with `is_named`, a text names the patient and says more."""
    vr = representation(tag)
    if vr == "UI":
        return f"1.2.999.{tag}"
    if vr == "SQ":
        return [data_set({0x00080100: ("SH", "ZQ1"), 0x00081155: ("UI", f"1.2.999.7.{tag}"), 0x00101040: ("LO", "ZQ")})]
    if tag == _TIMEZONE:
        return "+0100"
    if vr in _TEXTS:
        return f"Knee {NAME} ok" if is_named else f"ZQ{tag:08X}"
    return _VALUES[vr]


def original(tags, *, named=frozenset(), depth=0):
    """Return a CT image that carries `tags`, at the root or in items `depth` sequences deep."""
    held = {tag: (representation(tag), value_of(tag, is_named=tag in named)) for tag in tags}
    base = {
        0x00080016: ("UI", CT),
        0x00080018: ("UI", "1.2.999.10.3"),
        0x00080060: ("CS", "CT"),
        0x00100010: ("PN", f"{NAME}^Hubert"),
        0x00100020: ("LO", "HQ-7654321"),
        0x0020000D: ("UI", "1.2.999.10.1"),
        0x0020000E: ("UI", "1.2.999.10.2"),
        0x00280010: ("US", 4),
        0x00280011: ("US", 4),
        0x00280100: ("US", 16),
        0x7FE00010: ("OW", bytes(range(32))),
    }
    if depth:
        for sequence in reversed(NESTING[:depth]):
            held = {sequence: ("SQ", [data_set(held)])}
    return part10(data_set(base | held))


def output_of(content, profile):
    """Return (outcome, data set) of an original under a profile."""
    target = io.BytesIO()
    outcome = deidentify_instance(io.BytesIO(content), target, pseudonym=PSEUDONYM, profile=profile)
    assert (outcome.cause, outcome.detail) == (None, "")
    return outcome, pydicom.dcmread(io.BytesIO(target.getvalue()))


def at_depth(ds, depth):
    """Return the item of an output that holds the attributes."""
    for sequence in NESTING[:depth]:
        (ds,) = ds[sequence].value
    return ds


def fate(ds, tag, *, is_named):
    """Return what became of an attribute, in letters of the standard: X, Z, D, U, K or C.

    K is the very value; C is one of the same meaning: a moved date, a text without the name, a sequence whose items
    were cleaned in their turn. Anything else is `?`.
    """
    if tag not in ds:
        return "X"
    vr, was = representation(tag), value_of(tag, is_named=is_named)
    if vr == "SQ":
        return _fate_of_sequence(ds[tag].value, tag)
    raw = _raw(ds, tag)
    before = was.encode() if isinstance(was, str) else was
    ways = {
        "Z": not raw,
        "K": raw == before,
        "U": vr == "UI" and raw.startswith(b"2.25."),
        "C": (vr in {"DA", "DT"} and raw == _moved(was)) or (is_named and raw == b"Knee ok"),
        "D": raw == dummy_value(vr.encode()),
    }
    return next((letter for letter, is_so in ways.items() if is_so), "?")


def _raw(ds, tag):
    value = ds.get_item(tag).value or b""
    return value if isinstance(value_of(tag, is_named=False), bytes) else value.rstrip(b" \0")


def _moved(was):
    day = date(int(was[:4]), int(was[4:6]), int(was[6:8])) + timedelta(days=PSEUDONYM.date_offset_days)
    return (day.strftime("%Y%m%d") + was[8:]).encode()


def _fate_of_sequence(items, tag):
    if not items:
        return "Z"
    (item,) = items
    if "ReferencedSOPInstanceUID" in item and item.get("CodeValue") == "ZQ1":
        uid = item.ReferencedSOPInstanceUID
        is_cleaned = uid.startswith("2.25.") or uid == f"1.2.999.7.{tag}"
        return "C" if is_cleaned and "PatientAddress" not in item else "?"
    return "?" if "ZQ" in str(item) or "1.2.999" in str(item) else "D"
