"""Rules of a profile: what happens to one attribute, whatever the table and the options say of it."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pydicom._dicom_dict import DicomDictionary

from cauce.stages.deidentify.table import PRIVATE_ROW, load_table

_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?[ ]?([0-9A-Fa-f]{4})\)?")
_PRIVATE = re.compile(r"\(?([0-9A-Fa-f]{4}),[ ]?([ -~]{1,64}?),[ ]?(?:xx)?([0-9A-Fa-f]{2})\)?")
_NOT_OF_KEYWORDS = re.compile(r"[^A-Za-z0-9]+|'s\b")


def _attributes() -> dict[int, tuple[str, str]]:
    """Return (VR, keyword) by tag, of the data dictionary and of what the table has besides."""
    found = {
        int(row.tag, 16): (row.vr, _NOT_OF_KEYWORDS.sub("", row.name))
        for row in load_table().rows
        if row.tag.isalnum() and "x" not in row.tag and row.tag != PRIVATE_ROW
    }
    return found | {tag: (entry[0], entry[4]) for tag, entry in DicomDictionary.items() if entry[4]}


ATTRIBUTES: Final = _attributes()
_BY_KEYWORD: Final = {keyword: tag for tag, (_, keyword) in ATTRIBUTES.items()}
_FIRST_PRIVATE_GROUP: Final = 0x0009


class RuleAction(Enum):
    """What a rule does."""

    KEEP = "keep"
    """The value stays; the items of a sequence are cleaned in their turn."""
    REMOVE = "remove"
    EMPTY = "empty"
    REPLACE = "replace"
    """By the rule's `value`."""
    HASH = "hash"
    """By 16 digits that are the same for the same value of the same patient, and tell nothing without the secret."""
    UID = "uid"
    """Mapped as other UIDs are."""
    SHIFT = "shift"
    """By the patient's offset in days; times of day stay."""
    CLEAN = "clean"
    """Names, dates, numbers of people and addresses are taken out of a text, the rest stays."""
    ZIP3 = "zip3"
    """A postal code of the United States keeps its first three digits, where more than 20,000 people share them."""


TEXTS: Final = frozenset(["CS", "LO", "LT", "SH", "ST", "UC", "UT"])
_HASHED: Final = frozenset(["LO", "LT", "SH", "ST", "UC", "UT"])
_LENGTH_MAX: Final = {
    "AE": 16,
    "AS": 4,
    "CS": 16,
    "DA": 8,
    "DS": 16,
    "DT": 26,
    "IS": 12,
    "LO": 64,
    "LT": 10240,
    "SH": 16,
    "ST": 1024,
    "TM": 14,
    "UC": 10240,
    "UR": 1024,
    "UT": 10240,
}
_FORMS: Final = {
    "AS": re.compile(r"[0-9]{3}[DWMY]"),
    "CS": re.compile(r"[A-Z0-9 _]*"),
    "DA": re.compile(r"[0-9]{8}"),
    "DS": re.compile(r"[0-9+\-.eE]+"),
    "DT": re.compile(r"[0-9]{4,14}(?:\.[0-9]{1,6})?(?:[+-][0-9]{4})?"),
    "IS": re.compile(r"[+-]?[0-9]+"),
    "TM": re.compile(r"[0-9]{2,6}(?:\.[0-9]{1,6})?"),
}
_PRINTABLE = re.compile(r"[ -\[\]-~]*")

OURS: Final = frozenset(
    {
        0x00080005,  # Specific Character Set
        0x00080016,  # SOP Class UID
        0x00100010,  # Patient's Name
        0x00100020,  # Patient ID
        0x00120062,  # Patient Identity Removed
        0x00120063,  # De-identification Method
        0x00120064,  # De-identification Method Code Sequence
        0x00280303,  # Longitudinal Temporal Information Modified
    }
)
"""Attributes that every output carries as we write them."""

NEEDED_UIDS: Final = frozenset({0x00080018, 0x0020000D, 0x0020000E})

DIRECT: Final = frozenset(
    {
        0x00100021,  # Issuer of Patient ID
        0x00100024,  # Issuer of Patient ID Qualifiers Sequence
        0x00100030,  # Patient's Birth Date
        0x00100033,  # Patient's Birth Date in Alternative Calendar
        0x00101000,  # Other Patient IDs
        0x00101001,  # Other Patient Names
        0x00101002,  # Other Patient IDs Sequence
        0x00101040,  # Patient's Address
        0x00101050,  # Insurance Plan Identification
        0x00101090,  # Medical Record Locator
        0x00102154,  # Patient's Telephone Numbers
        0x00102155,  # Patient's Telecom Information
        0x00401101,  # Person Identification Code Sequence
        0x00401102,  # Person's Address
        0x00401103,  # Person's Telephone Numbers
        0x00401104,  # Person's Telecom Information
        0x00080092,  # Referring Physician's Address
        0x00080094,  # Referring Physician's Telephone Numbers
        0x04000500,  # Encrypted Attributes Sequence
        0x04000520,  # Encrypted Content
        0x04000550,  # Modified Attributes Sequence
        0x04000561,  # Original Attributes Sequence
    }
)
"""Attributes that name a person, or hold the original identity whole; no rule keeps them, nor any VR PN."""

_ZIP_TAGS: Final = frozenset({0x00080081, 0x00101040, 0x00102152})
_STAYING: Final = frozenset({RuleAction.KEEP, RuleAction.CLEAN, RuleAction.SHIFT})


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule. `tag` is the attribute's; a private one's has no block (`0019000C`), and `creator` says whose it is."""

    tag: int
    action: RuleAction
    creator: str = ""
    value: str = ""

    @property
    def name(self) -> str:
        """Return how a profile spells the attribute: its keyword, else its tag."""
        group, element = self.tag >> 16, self.tag & 0xFFFF
        if self.creator:
            return f"({group:04X},{self.creator},{element:02X})"
        return ATTRIBUTES[self.tag][1] if self.tag in ATTRIBUTES else f"({group:04X},{element:04X})"


def read_tag(text: str) -> tuple[int, str] | None:
    """Return (tag, private creator) for a keyword, a tag as `(0008,103E)` or a private one as `(0019,CREATOR,0C)`."""
    known = _BY_KEYWORD.get(text)
    if known is not None:
        return known, ""
    if found := _TAG.fullmatch(text):
        return int(found.group(1), 16) << 16 | int(found.group(2), 16), ""
    if found := _PRIVATE.fullmatch(text):
        return int(found.group(1), 16) << 16 | int(found.group(3), 16), found.group(2).strip()
    return None


def fault_of(rule: Rule) -> str:
    """Return what is wrong with a rule, or ""."""
    group, action = rule.tag >> 16, rule.action
    if action is not RuleAction.REPLACE and rule.value:
        return "only `replace` takes a value"
    if rule.creator or group & 1:
        return _fault_of_private(rule)
    if group <= 0x0006 or group in {0x7FE0, 0xFFFE} or rule.tag in OURS:  # noqa: PLR2004 - commands, file meta, directories
        return "no rule may be made for what the platform itself writes or passes on"
    if rule.tag not in ATTRIBUTES:
        return "the data dictionary does not know this attribute"
    return _fault_of_standard(rule, ATTRIBUTES[rule.tag][0])


def _fault_of_private(rule: Rule) -> str:
    if not rule.creator:
        return "a private attribute is named with its creator, as (0019,CREATOR,0C)"
    if not rule.tag >> 16 & 1 or rule.tag >> 16 < _FIRST_PRIVATE_GROUP:
        return "private attributes have odd groups"
    if rule.action not in {RuleAction.KEEP, RuleAction.REMOVE}:
        return "private attributes can be kept or removed, nothing else"
    return ""


def _fault_of_standard(rule: Rule, vr: str) -> str:
    action = rule.action
    if rule.tag in NEEDED_UIDS and action not in {RuleAction.KEEP, RuleAction.UID}:
        return "every instance needs this UID, which can be kept or mapped"
    if action in _STAYING and (rule.tag in DIRECT or vr == "PN"):
        return "it names a person: it can be removed, emptied, replaced or hashed, never kept"
    allowed = _allowed(rule.tag, vr)
    if action not in allowed:
        return f"its value representation is {vr}, for which there is no `{action.value}`"
    return _fault_of_value(rule.value, vr) if action is RuleAction.REPLACE else ""


def _allowed(tag: int, vr: str) -> frozenset[RuleAction]:
    allowed = {RuleAction.KEEP, RuleAction.REMOVE, RuleAction.EMPTY}
    if vr in _LENGTH_MAX or vr == "PN":
        allowed.add(RuleAction.REPLACE)
    if vr in _HASHED or vr == "PN":
        allowed.add(RuleAction.HASH)
    if vr == "UI":
        allowed.add(RuleAction.UID)
    if vr in {"DA", "DT"}:
        allowed.add(RuleAction.SHIFT)
    if vr in TEXTS or vr == "AE":
        allowed.add(RuleAction.CLEAN)
    if tag in _ZIP_TAGS:
        allowed.add(RuleAction.ZIP3)
    return frozenset(allowed)


def _fault_of_value(value: str, vr: str) -> str:
    length_max = _LENGTH_MAX.get(vr, 64)
    if not value:
        return "`replace` wants a value, an empty one is written `empty`"
    if len(value) > length_max:
        return f"its value is longer than {length_max} characters, which is the most of {vr}"
    if not _PRINTABLE.fullmatch(value) or (vr in _FORMS and not _FORMS[vr].fullmatch(value)):
        return f"its value has not the form of {vr}" if vr in _FORMS else "its value is not printable ASCII"
    return ""
