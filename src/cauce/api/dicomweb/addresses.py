"""Addresses of DICOMweb: the roots of each project's two spaces, and what lies below them (PS3.18 10.1.1)."""

from dataclasses import dataclass
from typing import Final

from cauce.core.identifiers import is_usable_uid
from cauce.core.statuses import Space
from cauce.records.models.projects import DEFAULT_PROJECT

ROOT: Final = r"(?:/projects/(?P<project>[-A-Za-z0-9_]+)(?:/(?P<space>deid))?)?/dicom-web"
"""Originals of the default project; `/projects/<slug>` of another; `/projects/<slug>/deid` what was de-identified."""

STUDY: Final = ROOT + r"/studies/(?P<study>[^/]+)"
SERIES: Final = STUDY + r"/series/(?P<series>[^/]+)"
INSTANCE: Final = SERIES + r"/instances/(?P<instance>[^/]+)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A project's space, and a study, series or instance in it where the address names one."""

    project: str = DEFAULT_PROJECT
    space: Space = Space.ORIGINALS
    is_default: bool = True
    study: str | None = None
    series: str | None = None
    instance: str | None = None

    @property
    def service(self) -> str:
        """The path of the service that this address is below."""
        if self.is_default:
            return "/dicom-web"
        return f"/projects/{self.project}{'/deid' if self.space is Space.DEIDENTIFIED else ''}/dicom-web"

    @property
    def has_usable_uids(self) -> bool:
        """Whether all UIDs that it names are such."""
        return all(uid is None or is_usable_uid(uid) for uid in (self.study, self.series, self.instance))


def address_of(
    *,
    project: str | None = None,
    space: str | None = None,
    study: str | None = None,
    series: str | None = None,
    instance: str | None = None,
) -> Address:
    """Return the address that the groups of a route's pattern say."""
    return Address(
        project=project or DEFAULT_PROJECT,
        space=Space.DEIDENTIFIED if space else Space.ORIGINALS,
        is_default=project is None,
        study=study,
        series=series,
        instance=instance,
    )
