"""References stay closed: what pointed at an image of the study points at its output, and at nothing else."""

import collections
import io
import warnings

import pydicom
import pytest
from deid_objects import CT, PSEUDONYM, ct, data_set, deidentified, part10, read

from cauce.stages.deidentify import map_uid

pytestmark = pytest.mark.corpus
DUMMY = "2.25.0"
UIDS = ("ReferencedSOPInstanceUID", "FrameOfReferenceUID", "ReferencedFrameOfReferenceUID")


def values_of(ds, *keywords):
    return {element.value for element in ds.iterall() if element.keyword in keywords and element.value}


def parsed(source):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(source, stop_before_pixels=True, force=True)


@pytest.fixture(scope="module")
def studies(corpus):
    """Return the studies of several modalities: for each, (original, output) of every file that has an output."""
    found = collections.defaultdict(list)
    for path in sorted(corpus.rglob("*")):
        if path.is_file() and path.parent.name in {"dcmqi", "dicompyler-rt", "tcia-seg", "highdicom"}:
            ds = parsed(path)
            if "StudyInstanceUID" in ds:
                found[ds.StudyInstanceUID].append((path, ds))
    several = [files for files in found.values() if len({ds.get("Modality") for _, ds in files}) > 1]
    made = [[(ds, deidentified(path.read_bytes())[1]) for path, ds in files] for files in several]
    return [[(ds, parsed(io.BytesIO(output))) for ds, output in files if output] for files in made]


def test_references_of_real_studies_point_at_the_outputs(studies):
    kept = 0
    for files in studies:
        new = {before.SOPInstanceUID: after.SOPInstanceUID for before, after in files}
        for before, after in files:
            wanted = {new[uid] for uid in values_of(before, "ReferencedSOPInstanceUID") if uid in new}
            there = values_of(after, "ReferencedSOPInstanceUID")
            known = {map_uid(uid, secret=PSEUDONYM.uid_secret) for uid in values_of(before, *UIDS)}
            assert there <= known | {DUMMY}
            if before.Modality in {"SEG", "RTSTRUCT", "RTPLAN"}:
                assert wanted <= there
                kept += len(wanted)
    assert kept >= 5


def test_structures_stay_in_the_frame_of_reference_of_their_images(studies):
    shared = 0
    for files in studies:
        frames = {before.FrameOfReferenceUID: after.FrameOfReferenceUID for before, after in files if "Rows" in before}
        for before, after in files:
            for uid in values_of(before, "FrameOfReferenceUID", "ReferencedFrameOfReferenceUID") & frames.keys():
                assert frames[uid] in values_of(after, "FrameOfReferenceUID", "ReferencedFrameOfReferenceUID")
                shared += 1
    assert shared > 10


@pytest.mark.parametrize(
    ("tag", "sop_class"),
    [
        (0x0040A375, "1.2.840.10008.5.1.4.1.1.88.59"),  # the evidence of a key object
        (0x00081115, "1.2.840.10008.5.1.4.1.1.11.1"),  # what a presentation state shows
        (0x00081115, "1.2.840.10008.5.1.4.1.1.66.4"),  # what a segmentation was made of
    ],
)
def test_a_made_up_object_points_at_the_outputs(tag, sop_class):
    uids = [f"1.2.999.77.{number}" for number in range(3)]
    references = [data_set({0x00081150: ("UI", CT), 0x00081155: ("UI", uid)}) for uid in uids]
    item = data_set({0x0020000E: ("UI", "1.2.999.10.2"), 0x00081199: ("SQ", references)})
    elements = ct(x7FE00010=None, x00080016=("UI", sop_class)) | {tag: ("SQ", [item])}
    output = read(deidentified(part10(data_set(elements)))[1])
    images = [read(deidentified(part10(data_set(ct(x00080018=("UI", uid)))))[1]) for uid in uids]
    assert values_of(output, "ReferencedSOPInstanceUID") == {image.SOPInstanceUID for image in images}
    assert images[0].SeriesInstanceUID in {element.value for element in output.iterall() if element.VR == "UI"}
