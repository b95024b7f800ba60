"""The vault in the SQL database: rows sealed under a key of their own, found by a blind index.

The blind index is an HMAC of issuer and patient id under the vault's index key and the project, so the table says
nothing to who holds the database alone. The pseudonym itself is random, never derived from the patient; another HMAC
finds the row by it.
"""

import hmac
import json
import secrets
import unicodedata
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cauce import audit
from cauce.adapters.reasons import stated
from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.core.actors import Actor
from cauce.core.errors import ConfigurationError, Forbidden, IntegrityError, NotFound, VaultLocked
from cauce.core.identifiers import PublicId
from cauce.core.messages import LinkedPatient, ProjectRef, Pseudonym
from cauce.core.patients import patient_key, stands_for_itself
from cauce.ports.keys import KeyRing
from cauce.records.models import PatientLink, Study

NONCE_BYTES = 12
DATE_OFFSET_DAYS_MAX = 3650
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PSEUDONYM_LENGTH = 12
_SEALING: Final = "vault"
_INDEXING: Final = "vault-index"
_LOCKED: Final = "The vault is locked: its key {}. Nothing was read or written."


class SqlVault:
    """One sealed row per project and patient; created once, whoever comes first."""

    def __init__(self, keyring: KeyRing) -> None:
        """The vault's two keys come from the key ring when they are first needed."""
        self._keyring = keyring
        self._is_open = False

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
            link = self._new_link(project, index, about)
            with transaction_of_ours():
                PatientLink.objects.bulk_create([link], ignore_conflicts=True)
            with translated():
                sealed = found.values_list("sealed", flat=True).get()
        content = self._opened(project, index, bytes(sealed))
        return Pseudonym(
            name=content["pseudonym"],
            uid_secret=bytes.fromhex(content["uid_secret"]),
            date_offset_days=content["date_offset_days"],
        )

    def resolve(self, project: ProjectRef, pseudonym: str, *, reason: str, actor: Actor) -> LinkedPatient:
        """Return who a pseudonym stands for; the trace of it has committed before this returns."""
        _require(allowed=actor.may_reidentify)
        stated(reason)
        with transaction_of_ours():
            link = self._by_pseudonym(project, pseudonym)
            patient = self._patient(project, link) if link else None
            why = _stated_of(reason, patient, project)
            _note(actor, "pseudonym.resolve", project, why, patient)
        if patient is None:
            raise NotFound("No patient of this project has such a pseudonym, or the link was erased.")
        return patient

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
        """Return the pseudonym of a patient who has one; the trace of it has committed before this returns."""
        _require(allowed=actor.may_reidentify)
        stated(reason, ids=[patient_id])
        index = self._blind_index(project, patient_id, issuer_of_patient_id, study_instance_uid)
        with transaction_of_ours():
            link = PatientLink.objects.filter(project_id=project.pk, blind_index=index).first()
            patient = self._patient(project, link) if link else None
            why = _stated_of(reason, patient, project)
            _note(actor, "pseudonym.find", project, why, patient)
        if patient is None:
            raise NotFound("This patient has no pseudonym in this project.")
        return patient.pseudonym

    def erase(self, project: ProjectRef, pseudonym: str, *, reason: str, actor: Actor) -> None:
        """Forget who a pseudonym stands for, with its UID secret and its dates."""
        _require(allowed=actor.may_administer)
        stated(reason)
        with transaction_of_ours():
            link = self._by_pseudonym(project, pseudonym, lock=True)
            patient = self._patient(project, link) if link else None
            why = _stated_of(reason, patient, project)
            if link:
                link.delete()
            _note(actor, "pseudonym.erase", project, why, patient)
        if patient is None:
            raise NotFound("No patient of this project has such a pseudonym, or the link was erased already.")

    def _by_pseudonym(self, project: ProjectRef, pseudonym: str, *, lock: bool = False) -> PatientLink | None:
        """Return the row of a pseudonym; those of before there was an index are given theirs on the way."""
        links = PatientLink.objects.filter(project_id=project.pk)
        for link in links.filter(pseudonym_index__isnull=True).iterator():
            name = self._opened(project, bytes(link.blind_index), bytes(link.sealed))["pseudonym"]
            PatientLink.objects.filter(pk=link.pk).update(pseudonym_index=self._pseudonym_index(project, name))
        found = links.filter(pseudonym_index=self._pseudonym_index(project, pseudonym))
        return (found.select_for_update() if lock else found).first()

    def _patient(self, project: ProjectRef, link: PatientLink) -> LinkedPatient:
        content = self._opened(project, bytes(link.blind_index), bytes(link.sealed))
        return LinkedPatient(
            pseudonym=content["pseudonym"],
            patient_id=content["patient_id"],
            issuer_of_patient_id=content["issuer_of_patient_id"],
            study_instance_uid=content["study_instance_uid"],
            study_ids=tuple(PublicId(study.public_id) for study in _studies_of(content, project)),
        )

    def _blind_index(self, project: ProjectRef, patient_id: str, issuer: str, study_instance_uid: str) -> bytes:
        """Index the patient; a blank or placeholder id stands for itself within its study."""
        key = patient_key(patient_id=patient_id, issuer_of_patient_id=issuer, study_instance_uid=study_instance_uid)
        message = json.dumps([project.slug, *key]).encode()
        return hmac.digest(self._secret(_INDEXING), message, "sha256")

    def _pseudonym_index(self, project: ProjectRef, pseudonym: str) -> bytes:
        message = json.dumps(["pseudonym", project.slug, pseudonym.strip().upper()]).encode()
        return hmac.digest(self._secret(_INDEXING), message, "sha256")

    def _new_link(self, project: ProjectRef, index: bytes, about: Mapping[str, str]) -> PatientLink:
        """Return a row with a fresh pseudonym and what leads back from it, sealed for this row alone."""
        offset = (1 + secrets.randbelow(DATE_OFFSET_DAYS_MAX)) * secrets.choice((-1, 1))
        content: dict[str, Any] = {
            "pseudonym": "".join(secrets.choice(_ALPHABET) for _ in range(_PSEUDONYM_LENGTH)),
            "uid_secret": secrets.token_hex(32),
            "date_offset_days": offset,
            **about,
        }
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._cipher().encrypt(nonce, json.dumps(content).encode(), _context(project, index))
        found_by = self._pseudonym_index(project, content["pseudonym"])
        return PatientLink(project_id=project.pk, blind_index=index, pseudonym_index=found_by, sealed=sealed)

    def _opened(self, project: ProjectRef, index: bytes, sealed: bytes) -> Mapping[str, Any]:
        try:
            plain = self._cipher().decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _context(project, index))
        except (InvalidTag, ValueError) as error:  # a value error where not even a nonce is left
            raise IntegrityError("A row of the vault does not open under its key.") from error
        content: Mapping[str, Any] = json.loads(plain)
        return content

    def _cipher(self) -> AESGCM:
        return AESGCM(self._secret(_SEALING))

    def _secret(self, name: str) -> bytes:
        """Return one of the vault's keys. A ring that has lost them must not make new ones over rows that they sealed.

        Raises:
            VaultLocked: it is not at hand.
        """
        try:
            if not self._is_open:
                with translated():
                    is_used = PatientLink.objects.exists()
                if is_used and not {_SEALING, _INDEXING} <= self._keyring.secret_names():
                    raise VaultLocked(_LOCKED.format("is missing from the key ring"))
            secret = self._keyring.secret(name)
        except (IntegrityError, ConfigurationError) as error:
            raise VaultLocked(_LOCKED.format("does not open")) from error
        self._is_open = True
        return secret


def _context(project: ProjectRef, index: bytes) -> bytes:
    return b"cauce-vault-v1:" + sha256(project.slug.encode()).digest() + index


def _require(*, allowed: bool) -> None:
    if not allowed:
        raise Forbidden("This account may not ask the vault that.")


def _stated_of(reason: str, patient: LinkedPatient | None, project: ProjectRef) -> str:
    """Return the reason as it is kept, once it is known that it does not name this patient."""
    if patient is None:
        return stated(reason)
    studies = Study.objects.filter(project_id=project.pk, public_id__in=patient.study_ids)
    return stated(reason, ids=[patient.patient_id], names=studies.values_list("patient_name", flat=True))


def _studies_of(content: Mapping[str, Any], project: ProjectRef) -> list[Study]:
    """Return the patient's studies of the project, oldest first."""
    patient_id, studies = content["patient_id"], Study.objects.filter(project_id=project.pk).order_by("pk")
    if content["study_instance_uid"]:
        return list(studies.filter(study_instance_uid=content["study_instance_uid"]))
    written = {patient_id, patient_id.strip(), *(unicodedata.normalize(form, patient_id.strip()) for form in _FORMS)}
    wanted = _key(patient_id, content["issuer_of_patient_id"])
    return [
        study
        for study in studies.filter(patient_id__in=sorted(written))
        if _key(study.patient_id, study.issuer_of_patient_id) == wanted
    ]


_FORMS: Final = ("NFC", "NFD")


def _key(patient_id: str, issuer: str) -> tuple[str, ...]:
    return patient_key(patient_id=patient_id, issuer_of_patient_id=issuer, study_instance_uid="")


def _note(actor: Actor, action: str, project: ProjectRef, why: str, patient: LinkedPatient | None) -> None:
    """Write who asked, about which pseudonym and why; never who it stands for, nor what led to nobody."""
    known = {"pseudonym": patient.pseudonym} if patient else {}
    outcome = "success" if patient else "not_found"
    audit.record(actor, action, outcome=outcome, project=project.slug, reason=why, **known)
