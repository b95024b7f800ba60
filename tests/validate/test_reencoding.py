"""A data set written anew in another encoding says the same: by our digest, by pydicom, byte for byte back again."""

import io
import struct
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from cauce.core.errors import NoCodec, Refused, Undecodable
from cauce.core.file_head import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from cauce.core.limits import DEFAULTS
from cauce.core.transcoding import NewPixels
from cauce.stages.validate import HeaderWriter, canonical_digest

IMPLICIT, EXPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{tail}" for tail in ("", ".1", ".2", ".1.99"))
RLE = "1.2.840.10008.1.2.5"
NATIVE = (IMPLICIT, EXPLICIT, BIG, DEFLATED)
WRITER = HeaderWriter(DEFAULTS)


def saved(ds, syntax):
    """Return a Part 10 file as pydicom writes it."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    target = io.BytesIO()
    ds.save_as(target, enforce_file_format=True)
    return target.getvalue()


def everything(**more):
    """Return a data set with a value of (nearly) every VR, nested ones, private ones and pixels of 16 bits."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.826.0.1.7"
    ds.PatientName, ds.StudyDate, ds.Modality = "Ärzte^Name", "20250131", "OT"
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.FrameIncrementPointer = 0x00181063
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 2, 3, 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.SmallestImagePixelValue = -5
    ds.FocalDistance, ds.WindowCenter = 1, "40.5"
    ds.EventElapsedTimes, ds.RecommendedDisplayFrameRateInFloat = "12.5", 2.5
    ds.ExposureTimeInms, ds.ReferencePixelX0 = 1.25, -70000
    ds.SelectorUVValue, ds.SelectorSVValue = 1 << 40, -(1 << 40)
    ds.SelectorODValue, ds.SelectorOFValue = struct.pack("<2d", 1, 2), struct.pack("<2f", 1, 2)
    ds.SelectorOLValue, ds.SelectorOWValue, ds.SelectorOBValue = struct.pack("<L", 9), b"\1\2\3\4", b"\1\2\3\4"
    item, inner = Dataset(), Dataset()
    inner.CodeValue, inner.MappedPixelValue = "X", 7
    inner.PixelRepresentation = 0
    inner.RealWorldValueFirstValueMapped = 65535
    item.ReferencedSOPInstanceUID, item.PurposeOfReferenceCodeSequence = "1.2.3", Sequence([inner])
    ds.SourceImageSequence = Sequence([item, Dataset()])
    block = ds.private_block(0x0029, "MAKER", create=True)
    block.add_new(1, "OB", b"\1\2")
    block.add_new(2, "LO", "private")
    ds.PixelData = np.arange(6, dtype="<i2").tobytes()
    ds["PixelData"].VR = "OW"
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    return ds


def anew(content, to, **options):
    return b"".join(WRITER.reencoded(io.BytesIO(content), size_bytes=len(content), to=to, **options))


def digest(content):
    return canonical_digest(io.BytesIO(content), size_bytes=len(content), limits=DEFAULTS, decode=None)


def read(content):
    return pydicom.dcmread(io.BytesIO(content))


def seen(ds):
    """Return values by tag; of private ones the tag only, since Implicit VR forgets what they are."""
    return {e.tag: "" if e.tag.is_private or e.value is None or e.value == b"" else str(e.value) for e in ds}


def data_set_of(content):
    return content[144 + struct.unpack_from("<L", content, 140)[0] :]


@pytest.mark.parametrize("to", NATIVE)
@pytest.mark.parametrize("stored", [IMPLICIT, EXPLICIT, DEFLATED])
def test_every_native_encoding_of_a_data_set_says_the_same(stored, to):
    sent = saved(everything(), stored)
    made = anew(sent, to)
    assert digest(made) == digest(sent)
    ds, before = read(made), read(sent)
    assert ds.file_meta.TransferSyntaxUID == to
    assert np.array_equal(ds.pixel_array, before.pixel_array)
    assert (ds.FrameIncrementPointer, ds.SmallestImagePixelValue) == (0x00181063, -5)
    assert (ds.SelectorUVValue, ds.ReferencePixelX0, ds.ExposureTimeInms) == (1 << 40, -70000, 1.25)
    nested = ds.SourceImageSequence[0].PurposeOfReferenceCodeSequence[0]
    assert (nested.CodeValue, nested.RealWorldValueFirstValueMapped) == ("X", 65535)
    assert len(ds.SourceImageSequence[1]) == 0
    if BIG not in (stored, to):
        del ds.file_meta, before.file_meta
        assert seen(ds) == seen(before)


@pytest.mark.parametrize("by", NATIVE)
def test_a_way_there_and_back_gives_the_same_bytes(by):
    once = anew(saved(everything(), EXPLICIT), EXPLICIT)
    again = anew(anew(once, by), EXPLICIT)
    if by == IMPLICIT:  # which forgets the VR of private elements
        assert digest(again) == digest(once)
    else:
        assert again == once


def test_big_endian_swaps_words_by_their_vr_and_nothing_else():
    made = data_set_of(anew(saved(everything(), EXPLICIT), BIG))
    for tag, vr, value in (
        ((0x0028, 0x0009), b"AT\0\4", b"\x00\x18\x10\x63"),
        ((0x0028, 0x0106), b"SS\0\2", b"\xff\xfb"),
        ((0x0072, 0x0069), b"OW\0\0\0\0\0\4", b"\2\1\4\3"),
        ((0x0072, 0x0065), b"OB\0\0\0\0\0\4", b"\1\2\3\4"),
        ((0x0072, 0x0073), b"OD\0\0\0\0\0\x10", struct.pack(">2d", 1, 2)),
        ((0x7FE0, 0x0010), b"OW\0\0\0\0\0\x0c", np.arange(6, dtype=">i2").tobytes()),
    ):
        head = struct.pack(">HH", *tag) + vr if tag != (0x0072, 0x0065) else b"OB\0\0\0\0\0\4"
        assert head + value in made, tag


def test_bytes_in_words_become_bytes_in_big_endian():
    ds = everything(BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0, SmallestImagePixelValue=0)
    ds.PixelData = bytes(range(6))
    ds["PixelData"].VR = "OW"
    made = anew(saved(ds, EXPLICIT), BIG)
    assert data_set_of(made).endswith(b"\x7f\xe0\0\x10OB\0\0\0\0\0\x06" + bytes(range(6)))
    back = anew(made, IMPLICIT)
    assert back.endswith(bytes(range(6)))


def test_words_of_bytes_in_a_big_endian_file_are_put_right():
    head = anew(saved(everything(BitsAllocated=8, BitsStored=8, HighBit=7), EXPLICIT), BIG)
    cut = head.index(b"\x7f\xe0\0\x10")
    sent = head[:cut] + b"\x7f\xe0\0\x10OW\0\0\0\0\0\x06" + bytes([1, 0, 3, 2, 5, 4])
    assert anew(sent, EXPLICIT).endswith(bytes(range(6)))


def test_the_file_meta_is_ours_and_the_preamble_zeros():
    sent = b"MZ" + saved(everything(), IMPLICIT)[2:]
    made = anew(sent, EXPLICIT)
    meta = read(made).file_meta
    assert made[:128] == bytes(128)
    assert (meta.ImplementationClassUID, meta.ImplementationVersionName) == (
        IMPLEMENTATION_CLASS_UID,
        IMPLEMENTATION_VERSION_NAME,
    )
    assert (meta.MediaStorageSOPInstanceUID, meta.MediaStorageSOPClassUID) == (
        "1.2.826.0.1.7",
        "1.2.840.10008.5.1.4.1.1.7",
    )


def test_the_data_set_goes_before_a_file_meta_that_names_another_instance():
    sent = saved(everything(), IMPLICIT).replace(b"1.2.826.0.1.7\0", b"1.2.826.0.1.8\0", 1)
    assert read(sent).file_meta.MediaStorageSOPInstanceUID == "1.2.826.0.1.8"
    assert read(anew(sent, EXPLICIT)).file_meta.MediaStorageSOPInstanceUID == "1.2.826.0.1.7"


def test_a_copy_is_the_same_bytes_but_for_a_preamble_in_use_or_missing():
    sent = saved(everything(), EXPLICIT)

    def copied(content):
        return b"".join(WRITER.copied(io.BytesIO(content), size_bytes=len(content)))

    assert copied(sent) == sent
    assert copied(b"MZ" + sent[2:]) == sent
    assert copied(b"II*\0" + sent[4:]) == b"II*\0" + sent[4:]
    assert copied(sent[128:]) == copied(sent[132:]) == sent


def test_what_is_stored_is_told_by_the_first_element_where_the_file_meta_is_wrong():
    sent = saved(everything(), EXPLICIT)

    def stored(content):
        return WRITER.stored_as(io.BytesIO(content), size_bytes=len(content))

    assert (stored(sent).transfer_syntax_uid, stored(sent).is_whole) == (EXPLICIT, True)
    wrong = sent.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0", 1)
    assert (stored(wrong).transfer_syntax_uid, stored(wrong).is_whole) == (EXPLICIT, False)
    bare = data_set_of(sent)
    assert (stored(bare).transfer_syntax_uid, stored(bare).is_whole) == (EXPLICIT, False)
    assert digest(anew(bare, IMPLICIT)) == digest(sent)


def element(tag, vr, value):
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    return (
        head
        + (struct.pack("<HL", 0, len(value)) if vr in {b"OB", b"UN", b"OW"} else struct.pack("<H", len(value)))
        + value
    )


def explicit(*elements):
    """Return a bare explicit data set of these elements behind the two that every one has."""
    uids = element(0x00080016, b"UI", b"1.2.840.10008.5.1.4.1.1.7\0") + element(0x00080018, b"UI", b"1.2.826.0.1.7\0")
    return uids + b"".join(elements)


def test_group_lengths_and_padding_behind_the_data_are_left_out():
    sent = explicit(
        element(0x00100000, b"UL", b"\4\0\0\0"),
        element(0x00100020, b"LO", b"ID"),
        element(0xFFFCFFFC, b"OB", bytes(8)),
    )
    sent = element(0x00080000, b"UL", b"\4\0\0\0") + element(0x00080001, b"UL", b"\4\0\0\0") + sent
    assert data_set_of(anew(sent, EXPLICIT)) == explicit(element(0x00100020, b"LO", b"ID"))


def test_values_of_odd_length_get_the_padding_of_their_vr():
    sent = explicit(
        element(0x00100020, b"LO", b"ODD"), element(0x00200052, b"UI", b"1.2.3"), element(0x00291001, b"UN", b"\1")
    )
    made = explicit(
        element(0x00100020, b"LO", b"ODD "), element(0x00200052, b"UI", b"1.2.3\0"), element(0x00291001, b"UN", b"\1\0")
    )
    assert data_set_of(anew(sent, EXPLICIT)) == made


def test_what_is_too_long_for_its_vr_becomes_unknown():
    long = b"1" * 70_000
    sent = data_set_of(anew(explicit(), IMPLICIT)) + struct.pack("<HHL", 0x0028, 0x1052, len(long)) + long
    assert data_set_of(anew(sent, EXPLICIT)) == explicit(element(0x00281052, b"UN", long))


def test_long_values_are_streamed_and_swapped_across_the_chunks():
    words = np.random.default_rng(1).integers(0, 65536, 3_000_001).astype("<u2")
    ds = everything(PixelRepresentation=0, SmallestImagePixelValue=0)
    ds.PixelData = words.tobytes()
    made = anew(saved(ds, EXPLICIT), BIG)
    assert made.endswith(words.astype(">u2").tobytes())
    assert anew(made, EXPLICIT).endswith(words.tobytes())


def test_a_deflated_data_set_is_padded_to_an_even_length():
    lengths = set()
    for number in range(20):
        made = anew(saved(everything(PatientComments="x" * number), EXPLICIT), DEFLATED)
        body = data_set_of(made)
        plain = zlib.decompressobj(-zlib.MAX_WBITS)
        assert plain.decompress(body) + plain.flush() == data_set_of(anew(made, EXPLICIT))
        lengths.add(len(body) % 2)
    assert lengths == {0}


def test_elements_of_ours_come_in_order_and_replace_those_that_are_there():
    sent = saved(everything(), IMPLICIT)
    edits = {
        0x00280004: ("CS", b"MONOCHROME1 "),
        0x00281052: ("DS", b"-1024 "),
        0x00280102: ("US", b"\x0b\0"),
        0x00280106: None,
        0x7FE10010: ("LO", b"AT THE END"),
    }
    for to in (EXPLICIT, BIG):
        ds = read(anew(sent, to, edits=edits))
        assert (ds.PhotometricInterpretation, ds.RescaleIntercept, ds.HighBit) == ("MONOCHROME1", -1024, 11)
        assert "SmallestImagePixelValue" not in ds
        tags = [e.tag for e in ds]
        assert tags == sorted(set(tags))
        assert ds[0x7FE10010].value == "AT THE END"


def icon(pixels, *, samples=1):
    ds = Dataset()
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.BitsAllocated, ds.BitsStored = 2, 2, samples, 8, 8
    ds.HighBit, ds.PixelRepresentation, ds.PhotometricInterpretation = 7, 0, "MONOCHROME2"
    ds.PixelData = pixels
    ds["PixelData"].VR = "OB"
    return ds


FRAGMENTS = pydicom.encaps.encapsulate([b"\1\2\3\4"])
NEW = {"pixels": lambda: NewPixels(vr="OB", length=2, chunks=[b"\7\7"])}


def with_icon(sequence, pixels, *, compressed):
    ds = everything()
    item = icon(pixels)
    item["PixelData"].is_undefined_length = compressed
    if sequence == "IconImageSequence":
        ds.IconImageSequence = Sequence([item])
    else:
        ds.private_block(0x0031, "MAKER", create=True).add_new(1, "SQ", Sequence([item]))
    ds.PixelData = FRAGMENTS
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return saved(ds, RLE)


def test_an_icon_that_is_native_stays_and_a_compressed_one_is_decoded_or_goes():
    plain = with_icon("IconImageSequence", b"\1\2\3\4", compressed=False)
    assert read(anew(plain, EXPLICIT, **NEW)).IconImageSequence[0].PixelData == b"\1\2\3\4"
    packed = with_icon("IconImageSequence", FRAGMENTS, compressed=True)
    asked = []

    def decode(described, data):
        asked.append((described[0x00280010], data))
        return bytes(4)

    ds = read(anew(packed, EXPLICIT, **NEW, nested=decode))
    assert asked == [(b"\2\0", b"\1\2\3\4")]
    assert (ds.IconImageSequence[0].PixelData, ds.IconImageSequence[0].Rows, ds.PixelData) == (bytes(4), 2, b"\7\7")
    for undecoded in (None, lambda *_: None):
        ds = read(anew(packed, EXPLICIT, **NEW, nested=undecoded))
        assert "IconImageSequence" not in ds
        assert (ds.PixelData, ds.PatientName) == (b"\7\7", "Ärzte^Name")


def test_a_compressed_image_elsewhere_is_decoded_or_holds_all_up():
    packed = with_icon("private", FRAGMENTS, compressed=True)
    ds = read(anew(packed, EXPLICIT, **NEW, nested=lambda *_: b"\5" * 4))
    assert ds[0x00311001].value[0].PixelData == b"\5" * 4
    with pytest.raises(NoCodec, match="inside a sequence"):
        anew(packed, EXPLICIT, **NEW)


def test_new_pixels_take_the_place_of_the_old_with_what_goes_before_them():
    sent = saved(everything(), IMPLICIT)
    source = io.BytesIO(sent)

    def pixels():
        source.seek(0)  # as whoever reads frames does

        def chunks():
            source.seek(5)
            yield struct.pack("<HHL", 0xFFFE, 0xE000, 0)
            source.seek(9)
            yield struct.pack("<HHL", 0xFFFE, 0xE000, 2) + b"\7\7" + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)

        return NewPixels(vr="OB", length=None, chunks=chunks(), elements={0x7FE00001: ("OV", bytes(8))})

    edits = {0x7FE10010: ("LO", b"BEHIND")}
    ds = read(b"".join(WRITER.reencoded(source, size_bytes=len(sent), to=RLE, edits=edits, pixels=pixels)))
    assert list(pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=1)) == [b"\7\7"]
    assert (ds.ExtendedOffsetTable, ds[0x7FE10010].value) == (bytes(8), "BEHIND")


def test_encapsulated_pixels_do_not_pass_for_native_ones():
    packed = with_icon("private", b"\1\2\3\4", compressed=False)
    with pytest.raises(Undecodable, match="encapsulated"):
        anew(packed, EXPLICIT)


@pytest.mark.parametrize("cut", [1, 40, 200, 400])
def test_a_file_that_is_cut_is_refused(cut):
    sent = saved(everything(), EXPLICIT)
    with pytest.raises(Refused):
        anew(sent[:-cut], IMPLICIT)
