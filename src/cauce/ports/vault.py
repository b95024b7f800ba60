"""The vault: the only place that knows which pseudonym stands for which patient."""

from typing import Protocol

from cauce.core.messages import ProjectRef, Pseudonym


class Vault(Protocol):
    """One encrypted row per project and patient, committed before any output that depends on it is written."""

    def pseudonym(
        self, project: ProjectRef, *, patient_id: str, issuer_of_patient_id: str, study_instance_uid: str
    ) -> Pseudonym:
        """Return the patient's pseudonym in `project`, made on first use; who loses a race reads the winner's.

        A blank or placeholder `patient_id` stands for itself within its study, never for one shared patient.
        """
