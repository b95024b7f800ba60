"""Person names (VR PN, PS3.5 section 6.2.1) in the DICOM JSON model (PS3.18 section F.2.2)."""

from collections.abc import Mapping
from typing import Final

GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
"""The component groups of a name, by their names in the JSON model and in the order that they have in a value."""


def text_of(name: Mapping[str, str]) -> str:
    """Return a name of the JSON model as one value, its groups parted by `=`."""
    return "=".join(name.get(group, "") for group in GROUPS).rstrip("=")
