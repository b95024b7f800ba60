"""When do two studies belong to one patient? By issuer and id; blank and placeholder ids stand for themselves."""

import unicodedata

_PLACEHOLDERS = frozenset(
    {"", "0", "1", "ANON", "ANONYMOUS", "ANONYMIZED", "NONE", "NULL", "UNKNOWN", "TEST", "NA", "N/A"}
)


def patient_key(*, patient_id: str, issuer_of_patient_id: str, study_instance_uid: str) -> tuple[str, ...]:
    """Return what is equal for studies of one patient, and different for studies of two.

    A blank or placeholder id names nobody, so it stands for itself within its study, never for one shared patient.
    """
    identity = unicodedata.normalize("NFC", patient_id).strip()
    if identity.upper() in _PLACEHOLDERS or not any(character.isalnum() for character in identity):
        return ("study", study_instance_uid)
    return ("patient", unicodedata.normalize("NFC", issuer_of_patient_id).strip(), identity)
