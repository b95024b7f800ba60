"""What an output looks like: head, encoding, dates, pixels, and what it says of its own making."""

import io
import itertools
import shutil
import struct
import subprocess
import tracemalloc
import zlib

import pytest
from deid_objects import (
    BIG,
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    PSEUDONYM,
    RLE,
    cleaned,
    ct,
    ct_file,
    data_set,
    deidentified,
    element,
    part10,
    read,
)

from cauce.core.errors import Refused
from cauce.core.limits import Limits
from cauce.core.statuses import AttentionCause
from cauce.stages.deidentify import LONGITUDINAL, deidentify_instance

RUNS = struct.pack("<16L", 2, 64, 81, *[0] * 13) + (b"\x0f" + bytes(range(16))) * 2
FRAGMENTS = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<L", len(data)) + data for data in (b"", RUNS))
ENCAPSULATED = FRAGMENTS + b"\xfe\xff\xdd\xe0\0\0\0\0"


def encapsulated(*, after=b""):
    head = data_set({tag: value for tag, value in ct().items() if tag < 0x7FE00010})
    return part10(head + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + ENCAPSULATED + after, RLE)


def dated_elements(**more):
    return ct(
        x00080012=("DA", "20200101"),
        x00080020=("DA", "20200110"),
        x00080021=("DA", "20200110"),
        x00080023=("DA", "20200112"),
        x0008002A=("DT", "20200112093015.123+0100"),
        x00080030=("TM", "093015"),
        x00080031=("TM", "093016"),
        x00100030=("DA", "19620229"),
        x0018700C=("DA", "20190505"),
        **more,
    )


def dated(**more):
    return part10(data_set(dated_elements(**more)))


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_every_output_says_how_it_was_made(syntax):
    ds = read(cleaned(ct_file(syntax)))
    assert ds.file_meta.TransferSyntaxUID == syntax
    assert (ds.PatientName, ds.PatientID) == ("QZXJWVKYPDMB", "QZXJWVKYPDMB")
    assert ds.PatientIdentityRemoved == "YES"
    assert ds.DeidentificationMethod == "DICOM PS3.15 2026d Basic Profile"
    (code,) = ds.DeidentificationMethodCodeSequence
    assert (code.CodeValue, code.CodingSchemeDesignator) == ("113100", "DCM")
    assert code.CodeMeaning == "Basic Application Confidentiality Profile"
    assert ds.LongitudinalTemporalInformationModified == "REMOVED"
    assert ds.ImageType == ["ORIGINAL", "PRIMARY", "AXIAL"]
    tags = [found.tag for found in ds]
    assert tags == sorted(tags)


def test_what_an_earlier_deidentification_said_is_replaced():
    code = data_set({0x00080100: ("SH", "113105"), 0x00080102: ("SH", "DCM"), 0x00080104: ("LO", "x")})
    ds = read(cleaned(ct_file(x00120062=("CS", "NO"), x00120063=("LO", "by hand"), x00120064=("SQ", [code]))))
    assert ds.PatientIdentityRemoved == "YES"
    assert [code.CodeValue for code in ds.DeidentificationMethodCodeSequence] == ["113100"]


def test_the_actions_are_counted():
    outcome, _ = deidentified(
        ct_file(x00090010=("LO", "VENDOR"), x00101040=("LO", "Elm Street"), x00080020=("DA", "x"))
    )
    assert outcome.actions == {"uids": 3, "pseudonym": 2, "private": 1, "removed": 1, "emptied": 1}


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_running_twice_gives_the_same_bytes(syntax):
    content = ct_file(syntax, x00080023=("DA", "20200101"), x00081090=("LO", "Quimby"))
    assert cleaned(content) == cleaned(content)


def test_an_output_passed_in_again_changes_in_its_uids_alone():
    first = read(cleaned(dated()))
    target = io.BytesIO()
    first.save_as(target)
    second = read(cleaned(target.getvalue()))
    different = {found.keyword for found in first if found != second[found.tag]}
    assert different == {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"}


def test_a_hostile_preamble_does_not_survive():
    output = cleaned(part10(data_set(ct()), preamble=b"MZ" + b"Quimby^Hubert" + b"\x90" * 113))
    assert output[:132] == bytes(128) + b"DICM"


def test_file_meta_information_is_written_new():
    meta = (
        element(0x00020013, "SH", "QUIMBY_1")
        + element(0x00020016, "AE", "QUIMBYS")
        + element(0x00020018, "AE", "HUBERT")
    )
    meta += element(0x00020100, "UI", "1.2.999.88") + element(0x00020102, "OB", b"Quimby's private information")
    output = cleaned(part10(data_set(ct()), meta=meta))
    assert {found.keyword for found in read(output).file_meta} == {
        "FileMetaInformationGroupLength",
        "FileMetaInformationVersion",
        "MediaStorageSOPClassUID",
        "MediaStorageSOPInstanceUID",
        "TransferSyntaxUID",
        "ImplementationClassUID",
        "ImplementationVersionName",
    }
    assert [word for word in (b"Quimby", b"QUIMBY", b"HUBERT", b"1.2.999") if word in output] == []


@pytest.mark.parametrize("syntax", ["Quimby^Hubert", "1.2.999.7654321", "1.2.840.10008.1.2.4.94"])
def test_an_unknown_transfer_syntax_is_held_back(syntax):
    outcome, output = deidentified(part10(data_set(ct()), syntax))
    assert outcome.cause is AttentionCause.DEIDENTIFICATION_FAILED
    assert output == b""


def test_a_file_without_preamble_and_meta_information_gets_both():
    for syntax in (IMPLICIT, EXPLICIT, BIG):
        assert read(cleaned(data_set(ct(), syntax))).file_meta.TransferSyntaxUID == syntax


def test_long_file_meta_information_is_read():
    output = cleaned(part10(data_set(ct()), meta=element(0x00020102, "OB", bytes(20_000))))
    assert read(output).SOPClassUID == CT


@pytest.mark.parametrize("spooled", [False, True])
def test_a_deflated_object_becomes_an_explicit_one(spooled, tmp_path):
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = deflater.compress(data_set(ct())) + deflater.flush()
    limits = Limits(memory_instance_bytes_max=100) if spooled else Limits()
    ds = read(cleaned(part10(body, DEFLATED), limits=limits, spool=tmp_path))
    assert ds.file_meta.TransferSyntaxUID == EXPLICIT
    assert ds.PixelData == bytes(range(32))
    assert list(tmp_path.iterdir()) == []


def test_a_deflated_bomb_is_refused():
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = deflater.compress(data_set(ct(x7FE00010=("OW", bytes(3_000_000))))) + deflater.flush()
    with pytest.raises(Refused) as refused:
        deidentified(part10(body, DEFLATED), limits=Limits(inflated_bytes_max=1_000_000))
    assert refused.value.code == "too_large"


def test_dates_as_the_basic_profile_says():
    ds = read(cleaned(dated()))
    assert (ds.StudyDate, ds.StudyTime, ds.PatientBirthDate) == ("", "", "")
    assert ds.ContentDate == ""  # type 2C in a CT image
    assert {"InstanceCreationDate", "SeriesDate", "SeriesTime", "AcquisitionDateTime"}.isdisjoint(ds.dir())  # type 3


def test_dates_that_no_iod_is_known_for_become_constants():
    ds = read(cleaned(part10(data_set(dated_elements()), sop_class="1.2.999.4")))
    assert (ds.StudyDate, ds.StudyTime, ds.PatientBirthDate) == ("", "", "")
    assert (ds.InstanceCreationDate, ds.SeriesDate, ds.ContentDate) == ("19000101", "19000101", "19000101")
    assert (ds.AcquisitionDateTime, ds.SeriesTime) == ("19000101000000", "000000")


def test_dates_are_moved_together_where_the_profile_retains_modified_ones():
    ds = read(cleaned(dated(), profile=LONGITUDINAL))
    assert PSEUDONYM.date_offset_days == -100
    assert (ds.InstanceCreationDate, ds.StudyDate, ds.SeriesDate) == ("20190923", "20191002", "20191002")
    assert (ds.ContentDate, ds.AcquisitionDateTime) == ("20191004", "20191004093015.123+0100")
    assert (ds.StudyTime, ds.SeriesTime, ds.PatientBirthDate) == ("093015", "093016", "")
    assert "DateOfLastDetectorCalibration" not in ds  # the same for all patients of a device
    assert ds.LongitudinalTemporalInformationModified == "MODIFIED"
    assert [code.CodeValue for code in ds.DeidentificationMethodCodeSequence] == ["113100", "113107"]


@pytest.mark.parametrize("date", ["Quimby", "20200230", "00010101", "2020", "99999999"])
def test_a_date_that_cannot_be_moved_becomes_a_constant(date):
    ds = read(cleaned(ct_file(x00080021=("DA", date)), profile=LONGITUDINAL))
    assert ds.SeriesDate == "19000101"


def test_a_moved_date_that_falls_on_the_birth_date_is_no_leak():
    content = ct_file(x00080021=("DA", "20200410"), x00100030=("DA", "20200101"))
    assert read(cleaned(content, profile=LONGITUDINAL)).SeriesDate == "20200101"


def test_values_that_were_empty_stay_empty():
    ds = read(cleaned(ct_file(x00080023=("DA", ""), x00181030=("LO", ""), x00081115=("SQ", []))))
    assert (ds.ContentDate, list(ds.ReferencedSeriesSequence)) == ("", [])
    assert "ProtocolName" not in ds  # X/D and of type 3


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_a_sequence_is_replaced_by_one_item_that_says_nothing(syntax):
    note = data_set({0x00700006: ("ST", "Mr. Quimby coughs")}, syntax)
    observer = data_set({0x0040A075: ("PN", "Fleischman^Joel")}, syntax)
    elements = ct(x0040B020=("SQ", [note, note]), x0040A073=("SQ", [observer]))
    output = cleaned(part10(data_set(elements, syntax), syntax, sop_class="1.2.999.4"))
    (annotation,) = read(output).WaveformAnnotationSequence
    assert (annotation.ReferencedWaveformChannels, annotation.UnformattedTextValue) == ([1, 1], "REMOVED")
    (observer,) = read(output).VerifyingObserverSequence
    assert (observer.VerifyingObserverName, observer.VerificationDateTime) == ("REMOVED", "19000101000000")
    assert b"Quimby" not in output


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_native_pixels_are_the_same_bytes(syntax):
    pixels = bytes(range(256)) * 5000
    assert (
        read(
            cleaned(ct_file(syntax, x00280010=("US", 640), x00280011=("US", 1000), x7FE00010=("OW", pixels)))
        ).PixelData
        == pixels
    )


def test_encapsulated_pixels_are_the_same_bytes():
    output = cleaned(encapsulated())
    assert output.endswith(b"OB\0\0\xff\xff\xff\xff" + ENCAPSULATED)
    assert read(output).file_meta.TransferSyntaxUID == RLE


def test_what_follows_the_pixels_is_cleaned_or_left_behind():
    after = element(0xFFFCFFFC, "OB", b"Quimby" * 9) + b"Quimby^Hubert"
    assert cleaned(encapsulated(after=after)) == cleaned(encapsulated())
    assert cleaned(ct_file() + after) == cleaned(ct_file())


def test_large_elements_that_are_kept_are_the_same_bytes():
    table = bytes(itertools.islice(itertools.cycle(range(251)), 2_500_000))
    ds = read(cleaned(ct_file(x00282000=("OB", table), x00091002=("OB", table), x00291002=("UN", table))))
    assert ds.ICCProfile == table
    assert not any(found.tag.is_private for found in ds)


def test_a_header_of_many_windows_is_walked():
    items = [data_set({0x00081150: ("UI", CT), 0x00081155: ("UI", f"1.2.999.{i}")}) for i in range(5_000)]
    content = ct_file(x00081140=("SQ", items), x00081115=("SQ", items), x0008114A=("SQ", items))
    ds = read(cleaned(content))
    assert len({ref.ReferencedSOPInstanceUID for ref in ds.ReferencedImageSequence}) == 5_000
    assert ds.ReferencedImageSequence == ds.ReferencedInstanceSequence


def test_memory_does_not_grow_with_the_pixels():
    source = io.BytesIO(ct_file(x7FE00010=("OW", bytes(40_000_000))))

    class Counter:
        size = 0

        def write(self, data):
            self.size += len(data)

    tracemalloc.start()
    outcome = deidentify_instance(source, target := Counter(), pseudonym=PSEUDONYM)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outcome.size_bytes == target.size > 40_000_000
    assert peak < 8_000_000


@pytest.mark.dcmtk
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, RLE])
def test_another_toolkit_reads_the_output(syntax, tmp_path):
    program = shutil.which("dcmdump")
    if program is None:
        pytest.skip("DCMTK IS ABSENT: dcmdump is not on the path, this test proves nothing here")
    path = tmp_path / "output.dcm"
    path.write_bytes(cleaned(encapsulated() if syntax == RLE else ct_file(syntax)))
    run = subprocess.run([program, "-E", str(path)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "(0012,0062) CS [YES]" in run.stdout
