"""Take one file in: judge it, make its bytes durable, commit its rows. Only then does the sender hear success."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import BinaryIO, Protocol

from cauce.core.errors import NotFound, Refused, StorageFull, Unavailable
from cauce.core.identifiers import ObjectId, new_object_id
from cauce.core.limits import MIB, Limits
from cauce.core.messages import Header, Incoming, UploadRef, Verdict
from cauce.core.statuses import ItemStatus, RefusalCode, Space
from cauce.ports.catalogue import Arrival, Committed, KnownVersion
from cauce.ports.services import Services

_CHUNK_BYTES = 1 * MIB
_COMPARISONS_MAX = 20


class ReadHeader(Protocol):
    """The parse of a header, as the validate stage does it."""

    def __call__(self, source: BinaryIO, *, size_bytes: int, limits: Limits) -> Header:
        """Return what the header says.

        Raises:
            Refused: the bytes cannot be taken.
        """


Digest = Callable[[BinaryIO, int], bytes]
"""From an open Part 10 file and its size in bytes to its canonical digest."""


def take_in(
    services: Services,
    upload: UploadRef,
    incoming: Incoming,
    *,
    read_header: ReadHeader,
    digest: Digest,
    study_instance_uid: str | None = None,
    notes_put_off: bool = False,
) -> Verdict:
    """Take one file into the project of `upload`; the verdict stands in the receipt when this returns.

    `stored`, `duplicate` and `conflict` mean that the content is held, durably and committed. What cannot be taken is
    `refused` with its code, and nothing of it is kept. With `study_instance_uid`, so are instances of other studies.
    With `notes_put_off` verdicts on files that add nothing come into the receipt a little later, many at once.

    Raises:
        StorageUnavailable, DatabaseUnavailable: nothing was taken; the same call may succeed later.
    """
    header = None
    try:
        header = read_header(_reader(incoming), size_bytes=incoming.size_bytes, limits=services.limits)
        _require_study(header, study_instance_uid)
        known = services.catalogue.find_identical(upload.project, header)
        if known is None:
            return _store(services, upload, incoming, header, digest)
        verdict = replace(known, name=incoming.name)
    except Refused as refusal:
        verdict = refused(incoming.name, refusal.refusal, refusal.detail)
    except StorageFull as full:
        verdict = refused(incoming.name, RefusalCode.STORAGE_FULL, full.detail)
    if header is not None:
        verdict = _naming(verdict, header)
    services.catalogue.note(upload, verdict, put_off=notes_put_off)
    return verdict


def refused(name: str, code: RefusalCode, detail: str) -> Verdict:
    """Return the verdict on a file that cannot be taken."""
    return Verdict(status=ItemStatus.REFUSED, name=name, code=code.value, detail=detail)


def _require_study(header: Header, study_instance_uid: str | None) -> None:
    if study_instance_uid is not None and header.study_instance_uid != study_instance_uid:
        raise Refused(RefusalCode.INVALID_UID, "The instance belongs to another study than the one it was sent to.")


def _naming(verdict: Verdict, header: Header) -> Verdict:
    """Return the verdict with the UIDs of the instance, which its sender knows it by."""
    return replace(
        verdict,
        sop_class_uid=header.sop_class_uid,
        sop_instance_uid=header.sop_instance_uid,
        study_instance_uid=header.study_instance_uid,
        series_instance_uid=header.series_instance_uid,
    )


def _store(services: Services, upload: UploadRef, incoming: Incoming, header: Header, digest: Digest) -> Verdict:
    """Write the object, then commit; an object that the commit does not refer to goes again."""
    object_id = new_object_id()
    services.objects.write(Space.ORIGINALS, object_id, _chunks(incoming), about=_about(upload, header))
    try:
        committed = _commit(services, _arrival(upload, incoming, header, object_id), incoming, digest)
    except Unavailable:
        raise  # a connection lost while committing may have committed all the same: the sweep decides
    except BaseException:
        _take_back(services, object_id)
        raise
    if not committed.object_used:
        _take_back(services, object_id)
    return _verdict_of(committed)


def _take_back(services: Services, object_id: ObjectId) -> None:
    """Remove an object, unless a row refers to it after all; where that cannot be told, it is left to the sweep.

    A commit that was interrupted may have been one; and a sweep under a clock that jumped may have adopted the object.
    """
    with suppress(Unavailable):
        if not services.holdings.referred_to(Space.ORIGINALS, [object_id]):
            services.objects.delete(Space.ORIGINALS, object_id)


def _arrival(upload: UploadRef, incoming: Incoming, header: Header, object_id: ObjectId) -> Arrival:
    return Arrival(
        project=upload.project,
        upload=upload,
        name=incoming.name,
        source=incoming.source,
        header=header,
        object_id=object_id,
    )


def _verdict_of(committed: Committed) -> Verdict:
    if committed.verdict is None:
        raise Refused(RefusalCode.NOT_DICOM, "It could not be compared with the contents held under its UID.")
    return committed.verdict


def adopt(
    services: Services, upload: UploadRef, object_id: ObjectId, *, read_header: ReadHeader, digest: Digest
) -> Verdict:
    """Commit an original that is stored already but that no row refers to; a duplicate stays for the sweep.

    Raises:
        Refused: its content can no longer be taken.
        NotFound, IntegrityError: it cannot be read.
        StorageUnavailable, DatabaseUnavailable: nothing was committed.
    """
    with services.objects.open(Space.ORIGINALS, object_id) as source:
        size_bytes = source.seek(0, 2)
        source.seek(0)
        header = read_header(source, size_bytes=size_bytes, limits=services.limits)
        known = services.catalogue.find_identical(upload.project, header)
        if known is not None:
            return known
        content = Incoming(content=source, size_bytes=size_bytes, name="", source="rebuild")
        committed = _commit(services, _arrival(upload, content, header, object_id), content, digest)
    return _verdict_of(committed)


def _commit(services: Services, arrival: Arrival, incoming: Incoming, digest: Digest) -> Committed:
    """Commit, comparing with as many versions as the catalogue asks for."""
    committed = services.catalogue.commit(arrival)
    for _ in range(_COMPARISONS_MAX):
        if committed.verdict is not None:
            break
        digests = dict(arrival.digests)
        for version in committed.compare_with:
            digests[version.pk] = version.canonical_digest or _digest_of(services, version, digest)
        own = arrival.canonical_digest or digest(_reader(incoming), incoming.size_bytes)
        arrival = replace(arrival, canonical_digest=own, digests=digests)
        committed = services.catalogue.commit(arrival)
    return committed


def _digest_of(services: Services, version: KnownVersion, digest: Digest) -> bytes:
    """Return the canonical digest of a version that is held; one whose object is gone differs from everything."""
    try:
        with services.objects.open(Space.ORIGINALS, version.object_id) as source:
            size_bytes = source.seek(0, 2)
            source.seek(0)
            return digest(source, size_bytes)
    except (NotFound, Refused):
        return b""


def _about(upload: UploadRef, header: Header) -> dict[str, str]:
    """Return what the object itself carries, encrypted, so that the catalogue can be rebuilt from objects."""
    return {
        "project": upload.project.slug,
        "upload": upload.public_id,
        "sop_class_uid": header.sop_class_uid,
        "sop_instance_uid": header.sop_instance_uid,
        "series_instance_uid": header.series_instance_uid,
        "study_instance_uid": header.study_instance_uid,
        "transfer_syntax_uid": header.transfer_syntax_uid,
        "dataset_sha256": header.dataset_sha256.hex(),
        "received_at": datetime.now(UTC).isoformat(),
    }


def _reader(incoming: Incoming) -> BinaryIO:
    if isinstance(incoming.content, bytes):
        return BytesIO(incoming.content)
    incoming.content.seek(0)
    return incoming.content


def _chunks(incoming: Incoming) -> Iterator[bytes]:
    if isinstance(incoming.content, bytes):
        yield incoming.content
        return
    incoming.content.seek(0)
    while chunk := incoming.content.read(_CHUNK_BYTES):
        yield chunk
