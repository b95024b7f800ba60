"""The sweep: objects that no row refers to are what a crash left between writing and committing.

Originals are never removed for that alone: a database that was lost, or put back from a backup, refers to too little.
One that can be read is taken into the catalogue; one that cannot, though it had been written to its end, is damaged and
stays. Only what was cut off while it was written goes, and what another object holds already.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from cauce.core.actors import Actor
from cauce.core.identifiers import ObjectId
from cauce.core.statuses import Space
from cauce.ports.objects import ObjectInfo
from cauce.ports.services import Services
from cauce.stages.recover.rebuild import Adopt, Rebuilt, rebuild

AGE_MIN_S = 24 * 3600.0
"""Longer than any upload may take: what is younger may be on its way to its commit."""

_AT_ONCE = 500
Item = TypeVar("Item")


@dataclass(kw_only=True, slots=True)
class Swept:
    """How much a sweep looked at, took into the catalogue and removed; `kept` cannot be used, for the reason given."""

    objects: int = 0
    adopted: int = 0
    removed: int = 0
    removed_bytes: int = 0
    kept: dict[ObjectId, str] = field(default_factory=dict)


def sweep(services: Services, *, actor: Actor, adopt: Adopt, older_than_s: float = AGE_MIN_S) -> Swept:
    """Adopt or remove the objects that are older than `older_than_s` and that nothing refers to.

    With an age of 0 nobody else may be writing.

    Raises:
        StorageUnavailable, DatabaseUnavailable: the sweep stopped; running it again goes on.
    """
    done = Rebuilt()
    for _ in rebuild(services, actor=actor, adopt=adopt, older_than_s=older_than_s, done=done):
        pass
    swept = Swept(objects=done.objects, adopted=done.adopted, kept=done.failed)
    for group in _in_groups(iter(done.leftovers.items())):
        _remove(services, Space.ORIGINALS, group, swept)
    for infos in _in_groups(services.objects.walk(Space.DEIDENTIFIED)):
        swept.objects += len(infos)
        _remove(services, Space.DEIDENTIFIED, _old(infos, older_than_s), swept)
    return swept


def _old(infos: Sequence[ObjectInfo], older_than_s: float) -> list[tuple[ObjectId, int]]:
    return [(info.object_id, info.stored_bytes) for info in infos if info.age_s >= older_than_s]


def _remove(services: Services, space: Space, found: Sequence[tuple[ObjectId, int]], swept: Swept) -> None:
    """Remove what nothing refers to even now: another sweep may have adopted it meanwhile."""
    kept = services.holdings.referred_to(space, [object_id for object_id, _ in found]) if found else set()
    for object_id, stored_bytes in found:
        if object_id not in kept:
            services.objects.delete(space, object_id)
            swept.removed += 1
            swept.removed_bytes += stored_bytes


def _in_groups(items: Iterator[Item]) -> Iterator[list[Item]]:
    while group := list(islice(items, _AT_ONCE)):
        yield group
