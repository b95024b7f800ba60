"""What can happen to an attribute, and what happens to those that Table E.1-1 does not list.

What the table leaves open is settled towards removal: attributes that the dictionary does not know and private ones go;
names, dates, UIDs, network addresses and free remarks that the table forgot are treated like those that it lists.
"""

from enum import Enum

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
    """A UID that is kept if it is well formed: of a class, a syntax, a coding scheme, or retained."""
    REMOVE = "removed"
    EMPTY = "emptied"
    DUMMY = "replaced"
    UID = "uids"
    PSEUDONYM = "pseudonym"
    SHIFT = "shifted"
    """A date that is moved by the patient's offset; the time of day stays."""
    SCRUB = "scrubbed"
    """Kept, but for values in which the proof has found identity."""
    RETAIN = "retained"
    """Kept because the profile says so, if the value has the form of its VR."""
    AGE = "ages"
    """Retained; ages of 90 years and more become 90 years."""
    CLEAN = "cleaned"
    """A text out of which identity, dates and names are taken."""
    HASH = "hashed"
    VALUE = "given"
    """Replaced by a value of the profile's."""
    PRIVATE = "kept_private"
    """A private attribute that stays: it is listed as safe, or has a rule."""
    ZIP = "zip"
    """What is left of a postal code of the United States."""

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
        0x00280002,  # Samples per Pixel
        0x00280004,  # Photometric Interpretation
        0x00280008,  # Number of Frames
        0x00280010,  # Rows
        0x00280011,  # Columns
        0x00280100,  # Bits Allocated
        0x00280301,  # Burned In Annotation
        0x00280302,  # Recognizable Visual Features
    }
)

PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})

PSEUDONYMOUS = frozenset({0x00100010, 0x00100020})

NOT_MOVED = frozenset(
    {
        0x00080106,  # Context Group Version
        0x00080107,  # Context Group Local Version
        0x00120086,  # Ethics Committee Approval Effectiveness Start Date
        0x00120087,  # Ethics Committee Approval Effectiveness End Date
        0x0014407C,  # Calibration Time
        0x0014407E,  # Calibration Date
        0x00181200,  # Date of Last Calibration
        0x00181201,  # Time of Last Calibration
        0x00181202,  # DateTime of Last Calibration
        0x00181203,  # Calibration DateTime
        0x00181204,  # Date of Manufacture
        0x00181205,  # Date of Installation
        0x0018700C,  # Date of Last Detector Calibration
        0x0018700E,  # Time of Last Detector Calibration
        0x0040DB06,  # Template Version
        0x0040DB07,  # Template Local Version
        0x0044000B,  # Product Expiration DateTime
        0x00686226,  # Effective DateTime (of an implant template)
        0x00686270,  # Information Issue DateTime
        0x0072000A,  # Hanging Protocol Creation DateTime
        0x00720061,  # Selector DA Value
        0x00720063,  # Selector DT Value
        0x0072006B,  # Selector TM Value
        0x300A022C,  # Source Strength Reference Date
        0x300A022E,  # Source Strength Reference Time
    }
)
"""Dates that are public, or the same for every patient of a device: moved by a patient's offset they would tell it."""

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
        0x7FE00020,  # Coefficients SDVN (retired): pixels nobody looks at, as the next two
        0x7FE00030,  # Coefficients SDHN (retired)
        0x7FE00040,  # Coefficients SDDN (retired)
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


def beyond_the_table(tag: int, vr: str) -> Action:
    """Return the action for an attribute of the dictionary that the table does not list."""
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
