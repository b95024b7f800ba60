"""Identities that belong to nobody, and UIDs that follow from a seed."""

import datetime as dt
import hashlib
import random
import unicodedata
import uuid
from dataclasses import dataclass

_UUID_OCTETS = 16


def stable_uid(seed: int, *words: str) -> str:
    """Return the UID that belongs to these words under this seed: `2.25.` and a UUID (PS3.5 B.2), always the same."""
    digest = hashlib.sha256("\0".join((str(seed), *words)).encode()).digest()[:_UUID_OCTETS]
    octets = bytearray(digest)
    octets[6] = octets[6] & 0x0F | 0x80  # version 8: the writer's own (RFC 9562 section 5.8)
    octets[8] = octets[8] & 0x3F | 0x80
    return f"2.25.{uuid.UUID(bytes=bytes(octets)).int}"


def plain(text: str) -> str:
    """Return text without accents, as the fonts of scanners write it."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Everything in a sample that would name somebody, were there anybody. Dates and times are DICOM's."""

    seed: int
    patient_name: str
    patient_id: str
    other_patient_id: str
    birth_date: str
    sex: str
    age: str
    address: str
    telephone: str
    accession_number: str
    study_id: str
    study_date: str
    study_time: str
    referring_physician: str
    requesting_physician: str
    operator: str
    institution: str
    institution_address: str

    def uid(self, *words: str) -> str:
        """Return the UID of something of this identity's seed."""
        return stable_uid(self.seed, *words)

    @property
    def texts(self) -> tuple[str, ...]:
        """The values that must not survive de-identification."""
        return (
            self.patient_name,
            self.patient_id,
            self.other_patient_id,
            self.birth_date,
            self.address,
            self.telephone,
            self.accession_number,
            self.study_date,
            self.referring_physician,
            self.requesting_physician,
            self.operator,
            self.institution,
            self.institution_address,
        )


def identity(patient_name: str, *, sex: str, seed: int) -> Identity:
    """Make up what goes with a name; the same seed gives the same identity."""
    dice = random.Random(f"{seed} {patient_name}")  # noqa: S311 - nothing secret: the same identity for the same seed
    born = dt.date(1940, 1, 1) + dt.timedelta(days=dice.randrange(18_000))
    taken = dt.date(2024, 1, 8) + dt.timedelta(days=dice.randrange(700))
    years = taken.year - born.year - ((taken.month, taken.day) < (born.month, born.day))
    return Identity(
        seed=seed,
        patient_name=patient_name,
        patient_id=f"DEMO-{dice.randrange(10**8):08d}",
        other_patient_id=f"EJEMPLO-{dice.randrange(10**7):07d}",
        birth_date=f"{born:%Y%m%d}",
        sex=sex,
        age=f"{years:03d}Y",
        address=f"Calle Inventada {dice.randrange(10, 99)}, Villaficción",
        telephone=f"+34 000 {dice.randrange(1000):03d} {dice.randrange(1000):03d}",
        accession_number=f"ACC{dice.randrange(10**9):09d}",
        study_id=f"E{dice.randrange(10**5):05d}",
        study_date=f"{taken:%Y%m%d}",
        study_time=f"{dice.randrange(8, 19):02d}{dice.randrange(60):02d}{dice.randrange(60):02d}",
        referring_physician="MODELO^ÚRSULA^^DRA",
        requesting_physician="PROTOTIPO^MARTÍN^^DR",
        operator="MUESTRA^BEGOÑA",
        institution="Hospital de Ejemplo Nuestra Señora de la Simulación",
        institution_address="Avenida Imaginaria 1, Villaficción",
    )
