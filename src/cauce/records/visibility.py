"""What an actor may know of: every view and every service reaches records through `visible_to(actor)`.

Narrower rules (projects with members, shares, consent) are added here and nowhere else.
"""

from dataclasses import dataclass

from django.db.models import QuerySet

from cauce.core.actors import Actor
from cauce.core.statuses import Role, Space
from cauce.records.models import (
    Artifact,
    DeidentificationReport,
    HeldInstance,
    InstanceResult,
    Job,
    ProcessingResult,
    Project,
    Revision,
    Series,
    Study,
    Upload,
)

_WITHOUT_STUDIES = frozenset({Role.AUDITOR})
"""Roles that watch over what others do and see no study themselves."""


@dataclass(frozen=True, slots=True)
class Visible:
    """The records that one actor may know of, as query sets without an order.

    A researcher is given the same studies as a clinician: what must not be shown of them (identity, original UIDs) is
    left out where they are written out, by `actor.may_see_originals`.
    """

    actor: Actor

    @property
    def projects(self) -> QuerySet[Project]:
        """Projects that exist for this actor."""
        return Project.objects.all() if self._sees_studies else Project.objects.none()

    @property
    def studies(self) -> QuerySet[Study]:
        """Studies, whatever their status."""
        return Study.objects.all() if self._sees_studies else Study.objects.none()

    @property
    def series(self) -> QuerySet[Series]:
        """Series of the visible studies."""
        return Series.objects.all() if self._sees_studies else Series.objects.none()

    @property
    def revisions(self) -> QuerySet[Revision]:
        """Revisions of the visible studies."""
        return Revision.objects.all() if self._sees_studies else Revision.objects.none()

    @property
    def jobs(self) -> QuerySet[Job]:
        """Jobs of the visible studies."""
        return Job.objects.all() if self._sees_studies else Job.objects.none()

    @property
    def results(self) -> QuerySet[ProcessingResult]:
        """Lines of the results list."""
        return ProcessingResult.objects.all() if self._sees_studies else ProcessingResult.objects.none()

    @property
    def instance_results(self) -> QuerySet[InstanceResult]:
        """Measurements of single instances of the visible studies."""
        return InstanceResult.objects.all() if self._sees_studies else InstanceResult.objects.none()

    @property
    def artifacts(self) -> QuerySet[Artifact]:
        """Previews and other files that processing made of the visible studies."""
        return Artifact.objects.all() if self._sees_studies else Artifact.objects.none()

    @property
    def uploads(self) -> QuerySet[Upload]:
        """Deliveries. Their file names may carry identity, so only who may see originals knows of them."""
        return Upload.objects.all() if self.actor.may_see_originals else Upload.objects.none()

    @property
    def held(self) -> QuerySet[HeldInstance]:
        """What was held back. To decide about it one has to see originals."""
        return HeldInstance.objects.all() if self.actor.may_see_originals else HeldInstance.objects.none()

    @property
    def reports(self) -> QuerySet[DeidentificationReport]:
        """De-identification reports of the visible studies; there is no identity in them."""
        reports = DeidentificationReport.objects
        return reports.all() if self._sees_studies else reports.none()

    def may_read(self, space: Space) -> bool:
        """Tell whether this actor may read objects of a space: those that show identity, or the de-identified ones."""
        return self._sees_studies and (space is Space.DEIDENTIFIED or self.actor.may_see_originals)

    @property
    def _sees_studies(self) -> bool:
        return self.actor.role not in _WITHOUT_STUDIES


def visible_to(actor: Actor) -> Visible:
    """Return what `actor` may know of."""
    return Visible(actor)
