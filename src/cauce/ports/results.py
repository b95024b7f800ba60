"""The result store: what processing measured, once an instance and pipeline version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cauce.core.identifiers import ObjectId
from cauce.core.messages import Measurement


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceMeasured:
    """A measurement of one de-identified instance."""

    deidentified_pk: int
    measurement: Measurement


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesSummary:
    """The summary of a series, and its preview if it has one."""

    series_pk: int
    revision_pk: int
    figures: Mapping[str, object]
    mean: float | None
    mean_normalised: float | None
    data_size: int
    preview_object: ObjectId | None = None
    preview_bytes: int = 0


class ResultStore(Protocol):
    """Writing the same result twice leaves it once."""

    def write_instances(self, series_pk: int, measured: Sequence[InstanceMeasured], *, pipeline: str) -> None:
        """Commit measurements of instances."""

    def measurements(self, deidentified_pks: Sequence[int], *, pipeline: str) -> Mapping[int, Measurement]:
        """Return the measurements held for these instances, by key."""

    def write_summary(self, summary: SeriesSummary, *, pipeline: str) -> Sequence[ObjectId]:
        """Commit a series summary and its preview; return the objects that it replaces."""
