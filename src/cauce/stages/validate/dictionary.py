"""What the data dictionary says of a tag (PS3.6): its VR, and which VRs are long, textual or swappable (PS3.5 6.2)."""

from functools import lru_cache
from typing import Final

from pydicom._dicom_dict import DicomDictionary  # the bare table; the public function costs 2 us a tag
from pydicom._uid_dict import UID_dictionary  # the bare table; the public class checks and warns
from pydicom.datadict import dictionary_VR

UNDEFINED_LENGTH: Final = 0xFFFFFFFF

LONG_VRS: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
"""VRs whose explicit form has two reserved bytes and a length of 32 bits (PS3.5 7.1.2)."""

ASCII_VRS: Final = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})
"""Text outside the reach of Specific Character Set."""

CHARSET_VRS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""Text in the repertoire that Specific Character Set names (PS3.5 6.1.2.3)."""

TEXT_VRS: Final = ASCII_VRS | CHARSET_VRS

BINARY_VRS: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
"""Values that DICOM JSON carries as InlineBinary or BulkDataURI (PS3.18 F.2.2)."""

WORD_BYTES: Final = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""Bytes of the words that change with the byte order; a VR that is not listed never changes (PS3.5 7.3)."""

VRS: Final = TEXT_VRS | BINARY_VRS | frozenset(WORD_BYTES) | {"SQ"}

EXPLICIT_VRS: Final = {vr.encode("ascii"): (vr, vr in LONG_VRS) for vr in VRS}
"""The two bytes of an explicit VR -> (VR, whether its length has 32 bits)."""

SIGNED_OR_NOT: Final = "US or SS"

GE_PRIVATE_SYNTAX: Final = "1.2.840.113619.5.2"
"""Implicit VR little endian with big endian pixels."""

MEDIA_DIRECTORY: Final = "1.2.840.10008.1.3.10"
"""SOP Class of a DICOMDIR (PS3.10 8.6), which is no instance."""

_RESOLVED: Final = {
    "OB or OW": "OW",
    SIGNED_OR_NOT: SIGNED_OR_NOT,
    "US or SS or OW": "OW",
    "US or OW": "OW",
}

_VR_BY_TAG: Final[dict[int, str]] = {
    tag: _RESOLVED.get(entry[0], entry[0]) for tag, entry in DicomDictionary.items() if entry[0] != "NONE"
}

_PRIVATE_CREATOR_MIN: Final = 0x10
_PRIVATE_CREATOR_MAX: Final = 0xFF

_public_vr = _VR_BY_TAG.get


def dictionary_vr(tag: int) -> str:
    """Return the VR of `tag`, "UN" when it is unknown; `US or SS` stays open for Pixel Representation to settle.

    Of `OB or OW` the answer is OW, as Implicit VR little endian has it (PS3.5 annex A.1).
    """
    return _public_vr(tag) or _rare_vr(tag)


@lru_cache(maxsize=4096)
def _rare_vr(tag: int) -> str:
    element = tag & 0xFFFF
    if element == 0:
        return "UL"
    if tag & 0x10000:
        return "LO" if _PRIVATE_CREATOR_MIN <= element <= _PRIVATE_CREATOR_MAX else "UN"
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return "UN"
    return _RESOLVED.get(vr, vr if vr in VRS else "UN")


def tag_text(tag: int) -> str:
    """Return a tag as the standard writes it, such as (0010,0020)."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def is_transfer_syntax(uid: str) -> bool:
    """Tell whether PS3.6 A knows `uid` as a transfer syntax, or it is the one private one that is often met."""
    return UID_dictionary.get(uid, ("", ""))[1] == "Transfer Syntax" or uid == GE_PRIVATE_SYNTAX


def is_storage_class(uid: str) -> bool:
    """Tell whether `uid` may be the SOP Class of something to store: not when PS3.6 A knows it as something else.

    Unknown and private classes pass; services, queries, printing, the media directory, transfer syntaxes do not.
    """
    name, kind, *_ = UID_dictionary.get(uid, ("", "SOP Class"))
    if uid == MEDIA_DIRECTORY or "Storage Commitment" in name:
        return False
    return kind == "SOP Class" and (not name or "Storage" in name)
