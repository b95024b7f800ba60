"""When do two studies belong to one patient? By issuer and id; blank and placeholder ids stand for themselves."""

import unicodedata

# Compared in capitals, letters and digits alone; so are ids of nothing but zeros or X.
_PLACEHOLDERS = frozenset(
    {"1", "ANON", "ANONYMOUS", "ANONYMIZED", "ANONYMISED", "NONE", "NULL", "UNKNOWN", "UNK", "TEST", "NA", "NOID"}
    | {"PATIENTID", "UNKNOWNPATIENT", "PHANTOM", "DUMMY"}
)


def patient_key(*, patient_id: str, issuer_of_patient_id: str, study_instance_uid: str) -> tuple[str, ...]:
    """Return what is equal for studies of one patient, and different for studies of two.

    A blank or placeholder id names nobody, so it stands for itself within its study, never for one shared patient.
    """
    if stands_for_itself(patient_id):
        return ("study", study_instance_uid)
    return ("patient", _significant(issuer_of_patient_id), _significant(patient_id))


def stands_for_itself(patient_id: str) -> bool:
    """Tell whether an id names nobody, so that two studies under it are no proof of one patient."""
    letters = "".join(character for character in _significant(patient_id).upper() if character.isalnum())
    return letters in _PLACEHOLDERS or set(letters) <= {"0"} or set(letters) <= {"X"}


def _significant(text: str) -> str:
    """Return what counts of an id: senders differ in padding (PS3.5 section 6.2) and in how they compose letters."""
    return unicodedata.normalize("NFC", text.replace("\0", " ")).strip()
