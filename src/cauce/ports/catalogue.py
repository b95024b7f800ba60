"""The catalogue: what arrived, in which version, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cauce.core.actors import Actor
from cauce.core.identifiers import ObjectId, PublicId, SopInstanceUid, StudyInstanceUid
from cauce.core.messages import (
    Deidentified,
    Header,
    ProfileText,
    ProjectRef,
    RevisionProfile,
    Ruling,
    UploadRef,
    Verdict,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownVersion:
    """A version that the catalogue holds of an instance; `canonical_digest` is None until it was needed once."""

    pk: int
    object_id: ObjectId
    transfer_syntax_uid: str
    dataset_sha256: bytes
    canonical_digest: bytes | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """One validated instance whose object is durable, to be committed.

    `digests` are the canonical digests, by version key, of the versions that it has been compared with; the catalogue
    asks again when it knows one more.
    """

    project: ProjectRef
    upload: UploadRef
    name: str
    source: str
    header: Header
    object_id: ObjectId
    canonical_digest: bytes | None = None
    digests: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Committed:
    """What the commit decided. With `compare_with`, nothing was written: compare with these versions, then try again.

    `object_used` is False when the object just written is not referred to (a duplicate) and may go.
    """

    verdict: Verdict | None = None
    object_used: bool = False
    compare_with: tuple[KnownVersion, ...] = ()


class Catalogue(Protocol):
    """Rows go in through one committer per process, in bulk; a call returns when its transaction has committed."""

    def project(self, slug: str) -> ProjectRef:
        """Return the project of this slug.

        Raises:
            NotFound: there is none.
        """

    def knows(self, slug: str) -> bool:
        """Tell whether `project` has the answer for this slug at hand, without asking the database."""

    def ensure_project(self, slug: str, *, actor: Actor) -> ProjectRef:
        """Return the project of this slug; it is made when there is none."""

    def open_upload(self, project: ProjectRef, *, actor: Actor, source: str) -> UploadRef:
        """Begin a delivery and its receipt; both are written with what first arrives of it, or with its end."""

    def find_upload(self, public_id: str, *, actor: Actor) -> UploadRef:
        """Return an upload that this actor began.

        Raises:
            NotFound: there is none, or it is another's.
        """

    def close_upload(self, upload: UploadRef, *, final: bool, put_off: bool = False) -> None:
        """End a delivery; with `final` its studies are complete and close now.

        While an archive of it is pending nothing ends yet, and `final` is kept in mind: call this again after it.
        With `put_off` this returns at once, and the end is written with what is committed next, or by `settle`.
        """

    def settle(self) -> None:
        """Write what was put off, if anything was.

        Raises:
            DatabaseUnavailable: it is still put off.
        """

    def find_identical(self, project: ProjectRef, header: Header) -> Verdict | None:
        """Return the verdict `duplicate` if the very same data set is already held, else `None`. Writes nothing."""

    def commit(self, arrival: Arrival) -> Committed:
        """Commit one arrival with its upload item and the job that its study now needs.

        Raises:
            DatabaseUnavailable: nothing was committed.
        """

    def note(self, upload: UploadRef, verdict: Verdict, *, put_off: bool = False) -> None:
        """Write the verdict on a file that led to no arrival (refused, skipped, duplicate) into the receipt.

        With `put_off` it is written with what is committed next, at the latest with the end of its delivery.
        """

    def begin_archive(self, upload: UploadRef, name: str) -> int:
        """Write `pending` for an archive that is to be unpacked into the receipt; return the key of that line."""

    def end_archive(self, archive_pk: int, verdict: Verdict | None) -> None:
        """Put the verdict on an archive as a whole in place of `pending`; without one its files' verdicts stand alone.

        An archive that is not pending any more is left as it is.
        """

    def close(self) -> None:
        """Give back what is held open towards the database; whoever comes later opens it again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchMember:
    """One version of a batch, with what de-identification needs to find its patient, and what people have decided."""

    version_pk: int
    object_id: ObjectId
    sop_instance_uid: SopInstanceUid
    study_instance_uid: StudyInstanceUid
    patient_id: str
    issuer_of_patient_id: str
    ruling: Ruling | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenInstance:
    """The outcome of de-identifying one version; the last three are None when it was held back.

    `file_sha256` is the digest of the whole object.
    """

    version_pk: int
    outcome: Deidentified
    object_id: ObjectId | None = None
    header: Header | None = None
    file_sha256: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanInstance:
    """One de-identified instance, as processing sees it: an object id, never an original."""

    pk: int
    object_id: ObjectId
    instance_number: int | None
    number_of_frames: int


class WorkCatalogue(Protocol):
    """What the worker's steps read and write of the catalogue."""

    def close_study(self, study_pk: int, *, default: ProfileText, engine: str) -> int | None:
        """Make the study's next revision from its current versions; return its key, or `None` if nothing is new.

        It is worked on under the present profile of its project; one that was never given a profile gets `default`.
        `engine` is the version of the de-identifier. Where either differs from what the last revision had, all of the
        study is worked on anew.
        """

    def profile_of(self, revision_pk: int) -> RevisionProfile:
        """Return the profile that a revision is worked on under."""

    def project_of(self, study_pk: int) -> ProjectRef:
        """Return the project of a study."""

    def batch_members(self, batch_pk: int, *, profile: str) -> Sequence[BatchMember]:
        """Return the members of a batch that have no output under `profile` yet."""

    def write_deidentified(self, written: Sequence[WrittenInstance], *, profile: str) -> Sequence[ObjectId]:
        """Commit outputs; return the objects that are not referred to because another worker was first."""

    def clean_instances(self, batch_pk: int, *, profile: str) -> Sequence[CleanInstance]:
        """Return the de-identified instances of a batch, in order."""

    def clean_series(self, series_pk: int, revision_pk: int, *, profile: str) -> Sequence[CleanInstance]:
        """Return the de-identified instances of a series as of a revision, in order."""

    def deliver(
        self, revision_pk: int, *, profile: str, pipeline: str, about: Mapping[str, Any] | None = None
    ) -> PublicId:
        """End a revision: gather its causes, set it and its study `ready` or `attention`; return the study's id.

        What was done to each of its instances is written into its de-identification report; `about` is what the report
        says of the profile.
        """
