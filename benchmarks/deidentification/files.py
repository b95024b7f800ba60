"""CT slices of 512x512 whose headers hold 262 elements, as scanners write them: nested, dated, with a private block."""

from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from benchmarks.load import fresh_uid
from cauce.samples import ct_slice, to_part10

ELEMENTS = 262
_PRIVATE = (("LO", "PHANTOM 17B"), ("DS", "1.25"), ("IS", "1024"), ("SH", "RADIAL"), ("FD", 0.5), ("SL", 7), ("US", 3))


def make(folder: Path, count: int) -> int:
    """Write `count` files of one series, each with UIDs of its own; return how many elements each holds."""
    folder.mkdir(parents=True)
    ds = _slice()
    names = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
    old = {name: f"2.25.{10**38 + number}" for number, name in enumerate(names)}
    for name, uid in old.items():
        setattr(ds, name, uid)
    whole = to_part10(ds)
    series = {name: fresh_uid() for name in names[1:]}
    for number in range(count):
        data = whole
        for name, uid in ({"SOPInstanceUID": fresh_uid()} | series).items():
            data = data.replace(old[name].encode(), uid.encode())
        (folder / f"{number:05d}.dcm").write_bytes(data)
    return sum(1 for _ in ds.iterall())


def _slice() -> Dataset:
    ds = ct_slice()
    ds.ReferencedImageSequence = Sequence([_reference(number) for number in range(4)])
    ds.SourceImageSequence = Sequence([_reference(number) for number in range(4, 8)])
    ds.ReferencedStudySequence = Sequence([_reference(8)])
    ds.ReferencedPerformedProcedureStepSequence = Sequence([_reference(9)])
    ds.AcquisitionDateTime = "20240610134327.250000"
    ds.DateOfLastCalibration, ds.TimeOfLastCalibration = "20240601", "060000"
    ds.SoftwareVersions, ds.ManufacturerModelName = ["07MW18.4", "5.3"], "LightSpeed Phantom"
    block = ds.private_block(0x0043, "CAUCE BENCH 01", create=True)
    number = 0
    while sum(1 for _ in ds.iterall()) < ELEMENTS:
        vr, value = _PRIVATE[number % len(_PRIVATE)]
        block.add_new(number, vr, value)
        number += 1
    return ds


def _reference(number: int) -> Dataset:
    ds = Dataset()
    ds.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.ReferencedSOPInstanceUID = f"2.25.{2 * 10**37 + number}"
    return ds
