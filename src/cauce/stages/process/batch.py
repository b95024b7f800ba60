"""The two steps of processing: a batch of clean instances to measurements, a series to its summary and preview."""

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import BinaryIO, cast

from cauce.core.errors import NotFound, Refused, Undecodable
from cauce.core.identifiers import ObjectId, new_object_id
from cauce.core.messages import Measurement
from cauce.core.normalisation import normalised_mean
from cauce.core.statuses import Space
from cauce.ports.catalogue import CleanInstance
from cauce.ports.results import InstanceMeasured, SeriesSummary
from cauce.ports.services import Services
from cauce.stages.process.measure import measure_instance, summarise
from cauce.stages.process.reader import frames
from cauce.stages.process.render import preview_png, representative
from cauce.stages.process.slide import TILES_MAX, is_slide

PIPELINE = "basic-1"
"""This pipeline and its version: figures of another version stand beside these, they do not replace them."""

UNDECODABLE = "undecodable"
_BUFFER_BYTES = 64 * 1024
_NOT_SHOWN = (NotFound, Refused, Undecodable)


def process_batch(
    services: Services, *, batch_pk: int, series_pk: int, profile_name: str, pipeline: str = PIPELINE
) -> None:
    """Measure the clean instances of a batch of `series_pk`, one after the other, and commit all results at once.

    What cannot be read is an outcome of its instance. Running it again leaves the same rows.

    Raises:
        NotFound, IntegrityError: a clean object is gone or damaged.
        Unavailable: the object store or the database does not answer.
    """
    measured = [
        InstanceMeasured(deidentified_pk=clean.pk, measurement=_measure(services, clean))
        for clean in services.work.clean_instances(batch_pk, profile=profile_name)
    ]
    services.results.write_instances(series_pk, measured, pipeline=pipeline)


@contextmanager
def _opened(services: Services, clean: CleanInstance) -> Iterator[BinaryIO]:
    """Open a clean object, buffered: a header is read in very small pieces."""
    with services.objects.open(Space.DEIDENTIFIED, clean.object_id) as stored:
        yield io.BufferedReader(cast("io.RawIOBase", stored), _BUFFER_BYTES)


def _measure(services: Services, clean: CleanInstance) -> Measurement:
    with _opened(services, clean) as source:
        try:
            return measure_instance(source, limits=services.limits)
        except Refused as error:
            return Measurement(outcome=UNDECODABLE, detail=error.detail)


def summarise_series(
    services: Services, *, series_pk: int, revision_pk: int, profile_name: str, pipeline: str = PIPELINE
) -> None:
    """Pool the measurements of a series as of a revision, make its preview, commit both, remove the preview before.

    Running it again leaves one summary and one preview.

    Raises:
        NotFound, IntegrityError: a clean object is gone or damaged.
        Unavailable: the object store or the database does not answer. A preview that was stored but perhaps not
            committed is left to the sweep.
    """
    clean = services.work.clean_series(series_pk, revision_pk, profile=profile_name)
    held = services.results.measurements([one.pk for one in clean], pipeline=pipeline)
    summary = summarise([held[one.pk] for one in clean if one.pk in held])
    png = _preview(services, clean, held)
    preview = None if png is None else _stored(services, png, series_pk=series_pk, pipeline=pipeline)
    replaced = services.results.write_summary(
        SeriesSummary(
            series_pk=series_pk,
            revision_pk=revision_pk,
            figures=_plain(asdict(summary)),
            mean=summary.mean,
            mean_normalised=normalised_mean(summary.mean, summary.maximum),
            data_size=summary.pixels,
            preview_object=preview,
            preview_bytes=0 if png is None else len(png),
        ),
        pipeline=pipeline,
    )
    for object_id in replaced:
        services.objects.delete(Space.DEIDENTIFIED, object_id)


def _stored(services: Services, png: bytes, *, series_pk: int, pipeline: str) -> ObjectId:
    object_id = new_object_id()
    about = {"kind": "preview", "series": str(series_pk), "pipeline": pipeline}
    services.objects.write(Space.DEIDENTIFIED, object_id, [png], about=about)
    return object_id


def _plain(figures: Mapping[str, object]) -> dict[str, object]:
    """Return the figures as JSON can hold them: what is no finite number becomes `None`."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in figures.items()
    }


def _preview(services: Services, clean: Sequence[CleanInstance], held: Mapping[int, Measurement]) -> bytes | None:
    """Return the preview of the instance that stands for the series, or of the nearest to it that has one."""
    shown = [one for one in clean if one.pk not in held or held[one.pk].outcome == "measured"]
    for candidate in _by_preference(services, shown):
        with _opened(services, candidate) as source, suppress(*_NOT_SHOWN):
            return preview_png(frames(source, limits=services.limits))
    return None


def _by_preference(services: Services, instances: Sequence[CleanInstance]) -> Sequence[CleanInstance]:
    """Return the middle instance and its neighbours outwards; of a whole slide first what fits into one picture."""
    ordered = list(_outwards(instances))
    most = max(ordered, key=lambda one: one.number_of_frames, default=None)
    if most is None or most.number_of_frames == 1 or len(ordered) == 1 or not _is_slide(services, most):
        return ordered
    return sorted(ordered, key=lambda one: (one.number_of_frames > TILES_MAX, -one.number_of_frames))


def _is_slide(services: Services, one: CleanInstance) -> bool:
    with _opened(services, one) as source, suppress(*_NOT_SHOWN):
        return is_slide(frames(source, limits=services.limits))
    return False


def _outwards(instances: Sequence[CleanInstance]) -> Iterator[CleanInstance]:
    if not instances:
        return
    middle = representative([one.instance_number for one in instances])
    yield instances[middle]
    for distance in range(1, len(instances)):
        for position in (middle + distance, middle - distance):
            if 0 <= position < len(instances):
                yield instances[position]
