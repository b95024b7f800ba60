"""The studies of `cauce demo`, written as a modality would leave them: one file an instance."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from cauce.core.identifiers import StudyInstanceUid
from cauce.samples import phantom
from cauce.samples.headers import to_part10
from cauce.samples.instances import ct_slice, thorax_identity, ultrasound_identity, us_image


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoFiles:
    """What `write_demo` wrote. `identities` are the header texts that must be gone after de-identification."""

    folder: Path
    seed: int
    thorax: tuple[Path, ...]
    ultrasound: tuple[Path, ...]
    thorax_study_instance_uid: StudyInstanceUid
    ultrasound_study_instance_uid: StudyInstanceUid
    identities: tuple[str, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, in the order in which they were written."""
        return self.thorax + self.ultrasound

    @property
    def instances(self) -> dict[StudyInstanceUid, int]:
        """How many instances each study has."""
        return {
            self.thorax_study_instance_uid: len(self.thorax),
            self.ultrasound_study_instance_uid: len(self.ultrasound),
        }


def write_demo(folder: Path, *, seed: int | None = None) -> DemoFiles:
    """Write a CT of a thorax that never lived and an ultrasound image with a name in its pixels under `folder`.

    The same `seed` gives the same bytes, so importing them again shows duplicates; `None` makes new studies of new
    patients each time. The folder is created; files of the same names are written over.

    Raises:
        OSError: the folder cannot be written.
    """
    if seed is None:
        seed = secrets.randbits(48)
    thorax = tuple(
        _write(folder / "thorax" / f"slice-{index + 1:03d}.dcm", ct_slice(index, seed=seed))
        for index in range(phantom.SLICES)
    )
    us = us_image(seed=seed)
    ultrasound = (_write(folder / "ultrasound" / "abdomen-001.dcm", us),)
    return DemoFiles(
        folder=folder,
        seed=seed,
        thorax=thorax,
        ultrasound=ultrasound,
        thorax_study_instance_uid=StudyInstanceUid(thorax_identity(seed=seed).uid("CT", "study")),
        ultrasound_study_instance_uid=StudyInstanceUid(us.StudyInstanceUID),
        identities=thorax_identity(seed=seed).texts + ultrasound_identity(seed=seed).texts,
    )


def _write(path: Path, ds: Dataset) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_part10(ds))
    return path
