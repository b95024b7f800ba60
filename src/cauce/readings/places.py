"""Where an instance belongs by its own header: to which study, which series, which patient."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cauce.core.patients import patient_key

STUDY: Final = "study"
SERIES: Final = "series"
PATIENT: Final = "patient"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What says where an instance belongs. Patients are told apart by issuer and id, never by name."""

    study_instance_uid: str
    series_instance_uid: str
    patient_id: str
    issuer_of_patient_id: str = ""

    @property
    def patient(self) -> tuple[str, ...]:
        """What is equal for instances of one patient."""
        return patient_key(
            patient_id=self.patient_id,
            issuer_of_patient_id=self.issuer_of_patient_id,
            study_instance_uid=self.study_instance_uid,
        )


def place_of(document: Mapping[str, Any]) -> Place:
    """Return where a document of the DICOM JSON model (PS3.18 annex F) says that its instance belongs."""
    return Place(
        study_instance_uid=_text(document.get("0020000D")),
        series_instance_uid=_text(document.get("0020000E")),
        patient_id=_text(document.get("00100020")),
        issuer_of_patient_id=_text(document.get("00100021")),
    )


def elsewhere(held: Place, named: Place) -> list[str]:
    """Return in what `named` is another place than `held`: some of `STUDY`, `SERIES`, `PATIENT`, in this order."""
    differing = {
        STUDY: held.study_instance_uid != named.study_instance_uid,
        SERIES: held.series_instance_uid != named.series_instance_uid,
        PATIENT: held.patient != named.patient,
    }
    return [name for name, differs in differing.items() if differs]


def _text(element: Mapping[str, Any] | None) -> str:
    values = (element or {}).get("Value", [])
    return "\\".join("" if value is None else str(value) for value in values).replace("\0", " ").strip()
