"""Dummy values: what stands where the profile wants a value that says nothing (PS3.15 E.1, action D)."""

import re
from datetime import date, timedelta

from cauce.stages.deidentify.encoding import Encoding

TEXT = b"REMOVED"
DATE = b"19000101"
TIME = b"000000"

_DUMMIES = {
    b"AS": b"000Y",
    b"DA": DATE,
    b"DT": DATE + TIME,
    b"TM": TIME,
    b"DS": b"0",
    b"IS": b"0",
    b"UR": b"about:blank",
    b"AT": bytes(4),
    b"SL": bytes(4),
    b"UL": bytes(4),
    b"FL": bytes(4),
    b"SS": bytes(2),
    b"US": bytes(2),
    b"FD": bytes(8),
    b"SV": bytes(8),
    b"UV": bytes(8),
    b"OB": bytes(2),
    b"OW": bytes(2),
    b"UN": bytes(2),
    b"OL": bytes(4),
    b"OF": bytes(4),
    b"OD": bytes(8),
    b"OV": bytes(8),
}

_DATE = re.compile(rb"\s*([0-9]{4})[.]?([0-9]{2})[.]?([0-9]{2})")
_TIME_OF_DAY = re.compile(rb"(?:[0-9]{2}){0,3}(?:\.[0-9]{1,6})?(?:[+-][0-9]{4})?")

_CODE = ((0x00080100, b"SH", TEXT), (0x00080102, b"SH", b"99CAUCE"), (0x00080104, b"LO", b"Removed"))
_PERSON = 0x00401101
_CONCEPT_NAME = 0x0040A043
_TEXT_OBJECT = 0x00700008
_NAMED_PERSON = ((_PERSON, b"SQ", b""), (0x00080080, b"LO", TEXT))
_ITEMS: dict[int, tuple[tuple[int, bytes, bytes], ...]] = {
    0x00080082: _CODE,  # Institution Code Sequence
    0x00081072: _NAMED_PERSON,  # Operator Identification Sequence
    0x00081111: ((0x00081150, b"UI", b"1.2.840.10008.3.1.2.3.3\0"), (0x00081155, b"UI", b"2.25.0")),
    0x00340001: ((0x00340002, b"OB", bytes(2)),),  # Flow Identifier Sequence
    _PERSON: _CODE,  # Person Identification Code Sequence
    _CONCEPT_NAME: _CODE,
    0x0040A168: _CODE,  # Concept Code Sequence
    0x0040A073: (  # Verifying Observer Sequence
        (0x0040A027, b"LO", TEXT),
        (0x0040A030, b"DT", DATE + TIME),
        (0x0040A075, b"PN", TEXT),
        (0x0040A088, b"SQ", b""),
    ),
    0x0040A730: (  # Content Sequence
        (0x0040A010, b"CS", b"CONTAINS"),
        (0x0040A040, b"CS", b"TEXT"),
        (_CONCEPT_NAME, b"SQ", b""),
        (0x0040A160, b"UT", TEXT),
    ),
    0x0040B020: ((0x0040A0B0, b"US", b"\1\0\1\0"), (0x00700006, b"ST", TEXT)),  # Waveform Annotation Sequence
    0x00700001: ((0x00700002, b"CS", TEXT), (_TEXT_OBJECT, b"SQ", b"")),  # Graphic Annotation Sequence
    _TEXT_OBJECT: (
        (0x00700004, b"CS", b"DISPLAY"),
        (0x00700006, b"ST", TEXT),
        (0x00700014, b"FL", bytes(8)),
        (0x00700015, b"CS", b"N"),
    ),
}

OURS = frozenset({TEXT, *_DUMMIES.values(), *(value for item in _ITEMS.values() for _, _, value in item)})
"""Every value that we write for one of the original: it says nothing, whatever the original said."""


def shift_date(value: bytes, *, days: int) -> bytes | None:
    """Return the first date of a raw DA or DT as `YYYYMMDD`, moved by `days`; None when there is none to be read."""
    found = _DATE.match(value)
    if found is None:
        return None
    try:
        moved = date(*map(int, found.groups())) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return moved.strftime("%Y%m%d").rjust(8, "0").encode()


def dummy_value(vr: bytes) -> bytes:
    """Return the value that stands in the place of any other of this VR."""
    return _DUMMIES.get(vr, TEXT)


def shifted_value(vr: bytes, value: bytes, *, days: int) -> bytes | None:
    """Return a raw DA or DT, of one value or several, moved by `days`; None where a date cannot be read.

    Times of day stay, and so do offsets from UTC.
    """
    moved = []
    for part in value.split(b"\\"):
        text = part.strip(b" \0")
        day = shift_date(text, days=days) if text else b""
        rest = b"" if vr == b"DA" else text[8:]
        if day is None or vr not in {b"DA", b"DT"} or not _TIME_OF_DAY.fullmatch(rest):
            return None
        moved.append(day + rest)
    return b"\\".join(moved)


def dummy_sequence(tag: int, encoding: Encoding) -> bytes:
    """Return a sequence of one item that is valid for `tag` and says nothing."""
    return encoding.sequence(tag, _item(tag, encoding))


def _item(tag: int, encoding: Encoding) -> bytes:
    parts = []
    for child, vr, value in _ITEMS.get(tag, ()):
        if vr == b"SQ":
            parts.append(dummy_sequence(child, encoding) if child in _ITEMS else encoding.head(child, vr, 0))
        elif vr == b"US" and not encoding.little:
            parts.append(encoding.element(child, vr, b"".join(value[i : i + 2][::-1] for i in range(0, len(value), 2))))
        else:
            parts.append(encoding.element(child, vr, value))
    # Items are kept in the order of their tags (PS3.5 section 7.1).
    return b"".join(part for _, part in sorted(zip((c for c, _, _ in _ITEMS.get(tag, ())), parts, strict=True)))
