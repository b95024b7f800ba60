"""The single objects: complete headers, consistent geometry, identity where it is claimed to be."""

import cv2
import numpy as np
import pytest
from pydicom.pixels import pixel_array

from cauce.samples import ct_slice, secondary_capture, sonogram, stable_uid, us_image
from cauce.samples.identity import plain
from cauce.samples.instances import thorax_identity, ultrasound_identity

SEED = 5


@pytest.fixture(scope="module")
def ct():
    return ct_slice(20, seed=SEED)


@pytest.fixture(scope="module")
def us():
    return us_image(seed=SEED)


def test_slices_lie_on_one_line_and_touch_each_other(ct):
    following = ct_slice(21, seed=SEED)
    step = np.subtract(following.ImagePositionPatient, ct.ImagePositionPatient)
    assert step.tolist() == [0, 0, -3]
    assert ct.SpacingBetweenSlices == ct.SliceThickness == 3
    assert ct.ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
    assert ct.PixelSpacing == [0.75, 0.75]
    assert ct.SliceLocation == ct.ImagePositionPatient[2]
    assert ct.ImagePositionPatient[:2] == [-191.625, -191.625]
    assert (ct.InstanceNumber, following.InstanceNumber) == (21, 22)


def test_slices_share_study_series_and_frame_of_reference_but_no_instance(ct):
    following = ct_slice(21, seed=SEED)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID", "AccessionNumber"):
        assert ct[keyword].value == following[keyword].value
    assert ct.SOPInstanceUID != following.SOPInstanceUID


def test_stored_values_become_hounsfield_units_by_slope_and_intercept(ct):
    assert (ct.BitsAllocated, ct.PixelRepresentation, ct.RescaleSlope, ct.RescaleIntercept) == (16, 1, 1, -1024)
    stored = np.frombuffer(ct.PixelData, "<i2").reshape(ct.Rows, ct.Columns)
    assert stored[:40, :40].mean() - 1024 == pytest.approx(-1000, abs=8)


def test_two_windows_are_offered_soft_tissue_first(ct):
    assert ct.WindowCenter == [40, -600]
    assert ct.WindowWidth == [400, 1500]
    assert ct.WindowCenterWidthExplanation == ["SOFT TISSUE", "LUNG"]


@pytest.mark.parametrize("make", [ct_slice, us_image, secondary_capture])
def test_identity_stands_at_the_root_one_level_down_and_two_levels_down(make):
    ds = make(seed=SEED)
    who = (ultrasound_identity if ds.Modality == "US" else thorax_identity)(seed=SEED)
    assert any(letter in who.patient_name for letter in "ÁÉÍÓÚÑ")
    assert ds.PatientName == who.patient_name
    assert ds.ReferringPhysicianName == who.referring_physician
    assert ds.InstitutionName == who.institution
    assert ds.OtherPatientIDsSequence[0].PatientID == who.other_patient_id
    request = ds.RequestAttributesSequence[0]
    assert request.RequestingPhysician == who.requesting_physician
    assert who.patient_name.replace("^", " ") in request.RequestedProcedureDescription
    contribution = ds.ContributingEquipmentSequence[0]
    assert contribution.OperatorsName == who.operator
    assert contribution.OperatorIdentificationSequence[0].InstitutionName == who.institution
    block = ds.private_block(0x0029, "CAUCE SAMPLE")
    assert block[0x01].value == who.patient_name.replace("^", " ")
    assert block[0x02].value[0].PatientName == who.patient_name


def test_every_identifying_text_is_in_the_header(ct):
    text = str(ct)
    who = thorax_identity(seed=SEED)
    assert [value for value in who.texts if value not in text] == []


def banner_text(text):
    """How the ultrasound's label looks, drawn alone."""
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1)
    patch = np.full((26, width + 8, 3), (24, 32, 40), np.uint8)
    cv2.putText(patch, text, (4, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (214, 222, 228), 1, cv2.LINE_AA)
    return patch[3:-1]


def test_the_patients_name_is_in_the_pixels_of_the_ultrasound(us):
    pixels = pixel_array(us)
    name = banner_text(plain(str(us.PatientName)).replace("^", ", "))
    found = cv2.matchTemplate(pixels, name, cv2.TM_CCOEFF_NORMED)
    _, score, _, (column, row) = cv2.minMaxLoc(found)
    assert score > 0.97
    assert row + name.shape[0] <= sonogram.BANNER_PX
    assert column < 20
    stranger = cv2.matchTemplate(pixels, banner_text("NADIE DEMO, URRACA"), cv2.TM_CCOEFF_NORMED)
    assert stranger.max() < 0.8


def test_the_ultrasound_says_that_its_pixels_name_somebody(us):
    assert us.BurnedInAnnotation == "YES"
    assert (us.Rows, us.Columns, us.SamplesPerPixel, us.PhotometricInterpretation) == (600, 800, 3, "RGB")


def test_the_region_of_the_ultrasound_holds_the_fan_and_its_scale(us):
    region = us.SequenceOfUltrasoundRegions[0]
    pixels = pixel_array(us)
    box = pixels[
        region.RegionLocationMinY0 : region.RegionLocationMaxY1 + 1,
        region.RegionLocationMinX0 : region.RegionLocationMaxX1 + 1,
    ]
    grey = (box[..., 0] == box[..., 1]) & (box[..., 0] > 0)
    assert grey.mean() > 0.45
    assert (region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection) == (3, 3)
    assert region.PhysicalDeltaY * sonogram.FAN_DEPTH_PX == pytest.approx(15.0)
    surface = region.RegionLocationMinY0 + region.ReferencePixelY0
    assert pixels[surface + 6 : surface + 12, 395:405].mean() > 20
    assert pixels[surface - 12 : surface - 4, 395:405].max() == 0


def test_a_cyst_is_black_and_what_lies_behind_it_bright(us):
    pixels = pixel_array(us)[..., 1].astype(float)
    top = sonogram.APEX_PX[1] + sonogram.PROBE_RADIUS_PX

    def mean_at(x_mm, y_mm):
        column, row = round(400 + x_mm / sonogram.MM_PER_PX), round(top + y_mm / sonogram.MM_PER_PX)
        return pixels[row - 8 : row + 8, column - 8 : column + 8].mean()

    assert mean_at(2, 51) < 25
    assert mean_at(2, 74) > mean_at(2, 28) + 10
    assert mean_at(14, 105) < mean_at(-20, 95) - 20


def test_the_report_page_names_the_patient_of_the_thorax():
    capture = secondary_capture(seed=SEED)
    assert capture.StudyInstanceUID == ct_slice(0, seed=SEED).StudyInstanceUID
    assert capture.BurnedInAnnotation == "YES"
    assert (pixel_array(capture)[85:125] < 120).any()


def test_attributes_are_overridden_and_left_out_by_keyword():
    ds = us_image(seed=SEED, PatientID="OTRA", BurnedInAnnotation=None)
    assert ds.PatientID == "OTRA"
    assert "BurnedInAnnotation" not in ds


def test_a_uid_follows_from_its_seed_and_words():
    assert stable_uid(1, "a") == "2.25.4867035384516421199869726838177774476"
    assert len({stable_uid(1, "a"), stable_uid(2, "a"), stable_uid(1, "b"), stable_uid(1, "a", "")}) == 4
