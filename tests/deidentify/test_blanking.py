"""Boxes that a person named are blanked in native pixels: all of them, in every frame, and nothing else."""

import io

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from cauce.core.messages import Pseudonym, Ruling
from cauce.samples import small_instance
from cauce.stages.deidentify import deidentify_instance

PSEUDONYM = Pseudonym(name="PSEUDONYM", uid_secret=bytes(32), date_offset_days=3)
SEEN = frozenset({("pixels_unproven", "Its header says that text is burned into the pixels.")})


def picture(shape, *, bits=8, planar=0, photometric=None, syntax=ExplicitVRLittleEndian):
    """A file whose pixels are all different from zero; `shape` is (frames, rows, columns, samples)."""
    frames, rows, columns, samples = shape
    ds = pydicom.dcmread(io.BytesIO(small_instance("CT")))
    stored = (np.arange(np.prod(shape)) % 250 + 1).reshape(shape).astype(f"<u{bits // 8}")
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.NumberOfFrames = rows, columns, samples, frames
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit, ds.PixelRepresentation = bits - 1, 0
    ds.PhotometricInterpretation = photometric or ("RGB" if samples == 3 else "MONOCHROME2")
    ds.BurnedInAnnotation = "YES"
    if samples > 1:
        ds.PlanarConfiguration = planar
    written = np.moveaxis(stored, 3, 1) if planar else stored
    if syntax == ExplicitVRBigEndian:
        written = written.byteswap()
    content = np.ascontiguousarray(written).tobytes()
    ds.PixelData = content + b"\0" * (len(content) % 2)
    ds["PixelData"].VR = "OW" if bits > 8 or syntax == ImplicitVRLittleEndian else "OB"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    sink = io.BytesIO()
    big = syntax == ExplicitVRBigEndian
    pydicom.dcmwrite(sink, ds, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=not big, force_encoding=True)
    return sink.getvalue(), stored


def blanked(content, *boxes, overridden=SEEN):
    made = io.BytesIO()
    ruling = Ruling(overridden=overridden, boxes=tuple(boxes))
    outcome = deidentify_instance(io.BytesIO(content), made, pseudonym=PSEUDONYM, ruling=ruling)
    return outcome, made.getvalue()


def pixels_of(content, shape, *, bits, planar, big=False):
    ds = pydicom.dcmread(io.BytesIO(content))
    frames, rows, columns, samples = shape
    raw = np.frombuffer(ds.PixelData[: int(np.prod(shape)) * bits // 8], f"{'>' if big else '<'}u{bits // 8}")
    if planar:
        return np.moveaxis(raw.reshape(frames, samples, rows, columns), 1, 3)
    return raw.reshape(shape)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize(
    ("shape", "bits", "planar"),
    [
        ((1, 6, 8, 1), 8, 0),
        ((1, 6, 8, 1), 16, 0),
        ((3, 6, 8, 1), 16, 0),
        ((1, 6, 8, 3), 8, 0),
        ((2, 6, 8, 3), 8, 1),
        ((1, 5, 7, 3), 8, 0),
    ],
)
def test_what_lies_in_the_boxes_is_gone_and_the_rest_is_as_it_was(shape, bits, planar, syntax):
    content, stored = picture(shape, bits=bits, planar=planar, syntax=syntax)
    outcome, made = blanked(content, (1, 2, 3, 2), (6, 0, 40, 1))
    assert (outcome.cause, outcome.boxes) == (None, ((1, 2, 3, 2), (6, 0, 40, 1)))
    found = pixels_of(made, shape, bits=bits, planar=planar, big=syntax == ExplicitVRBigEndian)
    expected = stored.copy()
    expected[:, 2:4, 1:4] = 0
    expected[:, 0:1, 6:] = 0
    assert np.array_equal(found, expected)
    assert len(made) == outcome.size_bytes
    assert pydicom.dcmread(io.BytesIO(made)).BurnedInAnnotation == "NO"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 7), st.integers(0, 5), st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=4
    )
)
def test_any_boxes_are_blanked_exactly(boxes):
    shape = (2, 6, 8, 1)
    content, expected = picture(shape, bits=16)
    outcome, made = blanked(content, *boxes)
    assert outcome.cause is None
    for x, y, width, height in boxes:
        expected[:, y : y + height, x : x + width] = 0
    assert np.array_equal(pixels_of(made, shape, bits=16, planar=0), expected)


@pytest.mark.parametrize("box", [(8, 0, 1, 1), (0, 6, 1, 1)], ids=["right of the image", "below the image"])
def test_a_box_that_covers_nothing_lets_nothing_pass(box):
    outcome, made = blanked(picture((1, 6, 8, 1))[0], box)
    assert (outcome.cause, outcome.detail, made) == (
        "pixels_unproven",
        "Boxes cannot be blanked in pixels of this form.",
        b"",
    )


def test_pixels_of_another_form_are_held_back():
    content, _ = picture((1, 6, 8, 3), photometric="YBR_FULL_422")
    assert blanked(content, (0, 0, 4, 4))[1] == b""
    ds = pydicom.dcmread(io.BytesIO(picture((1, 6, 8, 1))[0]))
    ds.compress(RLELossless)
    sink = io.BytesIO()
    pydicom.dcmwrite(sink, ds)
    outcome, made = blanked(sink.getvalue(), (0, 0, 4, 4))
    assert (outcome.cause, outcome.boxes, made) == ("pixels_unproven", (), b"")


def test_frames_that_are_not_all_there_are_held_back():
    ds = pydicom.dcmread(io.BytesIO(picture((1, 6, 8, 1))[0]))
    ds.NumberOfFrames = 2
    sink = io.BytesIO()
    pydicom.dcmwrite(sink, ds)
    assert blanked(sink.getvalue(), (0, 0, 4, 4))[1] == b""


def test_boxes_alone_override_nothing():
    outcome, made = blanked(picture((1, 6, 8, 1))[0], (0, 0, 4, 4), overridden=frozenset())
    assert (outcome.cause, outcome.detail, made) == (
        "pixels_unproven",
        "Its header says that text is burned into the pixels.",
        b"",
    )
