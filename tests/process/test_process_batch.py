"""The two steps of processing on the real stores: each may run twice, and leaves each result once."""

from dataclasses import asdict

import cv2
import numpy as np
import pytest
from process_objects import JPEG_LS, PROFILE, encapsulated, item, measured, native, sequence, written

from cauce.core.errors import NotFound
from cauce.core.identifiers import ObjectId
from cauce.core.statuses import Space
from cauce.stages.process import PIPELINE, process_batch, summarise_series


def slice_of(value, **attributes):
    """Return a CT slice of two values whose mean is `value`."""
    array = np.full((8, 8), value - 1, np.int16)
    array[4:] = value + 1
    window = {"WindowCenter": "100", "WindowWidth": "400"}
    return native(array, Modality="CT", RescaleIntercept="0", **window, **attributes)


BROKEN = encapsulated([b"\0\0"], np.zeros((8, 8), np.uint8), syntax=JPEG_LS)
REPORT = written({"Modality": "SR"})


@pytest.fixture
def run(services, clean_series):
    def batch(one):
        process_batch(services, batch_pk=one.pk, series_pk=clean_series.series.pk, profile_name=PROFILE)

    def summary():
        summarise_series(
            services,
            series_pk=clean_series.series.pk,
            revision_pk=clean_series.revision.pk,
            profile_name=PROFILE,
            pipeline=PIPELINE,
        )

    def everything(*contents, **options):
        batch(clean_series.add(*contents, **options))
        summary()
        return the_result()

    batch.summary, batch.everything = summary, everything
    return batch


def the_result():
    from cauce.records.models import ProcessingResult

    return ProcessingResult.objects.get()


def previews():
    from cauce.records.models import Artifact

    return list(Artifact.objects.filter(kind="preview").values_list("object_id", flat=True))


def picture(services):
    """Return the pixels of the one preview."""
    (object_id,) = previews()
    with services.objects.open(Space.DEIDENTIFIED, ObjectId(object_id)) as stored:
        return cv2.imdecode(np.frombuffer(stored.read(), np.uint8), cv2.IMREAD_UNCHANGED)


def stored_objects(services):
    return {info.object_id for info in services.objects.walk(Space.DEIDENTIFIED)}


def test_every_clean_instance_of_a_batch_has_its_measurement(services, clean_series, run):
    from cauce.records.models import InstanceResult

    contents = [slice_of(10), BROKEN, REPORT, b"no DICOM at all"]
    run(clean_series.add(*contents))
    rows = list(InstanceResult.objects.order_by("deidentified_id"))
    assert [row.outcome for row in rows] == ["measured", "undecodable", "no_pixels", "undecodable"]
    assert rows[0].measurements == asdict(measured(contents[0]))
    assert rows[1].measurements["detail"].endswith(f"({JPEG_LS})")
    assert rows[3].measurements["detail"] == "there is neither a preamble nor a data set"
    assert {(row.pipeline, row.series_id) for row in rows} == {("basic-1", clean_series.series.pk)}


def test_what_was_held_back_is_not_measured(services, clean_series, run):
    from cauce.records.models import InstanceResult

    run(clean_series.add(slice_of(10), cause="pixels_unproven"))
    assert InstanceResult.objects.count() == 0


def test_a_batch_that_runs_again_leaves_the_same_rows(services, clean_series, run):
    from cauce.records.models import InstanceResult

    batch = clean_series.add(slice_of(10), slice_of(20))
    run(batch)
    before = list(InstanceResult.objects.order_by("pk").values())
    run(batch)
    assert list(InstanceResult.objects.order_by("pk").values()) == before


def test_another_version_of_the_pipeline_stands_beside_the_first(services, clean_series, run):
    from cauce.records.models import InstanceResult

    batch = clean_series.add(slice_of(10))
    run(batch)
    process_batch(
        services, batch_pk=batch.pk, series_pk=clean_series.series.pk, profile_name=PROFILE, pipeline="basic-2"
    )
    assert sorted(InstanceResult.objects.values_list("pipeline", flat=True)) == ["basic-1", "basic-2"]


def test_a_clean_object_that_is_gone_fails_the_batch(services, clean_series, run):
    from cauce.records.models import DeidentifiedInstance, InstanceResult

    batch = clean_series.add(slice_of(10), slice_of(20))
    services.objects.delete(Space.DEIDENTIFIED, ObjectId(DeidentifiedInstance.objects.last().object_id))
    with pytest.raises(NotFound):
        run(batch)
    assert InstanceResult.objects.count() == 0


def test_a_summary_pools_the_series_and_has_a_preview(services, clean_series, run):
    result = run.everything(slice_of(0), slice_of(100), slice_of(200))
    assert (result.id, result.device_name) == (f"series-{clean_series.series.public_id}", "Maker")
    assert (result.mean_before_normalization, result.data_size) == (100.0, 3 * 64)
    assert result.mean_after_normalization == 100 / 201
    assert (result.revision_id, result.pipeline) == (clean_series.revision.pk, "basic-1")
    figures = result.measurements
    assert (figures["instances"], figures["measured"], figures["unit"]) == (3, 3, "HU")
    assert (figures["minimum"], figures["maximum"], figures["snr"]) == (-1.0, 201.0, None)
    assert picture(services).shape == (512, 512)


def test_the_preview_is_that_of_the_middle_instance(services, run):
    run.everything(slice_of(-100), slice_of(100), slice_of(300))
    assert abs(float(picture(services).mean()) - 127.5) < 2


def test_a_summary_that_runs_again_leaves_one_summary_and_one_preview(services, clean_series, run):
    from cauce.records.models import ProcessingResult

    run.everything(slice_of(0), slice_of(100))
    (first,), before = previews(), ProcessingResult.objects.values().get()
    run.summary()
    (second,), after = previews(), ProcessingResult.objects.values().get()
    assert second != first
    assert first not in stored_objects(services)
    assert second in stored_objects(services)
    assert {**after, "updated_at": None} == {**before, "updated_at": None}


def test_a_late_batch_is_pooled_with_the_earlier_ones(services, clean_series, run):
    run.everything(slice_of(0))
    result = run.everything(slice_of(50), slice_of(100))
    assert (result.measurements["instances"], result.mean_before_normalization) == (3, 50.0)
    assert len(previews()) == 1


def test_the_nearest_neighbour_stands_in_for_what_cannot_be_shown(services, run):
    no_palette = {"PhotometricInterpretation": "PALETTE COLOR"}
    result = run.everything(slice_of(-100), BROKEN, native(np.zeros((8, 8), np.uint8), **no_palette), slice_of(300))
    assert (result.measurements["undecodable"], result.measurements["measured"]) == (2, 2)
    assert len(previews()) == 1


def test_an_instance_that_is_measured_but_cannot_be_shown_is_passed_over(services, clean_series, run, monkeypatch):
    from cauce.core.errors import Undecodable
    from cauce.stages.process import batch as module

    run(clean_series.add(slice_of(-50), slice_of(100), slice_of(250)))
    asked, preview_png = [], module.preview_png

    def fails_at_first(source):
        asked.append(source)
        if len(asked) == 1:
            raise Undecodable("the middle one", transfer_syntax_uid=JPEG_LS)
        return preview_png(source)

    monkeypatch.setattr(module, "preview_png", fails_at_first)
    run.summary()
    assert len(asked) == 2
    assert 220 < picture(services).mean() < 227  # the next one


def test_a_series_without_pixels_has_a_summary_but_no_preview(services, run):
    result = run.everything(REPORT, REPORT)
    assert (result.measurements["no_pixels"], result.data_size) == (2, 0)
    assert (result.mean_before_normalization, result.mean_after_normalization) == (None, None)
    assert previews() == []


def test_a_series_with_nothing_clean_has_a_summary_of_zeros(services, clean_series, run):
    result = run.everything(slice_of(5), cause="pixels_unproven")
    assert {name: result.measurements[name] for name in ("instances", "measured", "undecodable", "pixels")} == {
        "instances": 0,
        "measured": 0,
        "undecodable": 0,
        "pixels": 0,
    }
    assert (result.data_size, previews()) == (0, [])


def test_a_mean_is_not_normalised_by_a_maximum_of_nothing(services, run):
    result = run.everything(native(np.zeros((8, 8), np.uint8)))
    assert (result.mean_before_normalization, result.mean_after_normalization) == (0.0, None)


def test_originals_are_never_opened(services, run, monkeypatch):
    opened_spaces, open_object = set(), services.objects.open

    def watched(space, object_id):
        opened_spaces.add(space)
        return open_object(space, object_id)

    monkeypatch.setattr(services.objects, "open", watched)
    run.everything(slice_of(1), slice_of(2))
    assert opened_spaces == {Space.DEIDENTIFIED}


def test_the_preview_of_a_slide_is_the_finest_level_that_fits(services, clean_series, run):
    def level(frames, side):
        tiles = np.full((frames, 2, 2, 3), 10 * side, np.uint8)
        group = item(PlanePositionSlideSequence=sequence())
        return native(
            tiles,
            frames=frames,
            Modality="SM",
            TotalPixelMatrixRows=2 * side,
            TotalPixelMatrixColumns=2 * side,
            DimensionOrganizationType="TILED_FULL",
            SharedFunctionalGroupsSequence=sequence(group),
        )

    label = native(np.full((9, 9, 3), 7, np.uint8), Modality="SM")
    for frames, content in ((1, label), (400, level(400, 20)), (4, level(4, 2)), (1, label)):
        run(clean_series.add(content, frames=frames))
    run.summary()
    assert set(picture(services).ravel()) == {20}
