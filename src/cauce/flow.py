"""The flow, in order, in one place: read this first.

    bytes -> take_in:    validate, store, [commit: catalogue + job]          (web and DIMSE processes)
          -> close:      the study's quiet timer ran out: revision r, batches       (worker)
          -> deidentify: a batch of originals -> clean objects, or held back        (worker)
          -> process:    a batch of clean objects -> measurements                   (worker)
          -> summarise:  a series -> summary and preview                            (worker)
          -> deliver:    a revision -> `ready` or `attention`                       (worker)

Each step is idempotent by the key of its job, so everything may run twice. What follows a step is decided here and
enqueued by the ledger in the transaction that finishes it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import BinaryIO

from cauce.core.actors import Actor
from cauce.core.errors import Unexpected
from cauce.core.identifiers import ObjectId
from cauce.core.limits import Limits
from cauce.core.messages import Incoming, UploadRef, Verdict
from cauce.ports.ledger import ClaimedJob, JobRequest, Progress
from cauce.ports.services import Services
from cauce.stages import deidentify, deliver, ingest, process, recover, validate

PROFILE = deidentify.BASIC
PIPELINE = process.PIPELINE


def take_in(
    services: Services,
    upload: UploadRef,
    incoming: Incoming,
    *,
    study_instance_uid: str | None = None,
    notes_put_off: bool = False,
) -> Verdict:
    """Take one file in: the only way in, whatever the entrance. Safe for any number of threads.

    With `study_instance_uid` an instance of another study is refused. With `notes_put_off` verdicts on files that add
    nothing come into the receipt a little later, at the latest when `upload` is closed.

    Raises:
        StorageUnavailable, DatabaseUnavailable: nothing was taken; the same call may succeed later.
    """
    return ingest.take_in(
        services,
        upload,
        incoming,
        read_header=validate.read_header,
        digest=_digest(services.limits),
        study_instance_uid=study_instance_uid,
        notes_put_off=notes_put_off,
    )


def rebuild(services: Services, *, actor: Actor) -> Iterator[recover.Rebuilt]:
    """Make the catalogue anew from the stored objects, when the database is lost; see `stages.recover.rebuild`."""
    return recover.rebuild(services, actor=actor, adopt=_adopt(services))


def sweep(services: Services, *, actor: Actor, older_than_s: float = recover.AGE_MIN_S) -> recover.Swept:
    """Adopt or remove what a crash left in the object store; see `stages.recover.sweep`."""
    return recover.sweep(services, actor=actor, adopt=_adopt(services), older_than_s=older_than_s)


def _adopt(services: Services) -> recover.Adopt:
    def adopt(upload: UploadRef, object_id: ObjectId) -> Verdict:
        return ingest.adopt(
            services, upload, object_id, read_header=validate.read_header, digest=_digest(services.limits)
        )

    return adopt


def _digest(limits: Limits) -> Callable[[BinaryIO, int], bytes]:
    """Return what digests a data set whatever its encoding; pixels that cannot be decoded count as they are stored."""
    decode = partial(process.decoded_frames, limits=limits)

    def digest(source: BinaryIO, size_bytes: int) -> bytes:
        return validate.canonical_digest(source, size_bytes=size_bytes, limits=limits, decode=decode)

    return digest


def close(services: Services, job: ClaimedJob) -> None:
    """The quiet timer of a study ran out: what has arrived becomes its next revision."""
    services.work.close_study(job.study_pk)


def deidentify_batch(services: Services, job: ClaimedJob) -> None:
    """Remove who the patient is from a batch of originals; what is not proven clean is held back."""
    deidentify.deidentify_batch(
        services,
        batch_pk=_given(job.batch_pk),
        study_pk=job.study_pk,
        profile=PROFILE,
        read_header=validate.read_header,
    )


def process_batch(services: Services, job: ClaimedJob) -> None:
    """Measure a batch of clean objects."""
    process.process_batch(
        services,
        batch_pk=_given(job.batch_pk),
        series_pk=_given(job.series_pk),
        profile_name=PROFILE.name,
        pipeline=PIPELINE,
    )


def summarise_series(services: Services, job: ClaimedJob) -> None:
    """Pool the figures of a series and make its preview."""
    process.summarise_series(
        services,
        series_pk=_given(job.series_pk),
        revision_pk=_given(job.revision_pk),
        profile_name=PROFILE.name,
        pipeline=PIPELINE,
    )


def deliver_revision(services: Services, job: ClaimedJob) -> None:
    """End a revision: its study is `ready`, or says why a person should look."""
    deliver.deliver_revision(
        services, revision_pk=_given(job.revision_pk), profile_name=PROFILE.name, pipeline=PIPELINE
    )


STEPS: Mapping[str, Callable[[Services, ClaimedJob], None]] = {
    "close": close,
    "deidentify": deidentify_batch,
    "process": process_batch,
    "summarise": summarise_series,
    "deliver": deliver_revision,
}
"""What a worker does for a job, by the job's step, in the order of the flow."""


def following(job: ClaimedJob, *, succeeded: bool, progress: Progress) -> Sequence[JobRequest]:
    """Return the jobs that have become necessary now that `job` has ended, well or not.

    A step that failed for good does not hold up its study: the study goes on without it and ends in `attention`.
    """
    if job.step == "close":
        return _after_closing(job, progress) if succeeded else ()
    if job.step == "deidentify" and succeeded:
        return [_processing(job)]
    if job.step in {"deidentify", "process"}:
        return _after_batch(job, progress)
    if job.step == "summarise" and progress.is_summarised(_given(job.revision_pk)):
        return [_delivery(job)]
    return ()


def _after_closing(job: ClaimedJob, progress: Progress) -> Sequence[JobRequest]:
    """Return the jobs of a new revision: its new batches, and new summaries of the series that gained nothing."""
    revision_pk = progress.latest_revision(job.study_pk)
    if revision_pk is None:
        return ()
    unchanged = progress.series_without_open_batches(revision_pk)
    summaries = [_summary(job, revision_pk, series_pk) for series_pk in unchanged]
    return [*progress.batches_without_job(revision_pk), *summaries]


def _after_batch(job: ClaimedJob, progress: Progress) -> Sequence[JobRequest]:
    """Return the summary of the series whose last batch has just ended, as of the newest revision."""
    revision_pk = progress.latest_revision(job.study_pk)
    if revision_pk is None or job.series_pk not in progress.series_without_open_batches(revision_pk):
        return ()
    return [_summary(job, revision_pk, _given(job.series_pk))]


def _processing(job: ClaimedJob) -> JobRequest:
    return JobRequest(
        key=f"process:{job.batch_pk}:{PIPELINE}",
        step="process",
        study_pk=job.study_pk,
        revision_pk=job.revision_pk,
        series_pk=job.series_pk,
        batch_pk=job.batch_pk,
        again=True,
    )


def _summary(job: ClaimedJob, revision_pk: int, series_pk: int) -> JobRequest:
    return JobRequest(
        key=f"summarise:{revision_pk}:{series_pk}:{PIPELINE}",
        step="summarise",
        study_pk=job.study_pk,
        revision_pk=revision_pk,
        series_pk=series_pk,
        again=True,
    )


def _delivery(job: ClaimedJob) -> JobRequest:
    return JobRequest(
        key=f"deliver:{job.revision_pk}",
        step="deliver",
        study_pk=job.study_pk,
        revision_pk=job.revision_pk,
        again=True,
    )


def _given(pk: int | None) -> int:
    if pk is None:
        raise Unexpected("the job lacks what its step works on")
    return pk
