"""The vault in the SQL database: rows sealed under a key of their own, found by a blind index.

The blind index is an HMAC of issuer and patient id under the vault's index key and the project, so the table says
nothing to who holds the database alone. The pseudonym itself is random, never derived from the patient.
"""

import hmac
import json
import secrets
from collections.abc import Mapping
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.core.errors import IntegrityError
from cauce.core.messages import ProjectRef, Pseudonym
from cauce.core.patients import patient_key, stands_for_itself
from cauce.ports.keys import KeyRing
from cauce.records.models import PatientLink

NONCE_BYTES = 12
DATE_OFFSET_DAYS_MAX = 3650
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PSEUDONYM_LENGTH = 12


class SqlVault:
    """One sealed row per project and patient; created once, whoever comes first."""

    def __init__(self, keyring: KeyRing) -> None:
        """The vault's two keys come from the key ring when they are first needed."""
        self._keyring = keyring

    def pseudonym(
        self, project: ProjectRef, *, patient_id: str, issuer_of_patient_id: str, study_instance_uid: str
    ) -> Pseudonym:
        """Return the patient's pseudonym in `project`; the row has committed before this returns."""
        index = self._blind_index(project, patient_id, issuer_of_patient_id, study_instance_uid)
        found = PatientLink.objects.filter(project_id=project.pk, blind_index=index)
        with translated():
            sealed = found.values_list("sealed", flat=True).first()
        if sealed is None:
            about = {
                "patient_id": patient_id,
                "issuer_of_patient_id": issuer_of_patient_id,
                "study_instance_uid": study_instance_uid if stands_for_itself(patient_id) else "",
            }
            link = PatientLink(project_id=project.pk, blind_index=index, sealed=self._seal(project, index, about))
            with transaction_of_ours():
                PatientLink.objects.bulk_create([link], ignore_conflicts=True)
            with translated():
                sealed = found.values_list("sealed", flat=True).get()
        return self._open(project, index, bytes(sealed))

    def _blind_index(self, project: ProjectRef, patient_id: str, issuer: str, study_instance_uid: str) -> bytes:
        """Index the patient; a blank or placeholder id stands for itself within its study."""
        key = patient_key(patient_id=patient_id, issuer_of_patient_id=issuer, study_instance_uid=study_instance_uid)
        message = json.dumps([project.slug, *key]).encode()
        return hmac.digest(self._keyring.secret("vault-index"), message, "sha256")

    def _seal(self, project: ProjectRef, index: bytes, about: Mapping[str, str]) -> bytes:
        """Return a fresh pseudonym with what leads back from it, sealed for this row alone."""
        offset = (1 + secrets.randbelow(DATE_OFFSET_DAYS_MAX)) * secrets.choice((-1, 1))
        content = {
            "pseudonym": "".join(secrets.choice(_ALPHABET) for _ in range(_PSEUDONYM_LENGTH)),
            "uid_secret": secrets.token_hex(32),
            "date_offset_days": offset,
            **about,
        }
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, json.dumps(content).encode(), _context(project, index))

    def _open(self, project: ProjectRef, index: bytes, sealed: bytes) -> Pseudonym:
        try:
            plain = self._cipher().decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _context(project, index))
        except (InvalidTag, ValueError) as error:  # a value error where not even a nonce is left
            raise IntegrityError("A row of the vault does not open under its key.") from error
        content = json.loads(plain)
        return Pseudonym(
            name=content["pseudonym"],
            uid_secret=bytes.fromhex(content["uid_secret"]),
            date_offset_days=content["date_offset_days"],
        )

    def _cipher(self) -> AESGCM:
        return AESGCM(self._keyring.secret("vault"))


def _context(project: ProjectRef, index: bytes) -> bytes:
    return b"cauce-vault-v1:" + sha256(project.slug.encode()).digest() + index
