"""The scrub: every original is read and compared with the digest that was taken when it arrived."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from cauce.core.errors import IntegrityError, NotFound
from cauce.core.identifiers import ObjectId
from cauce.core.limits import MIB
from cauce.ports.holdings import HeldContent
from cauce.ports.services import Services

_CHUNK_BYTES = 1 * MIB


@dataclass(slots=True)
class Scrubbed:
    """How many originals were read, and which are damaged, with the reason."""

    contents: int = 0
    bytes_read: int = 0
    damaged: dict[ObjectId, str] = field(default_factory=dict)


def scrub(services: Services) -> Iterator[Scrubbed]:
    """Read every original; yield the state after each. What is damaged is marked in the catalogue.

    Raises:
        StorageUnavailable, DatabaseUnavailable: the scrub stopped.
    """
    done = Scrubbed()
    for content in services.holdings.contents():
        reason = _defect(services, content)
        done.contents += 1
        done.bytes_read += content.size_bytes
        if reason:
            done.damaged[content.object_id] = reason
            services.holdings.mark_damaged(content.object_id, detail=reason)
        yield done


def _defect(services: Services, content: HeldContent) -> str:
    """Return what is wrong with a stored content, "" when nothing is."""
    digest = hashlib.sha256()
    try:
        with services.objects.open(content.space, content.object_id) as source:
            if source.seek(0, 2) != content.size_bytes:
                return "it has another length than was written"
            source.seek(content.dataset_offset)
            while chunk := source.read(_CHUNK_BYTES):
                digest.update(chunk)
    except NotFound:
        return "it is missing from the object store"
    except IntegrityError as error:
        return error.detail
    return "" if digest.digest() == content.dataset_sha256 else "its content is not what arrived"
