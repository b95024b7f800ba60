"""The options of PS3.15 E.3: what each is called, its code in CID 7050, and which of them exclude each other."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """A coded concept of scheme DCM (PS3.16)."""

    value: str
    meaning: str


SAFE_PRIVATE: Final = "retain_safe_private"
UIDS: Final = "retain_uids"
DEVICE: Final = "retain_device_identity"
INSTITUTION: Final = "retain_institution_identity"
CHARACTERISTICS: Final = "retain_patient_characteristics"
FULL_DATES: Final = "retain_longitudinal_full_dates"
MODIFIED_DATES: Final = "retain_longitudinal_modified_dates"
DESCRIPTORS: Final = "clean_descriptors"
STRUCTURED_CONTENT: Final = "clean_structured_content"
GRAPHICS: Final = "clean_graphics"
PIXEL_DATA: Final = "clean_pixel_data"
VISUAL_FEATURES: Final = "clean_recognizable_visual_features"

BASIC_CODE: Final = Code(value="113100", meaning="Basic Application Confidentiality Profile")

CODES: Final = {
    PIXEL_DATA: Code(value="113101", meaning="Clean Pixel Data Option"),
    VISUAL_FEATURES: Code(value="113102", meaning="Clean Recognizable Visual Features Option"),
    GRAPHICS: Code(value="113103", meaning="Clean Graphics Option"),
    STRUCTURED_CONTENT: Code(value="113104", meaning="Clean Structured Content Option"),
    DESCRIPTORS: Code(value="113105", meaning="Clean Descriptors Option"),
    FULL_DATES: Code(value="113106", meaning="Retain Longitudinal Temporal Information Full Dates Option"),
    MODIFIED_DATES: Code(value="113107", meaning="Retain Longitudinal Temporal Information Modified Dates Option"),
    CHARACTERISTICS: Code(value="113108", meaning="Retain Patient Characteristics Option"),
    DEVICE: Code(value="113109", meaning="Retain Device Identity Option"),
    UIDS: Code(value="113110", meaning="Retain UIDs Option"),
    SAFE_PRIVATE: Code(value="113111", meaning="Retain Safe Private Option"),
    INSTITUTION: Code(value="113112", meaning="Retain Institution Identity Option"),
}
"""Every option, with its code in CID 7050 De-identification Method (PS3.16), in the order of the codes."""


def faults_of(options: frozenset[str]) -> list[str]:
    """Return what is wrong with a set of known options, one plain sentence each."""
    faults = []
    if {FULL_DATES, MODIFIED_DATES} <= options:
        faults.append(f"{FULL_DATES} and {MODIFIED_DATES} exclude each other")
    if VISUAL_FEATURES in options:
        faults.append(
            f"{VISUAL_FEATURES} is refused: no method is validated here that takes faces out of images,"
            " so keep such images from the project, or send them through a defacing tool first"
        )
    return faults
