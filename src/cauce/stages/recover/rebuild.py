"""The rebuild: a catalogue made anew from what the objects themselves say, when the database is lost."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cauce.core.actors import Actor
from cauce.core.errors import CauceError, IntegrityError, NotFound, Refused
from cauce.core.identifiers import ObjectId
from cauce.core.messages import UploadRef, Verdict
from cauce.core.statuses import ItemStatus, Space
from cauce.ports.services import Services

SOURCE = "rebuild"

Adopt = Callable[[UploadRef, ObjectId], Verdict]
"""Commits an original that is stored already, as the ingest stage does it."""


@dataclass(slots=True)
class Rebuilt:
    """How many objects were looked at, taken into the catalogue, already there, and not usable, with the reason."""

    objects: int = 0
    adopted: int = 0
    known: int = 0
    failed: dict[ObjectId, str] = field(default_factory=dict)


def rebuild(services: Services, *, actor: Actor, adopt: Adopt) -> Iterator[Rebuilt]:
    """Take every original that no row refers to into the catalogue; yield the state after each.

    Objects are taken in the order in which they arrived, so that the first version of an instance is the current one
    again. Run it when nobody else writes, and before a sweep, which would remove what this adopts.

    Raises:
        StorageUnavailable, DatabaseUnavailable: the rebuild stopped; running it again goes on.
    """
    done = Rebuilt()
    uploads: dict[str, UploadRef] = {}
    for _arrived_at, object_id, slug in sorted(_unreferred(services, done)):
        if slug not in uploads:
            project = services.catalogue.ensure_project(slug, actor=actor)
            uploads[slug] = services.catalogue.open_upload(project, actor=actor, source=SOURCE)
        try:
            verdict = adopt(uploads[slug], object_id)
        except (Refused, IntegrityError, NotFound) as error:
            done.failed[object_id] = error.detail
        else:
            done.adopted += verdict.status in {ItemStatus.STORED, ItemStatus.CONFLICT}
            done.known += verdict.status is ItemStatus.DUPLICATE
        yield done
    for upload in uploads.values():
        services.catalogue.close_upload(upload, final=True)


def _unreferred(services: Services, done: Rebuilt) -> Iterator[tuple[str, ObjectId, str]]:
    """Yield (time of arrival, object id, project) of the originals that no row refers to."""
    for info in services.objects.walk(Space.ORIGINALS):
        done.objects += 1
        if services.holdings.referred_to(Space.ORIGINALS, [info.object_id]):
            done.known += 1
            continue
        try:
            about = services.objects.about(Space.ORIGINALS, info.object_id)
        except CauceError as error:
            if error.retryable:
                raise
            done.failed[info.object_id] = error.detail
            continue
        yield about.get("received_at", ""), info.object_id, about.get("project", "default")
