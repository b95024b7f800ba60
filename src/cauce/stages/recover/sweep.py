"""The sweep: objects that no row refers to are what a crash left between writing and committing."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from cauce.core.statuses import Space
from cauce.ports.objects import ObjectInfo
from cauce.ports.services import Services

AGE_MIN_S = 24 * 3600.0
"""Longer than any upload may take: what is younger may be on its way to its commit."""

_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Swept:
    """How much a sweep looked at and removed."""

    objects: int = 0
    removed: int = 0
    removed_bytes: int = 0


def sweep(services: Services, *, older_than_s: float = AGE_MIN_S) -> Swept:
    """Remove objects that are older than `older_than_s` and that nothing refers to.

    With an age of 0 nobody else may be writing: so it runs at a start, before anything else does.

    Raises:
        StorageUnavailable, DatabaseUnavailable: the sweep stopped; running it again goes on.
    """
    objects = removed = removed_bytes = 0
    for space in Space:
        for infos in _in_groups(services.objects.walk(space)):
            objects += len(infos)
            old = [info for info in infos if info.age_s >= older_than_s]
            kept = services.holdings.referred_to(space, [info.object_id for info in old]) if old else set()
            for info in old:
                if info.object_id not in kept:
                    services.objects.delete(space, info.object_id)
                    removed += 1
                    removed_bytes += info.stored_bytes
    return Swept(objects=objects, removed=removed, removed_bytes=removed_bytes)


def _in_groups(infos: Iterator[ObjectInfo]) -> Iterator[list[ObjectInfo]]:
    while group := list(islice(infos, _AT_ONCE)):
        yield group
