"""Holdings: which stored objects the catalogue refers to, for those who compare the two."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from cauce.core.identifiers import ObjectId
from cauce.core.statuses import Space


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldContent:
    """A stored content and what its bytes must be: `dataset_sha256` covers them from `dataset_offset` on."""

    space: Space
    object_id: ObjectId
    size_bytes: int
    dataset_offset: int
    dataset_sha256: bytes


class Holdings(Protocol):
    """What the catalogue says is there."""

    def referred_to(self, space: Space, object_ids: Sequence[ObjectId]) -> set[ObjectId]:
        """Return those of `object_ids` that a row refers to."""

    def contents(self) -> Iterator[HeldContent]:
        """Yield every original that a row refers to, in the order of their arrival."""

    def mark_damaged(self, object_id: ObjectId, *, detail: str) -> None:
        """Note that an original cannot be read any more as it was written; its study waits for a person."""
