"""The vault: the only place that knows which pseudonym stands for which patient."""

from typing import Protocol

from cauce.core.actors import Actor
from cauce.core.messages import LinkedPatient, ProjectRef, Pseudonym


class Vault(Protocol):
    """One encrypted row per project and patient, committed before any output that depends on it is written.

    Whoever asks who somebody is says why, and leaves a trace before the answer is given. All methods raise
    `VaultLocked` while its keys are not at hand, and do nothing then.
    """

    def pseudonym(
        self, project: ProjectRef, *, patient_id: str, issuer_of_patient_id: str, study_instance_uid: str
    ) -> Pseudonym:
        """Return the patient's pseudonym in `project`, made on first use; who loses a race reads the winner's.

        A blank or placeholder `patient_id` stands for itself within its study, never for one shared patient.
        """

    def resolve(self, project: ProjectRef, pseudonym: str, *, reason: str, actor: Actor) -> LinkedPatient:
        """Return who a pseudonym stands for.

        Raises:
            NotFound: no link of this project has it (any more).
            Forbidden: the actor may not ask.
            InvalidRequest: there is no reason, or it names the patient.
        """

    def find(
        self,
        project: ProjectRef,
        *,
        patient_id: str,
        issuer_of_patient_id: str,
        study_instance_uid: str,
        reason: str,
        actor: Actor,
    ) -> str:
        """Return the pseudonym of a patient, who must have one already; see `resolve`."""

    def erase(self, project: ProjectRef, pseudonym: str, *, reason: str, actor: Actor) -> None:
        """Forget who a pseudonym stands for, its UIDs and its dates, for good. See `resolve`.

        What was made under it stays as it is. Images that come later for the same patient get another pseudonym.
        """
