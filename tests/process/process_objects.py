"""DICOM objects made for these tests: arrays as native Part 10 files, and codestreams put into encapsulated ones."""

import io
import struct
import zlib

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
ENCAPSULATED = "1.2.840.10008.1.2.1.98"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
RLE = "1.2.840.10008.1.2.5"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR = "1.2.840.10008.1.2.4.81"
J2K_LOSSLESS = "1.2.840.10008.1.2.4.90"
J2K = "1.2.840.10008.1.2.4.91"
MPEG2 = "1.2.840.10008.1.2.4.100"
JXL_LOSSLESS = "1.2.840.10008.1.2.4.110"
JXL = "1.2.840.10008.1.2.4.112"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
HTJ2K = "1.2.840.10008.1.2.4.203"

PROFILE = "test-profile"

_PIXEL_DATA = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
_DELIMITER = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def item(**attributes):
    """Return one item of a sequence."""
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def sequence(*items):
    return Sequence(items)


def described(array, *, frames=None, **attributes):
    """Return the image pixel attributes of an array of (frames,) rows, columns (, samples)."""
    shape = array.shape[1:] if frames is not None else array.shape
    samples = shape[2] if len(shape) == 3 else 1
    bits = array.dtype.itemsize * 8
    found = {
        "Rows": shape[0],
        "Columns": shape[1],
        "SamplesPerPixel": samples,
        "PhotometricInterpretation": "RGB" if samples == 3 else "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "PixelRepresentation": int(array.dtype.kind == "i"),
    }
    if frames is not None:
        found["NumberOfFrames"] = frames
    if samples == 3:
        found["PlanarConfiguration"] = 0
    found.update(attributes)
    found.setdefault("HighBit", (found["BitsStored"] or 1) - 1)
    return found


def written(attributes, *, syntax=EXPLICIT):
    """Return a Part 10 file of these attributes (keyword to value; `None` leaves one out)."""
    ds = Dataset()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    ds.SOPInstanceUID = "1.2.826.0.1.1"
    ds.Modality = "OT"
    for keyword, value in attributes.items():
        if value is None:
            if keyword in ds:
                delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    body = DicomBytesIO()
    body.is_little_endian, body.is_implicit_VR = syntax != BIG, syntax == IMPLICIT
    write_dataset(body, ds)
    content = body.getvalue()
    if syntax == DEFLATED:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        content = packer.compress(content) + packer.flush()
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = struct.pack("<HH2sH", 0x0002, 0x0010, b"UI", len(uid)) + uid
    return bytes(128) + b"DICM" + struct.pack("<HH2sHI", 0x0002, 0, b"UL", 4, len(meta)) + meta + content


def native(array, *, frames=None, syntax=EXPLICIT, **attributes):
    """Return a native Part 10 file of an array."""
    values = described(array, frames=frames, **attributes)
    order = ">" if syntax == BIG else "<"
    pixels = array.astype(array.dtype.newbyteorder(order)).tobytes()
    values["PixelData"] = pixels + b"\0" * (len(pixels) % 2)
    return written(values, syntax=syntax)


def encapsulated(codestreams, like, *, syntax, frames=None, table=True, extended=False, per_frame=1, **attributes):
    """Return an encapsulated Part 10 file of codestreams whose frames look like the array `like`."""
    values = described(like, frames=frames, **attributes)
    if extended:
        items, values["ExtendedOffsetTable"], values["ExtendedOffsetTableLengths"] = encapsulate_extended(codestreams)
    else:
        items = encapsulate(list(codestreams), fragments_per_frame=per_frame, has_bot=table)
    return written(values, syntax=syntax) + _PIXEL_DATA + items + _DELIMITER


def with_items(items, like, *, syntax, frames=None, **attributes):
    """Return an encapsulated file of exactly these items, the first being the basic offset table."""
    body = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value for value in items)
    return written(described(like, frames=frames, **attributes), syntax=syntax) + _PIXEL_DATA + body + _DELIMITER


def rle(array):
    """Encode one frame as RLE (PS3.5 G), each segment in literal runs."""
    planes = []
    samples = array.reshape(array.shape[0] * array.shape[1], -1)
    for sample in range(samples.shape[1]):
        cells = np.ascontiguousarray(samples[:, sample]).view(np.uint8).reshape(len(samples), -1)
        planes.extend(cells[:, byte].tobytes() for byte in reversed(range(cells.shape[1])))
    return rle_of(planes)


def rle_of(planes):
    """Put these byte planes into RLE segments."""
    segments = []
    for plane in planes:
        runs = b"".join(bytes([len(plane[i : i + 128]) - 1]) + plane[i : i + 128] for i in range(0, len(plane), 128))
        segments.append(runs + b"\0" * (len(runs) % 2))
    starts = np.cumsum([64, *[len(segment) for segment in segments]])[:-1].tolist()
    return struct.pack("<16I", len(segments), *starts, *[0] * (15 - len(starts))) + b"".join(segments)


def opened(content):
    """Return a frame reader over a file's bytes."""
    from cauce.stages.process import frames

    return frames(io.BytesIO(content))


def measured(content):
    from cauce.stages.process import measure_instance

    return measure_instance(io.BytesIO(content))


def shown(content, **options):
    from cauce.stages.process import render

    return render(io.BytesIO(content), **options)


def noise(rows, columns, *, sigma, mean=0.0, seed=7):
    return np.random.default_rng(seed).normal(mean, sigma, (rows, columns))
