"""The identity found in an original: what must not be found again in the output."""

from dataclasses import dataclass, field

from pydicom.charset import python_encoding

IDENTIFYING = frozenset(
    {
        0x00080050,  # Accession Number
        0x00080080,  # Institution Name
        0x00080081,  # Institution Address
        0x00080092,  # Referring Physician's Address
        0x00080094,  # Referring Physician's Telephone Numbers
        0x00081010,  # Station Name
        0x00081040,  # Institutional Department Name
        0x00100020,  # Patient ID
        0x00100021,  # Issuer of Patient ID
        0x00100033,  # Patient's Birth Date in Alternative Calendar
        0x00101000,  # Other Patient IDs
        0x00101040,  # Patient's Address
        0x00101050,  # Insurance Plan Identification
        0x00101080,  # Military Rank
        0x00101081,  # Branch of Service
        0x00101090,  # Medical Record Locator
        0x00102154,  # Patient's Telephone Numbers
        0x00102155,  # Patient's Telecom Information
        0x00102297,  # Responsible Person
        0x00102299,  # Responsible Organization
        0x00120031,  # Clinical Trial Site Name
        0x00120040,  # Clinical Trial Subject ID
        0x00120042,  # Clinical Trial Subject Reading ID
        0x00181000,  # Device Serial Number
        0x00200010,  # Study ID
        0x00321021,  # Scheduled Study Location AE Title
        0x00380010,  # Admission ID
        0x00380060,  # Service Episode ID
        0x00400009,  # Scheduled Procedure Step ID
        0x00400253,  # Performed Procedure Step ID
        0x00401001,  # Requested Procedure ID
        0x00401102,  # Person's Address
        0x00401103,  # Person's Telephone Numbers
        0x00401104,  # Person's Telecom Information
        0x00402016,  # Placer Order Number / Imaging Service Request
        0x00402017,  # Filler Order Number / Imaging Service Request
    }
)
"""Attributes whose values are looked for in the output; every PN and every UID that was replaced is, too."""

_BIRTH_DATE = 0x00100030


@dataclass(slots=True)
class Identity:
    """Raw values by kind, as they stood at any depth of the original, and the character sets declared there."""

    names: set[bytes] = field(default_factory=set, repr=False)
    values: set[bytes] = field(default_factory=set, repr=False)
    birth_dates: set[bytes] = field(default_factory=set, repr=False)
    uids: frozenset[bytes] = field(default=frozenset(), repr=False)
    character_sets: set[bytes] = field(default_factory=set)

    def note(self, tag: int, vr: bytes, value: bytes) -> None:
        """Remember a value that is being taken out, if it is one to look for."""
        if vr == b"PN":
            self.names.add(value)
        elif tag == _BIRTH_DATE:
            self.birth_dates.add(value.strip(b" \0"))
        elif tag in IDENTIFYING:
            self.values.update(part.strip(b" \0") for part in value.split(b"\\"))

    def codecs(self) -> list[str]:
        """Return Python's names of the codecs declared, in no particular order; empty where only ASCII is."""
        found: dict[str, None] = {}
        for value in self.character_sets:
            for part in value.split(b"\\"):
                codec = python_encoding.get(part.strip(b" \0").decode("ascii", "replace"))
                if codec:
                    found[codec] = None
        return list(found)
