"""A multi-frame CT of any size that is never in memory: its header, and its frames one after the other."""

import struct
from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, RLELossless, generate_uid

ENHANCED_CT = UID("1.2.840.10008.5.1.4.1.1.2.1")
_SIDE_PX = 512
_RUN = 128
_ITEM, _END = 0xFFFEE000, 0xFFFEE0DD


class BigInstance:
    """As many RLE frames of 512 x 512 as `size_bytes` takes; `chunks` yields the file, `dataset` its data set alone.

    The frames are literal runs, so they are as long as if they were not compressed, and each differs from the others.
    """

    def __init__(self, size_bytes):
        self._frame = _rle_frame()
        self.number_of_frames = max(2, size_bytes // len(self._frame))
        ds = _header(self.number_of_frames)
        self.sop_instance_uid = str(ds.SOPInstanceUID)
        self.place = f"/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"
        self._head = _encoded(ds)
        self._dataset_offset = 144 + struct.unpack_from("<L", self._head, 140)[0]
        self._size_bytes = len(self._head) + 12 + 8 + self.number_of_frames * (8 + len(self._frame)) + 8

    @property
    def size_bytes(self):
        return self._size_bytes

    def chunks(self):
        """Yield the Part 10 file."""
        yield self._head
        yield from self._pixels()

    def dataset(self):
        """Yield the data set without preamble and file meta information."""
        yield self._head[self._dataset_offset :]
        yield from self._pixels()

    def _pixels(self):
        yield struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + _item(_ITEM, 0)
        frame = bytearray(self._frame)
        for number in range(self.number_of_frames):
            frame[-5:-1] = struct.pack("<L", number)  # the last pixels of the second plane
            yield _item(_ITEM, len(frame)) + bytes(frame)
        yield _item(_END, 0)


def _item(tag, length):
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, length)


def _rle_frame():
    """Return one frame: a ramp of 12 bits in two planes of literal runs (PS3.5 annex G)."""
    ramp = (np.arange(_SIDE_PX * _SIDE_PX, dtype=np.uint32) * 7 // 11 % 4096).astype("<u2")
    planes = [_literal((ramp >> 8).astype(np.uint8)), _literal((ramp & 0xFF).astype(np.uint8))]
    starts = [64, 64 + len(planes[0])]
    return struct.pack("<16L", 2, *starts, *[0] * 13) + b"".join(planes) + b"\x80\0"[: 2 - len(planes[1]) % 2]


def _literal(plane):
    runs = plane.reshape(-1, _RUN)
    return np.insert(runs, 0, _RUN - 1, axis=1).tobytes()


def _header(frames):
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "NONE"]
    ds.SOPClassUID = ENHANCED_CT
    ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID = (generate_uid(prefix=None) for _ in range(3))
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber = "20250102", "101112", "A1"
    ds.Modality, ds.Manufacturer = "CT", "Cauce"
    ds.PatientName, ds.PatientID = "PRUEBA^GRANDE", "TEST-BIG"
    ds.PatientBirthDate, ds.PatientSex = "19700101", "O"
    ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "1", 1, 1
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.NumberOfFrames, ds.Rows, ds.Columns = frames, _SIDE_PX, _SIDE_PX
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.BurnedInAnnotation = "NO"
    ds.SharedFunctionalGroupsSequence = [
        _item_of(
            PixelMeasuresSequence=[_item_of(PixelSpacing=[0.7, 0.7], SliceThickness=1)],
            PlaneOrientationSequence=[_item_of(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PixelValueTransformationSequence=[_item_of(RescaleIntercept=-1024, RescaleSlope=1, RescaleType="HU")],
        )
    ]
    ds.PerFrameFunctionalGroupsSequence = [
        _item_of(
            FrameContentSequence=[_item_of(DimensionIndexValues=[1, number + 1])],
            PlanePositionSequence=[_item_of(ImagePositionPatient=[0, 0, number])],
        )
        for number in range(frames)
    ]
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ENHANCED_CT
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = RLELossless
    return ds


def _item_of(**attributes):
    ds = Dataset()
    for name, value in attributes.items():
        setattr(ds, name, value)
    return ds


def _encoded(ds):
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
