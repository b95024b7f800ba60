"""One transaction of arrivals: studies, series, instances, versions, receipt items, and the jobs that follow.

Rows are read and written in bulk and in sorted key order, so that two committers never wait for each other in a circle.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cauce.adapters import rows
from cauce.adapters.held_sql import (
    HeldInstance,
    HeldStudy,
    HeldVersion,
    encoding_of,
    find_instances,
    find_series,
    find_studies,
)
from cauce.adapters.quiet_timer import QuietTimer
from cauce.adapters.search_index import name_studies, note_kinds, note_requests
from cauce.adapters.statements import Table, execute, fetch
from cauce.core.messages import UploadRef, Verdict
from cauce.core.statuses import ItemStatus, StudyStatus
from cauce.ports.catalogue import Arrival, Committed
from cauce.records import models
from cauce.records.models.uploads import NAME_LENGTH_MAX

DETAIL_LENGTH_MAX = 500

_STUDY: Final = Table(models.Study)
_SERIES: Final = Table(models.Series)
_INSTANCE: Final = Table(models.Instance)
_VERSION: Final = Table(models.Version)
_HEADER: Final = Table(models.VersionHeader)
_ENCODING: Final = Table(models.AlternateEncoding)
_ITEM: Final = Table(models.UploadItem)
_JOB: Final = Table(models.Job)


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A verdict for the receipt only."""

    upload: UploadRef
    verdict: Verdict


class ArrivalsTransaction:
    """Commits one group; used once, inside a transaction that the caller has begun."""

    def __init__(self, *, now: dt.datetime, timer: QuietTimer) -> None:
        """`timer` says which touched studies' closings are armed anew."""
        self._now = now
        self._timer = timer
        self.armed: dict[int, int] = {}
        """The closings that had run of each study whose next was armed, by study: for the timer, after the commit."""
        self._held: dict[tuple[int, str], HeldInstance] = {}
        self._noted_studies: dict[str, int] = {}
        self._versions: list[tuple[HeldVersion, HeldInstance, Arrival]] = []
        self._encodings: list[dict[str, Any]] = []
        self._items: list[tuple[dict[str, Any], HeldVersion | None]] = []
        self._touched: dict[int, HeldStudy] = {}

    def run(self, group: Sequence[Arrival | Note]) -> list[Committed]:
        """Commit the group; answers are in its order."""
        arrivals = [item for item in group if isinstance(item, Arrival)]
        self._load(arrivals)
        self._load_noted([item.verdict for item in group if isinstance(item, Note)])
        self._create_missing(arrivals)
        answers = [self._decide(item) if isinstance(item, Arrival) else self._note(item) for item in group]
        self._write()
        self._arm()
        return answers

    def _load(self, arrivals: Sequence[Arrival]) -> None:
        wanted: dict[int, set[str]] = defaultdict(set)
        for arrival in arrivals:
            wanted[arrival.project.pk].add(arrival.header.sop_instance_uid)
        for project_pk, uids in sorted(wanted.items()):
            self._held |= find_instances(project_pk, uids)

    def _load_noted(self, verdicts: Sequence[Verdict]) -> None:
        """Look the studies up that notes speak of."""
        if ids := sorted({verdict.study_id for verdict in verdicts if verdict.study_id}):
            found = fetch("SELECT public_id, id FROM records_study WHERE public_id IN {ids}", ids=ids)
            self._noted_studies = dict(found)

    def _create_missing(self, arrivals: Sequence[Arrival]) -> None:
        new: dict[tuple[int, str], Arrival] = {}
        for arrival in arrivals:
            key = (arrival.project.pk, str(arrival.header.sop_instance_uid))
            if key not in self._held:
                new.setdefault(key, arrival)
        if not new:
            return
        studies = self._studies(new.values())
        series = self._series(new.values(), studies)
        wanted = sorted(new.items())
        made = _INSTANCE.insert(
            [
                {
                    "project_id": project_pk,
                    "series_id": series[_series_key(arrival, studies)],
                    "sop_instance_uid": uid,
                    "sop_class_uid": arrival.header.sop_class_uid,
                }
                for (project_pk, uid), arrival in wanted
            ],
            now=self._now,
            returning="id",
        )
        for (key, arrival), (pk,) in zip(wanted, made, strict=True):
            self._held[key] = HeldInstance(pk, studies[key[0], str(arrival.header.study_instance_uid)])
        note_kinds(
            (project_pk, place[0], series[place], arrival.header.sop_class_uid)
            for (project_pk, _), arrival in wanted
            for place in [_series_key(arrival, studies)]
        )

    def _studies(self, arrivals: Iterable[Arrival]) -> dict[tuple[int, str], HeldStudy]:
        """Return the studies of `arrivals`, made where they are new, and locked."""
        first: dict[tuple[int, str], Arrival] = {}
        for arrival in arrivals:
            first.setdefault((arrival.project.pk, str(arrival.header.study_instance_uid)), arrival)
        found = find_studies(first)
        missing = sorted(key for key in first if key not in found)
        if missing:
            _STUDY.insert(
                [
                    {
                        "project_id": key[0],
                        "study_instance_uid": key[1],
                        "last_received_at": self._now,
                        **rows.columns(first[key].header.attributes, rows.STUDY_COLUMNS),
                    }
                    for key in missing
                ],
                now=self._now,
                on_conflict="DO NOTHING",  # another process may be making it
            )
            found = find_studies(first)
            name_studies([(key[0], found[key].pk, first[key].header.attributes) for key in missing], now=self._now)
        return found

    def _series(
        self, arrivals: Iterable[Arrival], studies: Mapping[tuple[int, str], HeldStudy]
    ) -> dict[tuple[int, str], int]:
        """Return the keys of the series of `arrivals`, made where they are new."""
        first: dict[tuple[int, str], Arrival] = {}
        for arrival in arrivals:
            first.setdefault(_series_key(arrival, studies), arrival)
        found = find_series(first)
        missing = sorted(key for key in first if key not in found)
        if missing:
            _SERIES.insert(
                [
                    {
                        "study_id": key[0],
                        "series_instance_uid": key[1],
                        **rows.columns(first[key].header.attributes, rows.SERIES_COLUMNS),
                    }
                    for key in missing
                ],
                now=self._now,
                on_conflict="DO NOTHING",
            )
            found = find_series(first)
            note_requests([(found[key], first[key].header) for key in missing], now=self._now)
        return found

    def _decide(self, arrival: Arrival) -> Committed:
        held = self._held[arrival.project.pk, str(arrival.header.sop_instance_uid)]
        identical = held.identical(arrival)
        if identical is not None:
            return self._answer(arrival, held, ItemStatus.DUPLICATE, identical)
        unknown = [version for version in held.versions if version.pk is None or version.pk not in arrival.digests]
        if unknown:
            return Committed(compare_with=tuple(known for version in unknown if (known := version.known())))
        for version in held.versions:
            if version.pk is not None and arrival.digests[version.pk] == arrival.canonical_digest:
                self._note_encoding(held, version, arrival)
                return self._answer(arrival, held, ItemStatus.DUPLICATE, version, detail="the same in another encoding")
        return self._store(arrival, held, ItemStatus.CONFLICT if held.versions else ItemStatus.STORED)

    def _store(self, arrival: Arrival, held: HeldInstance, status: ItemStatus) -> Committed:
        header = arrival.header
        version = HeldVersion(
            pk=None,
            object_id=arrival.object_id,
            transfer_syntax_uid=header.transfer_syntax_uid,
            dataset_sha256=header.dataset_sha256,
            canonical_digest=arrival.canonical_digest,
        )
        is_first = not held.versions
        held.versions.append(version)
        self._versions.append((version, held, arrival))
        if is_first:
            self._touched[held.study.pk] = held.study
            return self._answer(arrival, held, status, version, object_used=True)
        for compared in held.versions[:-1]:
            self._keep_digest(compared, arrival)
        detail = "another content under a UID that is already held: kept as a version, the first stays current"
        return self._answer(arrival, held, status, version, code="differs", detail=detail, object_used=True)

    def _answer(
        self,
        arrival: Arrival,
        held: HeldInstance,
        status: ItemStatus,
        version: HeldVersion,
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
            study_id=held.study.public_id,
            warnings=header.warnings,
        )
        self._item(arrival.upload, verdict, study_pk=held.study.pk, version=version)
        return Committed(verdict=verdict, object_used=object_used)

    def _note(self, note: Note) -> Committed:
        study_pk = self._noted_studies.get(note.verdict.study_id or "")
        self._item(note.upload, note.verdict, study_pk=study_pk, version=None)
        return Committed(verdict=note.verdict)

    def _item(self, upload: UploadRef, verdict: Verdict, *, study_pk: int | None, version: HeldVersion | None) -> None:
        item = {
            "upload_id": upload.pk,
            "name": item_name(verdict.name),
            "status": verdict.status.value,
            "code": verdict.code,
            "detail": verdict.detail[:DETAIL_LENGTH_MAX],
            "sop_instance_uid": verdict.sop_instance_uid,
            "study_id": study_pk,
        }
        self._items.append((item, version))

    def _note_encoding(self, held: HeldInstance, version: HeldVersion, arrival: Arrival) -> None:
        key = encoding_of(arrival)
        if key in held.encodings or version.pk is None:
            return
        held.encodings[key] = version
        self._encodings.append(
            {
                "version_id": version.pk,
                "transfer_syntax_uid": key[0],
                "dataset_sha256": key[1],
                "received_at": self._now,
            }
        )
        self._keep_digest(version, arrival)

    @staticmethod
    def _keep_digest(version: HeldVersion, arrival: Arrival) -> None:
        """Write down the digest that was made of a version for a comparison, so that it is not made again."""
        digest = arrival.digests.get(version.pk) if version.pk is not None else None
        if digest and version.canonical_digest is None:
            version.canonical_digest = digest
            execute(
                "UPDATE records_version SET canonical_digest = {digest} WHERE id = {pk} AND canonical_digest IS NULL",
                digest=digest,
                pk=version.pk,
            )

    def _write(self) -> None:
        """Write what was decided; a receipt's line names its version, so versions go first."""
        if self._versions:
            self._write_versions()
        _ENCODING.insert(self._encodings, now=self._now, on_conflict="DO NOTHING")
        for item, version in self._items:
            item["version_id"] = version.pk if version else None
        _ITEM.insert([item for item, _ in self._items], now=self._now)

    def _write_versions(self) -> None:
        current, conflict = models.Version.State.CURRENT.value, models.Version.State.CONFLICT.value
        wanted = [
            {
                **rows.version_row(arrival, now=self._now),
                "instance_id": held.pk,
                "state": current if version is held.versions[0] else conflict,
            }
            for version, held, arrival in self._versions
        ]
        made = _VERSION.insert(wanted, now=self._now, returning="id")
        for (version, _, _), (pk,) in zip(self._versions, made, strict=True):
            version.pk = pk
        headers = [{"version_id": v.pk, **rows.header_row(arrival.header)} for v, _, arrival in self._versions]
        _HEADER.insert(headers, now=self._now)

    def _arm(self) -> None:
        """Set each touched study's closing to the end of its quiet time from now."""
        late = sorted(pk for pk, study in self._touched.items() if not self._timer.is_armed(study, self._now))
        if not late:
            return
        closings = fetch(
            "UPDATE records_study SET status = {status}, last_received_at = {now}, updated_at = {now} "
            "WHERE id IN {pks} RETURNING id, closings",
            status=StudyStatus.RECEIVING.value,
            now=self._now,
            pks=late,
        )
        self.armed = dict(closings)
        _JOB.insert(
            [
                {
                    "key": f"close:{self._touched[pk].public_id}:{count}",
                    "step": "close",
                    "study_id": pk,
                    "due_at": self._now + self._timer.quiet,
                }
                for pk, count in sorted(closings)
            ],
            now=self._now,
            # A closing that was given up or taken back is needed again now that something has come.
            on_conflict='("key") DO UPDATE SET due_at = excluded.due_at, attempts_max = records_job.attempts + 5, '
            "status = CASE WHEN records_job.status IN ('dead', 'cancelled') THEN 'queued' ELSE records_job.status END",
        )


def item_name(name: str) -> str:
    """Return a sender's name for a file as its column holds it: the end of it, which says most."""
    return name.replace("\0", "")[-NAME_LENGTH_MAX:]


def _series_key(arrival: Arrival, studies: Mapping[tuple[int, str], HeldStudy]) -> tuple[int, str]:
    study = studies[arrival.project.pk, str(arrival.header.study_instance_uid)]
    return study.pk, str(arrival.header.series_instance_uid)
