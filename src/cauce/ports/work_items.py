"""Work items: what others ask to be done (unified procedure steps), by the platform or by whoever claims it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cauce.core.actors import Actor
from cauce.core.messages import ProfileText, ProjectRef
from cauce.core.searching import Match
from cauce.core.work_items import Created, HeldWorkItem, Ruling, WorkItemState
from cauce.ports.search import Page


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkItemQuery:
    """Which work items of a worklist are wanted: `matches` by tag, all of which have to hold; newest first."""

    project: ProjectRef
    limit: int
    offset: int = 0
    matches: Mapping[str, Match] = field(default_factory=dict)


class WorkItems(Protocol):
    """Each project has one worklist. Data sets are in the DICOM JSON model, as `cauce.readings.work_items` has them."""

    def create(
        self,
        project: ProjectRef,
        given: Mapping[str, Any],
        *,
        uid: str,
        actor: Actor,
        pipelines: Collection[str],
        profile: ProfileText,
    ) -> Created:
        """Schedule a work item; `uid` is the one that its address names, or nothing.

        What names one of `pipelines` is given to a job, in the same transaction. `profile` is the one of projects that
        were never given any.

        Raises:
            InvalidRequest: the data set is not one of a new work item, or asks for what there is not.
            Conflicting: there is a work item of this UID.
        """

    def find(self, project: ProjectRef, uid: str) -> HeldWorkItem:
        """Return a work item.

        Raises:
            NotFound: there is none.
        """

    def update(
        self,
        project: ProjectRef,
        uid: str,
        given: Mapping[str, Any],
        *,
        transaction_uid: str,
        actor: Actor,
        pipelines: Collection[str],
    ) -> None:
        """Set attributes, all or none.

        Raises:
            NotFound: there is no such work item.
            InvalidRequest: an attribute cannot be set so.
            WorkItemRefused: its state, or its lock, forbids it.
        """

    def change_state(
        self, project: ProjectRef, uid: str, *, to: WorkItemState, transaction_uid: str, actor: Actor
    ) -> Ruling:
        """Claim, complete or give up a work item; of claims at the same time one succeeds.

        Raises:
            NotFound: there is no such work item.
            WorkItemRefused: its state, or its lock, forbids it.
        """

    def request_to_cancel(self, project: ProjectRef, uid: str, given: Mapping[str, Any], *, actor: Actor) -> Ruling:
        """Ask that a work item be given up; `given` may say why.

        Raises:
            NotFound: there is no such work item.
            WorkItemRefused: it is completed, or whoever carries it out goes on.
        """

    def search(self, query: WorkItemQuery) -> Page:
        """Return one page of results; its rows are for `documents`."""

    def documents(
        self, rows: Sequence[Mapping[str, Any]], *, includes_performed: bool = False
    ) -> Sequence[Mapping[str, Any]]:
        """Return the data sets of a few results; without what was performed unless it is wanted."""

    def begin(self, job_pk: int, *, profile: ProfileText) -> None:
        """Begin what the work item of a job asks for: its study is worked on anew. Done once, however often it is run.

        Raises:
            Conflicting: its project is under another profile than it counts on.
        """

    def settle(self, study_pk: int) -> None:
        """End the work items of a study whose pass has ended: completed, or given up with the reason."""
