"""The plan: one action for every attribute of the data dictionary, worked out from the table once per profile.

What the table leaves open is settled here, towards removal: attributes that the dictionary does not know, private ones,
curves and overlays go; names, dates, UIDs and network addresses that the table forgot are treated like those it lists.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Self

from pydicom._dicom_dict import DicomDictionary

from cauce.stages.deidentify.encoding import ITEM_GROUP
from cauce.stages.deidentify.profile import MODIFIED_DATES, Profile
from cauce.stages.deidentify.table import Row, load_table

TAG_DIGITS = 8
_LAST_GROUP_OF_FILES = 0x0006
"""Command, file meta and directory elements, which belong into no data set."""


class Action(Enum):
    """What happens to one attribute. Compared by identity in the inner loop."""

    KEEP = "keep"
    NOTE = "note"
    """Kept, and looked at: the pixel risk and the character sets depend on it."""
    NEST = "nest"
    """A sequence that is kept; its items are cleaned."""
    CLASS = "class"
    """A UID that names a class, a syntax or a coding scheme; kept if it is well formed."""
    REMOVE = "removed"
    EMPTY = "emptied"
    DUMMY = "replaced"
    UID = "uids"
    PSEUDONYM = "pseudonym"
    SHIFT = "shifted"
    """A date that is moved by the patient's offset."""
    SCRUB = "scrubbed"
    """Kept, but for values in which the proof has found identity."""

    __hash__ = object.__hash__  # Enum's own is written in Python, and actions are looked up for every element


NOTED = frozenset(
    {
        0x00080005,  # Specific Character Set
        0x00080008,  # Image Type
        0x00080016,  # SOP Class UID
        0x00080018,  # SOP Instance UID
        0x00080060,  # Modality
        0x00080064,  # Conversion Type
        0x0020000D,  # Study Instance UID
        0x0020000E,  # Series Instance UID
        0x00280301,  # Burned In Annotation
        0x00280302,  # Recognizable Visual Features
    }
)

PSEUDONYMOUS = frozenset({0x00100010, 0x00100020})

SHIFTED = frozenset(
    {
        0x00080012,  # Instance Creation Date
        0x00080020,  # Study Date
        0x00080021,  # Series Date
        0x00080022,  # Acquisition Date
        0x00080023,  # Content Date
        0x0008002A,  # Acquisition DateTime
        0x00189074,  # Frame Acquisition DateTime
        0x00189151,  # Frame Reference DateTime
        0x00189516,  # Start Acquisition DateTime
        0x00189517,  # End Acquisition DateTime
        0x00189623,  # Functional Sync Pulse
        0x00189804,  # Exclusion Start DateTime
        0x00189919,  # Instruction Performed DateTime
        0x300A0006,  # RT Plan Date
        0x30080024,  # Treatment Control Point Date
        0x30080054,  # First Treatment Date
        0x30080056,  # Most Recent Treatment Date
        0x30080250,  # Treatment Date
        0x3010004C,  # Intended Phase Start Date
        0x3010004D,  # Intended Phase End Date
        0x0040A032,  # Observation DateTime
    }
)
"""Dates of the patient's own course, moved by the patient's offset where a profile retains modified dates.

All other dates become a constant. Some of them are public (versions of context groups, implant templates) or the same
for every patient of a device (calibrations): shifted, they would tell the offset.
"""

_CLASSES = frozenset(
    {
        0x00080016,  # SOP Class UID
        0x0008001A,  # Related General SOP Class UID
        0x0008001B,  # Original Specialized SOP Class UID
        0x00080062,  # SOP Classes in Study
        0x0008010C,  # Coding Scheme UID
        0x00080117,  # Context UID
        0x00080118,  # Mapping Resource UID
        0x0008040E,  # Stored Instance Transfer Syntax UID
        0x00081150,  # Referenced SOP Class UID
        0x0008115A,  # SOP Classes Supported
        0x00083002,  # Available Transfer Syntax UID
        0x00340003,  # Flow Transfer Syntax UID
        0x04000010,  # MAC Calculation Transfer Syntax UID
        0x30100052,  # Pertinent SOP Classes in Study
        0x30100053,  # Pertinent SOP Classes in Series
    }
)

_ALSO_REMOVED = frozenset(
    {
        0x00080001,  # Length to End: no longer true
        0x00080300,  # Private Data Element Characteristics Sequence: describes what is gone
        0x00100033,  # Patient's Birth Date in Alternative Calendar
        0x00100034,  # Patient's Death Date in Alternative Calendar
        0x00120062,  # Patient Identity Removed: written new, as the next three
        0x00120063,  # De-identification Method
        0x00120064,  # De-identification Method Code Sequence
        0x00280303,  # Longitudinal Temporal Information Modified
        0x00080402,  # Inventory Instance Description
        0x00080418,  # Transaction Status Comment
        0x00102295,  # Breed Registration Number
        0x00140100,  # Component Welder IDs
        0x00181003,  # Device ID
        0x00181803,  # NTP Source Address
        0x0022112C,  # Calculation Comment
        0x00189917,  # Instruction Description
        0x0018991A,  # Instruction Performance Comment
        0x00240044,  # Comments on Patient Performance of Visual Field
        0x00287007,  # System Status Comment
        0x0028702A,  # Test Result Comment
        0x00400400,  # Comments on the Scheduled Procedure Step
        0x00401006,  # Placer Order Number / Procedure
        0x00401007,  # Filler Order Number / Procedure
        0x00402006,  # Placer Order Number / Imaging Service Request (retired)
        0x00402007,  # Filler Order Number / Imaging Service Request (retired)
        0x0040A074,  # Object Binary Identifier (trial)
        0x0040A089,  # Object Directory Binary Identifier (trial)
        0x0040A224,  # Identification Description (trial)
        0x0040A33A,  # Report Status Comment (trial)
        0x0040A992,  # Uniform Resource Locator (trial)
        0x0040E001,  # HL7 Instance Identifier
        0x00420010,  # Document Title
        0x00440003,  # Approval Status Further Description
        0x00440011,  # Substance Administration Notes
        0x00440106,  # Assertion Comments
        0x00660004,  # Surface Comments
        0x00741006,  # Procedure Step Progress Description
        0x0074100C,  # Contact Display Name
        0x00741238,  # Reason for Cancellation
        0x01000424,  # SOP Authorization Comment
        0x04000120,  # Signature
        0x04000500,  # Encrypted Attributes Sequence: the original identity, encrypted
        0x04000520,  # Encrypted Content
        0x21000160,  # Owner ID
        0x30040006,  # Dose Comment
        0x300600C8,  # Frame of Reference Transformation Comment
        0x30080202,  # Treatment Status Comment
        0x30080066,  # Override Reason
        0x300A0402,  # Setup Image Comment
        0x40101007,  # Route Segment ID
        0x4010101A,  # Boarding Pass ID
        0x4010101E,  # Route Segment Start Location ID
        0x4010101F,  # Route Segment End Location ID
        0x4010102A,  # Assigned Location
        0x40101051,  # Itinerary ID
        0x40101053,  # Itinerary ID Assigning Authority
        0x40101054,  # Route ID
        0x40101055,  # Route ID Assigning Authority
        0x40101058,  # Carrier ID
    }
)
"""Attributes that the table does not list although they carry identity or free remarks."""

_ALSO_REPLACED = frozenset(
    {
        0x00400031,  # Local Namespace Entity ID: who issues identifiers, mostly a hospital
        0x00400032,  # Universal Entity ID: as before
        0x0040A160,  # Text Value: free text in content items outside of the content tree
    }
)
_KEPT_URLS = frozenset({0x0008010E, 0x00080120})  # Coding Scheme URL, URN Code Value

# For X/Z/D and its like the type of the attribute in the IOD decides; the action that is right for the strictest of the
# types is right for all of them.
_BY_CODE = {
    "X": Action.REMOVE,
    "Z": Action.EMPTY,
    "D": Action.DUMMY,
    "U": Action.UID,
    "X/Z": Action.EMPTY,
    "X/D": Action.DUMMY,
    "Z/D": Action.DUMMY,
    "X/Z/D": Action.DUMMY,
    "X/Z/U*": Action.NEST,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """`actions` and `vrs` by tag; a tag in neither is removed. `vrs` holds two-letter bytes, one VR of several.

    `shifted` are the tags whose action is `SHIFT`.
    """

    actions: dict[int, Action]
    vrs: dict[int, bytes]
    shifted: frozenset[int]

    def can_scrub(self, tag: int) -> bool:
        """Tell whether values of `tag` are the original's own, so that scrubbing them changes anything."""
        return self.actions.get(tag) in {Action.KEEP, Action.NOTE}

    def scrubbing(self, tags: Iterable[int]) -> Self:
        """Return this plan, but for `tags`, whose values are scrubbed."""
        return type(self)(self.actions | dict.fromkeys(tags, Action.SCRUB), self.vrs, self.shifted)


def _beyond_the_table(tag: int, vr: str) -> Action:
    if tag in _ALSO_REMOVED or tag >> 16 <= _LAST_GROUP_OF_FILES or tag >> 24 in {0x50, 0x60}:
        return Action.REMOVE
    if tag in _ALSO_REPLACED:
        return Action.DUMMY
    if tag in _CLASSES:
        return Action.CLASS
    if tag in NOTED:
        return Action.NOTE
    if vr == "UR" and tag not in _KEPT_URLS:
        return Action.REMOVE
    by_vr = {"SQ": Action.NEST, "UI": Action.UID, "PN": Action.DUMMY, "AE": Action.DUMMY}
    by_vr |= dict.fromkeys(("DA", "DT", "TM"), Action.DUMMY)
    return by_vr.get(vr, Action.KEEP)


@cache
def plan_for(profile: Profile) -> Plan:
    """Work out the action for every attribute known to the dictionary or the table.

    Raises:
        ValueError: `profile` asks for an option that is not carried out yet.
    """
    if profile.options - {MODIFIED_DATES}:
        raise ValueError("this option of the Basic Profile is not carried out yet")
    retained = SHIFTED if MODIFIED_DATES in profile.options else frozenset()
    actions: dict[int, Action] = {}
    vrs: dict[int, bytes] = {}
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if keyword and tag >> 16 != ITEM_GROUP:
            vrs[tag] = vr[:2].encode()
            actions[tag] = _beyond_the_table(tag, vr)
    for row in load_table().rows:
        if "x" in row.tag or len(row.tag) != TAG_DIGITS:
            continue  # curves, overlays and private attributes: whatever is not in the plan is removed
        tag = int(row.tag, 16)
        vrs[tag] = row.vr[:2].encode()
        actions[tag] = _by_the_table(row)
    actions.update(dict.fromkeys(retained, Action.SHIFT))
    return Plan(actions, vrs, retained)


def _by_the_table(row: Row) -> Action:
    if int(row.tag, 16) in PSEUDONYMOUS:
        return Action.PSEUDONYM
    action = _BY_CODE[row.basic]
    return Action.UID if row.vr == "UI" and action is Action.DUMMY else action  # the dummy of a UID is another UID
