"""A patient's diagnoses over time."""

import datetime as dt
from dataclasses import dataclass, field

from oop.patient_record import PatientRecord


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One diagnosis: what, when, by whom."""

    diagnosis: str
    at: dt.datetime
    author: str


@dataclass(kw_only=True)
class Diagnosis(PatientRecord):
    """A patient whose diagnoses are all kept, the oldest first; one that is there from the start is the first."""

    history: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin the history with the diagnosis that was given, of an author who is not known."""
        if self.diagnosis and not self.history:
            self.history.append(Entry(diagnosis=self.diagnosis, at=dt.datetime.now(dt.UTC), author="unknown"))

    def update_diagnosis(self, new: str, *, author: str = "unknown") -> None:
        """Set another diagnosis and add it to the history.

        Raises:
            ValueError: the new one is blank, or none.
        """
        super().update_diagnosis(new)
        self.history.append(Entry(diagnosis=new.strip(), at=dt.datetime.now(dt.UTC), author=author))

    def lines(self) -> list[str]:
        """Return the fields, then the history."""
        told = [f"  {entry.at:%Y-%m-%d %H:%M} UTC, {entry.author}: {entry.diagnosis}" for entry in self.history]
        return [*super().lines(), "History of diagnoses:", *(told or ["  none"])]
