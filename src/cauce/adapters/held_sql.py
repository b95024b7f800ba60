"""What the catalogue holds of arriving instances already: read in bulk, as plain records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from cauce.adapters.statements import fetch
from cauce.core.identifiers import ObjectId, PublicId
from cauce.core.statuses import StudyStatus
from cauce.ports.catalogue import Arrival, KnownVersion

_RECEIVING: Final = StudyStatus.RECEIVING.value


@dataclass(frozen=True, slots=True)
class HeldStudy:
    """A study that is there.

    `closings` counts the closings that have run; `None` where it was not read, or the study does not receive now.
    """

    pk: int
    public_id: PublicId
    closings: int | None = None


@dataclass(slots=True)
class HeldVersion:
    """A content that is held; `pk` is `None` while it is of this very transaction."""

    pk: int | None
    object_id: str
    transfer_syntax_uid: str
    dataset_sha256: bytes
    canonical_digest: bytes | None

    def known(self) -> KnownVersion | None:
        """Return it as who compares contents knows it, `None` while it has no key."""
        if self.pk is None:
            return None
        return KnownVersion(
            pk=self.pk,
            object_id=ObjectId(self.object_id),
            transfer_syntax_uid=self.transfer_syntax_uid,
            dataset_sha256=self.dataset_sha256,
            canonical_digest=self.canonical_digest,
        )


@dataclass(slots=True)
class HeldInstance:
    """An instance and all contents of it that are held, those of this transaction included."""

    pk: int
    study: HeldStudy
    versions: list[HeldVersion] = field(default_factory=list)
    encodings: dict[tuple[str, bytes], HeldVersion] = field(default_factory=dict)
    """Versions by the transfer syntax and digest of other encodings that were proven to be the same data set."""

    def identical(self, arrival: Arrival) -> HeldVersion | None:
        """Return the version that is the very same data set, as it is stored or in an encoding that was met before."""
        key = encoding_of(arrival)
        for version in self.versions:
            if (version.transfer_syntax_uid, version.dataset_sha256) == key:
                return version
        return self.encodings.get(key)


def encoding_of(arrival: Arrival) -> tuple[str, bytes]:
    """Return what tells one encoding of an instance from another."""
    return str(arrival.header.transfer_syntax_uid), arrival.header.dataset_sha256


def find_instances(project_pk: int, uids: Iterable[str]) -> dict[tuple[int, str], HeldInstance]:
    """Return what is held of a project's instances, by project and SOP Instance UID."""
    rows = fetch(
        "SELECT instance.id, instance.sop_instance_uid, study.id, study.public_id FROM records_instance instance "
        "JOIN records_series series ON series.id = instance.series_id "
        "JOIN records_study study ON study.id = series.study_id "
        "WHERE instance.project_id = {project} AND instance.sop_instance_uid IN {uids}",
        project=project_pk,
        uids=sorted(uids),
    )
    by_pk = {pk: (uid, HeldInstance(pk, HeldStudy(study, PublicId(public_id)))) for pk, uid, study, public_id in rows}
    if by_pk:
        _fill_in_versions({pk: held for pk, (_, held) in by_pk.items()})
    return {(project_pk, uid): held for uid, held in by_pk.values()}


def _fill_in_versions(by_pk: Mapping[int, HeldInstance]) -> None:
    versions: dict[int, tuple[HeldInstance, HeldVersion]] = {}
    rows = fetch(
        "SELECT id, instance_id, object_id, transfer_syntax_uid, dataset_sha256, canonical_digest "
        "FROM records_version WHERE instance_id IN {instances} ORDER BY id",
        instances=sorted(by_pk),
    )
    for pk, instance_pk, object_id, syntax, sha256, digest in rows:
        version = HeldVersion(pk, object_id, syntax, bytes(sha256), bytes(digest) if digest is not None else None)
        by_pk[instance_pk].versions.append(version)
        versions[pk] = by_pk[instance_pk], version
    if not versions:
        return
    rows = fetch(
        "SELECT version_id, transfer_syntax_uid, dataset_sha256 FROM records_alternateencoding "
        "WHERE version_id IN {versions}",
        versions=sorted(versions),
    )
    for version_pk, syntax, sha256 in rows:
        held, version = versions[version_pk]
        held.encodings[syntax, bytes(sha256)] = version


def find_studies(keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], HeldStudy]:
    """Return studies by project and Study Instance UID, locked in the order of their keys."""
    wanted = set(keys)
    rows = fetch(
        "SELECT id, project_id, study_instance_uid, public_id, status, closings FROM records_study "
        "WHERE project_id IN {projects} AND study_instance_uid IN {uids} ORDER BY id",
        lock=True,
        projects=sorted({project for project, _ in wanted}),
        uids=sorted({uid for _, uid in wanted}),
    )
    return {
        (project, uid): HeldStudy(pk, PublicId(public_id), closings if status == _RECEIVING else None)
        for pk, project, uid, public_id, status, closings in rows
    }


def find_series(keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Return the keys of series by study and Series Instance UID."""
    wanted = set(keys)
    rows = fetch(
        "SELECT id, study_id, series_instance_uid FROM records_series "
        "WHERE study_id IN {studies} AND series_instance_uid IN {uids}",
        studies=sorted({study for study, _ in wanted}),
        uids=sorted({uid for _, uid in wanted}),
    )
    return {(study, uid): pk for pk, study, uid in rows}


def find_identical(project_pk: int, sop_instance_uid: str, syntax: str, sha256: bytes) -> PublicId | None:
    """Return the study of an instance that is held as this very data set, in this very encoding."""
    rows = fetch(
        "SELECT study.public_id FROM records_instance instance "
        "JOIN records_version version ON version.instance_id = instance.id "
        "JOIN records_series series ON series.id = instance.series_id "
        "JOIN records_study study ON study.id = series.study_id "
        "WHERE instance.project_id = {project} AND instance.sop_instance_uid = {uid} AND ("
        "(version.transfer_syntax_uid = {syntax} AND version.dataset_sha256 = {sha256}) OR EXISTS ("
        "SELECT 1 FROM records_alternateencoding encoding WHERE encoding.version_id = version.id "
        "AND encoding.transfer_syntax_uid = {syntax} AND encoding.dataset_sha256 = {sha256})) LIMIT 1",
        project=project_pk,
        uid=str(sop_instance_uid),
        syntax=str(syntax),
        sha256=sha256,
    )
    return PublicId(rows[0][0]) if rows else None
