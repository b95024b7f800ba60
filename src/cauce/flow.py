"""The flow, in order, in one place: read this first.

    bytes -> take_in:    validate, store, [commit: catalogue + job]          (web and DIMSE processes)
          -> close:      the study's quiet timer ran out: revision r, batches       (worker)
          -> deidentify: a batch of originals -> clean objects, or held back        (worker)
          -> process:    a batch of clean objects -> measurements                   (worker)
          -> summarise:  a series -> summary and preview                            (worker)
          -> deliver:    a revision -> `ready` or `attention`                       (worker)

A work item asks for such a pass: `perform` begins it, `settle` ends the work item once the pass has ended.

Each step is idempotent by the key of its job, so everything may run twice. What follows a step is decided here and
enqueued by the ledger in the transaction that finishes it.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from cauce.core.actors import Actor
from cauce.core.errors import Unexpected
from cauce.core.identifiers import ObjectId
from cauce.core.limits import DEFAULTS, Limits
from cauce.core.messages import FrameIndex, Incoming, ProfileText, UploadRef, Verdict
from cauce.core.statuses import Space
from cauce.ports.ledger import ClaimedJob, JobRequest, Progress
from cauce.ports.services import Services
from cauce.stages import deidentify, deliver, ingest, process, recover, validate
from cauce.stages.deidentify.profile import parse_profile, profile_yaml
from cauce.stages.deidentify.table import load_table

PROFILE = deidentify.STANDARD
"""What a project goes by that was never given a profile of its own."""

DEIDENTIFIER = "3"
"""This de-identifier's version: outputs of another version stand beside those of this one, as with a pipeline."""

PIPELINE = process.PIPELINE
_BUFFER_BYTES = 64 * 1024


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


def transcoded(source: BinaryIO, *, to: str, limits: Limits = DEFAULTS, spool: Path | None = None) -> Iterator[bytes]:
    """Yield a stored file in the transfer syntax `to`, for whoever wants it so; see `stages.deliver.transcoding`.

    With `spool`, a folder for a file without name, encapsulated frames of any length come with an offset table.

    Raises (before the first byte):
        NoCodec, Undecodable, Refused: it cannot be had in `to`, or is damaged.
    """
    return deliver.transcoded(
        source,
        to=to,
        header=validate.HeaderWriter(limits),
        recoder=partial(process.recoder, to=to, limits=limits, spool=spool),
    )


def frames(source: BinaryIO, *, limits: Limits = DEFAULTS, index: FrameIndex | None = None) -> process.FrameReader:
    """Open a stored file once for as many of its frames as are wanted; see `stages.process.frames`.

    Raises:
        Undecodable, Refused: it cannot be opened.
    """
    return process.frames(source, limits=limits, index=index)


def frame_in(reader: process.FrameReader, number: int, *, to: str) -> bytes:
    """Return frame `number` (from 0) of an opened file in the transfer syntax `to`; see `stages.process.frame_in`.

    Raises:
        NoCodec, Undecodable, Refused: it cannot be had in `to`, or is damaged.
        IndexError: there is no such frame.
    """
    return process.frame_in(reader, number, to=to)


def rendered(
    reader: process.FrameReader,
    *,
    frame: int | None,
    media_type: str,
    window: tuple[float, float, str] | None = None,
    viewport: process.Viewport | None = None,
    quality: int | None = None,
) -> bytes:
    """Return a frame (from 0; `None`: the middle one) of an opened file as a picture; see `stages.process.rendered`.

    Raises:
        InvalidRequest, NotFound, Undecodable, Refused: it cannot be shown so.
    """
    return process.rendered(
        reader,
        frame=len(reader) // 2 if frame is None else frame,
        media_type=media_type,
        window=window,
        viewport=viewport,
        quality=process.QUALITY_USUAL if quality is None else quality,
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
    services.work.close_study(job.study_pk, default=default_profile(), engine=engine())


def engine() -> str:
    """Return what de-identifies here: the version of the program's part and the edition of the table."""
    return f"{DEIDENTIFIER}-{load_table().edition}"


def default_profile() -> ProfileText:
    """Return the profile of a project that was never given one, as it would be kept."""
    return read_profile(profile_yaml(PROFILE))


def read_profile(text: str) -> ProfileText:
    """Return what a profile's text says of itself.

    Raises:
        ProfileError: it is none; every fault is named.
    """
    profile = _profile(text)
    return ProfileText(name=profile.name, version=profile.version, digest=profile.digest, text=text)


def try_profile(services: Services, *, object_id: ObjectId, text: str) -> deidentify.Trial:
    """Return what would become of a stored original under a profile; nothing is kept. See `deidentify.tried`.

    Raises:
        ProfileError: `text` is no profile.
    """
    profile = _profile(text)
    return deidentify.tried(
        services,
        object_id=object_id,
        profile=profile,
        read_header=validate.read_header,
        pixels=pixel_cleaner(profile, limits=services.limits),
    )


def picture_of_original(services: Services, object_id: ObjectId, *, frame: int | None, size_px: int) -> bytes:
    """Return a frame of an original as PNG, for the person who decides about it: it shows who the patient is.

    Raises:
        NotFound: it has no pixels, or no such frame.
        Refused, Undecodable: they cannot be shown.
        IntegrityError, Unavailable: the object cannot be read.
    """
    with services.objects.open(Space.ORIGINALS, object_id) as stored:
        source = io.BufferedReader(cast("io.RawIOBase", stored), _BUFFER_BYTES)
        return process.preview_png(process.frames(source, limits=services.limits), frame=frame, size_px=size_px)


@lru_cache(maxsize=32)
def _profile(text: str) -> deidentify.Profile:
    """Return the profile that a revision was closed under; revisions of before there were any have none."""
    return parse_profile(text) if text else PROFILE


def deidentify_batch(services: Services, job: ClaimedJob) -> None:
    """Remove who the patient is from a batch of originals; what is not proven clean is held back."""
    held = services.work.profile_of(_given(job.revision_pk))
    profile = _profile(held.text)
    deidentify.deidentify_batch(
        services,
        batch_pk=_given(job.batch_pk),
        study_pk=job.study_pk,
        profile=profile,
        read_header=validate.read_header,
        key=held.key,
        pixels=pixel_cleaner(profile, limits=services.limits),
    )


def pixel_cleaner(profile: deidentify.Profile, *, limits: Limits = DEFAULTS) -> deidentify.PixelCleaner:
    """Return what finds text in pixels and blanks it, where `profile` asks for clean pixel data."""
    return deidentify.TextCleaner(
        open_frames=partial(process.repaintable, limits=limits), keeps_regions_only=profile.keeps_regions_only
    )


def process_batch(services: Services, job: ClaimedJob) -> None:
    """Measure a batch of clean objects."""
    process.process_batch(
        services,
        batch_pk=_given(job.batch_pk),
        series_pk=_given(job.series_pk),
        profile_name=services.work.profile_of(_given(job.revision_pk)).key,
        pipeline=PIPELINE,
    )


def summarise_series(services: Services, job: ClaimedJob) -> None:
    """Pool the figures of a series and make its preview."""
    process.summarise_series(
        services,
        series_pk=_given(job.series_pk),
        revision_pk=_given(job.revision_pk),
        profile_name=services.work.profile_of(_given(job.revision_pk)).key,
        pipeline=PIPELINE,
    )


def deliver_revision(services: Services, job: ClaimedJob) -> None:
    """End a revision: its study is `ready`, or says why a person should look."""
    held = services.work.profile_of(_given(job.revision_pk))
    deliver.deliver_revision(
        services,
        revision_pk=_given(job.revision_pk),
        profile_name=held.key,
        pipeline=PIPELINE,
        about=_described(_profile(held.text)),
    )


def perform(services: Services, job: ClaimedJob) -> None:
    """Begin what a work item asks for: its study is worked on anew, as its next revision."""
    services.work_items.begin(job.pk, profile=default_profile())


def settle(services: Services, job: ClaimedJob) -> None:
    """End the work items of a study that waited for what has ended: completed, or given up with the reason."""
    services.work_items.settle(job.study_pk)


def _described(profile: deidentify.Profile) -> dict[str, Any]:
    """Return what a de-identification report says of the profile."""
    return {
        "name": profile.name,
        "version": profile.version,
        "digest": profile.digest,
        "edition": load_table().edition,
        "engine": engine(),
        "options": sorted(profile.options),
        "method": profile.method,
        "codes": [code.value for code in profile.codes],
        "dates": profile.longitudinal,
    }


STEPS: Mapping[str, Callable[[Services, ClaimedJob], None]] = {
    "close": close,
    "deidentify": deidentify_batch,
    "process": process_batch,
    "summarise": summarise_series,
    "deliver": deliver_revision,
    "perform": perform,
    "settle": settle,
}
"""What a worker does for a job, by the job's step, in the order of the flow; the last two are for work items."""

OF_WORK_ITEMS = frozenset({"perform", "settle"})
"""The steps that are not part of a pass."""


def following(job: ClaimedJob, *, succeeded: bool, progress: Progress) -> Sequence[JobRequest]:
    """Return the jobs that have become necessary now that `job` has ended, well or not.

    A step that failed for good does not hold up its study: the study goes on without it and ends in `attention`.
    """
    if job.step == "close":
        return [*(_after_closing(job, progress) if succeeded else ()), *_settling(job, progress)]
    if job.step == "deidentify" and succeeded:
        return [_processing(job)]
    if job.step in {"deidentify", "process"}:
        return _after_batch(job, progress)
    if job.step == "summarise" and progress.is_summarised(_given(job.revision_pk)):
        return [_delivery(job)]
    if job.step == "deliver" or (job.step == "perform" and not succeeded):
        return _settling(job, progress)
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


def _settling(job: ClaimedJob, progress: Progress) -> Sequence[JobRequest]:
    if not progress.has_waiting_work_items(job.study_pk):
        return ()
    return [JobRequest(key=f"settle:{job.key}", step="settle", study_pk=job.study_pk, again=True)]


def _given(pk: int | None) -> int:
    if pk is None:
        raise Unexpected("the job lacks what its step works on")
    return pk
