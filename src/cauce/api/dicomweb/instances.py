"""Stored objects as Part 10 files that may be handed on: the file as it came, or under a head of ours."""

from collections.abc import Generator, Iterator, Sequence
from typing import BinaryIO, Final

from cauce.core.file_head import file_head
from cauce.core.limits import KIB
from cauce.ports.objects import ObjectStore
from cauce.ports.served import ServedObject
from cauce.stages import validate

_CHUNK_BYTES: Final = 512 * KIB
_PREAMBLE_BYTES: Final = 128
_PREFIX: Final = b"DICM"


def part10(objects: ObjectStore, served: ServedObject) -> Generator[bytes, None, None]:
    """Yield the file as it is stored, in its own transfer syntax.

    A preamble that is neither zeros nor a TIFF header is replaced by zeros, so that nothing runs or opens as another
    kind of file; a data set that came without a head is given one (PS3.10 7.1).

    Raises:
        NotFound, IntegrityError, StorageUnavailable: it cannot be read.
    """
    with objects.open(served.space, served.object_id) as source:
        head = source.read(_PREAMBLE_BYTES + len(_PREFIX))
        if head[_PREAMBLE_BYTES:] == _PREFIX:
            yield validate.handed_on(head)
        else:
            source.seek(served.dataset_offset)
            yield file_head(
                sop_class_uid=served.sop_class_uid,
                sop_instance_uid=served.sop_instance_uid,
                transfer_syntax_uid=served.transfer_syntax_uid,
            )
        yield from chunks(source)


def chunks(source: BinaryIO, *, length: int | None = None) -> Iterator[bytes]:
    """Yield what is left of an open file, or `length` bytes of it."""
    left = length
    while left is None or left > 0:
        chunk = source.read(_CHUNK_BYTES if left is None else min(left, _CHUNK_BYTES))
        if not chunk:
            return
        left = left if left is None else left - len(chunk)
        yield chunk


def stored_ranges(
    objects: ObjectStore, served: ServedObject, ranges: Sequence[tuple[int, int]], *, start: int, stop: int
) -> Iterator[bytes]:
    """Yield what lies from `start` up to `stop` of the stored bytes in `ranges`, each offset and length, joined."""
    place = 0
    for offset, length in ranges:
        first, last = max(start - place, 0), min(stop - place, length)
        if first < last:
            yield from stored_range(objects, served, offset=offset + first, length=last - first)
        place += length


def stored_range(objects: ObjectStore, served: ServedObject, *, offset: int, length: int) -> Iterator[bytes]:
    """Yield `length` of the stored bytes from `offset`.

    Raises:
        NotFound, IntegrityError, StorageUnavailable: they cannot be read.
    """
    with objects.open(served.space, served.object_id) as source:
        source.seek(offset)
        yield from chunks(source, length=length)
