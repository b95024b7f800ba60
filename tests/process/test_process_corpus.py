"""Real files: every one is measured and shown, and the same picture in another encoding gives the same figures."""

import io
from collections import Counter

import cv2
import numpy as np
import pytest
from process_objects import measured, opened

from cauce.stages.process import frames, measure_instance, render

pytestmark = pytest.mark.corpus


def files(corpus):
    """Return all of what is rare but for the largest, and a few slices of the long series."""
    series = ("series-", "dicom2nifti")
    found = sorted(p for p in corpus.rglob("*") if p.is_file() and p.name != "MANIFEST.tsv")
    rare = [p for p in found if not p.relative_to(corpus).parts[0].startswith(series)]
    common = [p for p in found if p.relative_to(corpus).parts[0].startswith(series)]
    return [p for p in rare if p.stat().st_size < 1_000_000] + common[::40]


def test_everything_is_measured_and_shown(corpus):
    outcomes, syntaxes = Counter(), set()
    for path in files(corpus):
        with path.open("rb") as source:
            reader = frames(source)
            outcome = measure_instance(reader)
            outcomes[outcome.outcome] += 1
            if outcome.outcome == "no_pixels":
                continue
            assert outcome.outcome == "measured", (path.name, outcome.detail)
            assert outcome.minimum <= outcome.mean <= outcome.maximum, path.name
            syntaxes.add(reader.transfer_syntax_uid)
            picture = render(reader, size_px=64)
            assert max(picture.shape[:2]) == 64, path.name
    assert outcomes["measured"] > 240
    assert len(syntaxes) >= 14


CT = "examplesOld__test-images__CTImage.dcm"
LOSSLESS = (
    "BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2",
    "DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99",
    "JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90",
    "JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80",
    "JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70",
    "LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1",
    "RLELosslessTransferSyntax_1.2.840.10008.1.2.5",
)


def test_one_ct_slice_in_eight_lossless_encodings_has_one_set_of_figures(corpus):
    folder = corpus / "cornerstone"
    plain = measured((folder / CT).read_bytes())
    assert (plain.unit, plain.minimum, plain.maximum) == ("HU", -3024.0, 1378.0)
    for name in LOSSLESS:
        assert measured((folder / f"{CT}_{name}.dcm").read_bytes()) == plain, name


def test_lossy_encodings_of_that_slice_look_like_it(corpus):
    folder = corpus / "cornerstone"
    plain = render(io.BytesIO((folder / CT).read_bytes())).astype(int)
    for name in (
        "JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91",
        "JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51",
    ):
        found = render(io.BytesIO((folder / f"{CT}_{name}.dcm").read_bytes())).astype(int)
        assert np.abs(found - plain).mean() < 4, name


def test_what_lossy_compression_made_of_the_padding_does_not_change_the_picture(corpus):
    folder = corpus / "nema-wg04"
    plain = render(io.BytesIO((folder / "J2KR__CT1_J2KR").read_bytes())).astype(int)
    lossy = render(io.BytesIO((folder / "J2KI__CT1_J2KI").read_bytes())).astype(int)
    assert np.abs(lossy - plain).mean() < 8


def test_htj2k_agrees_with_the_uncompressed_slice(corpus):
    folder = corpus / "nema-wg04"
    reference = opened((folder / "REF__CT1_UNC").read_bytes()).read(0)
    path = next(corpus.rglob("*HTJ2K_lossless*"))
    assert np.array_equal(opened(path.read_bytes()).read(0), reference)


def test_positron_emission_is_dark_on_white_and_tomography_is_not(corpus):
    for path in (corpus / "fo-dicom" / "GH184.dcm", next(corpus.rglob("*MalaterreCP246.dcm"))):
        picture = render(io.BytesIO(path.read_bytes()))
        assert np.median(picture) > 240, path.name
        assert picture.min() < 30, path.name
    assert np.median(render(io.BytesIO((corpus / "cornerstone" / CT).read_bytes()))) < 10


def test_a_leg_in_monochrome1_has_bright_bone_on_dark_air(corpus):
    picture = render(io.BytesIO((corpus / "nema-wg04" / "J2KR__RG3_J2KR").read_bytes()))
    beside, bone = picture[250, 176], picture[250, 256]
    assert beside < 60 < bone


def test_the_test_pattern_has_its_colours_in_every_encoding(corpus):
    folder = corpus / "cornerstone"
    pictures = {p.name: render(io.BytesIO(p.read_bytes()), size_px=256) for p in folder.glob("*TestPattern*")}
    assert len(pictures) >= 5
    plain = pictures["testImages__TestPattern_RGB.dcm"].astype(int)
    assert cv2.cvtColor(plain.astype(np.uint8), cv2.COLOR_RGB2HSV)[..., 1].max() > 200
    for name, picture in pictures.items():
        assert np.abs(picture.astype(int) - plain).mean() < 6, name


def test_a_video_is_read_forwards_and_backwards(corpus):
    reader = opened((corpus / "video" / "video-mpeg2.dcm").read_bytes())
    assert len(reader) == 50
    last, first, again = reader.read(49), reader.read(0), reader.read(49)
    assert first.shape == (480, 640, 3)
    assert np.array_equal(last, again)
    assert not np.array_equal(first, last)
    assert first[240, 20, 0] > 200  # the test card begins red
    assert first[240, 20, 1:].max() < 60
