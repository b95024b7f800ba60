"""Which objects the SQL catalogue serves, by statements that are written out once: requests for frames are many."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cauce.adapters.catalogue_sql import SqlCatalogue
from cauce.adapters.rows import unpack_frames
from cauce.adapters.sql_errors import translated
from cauce.adapters.statements import fetch
from cauce.core.actors import Actor
from cauce.core.identifiers import (
    ObjectId,
    PublicId,
    SeriesInstanceUid,
    SopClassUid,
    SopInstanceUid,
    StudyInstanceUid,
    TransferSyntaxUid,
)
from cauce.core.messages import FrameIndex
from cauce.core.statuses import Space
from cauce.ports.served import Place, ServedObject

_ORIGINALS: Final = """
    SELECT v.id, v.object_id, st.public_id, st.study_instance_uid, s.series_instance_uid, i.sop_instance_uid,
           i.sop_class_uid,
           v.transfer_syntax_uid, v.size_bytes, v.dataset_offset, v.number_of_frames
    FROM records_study st
    JOIN records_series s ON s.study_id = st.id
    JOIN records_instance i ON i.series_id = s.id
    JOIN records_version v ON v.instance_id = i.id AND v.state = 'current'
    WHERE st.project_id = {project} AND st.study_instance_uid = {study}"""

_ORIGINAL: Final = """
    SELECT v.id, v.object_id, st.public_id, st.study_instance_uid, s.series_instance_uid, i.sop_instance_uid,
           i.sop_class_uid,
           v.transfer_syntax_uid, v.size_bytes, v.dataset_offset, v.number_of_frames
    FROM records_instance i
    JOIN records_series s ON s.id = i.series_id
    JOIN records_study st ON st.id = s.study_id
    JOIN records_version v ON v.instance_id = i.id AND v.state = 'current'
    WHERE i.project_id = {project} AND i.sop_instance_uid = {instance} AND s.series_instance_uid = {series}
      AND st.study_instance_uid = {study}"""

_CLEAN: Final = """
    SELECT d.id, d.object_id, st.public_id, d.study_instance_uid, d.series_instance_uid, d.sop_instance_uid,
           i.sop_class_uid,
           d.transfer_syntax_uid, d.size_bytes, 0, v.number_of_frames
    FROM records_deidentifiedinstance d
    JOIN records_version v ON v.id = d.version_id AND v.state = 'current'
    JOIN records_instance i ON i.id = v.instance_id
    JOIN records_series s ON s.id = i.series_id
    JOIN records_study st ON st.id = s.study_id
    WHERE i.project_id = {project} AND d.study_instance_uid = {study} AND d.object_id <> ''
      AND d.id = (SELECT max(id) FROM records_deidentifiedinstance WHERE version_id = d.version_id)"""

_SERIES_OF_ORIGINALS: Final = " AND s.series_instance_uid = {series}"
_SERIES_OF_CLEAN: Final = " AND d.series_instance_uid = {series}"
_INSTANCE_OF_CLEAN: Final = " AND d.sop_instance_uid = {instance}"
_ORDER: Final = " ORDER BY s.series_number, s.id, v.instance_number, v.id"

_DOCUMENTS: Final = {
    Space.ORIGINALS: "SELECT version_id, dicom_json FROM records_versionheader WHERE version_id IN {pks}",
    Space.DEIDENTIFIED: "SELECT id, dicom_json FROM records_deidentifiedinstance WHERE id IN {pks}",
}
_FRAMES: Final = {
    Space.ORIGINALS: "SELECT frames FROM records_versionheader WHERE version_id = {pk}",
    Space.DEIDENTIFIED: "SELECT frames FROM records_deidentifiedinstance WHERE id = {pk}",
}


class SqlServed:
    """Fulfils `cauce.ports.served.Served`."""

    def __init__(self, catalogue: SqlCatalogue) -> None:
        """`catalogue` writes what is noted, with whatever it commits next."""
        self._catalogue = catalogue

    def objects(self, place: Place) -> Sequence[ServedObject]:
        """Return the objects at `place`, in the order of series and instance numbers."""
        given: dict[str, Any] = {"project": place.project.pk, "study": place.study}
        given |= {"series": place.series} if place.series is not None else {}
        given |= {"instance": place.instance} if place.instance is not None else {}
        with translated():
            return [_served(place.space, row) for row in fetch(_statement(place), **given)]

    def documents(self, objects: Sequence[ServedObject]) -> Mapping[int, bytes]:
        """Return the DICOM JSON of each of a few objects of one space, by `pk`."""
        if not objects:
            return {}
        with translated():
            found = fetch(_DOCUMENTS[objects[0].space], pks=[served.pk for served in objects])
        return {pk: zlib.decompress(bytes(blob)) for pk, blob in found if blob is not None}

    def frame_index(self, served: ServedObject) -> FrameIndex | None:
        """Return where the frames of an object lie; `None` when it has no pixels."""
        with translated():
            found = fetch(_FRAMES[served.space], pk=served.pk)
        blob = found[0][0] if found else None
        return None if blob is None else unpack_frames(bytes(blob))

    def note_access(self, actor: Actor, action: str, *, subject: str, **detail: str) -> None:
        """Write an audit row with whatever is committed next."""
        self._catalogue.note_access(actor, action, subject=subject, **detail)


def _statement(place: Place) -> str:
    if place.space is Space.ORIGINALS:
        if place.instance is not None:
            return _ORIGINAL
        return _ORIGINALS + (_SERIES_OF_ORIGINALS if place.series is not None else "") + _ORDER
    narrowed = _SERIES_OF_CLEAN if place.series is not None else ""
    return _CLEAN + narrowed + (_INSTANCE_OF_CLEAN if place.instance is not None else "") + _ORDER


def _served(space: Space, row: tuple[Any, ...]) -> ServedObject:
    pk, object_id, study_id, study, series, instance, sop_class, syntax, size_bytes, offset, number_of_frames = row
    return ServedObject(
        pk=pk,
        space=space,
        object_id=ObjectId(object_id),
        study_id=PublicId(study_id),
        study_instance_uid=StudyInstanceUid(study),
        series_instance_uid=SeriesInstanceUid(series),
        sop_instance_uid=SopInstanceUid(instance),
        sop_class_uid=SopClassUid(sop_class),
        transfer_syntax_uid=TransferSyntaxUid(syntax),
        size_bytes=size_bytes,
        dataset_offset=offset,
        number_of_frames=number_of_frames,
    )
