"""Profiles: which of PS3.15 Annex E an output follows. `BASIC` retains nothing that the standard lets one drop."""

from dataclasses import dataclass

from cauce.stages.deidentify.table import load_table

MODIFIED_DATES = "retain_longitudinal_modified_dates"


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """A coded concept of scheme DCM (PS3.16)."""

    value: str
    meaning: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """The Basic Application Level Confidentiality Profile and the options added to it (PS3.15 E.2, E.3).

    `options` holds names as the table spells them; only `MODIFIED_DATES` is carried out yet.
    `codes` is what (0012,0064) says of the output, from CID 7050.
    """

    name: str
    options: frozenset[str] = frozenset()
    codes: tuple[Code, ...]

    @property
    def method(self) -> str:
        """Return the text for De-identification Method (0012,0063)."""
        return f"DICOM PS3.15 {load_table().edition} {self.name}"

    @property
    def longitudinal(self) -> str:
        """Return the code string for Longitudinal Temporal Information Modified (0028,0303)."""
        return "MODIFIED" if MODIFIED_DATES in self.options else "REMOVED"


_BASIC_CODE = Code(value="113100", meaning="Basic Application Confidentiality Profile")

BASIC = Profile(name="Basic Profile", codes=(_BASIC_CODE,))

LONGITUDINAL = Profile(
    name="Basic Profile, Modified Dates",
    options=frozenset({MODIFIED_DATES}),
    codes=(
        _BASIC_CODE,
        Code(value="113107", meaning="Retain Longitudinal Temporal Information Modified Dates Option"),
    ),
)
