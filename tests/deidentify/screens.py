"""Pictures like those on the screen of an ultrasound machine, with or without text, and instances that hold them."""

import io
import random
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pydicom
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

ULTRASOUND, ULTRASOUND_CINE = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"
FONTS = (
    "dejavu/DejaVuSans.ttf",
    "dejavu/DejaVuSansMono.ttf",
    "dejavu/DejaVuSans-Bold.ttf",
    "liberation/LiberationSans-Regular.ttf",
    "liberation/LiberationMono-Regular.ttf",
    "liberation/LiberationSansNarrow-Regular.ttf",
    "liberation/LiberationSerif-Regular.ttf",
)
_FOLDER = Path("/usr/share/fonts/truetype")
_PEOPLE = (("Quimby", "Hubert"), ("Morales", "Lucia"), ("Nowak", "Jan"), ("Obrien", "Patrick"), ("Haugland", "Solveig"))
SIZES_PX, GREYS, NOISES = (10, 11, 12, 14, 16, 20, 26), (255, 230, 200, 170, 140), (0, 2, 5, 9)


def sector(rng, width=800, height=600):
    """Return a sector of speckle on black, as (height, width) of bytes."""
    grain = cv2.GaussianBlur(rng.normal(0, 1, (height // 2, width // 2)).astype(np.float32), (0, 0), 1.2)
    grain = np.abs(cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR))
    tissue = cv2.GaussianBlur(rng.normal(0, 1, (30, 40)).astype(np.float32), (0, 0), 2)
    tissue = cv2.resize(tissue, (width, height), interpolation=cv2.INTER_CUBIC)
    tissue = (tissue - tissue.min()) / np.ptp(tissue)
    bright = 230 * (0.15 + 0.85 * tissue) * grain / grain.max()
    y, x = np.mgrid[:height, :width]
    radius, angle = np.hypot(x - width / 2, y), np.degrees(np.arctan2(x - width / 2, y))
    seen = (np.abs(angle) < 38) & (radius > height * 0.1) & (radius < height * 0.9)
    return np.where(seen, bright, 0).astype(np.uint8)


def font(name, size):
    """Return one of `FONTS` in a size in pixels; `None` for the one that Pillow carries."""
    return ImageFont.load_default(size) if name is None else ImageFont.truetype(str(_FOLDER / name), size)


def screen(seed, *, with_text=True, fonts=(None,)):
    """Return a picture of 800 x 600, and the identity strings on it with their boxes (x, y, right, bottom)."""
    rng, chance = np.random.default_rng(seed), random.Random(seed)
    image = Image.fromarray(sector(rng))
    draw = ImageDraw.Draw(image)
    for number in range(10):
        draw.line([(780, 60 + number * 50), (788 if number % 5 else 794, 60 + number * 50)], fill=160)
    for number in (0, 5):
        draw.text((758, 53 + number * 50), str(number), font=font(None, 13), fill=180)
    written = []
    for text in _identity(chance) if with_text else ():
        written.append((text, _put(draw, text, chance, fonts, [box for _, box in written])))
    noise = rng.normal(0, chance.choice(NOISES), (600, 800))
    return np.clip(np.asarray(image).astype(np.int16) + noise, 0, 255).astype(np.uint8), written


def _identity(chance):
    family, given = chance.choice(_PEOPLE)
    name = chance.choice((f"{family.upper()}, {given.upper()}", f"{given} {family}", f"{family}^{given}"))
    day, month, year = chance.randint(1, 28), chance.randint(1, 12), chance.randint(1930, 2005)
    date = chance.choice((f"{day:02}/{month:02}/{year}", f"{year}-{month:02}-{day:02}", f"{day:02}.{month:02}.{year}"))
    number = chance.randint(10**6, 10**8)
    return name, chance.choice((f"ID {number}", f"MRN:{number}", str(number))), date


def _put(draw, text, chance, fonts, taken):
    grey = chance.choice(GREYS)
    for _ in range(200):
        chosen = font(chance.choice(fonts), chance.choice(SIZES_PX))
        place = chance.randint(4, 520), chance.choice((chance.randint(2, 50), chance.randint(60, 575)))
        box = tuple(round(edge) for edge in draw.textbbox(place, text, font=chosen))
        apart = all(
            box[2] + 12 < x or right + 12 < box[0] or box[3] + 12 < y or low + 12 < box[1] for x, y, right, low in taken
        )
        if box[2] < 745 and box[3] < 596 and apart:
            draw.text(place, text, font=chosen, fill=grey)
            return box
    raise AssertionError("there is no room for it")


def written(*lines, width=400, height=300, size=16, grey=235):
    """Return a dark picture with lines of text at its left edge."""
    image = Image.fromarray(np.full((height, width), 12, np.uint8))
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((10, 10 + number * 3 * size), line, font=font(None, size), fill=grey)
    return np.asarray(image)


def instance(frames, *, syntax=ExplicitVRLittleEndian, photometric=None, more=None):
    """Return an ultrasound instance as a Part 10 file; `frames` is (n, rows, columns) or (n, rows, columns, 3)."""
    frames = np.asarray(frames)
    count, rows, columns = frames.shape[:3]
    samples = 3 if frames.ndim == 4 else 1
    ds = Dataset()
    ds.SOPClassUID = ULTRASOUND if count == 1 else ULTRASOUND_CINE
    ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.999.1", "1.2.999.2", "1.2.999.3"
    ds.Modality, ds.PatientName, ds.PatientID, ds.PatientBirthDate = "US", "Quimby^Hubert", "HQ-7654321", "19570312"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = rows, columns, samples
    if count > 1:
        ds.NumberOfFrames = count
    ds.PhotometricInterpretation = photometric or ("RGB" if samples == 3 else "MONOCHROME2")
    if samples == 3:
        ds.PlanarConfiguration = 0
    bits = frames.dtype.itemsize * 8
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit, ds.PixelRepresentation = bits - 1, int(frames.dtype.kind == "i")
    for keyword, value in (more or {}).items():
        setattr(ds, keyword, value)
    ds.preamble = bytes(128)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    _add_pixels(ds, frames, syntax)
    made = io.BytesIO()
    big = syntax == ExplicitVRBigEndian
    implicit = syntax == ImplicitVRLittleEndian
    pydicom.dcmwrite(made, ds, implicit_vr=implicit, little_endian=not big, force_encoding=True)
    return made.getvalue()


def _add_pixels(ds, frames, syntax):
    if syntax in ENCODERS:
        ds.PixelData = encapsulate([ENCODERS[syntax](frame) for frame in frames])
        ds["PixelData"].VR = "OB"
        return
    if syntax == RLELossless:
        ds.PixelData = np.ascontiguousarray(frames).tobytes()
        ds["PixelData"].VR = "OW" if frames.dtype.itemsize > 1 else "OB"
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        uid = ds.SOPInstanceUID
        ds.compress(RLELossless, generate_instance_uid=False)
        assert ds.SOPInstanceUID == uid
        return
    raw = frames.astype(frames.dtype.newbyteorder(">" if syntax == ExplicitVRBigEndian else "<")).tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    ds["PixelData"].VR = "OW" if frames.dtype.itemsize > 1 or syntax == ImplicitVRLittleEndian else "OB"


ENCODERS = {
    JPEGBaseline8Bit: lambda frame: imagecodecs.jpeg8_encode(frame, level=92),
    JPEGLosslessSV1: lambda frame: imagecodecs.jpeg8_encode(
        frame, lossless=True, predictor=1, colorspace="RGB" if frame.ndim == 3 else None, outcolorspace=None
    ),
    JPEGLSLossless: imagecodecs.jpegls_encode,
    JPEG2000Lossless: lambda frame: imagecodecs.jpeg2k_encode(
        frame, level=0, codecformat="j2k", reversible=True, mct=False
    ),
}
