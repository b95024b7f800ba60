"""A study and its patient, loaded from a DICOM file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from file_operations.dicom_operations import open_dicom

from oop.patient_record import PatientRecord

NOT_YET = "to be confirmed"
"""The diagnosis of a study that nobody has read: a file does not say what its pictures show."""


@dataclass(kw_only=True)
class StudyRecord(PatientRecord):
    """A study; what its file lacks is `None`, and a file that counts no frames has one."""

    modality: str | None = None
    study_date: str | None = None
    study_time: str | None = None
    study_instance_uid: str | None = None
    series_number: int | None = None
    number_of_frames: int = 1

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the study that a DICOM file belongs to.

        Raises:
            InvalidRequest: the file is not DICOM, or is cut off.
            OSError: it cannot be read.
        """
        facts = open_dicom(path).study_facts()
        return cls(
            name=facts.patient_name,
            age=facts.patient_age,
            birth_date=facts.patient_birth_date,
            sex=facts.patient_sex,
            weight_kg=facts.patient_weight_kg,
            patient_id=facts.patient_id,
            type_of_patient_id=facts.type_of_patient_id,
            modality=facts.modality,
            study_date=facts.study_date,
            study_time=facts.study_time,
            study_instance_uid=facts.study_instance_uid,
            series_number=facts.series_number,
            number_of_frames=facts.number_of_frames,
        )

    def lines(self) -> list[str]:
        """Return the fields of the study, then those of the patient."""
        shown = {
            "Modality": self.modality,
            "Study date": self.study_date,
            "Study time": self.study_time,
            "Study instance UID": self.study_instance_uid,
            "Series number": self.series_number,
            "Number of frames": self.number_of_frames,
        }
        return [*(f"{name}: {value}" for name, value in shown.items()), *super().lines()]


def show_study(path: Path, *, diagnosis: str = NOT_YET) -> None:
    """Print a file's study and patient, then give the patient a diagnosis, which is logged, and print it.

    Raises:
        InvalidRequest, OSError: as `StudyRecord.load`.
        ValueError: the diagnosis is blank.
    """
    study = StudyRecord.load(path)
    study.print()
    study.update_diagnosis(diagnosis)
    print(f"Diagnosis: {study.diagnosis}")
