"""The object store: bytes written once under a random id, encrypted at rest, read by range."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from cauce.core.identifiers import ObjectId
from cauce.core.messages import StoredObject
from cauce.core.statuses import Space


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectInfo:
    """One stored object as a listing shows it. `age_s` is the time since it was written.

    What is not known to be `is_whole` may still be on its way, or was cut off on it: nobody has heard that it is there.
    """

    space: Space
    object_id: ObjectId
    stored_bytes: int
    age_s: float
    is_whole: bool


class ObjectStore(Protocol):
    """Objects never change: each is written once, and only the sweep or an erasure removes one."""

    def write(
        self, space: Space, object_id: ObjectId, chunks: Iterable[bytes], *, about: Mapping[str, str]
    ) -> StoredObject:
        """Write an object from plain `chunks`; when this returns it is durable, when it raises nothing is visible.

        `about` is kept encrypted inside the object, so that the catalogue can be rebuilt from objects and key ring.

        Raises:
            StorageFull: no room is left, or the reserve would be touched.
            StorageUnavailable: the store does not answer, or an object of this id exists.
        """

    def open(self, space: Space, object_id: ObjectId) -> BinaryIO:
        """Open an object for reading; the result is seekable and decrypts only the ranges that are read.

        Raises:
            NotFound: there is no such object.
            IntegrityError: on opening or reading, the bytes are not what was written.
        """

    def about(self, space: Space, object_id: ObjectId) -> Mapping[str, str]:
        """Return what `write` was told about the object.

        Raises:
            NotFound: there is no such object.
            IntegrityError: the bytes are not what was written.
        """

    def delete(self, space: Space, object_id: ObjectId) -> None:
        """Remove an object; one that is not there is no error."""

    def walk(self, space: Space) -> Iterator[ObjectInfo]:
        """Yield every object of a space, in no particular order, without reading its content."""

    def free_bytes(self) -> int | None:
        """Return the room left above the reserve, in bytes, or None where the store has no such notion."""

    def check(self) -> None:
        """Return if the store answers.

        Raises:
            StorageUnavailable: it does not.
        """
