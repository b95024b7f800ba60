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
    """A patient whose diagnoses are all kept, the oldest first."""

    history: list[Entry] = field(default_factory=list)

    def update_diagnosis(self, new: str, *, author: str = "unknown") -> None:
        """Set another diagnosis and add it to the history.

        Raises:
            ValueError: the new one is blank.
        """
        super().update_diagnosis(new)
        self.history.append(Entry(diagnosis=new.strip(), at=dt.datetime.now(dt.UTC), author=author))

    def lines(self) -> list[str]:
        """Return the fields, then the history."""
        told = [f"  {entry.at:%Y-%m-%d %H:%M} UTC, {entry.author}: {entry.diagnosis}" for entry in self.history]
        return [*super().lines(), "History of diagnoses:", *(told or ["  none"])]
