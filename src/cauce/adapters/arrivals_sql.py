"""One transaction of arrivals: studies, series, instances, versions, receipt items, and the jobs that follow.

Rows are read and written in bulk and in sorted key order, so that two committers never wait for each other in a circle.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cauce.adapters import rows
from cauce.core.identifiers import ObjectId, PublicId
from cauce.core.messages import UploadRef, Verdict
from cauce.core.statuses import ItemStatus, StudyStatus
from cauce.ports.catalogue import Arrival, Committed, KnownVersion
from cauce.records.models import (
    AlternateEncoding,
    Instance,
    Job,
    Series,
    Study,
    UploadItem,
    Version,
    VersionHeader,
)
from cauce.records.models.uploads import NAME_LENGTH_MAX

DETAIL_LENGTH_MAX = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A verdict for the receipt only."""

    upload: UploadRef
    verdict: Verdict


@dataclass(slots=True)
class _Held:
    """An instance and all contents of it that are held, those of this transaction included."""

    instance: Instance
    study: Study
    versions: list[Version] = field(default_factory=list)
    encodings: set[tuple[int, str, bytes]] = field(default_factory=set)


class ArrivalsTransaction:
    """Commits one group; used once, inside a transaction that the caller has begun."""

    def __init__(self, *, now: dt.datetime, quiet: dt.timedelta) -> None:
        """`quiet` re-arms each touched study's closing."""
        self._now = now
        self._quiet = quiet
        self._held: dict[tuple[int, str], _Held] = {}
        self._versions: list[tuple[Version, Arrival]] = []
        self._encodings: list[AlternateEncoding] = []
        self._items: list[UploadItem] = []
        self._item_versions: list[tuple[UploadItem, Version]] = []
        self._touched: dict[int, Study] = {}

    def run(self, group: Sequence[Arrival | Note]) -> list[Committed]:
        """Commit the group; answers are in its order."""
        arrivals = [item for item in group if isinstance(item, Arrival)]
        self._load(arrivals)
        self._create_missing(arrivals)
        answers = [self._decide(item) if isinstance(item, Arrival) else self._note(item) for item in group]
        self._write()
        return answers

    def _load(self, arrivals: Sequence[Arrival]) -> None:
        wanted: dict[int, set[str]] = defaultdict(set)
        for arrival in arrivals:
            wanted[arrival.project.pk].add(arrival.header.sop_instance_uid)
        for project_pk, uids in sorted(wanted.items()):
            found = Instance.objects.filter(project_id=project_pk, sop_instance_uid__in=uids)
            for instance in found.select_related("series__study"):
                self._held[project_pk, instance.sop_instance_uid] = _Held(instance, instance.series.study)
        by_pk = {held.instance.pk: held for held in self._held.values()}
        for version in Version.objects.filter(instance_id__in=by_pk).order_by("pk"):
            by_pk[version.instance_id].versions.append(version)
        encodings = AlternateEncoding.objects.filter(version__instance_id__in=by_pk).select_related("version")
        for encoding in encodings:
            by_pk[encoding.version.instance_id].encodings.add(_encoding_key(encoding))

    def _create_missing(self, arrivals: Sequence[Arrival]) -> None:
        new = {
            (arrival.project.pk, str(arrival.header.sop_instance_uid)): arrival
            for arrival in reversed(arrivals)
            if (arrival.project.pk, arrival.header.sop_instance_uid) not in self._held
        }
        if not new:
            return
        studies = self._studies(new.values())
        series = self._series(new.values(), studies)
        wanted = [
            Instance(
                project_id=key[0],
                series=series[_series_key(arrival, studies)],
                sop_instance_uid=key[1],
                sop_class_uid=arrival.header.sop_class_uid,
            )
            for key, arrival in sorted(new.items())
        ]
        for instance in Instance.objects.bulk_create(wanted):
            self._held[instance.project_id, instance.sop_instance_uid] = _Held(instance, instance.series.study)

    def _studies(self, arrivals: Iterable[Arrival]) -> dict[tuple[int, str], Study]:
        first: dict[tuple[int, str], Arrival] = {}
        for arrival in arrivals:
            first.setdefault((arrival.project.pk, str(arrival.header.study_instance_uid)), arrival)
        Study.objects.bulk_create(
            [
                Study(
                    project_id=key[0],
                    study_instance_uid=key[1],
                    last_received_at=self._now,
                    **rows.columns(arrival.header.attributes, rows.STUDY_COLUMNS),
                )
                for key, arrival in sorted(first.items())
            ],
            ignore_conflicts=True,
        )
        uids = [uid for _, uid in first]
        projects = {project_pk for project_pk, _ in first}
        found = Study.objects.filter(project_id__in=projects, study_instance_uid__in=uids)
        return {
            (study.project_id, study.study_instance_uid): study for study in found.order_by("pk").select_for_update()
        }

    def _series(
        self, arrivals: Iterable[Arrival], studies: dict[tuple[int, str], Study]
    ) -> dict[tuple[int, str], Series]:
        first: dict[tuple[int, str], Arrival] = {}
        for arrival in arrivals:
            first.setdefault(_series_key(arrival, studies), arrival)
        Series.objects.bulk_create(
            [
                Series(
                    study_id=key[0],
                    series_instance_uid=key[1],
                    **rows.columns(arrival.header.attributes, rows.SERIES_COLUMNS),
                )
                for key, arrival in sorted(first.items())
            ],
            ignore_conflicts=True,
        )
        found = Series.objects.filter(
            study_id__in={key[0] for key in first}, series_instance_uid__in=[u for _, u in first]
        )
        return {(series.study_id, series.series_instance_uid): series for series in found.select_related("study")}

    def _decide(self, arrival: Arrival) -> Committed:
        held = self._held[arrival.project.pk, str(arrival.header.sop_instance_uid)]
        identical = _identical(held, arrival)
        if identical is not None:
            return self._answer(arrival, held, ItemStatus.DUPLICATE, identical)
        unknown = [version for version in held.versions if version.pk is None or version.pk not in arrival.digests]
        if unknown:
            return self._compare(unknown)
        for version in held.versions:
            if arrival.digests[version.pk] == arrival.canonical_digest:
                self._note_encoding(held, version, arrival)
                return self._answer(arrival, held, ItemStatus.DUPLICATE, version, detail="the same in another encoding")
        status = ItemStatus.CONFLICT if held.versions else ItemStatus.STORED
        return self._store(arrival, held, status)

    @staticmethod
    def _compare(unknown: Sequence[Version]) -> Committed:
        """Ask for digests; a version of this very transaction has no key yet, so the caller comes again after it."""
        known = tuple(
            KnownVersion(
                pk=version.pk,
                object_id=ObjectId(version.object_id),
                transfer_syntax_uid=version.transfer_syntax_uid,
                dataset_sha256=bytes(version.dataset_sha256),
                canonical_digest=bytes(version.canonical_digest) if version.canonical_digest else None,
            )
            for version in unknown
            if version.pk is not None
        )
        return Committed(compare_with=known)

    def _store(self, arrival: Arrival, held: _Held, status: ItemStatus) -> Committed:
        header = arrival.header
        state = Version.State.CURRENT if status is ItemStatus.STORED else Version.State.CONFLICT
        version = Version(
            instance=held.instance,
            object_id=arrival.object_id,
            state=state,
            transfer_syntax_uid=header.transfer_syntax_uid,
            dataset_sha256=header.dataset_sha256,
            canonical_digest=arrival.canonical_digest,
            size_bytes=header.size_bytes,
            dataset_offset=header.dataset_offset,
            pixel_offset=header.pixel_offset,
            decoded_bytes=rows.decoded_bytes(header.attributes),
            source=arrival.source,
            received_at=self._now,
            **rows.columns(header.attributes, rows.VERSION_COLUMNS),
        )
        held.versions.append(version)
        self._versions.append((version, arrival))
        if status is ItemStatus.STORED:
            self._touched[held.study.pk] = held.study
            return self._answer(arrival, held, status, version, object_used=True)
        detail = "another content under a UID that is already held: kept as a version, the first stays current"
        return self._answer(arrival, held, status, version, code="differs", detail=detail, object_used=True)

    def _answer(
        self,
        arrival: Arrival,
        held: _Held,
        status: ItemStatus,
        version: Version,
        *,
        code: str = "",
        detail: str = "",
        object_used: bool = False,
    ) -> Committed:
        header = arrival.header
        verdict = Verdict(
            status=status,
            name=arrival.name,
            code=code,
            detail=detail,
            sop_class_uid=header.sop_class_uid,
            sop_instance_uid=header.sop_instance_uid,
            study_instance_uid=header.study_instance_uid,
            series_instance_uid=header.series_instance_uid,
            study_id=PublicId(held.study.public_id),
            warnings=header.warnings,
        )
        self._item(arrival.upload, verdict, study=held.study, version=version)
        return Committed(verdict=verdict, object_used=object_used)

    def _note(self, note: Note) -> Committed:
        study = None
        if note.verdict.study_id:
            study = Study.objects.filter(public_id=note.verdict.study_id).first()
        self._item(note.upload, note.verdict, study=study, version=None)
        return Committed(verdict=note.verdict)

    def _item(self, upload: UploadRef, verdict: Verdict, *, study: Study | None, version: Version | None) -> None:
        item = UploadItem(
            upload_id=upload.pk,
            name=item_name(verdict.name),
            status=verdict.status.value,
            code=verdict.code,
            detail=verdict.detail[:DETAIL_LENGTH_MAX],
            sop_instance_uid=verdict.sop_instance_uid,
            study=study,
        )
        self._items.append(item)
        if version is not None:
            self._item_versions.append((item, version))

    def _note_encoding(self, held: _Held, version: Version, arrival: Arrival) -> None:
        encoding = AlternateEncoding(
            version=version,
            transfer_syntax_uid=arrival.header.transfer_syntax_uid,
            dataset_sha256=arrival.header.dataset_sha256,
            received_at=self._now,
        )
        key = _encoding_key(encoding)
        if key not in held.encodings:
            held.encodings.add(key)
            self._encodings.append(encoding)
        if version.canonical_digest is None:
            digest = arrival.digests[version.pk]
            Version.objects.filter(pk=version.pk, canonical_digest__isnull=True).update(canonical_digest=digest)

    def _write(self) -> None:
        Version.objects.bulk_create([version for version, _ in self._versions])
        VersionHeader.objects.bulk_create(
            [
                VersionHeader(
                    version=version,
                    dicom_json=rows.pack_json(arrival.header.dicom_json),
                    frames=rows.pack_frames(arrival.header.frames),
                    warnings=rows.warnings_of(arrival.header),
                )
                for version, arrival in self._versions
            ]
        )
        AlternateEncoding.objects.bulk_create(self._encodings, ignore_conflicts=True)
        for item, version in self._item_versions:
            item.version = version
        UploadItem.objects.bulk_create(self._items)
        self._arm()

    def _arm(self) -> None:
        """Set each touched study's closing to the end of its quiet time from now."""
        if not self._touched:
            return
        Study.objects.filter(pk__in=self._touched).update(
            status=StudyStatus.RECEIVING.value, last_received_at=self._now, updated_at=self._now
        )
        closings = dict(Study.objects.filter(pk__in=self._touched).values_list("pk", "closings"))
        due_at = self._now + self._quiet
        Job.objects.bulk_create(
            [
                Job(key=f"close:{study.public_id}:{closings[pk]}", step="close", study_id=pk, due_at=due_at)
                for pk, study in sorted(self._touched.items())
            ],
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=["due_at"],
        )


def item_name(name: str) -> str:
    """Return a sender's name for a file as its column holds it: the end of it, which says most."""
    return name.replace("\0", "")[-NAME_LENGTH_MAX:]


def _series_key(arrival: Arrival, studies: dict[tuple[int, str], Study]) -> tuple[int, str]:
    study = studies[arrival.project.pk, str(arrival.header.study_instance_uid)]
    return study.pk, str(arrival.header.series_instance_uid)


def _encoding_key(encoding: AlternateEncoding) -> tuple[int, str, bytes]:
    return encoding.version_id, encoding.transfer_syntax_uid, bytes(encoding.dataset_sha256)


def _identical(held: _Held, arrival: Arrival) -> Version | None:
    header = arrival.header
    for version in held.versions:
        same_bytes = bytes(version.dataset_sha256) == header.dataset_sha256
        if same_bytes and version.transfer_syntax_uid == header.transfer_syntax_uid:
            return version
        if (version.pk, str(header.transfer_syntax_uid), header.dataset_sha256) in held.encodings:
            return version
    return None
