"""A patient, as a file describes one."""

import logging
from dataclasses import dataclass

log = logging.getLogger("exercises.oop")


@dataclass(kw_only=True)
class PatientRecord:
    """What is known of a patient; what is not known is `None`.

    Dates and the age are as DICOM writes them (`19700131`, `045Y`), the weight is in kg.
    """

    name: str | None = None
    age: str | None = None
    birth_date: str | None = None
    sex: str | None = None
    weight_kg: float | None = None
    patient_id: str | None = None
    type_of_patient_id: str | None = None
    diagnosis: str | None = None

    def update_diagnosis(self, new: str) -> None:
        """Set another diagnosis; the change is logged.

        Raises:
            ValueError: the new one is blank, or none.
        """
        if not isinstance(new, str) or not new.strip():
            raise ValueError("a diagnosis is not blank")
        before, self.diagnosis = self.diagnosis, new.strip()
        log.info("diagnosis changed from %s to %s", before or "none", self.diagnosis)

    def lines(self) -> list[str]:
        """Return the fields, one a line."""
        shown = {
            "Patient's name": self.name,
            "Age": self.age,
            "Birth date": self.birth_date,
            "Sex": self.sex,
            "Weight (kg)": self.weight_kg,
            "Patient ID": self.patient_id,
            "Type of patient ID": self.type_of_patient_id,
            "Diagnosis": self.diagnosis,
        }
        return [f"{name}: {value}" for name, value in shown.items()]

    def print(self) -> None:
        """Print the fields."""
        print("\n".join(self.lines()))
