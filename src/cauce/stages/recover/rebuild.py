"""The rebuild: a catalogue made anew from what the objects themselves say, when the database is lost."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from cauce.core.actors import Actor
from cauce.core.errors import IntegrityError, NotFound, Refused
from cauce.core.identifiers import ObjectId
from cauce.core.messages import UploadRef, Verdict
from cauce.core.statuses import ItemStatus, Space
from cauce.ports.objects import ObjectInfo
from cauce.ports.services import Services

SOURCE = "rebuild"

_AT_ONCE = 500

Adopt = Callable[[UploadRef, ObjectId], Verdict]
"""Commits an original that is stored already, as the ingest stage does it."""


@dataclass(slots=True)
class Rebuilt:
    """How many objects were looked at, taken into the catalogue, already there, and not usable, with the reason.

    `leftovers` are of no use to anybody, with their size: cut off while they were written, or held in another object.
    """

    objects: int = 0
    adopted: int = 0
    known: int = 0
    failed: dict[ObjectId, str] = field(default_factory=dict)
    leftovers: dict[ObjectId, int] = field(default_factory=dict)

    def cannot_use(self, info: ObjectInfo, reason: str) -> None:
        """Note an object that cannot be read."""
        if info.is_whole:
            self.failed[info.object_id] = reason
        else:
            self.leftovers[info.object_id] = info.stored_bytes


def rebuild(
    services: Services, *, actor: Actor, adopt: Adopt, older_than_s: float = 0.0, done: Rebuilt | None = None
) -> Iterator[Rebuilt]:
    """Take every original that no row refers to into the catalogue; yield the state after each, which is also `done`.

    Objects are taken in the order in which they arrived, so that the first version of an instance is the current one
    again. What is younger than `older_than_s` may be on its way to its commit: with 0 nobody else may be writing.

    Raises:
        StorageUnavailable, DatabaseUnavailable: the rebuild stopped; running it again goes on.
    """
    done = Rebuilt() if done is None else done
    uploads: dict[str, UploadRef] = {}
    found = sorted(_unreferred(services, done, older_than_s), key=lambda each: (each[0], each[1].object_id))
    for _arrived_at, info, slug in found:
        if slug not in uploads:
            project = services.catalogue.ensure_project(slug, actor=actor)
            uploads[slug] = services.catalogue.open_upload(project, actor=actor, source=SOURCE)
        try:
            verdict = adopt(uploads[slug], info.object_id)
        except Refused as error:
            done.failed[info.object_id] = error.detail
        except IntegrityError as error:
            done.cannot_use(info, error.detail)
        except NotFound:
            pass  # another was faster
        else:
            if verdict.status is ItemStatus.DUPLICATE:
                done.leftovers[info.object_id] = info.stored_bytes
            else:
                done.adopted += 1
        yield done
    for upload in uploads.values():
        services.catalogue.close_upload(upload, final=True)


def _unreferred(services: Services, done: Rebuilt, older_than_s: float) -> Iterator[tuple[str, ObjectInfo, str]]:
    """Yield (time of arrival, object, project) of the originals that no row refers to."""
    walked = (info for info in services.objects.walk(Space.ORIGINALS) if info.age_s >= older_than_s)
    while group := list(islice(walked, _AT_ONCE)):
        done.objects += len(group)
        referred = services.holdings.referred_to(Space.ORIGINALS, [info.object_id for info in group])
        done.known += len(referred)
        for info in group:
            if info.object_id not in referred:
                try:
                    about = services.objects.about(Space.ORIGINALS, info.object_id)
                except IntegrityError as error:
                    done.cannot_use(info, error.detail)
                except NotFound:
                    pass
                else:
                    yield about.get("received_at", ""), info, about.get("project", "default")
