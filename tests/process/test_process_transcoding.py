"""Whole instances in another transfer syntax: the same content, whatever the way there."""

import io
import struct
import tracemalloc
from functools import partial

import numpy as np
import pydicom
import pytest
from process_objects import JPEG_BASELINE, MPEG2, RLE, described, encapsulated, native, opened, written
from test_process_memory import Virtual

from cauce import flow
from cauce.core.errors import CauceError, NoCodec, Refused, Undecodable
from cauce.core.limits import DEFAULTS, MIB
from cauce.core.transfer_syntaxes import NATIVE, TRANSFER_SYNTAXES, transfer_syntax
from cauce.stages.process import decoded_frames, frames
from cauce.stages.validate import canonical_digest, read_header

IMPLICIT, EXPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{tail}" for tail in ("", ".1", ".2", ".1.99"))
JPEG_LS, HTJ2K, J2K = (f"1.2.840.10008.1.2.4.{tail}" for tail in ("80", "201", "90"))
TARGETS = [one.uid for one in TRANSFER_SYNTAXES if one.encodes]
COMPRESSED_ICONS = {"GH133.dcm"}
"""Files whose icons are decoded on the way, which the digest sees as a change."""
GREY = np.random.default_rng(4).integers(0, 4096, (3, 9, 11)).astype(np.uint16)


def anew(content, to, **options):
    return b"".join(flow.transcoded(io.BytesIO(content), to=to, **options))


def digest(content):
    decode = partial(decoded_frames, limits=DEFAULTS)
    return canonical_digest(io.BytesIO(content), size_bytes=len(content), limits=DEFAULTS, decode=decode)


def samples(path, limit):
    return sorted(p for p in path.rglob("*") if p.is_file() and p.name != "MANIFEST.tsv" and p.stat().st_size < limit)


@pytest.mark.parametrize("to", TARGETS)
def test_a_multi_frame_object_is_the_same_in_every_syntax_and_back(to):
    sent = native(GREY, frames=3, BitsStored=12)
    made = anew(sent, to)
    assert pydicom.dcmread(io.BytesIO(made), stop_before_pixels=True).file_meta.TransferSyntaxUID == to
    assert np.array_equal(np.stack(list(opened(made))), GREY)
    assert digest(anew(made, EXPLICIT)) == digest(sent)


def test_what_is_stored_in_the_target_is_copied_but_for_a_hostile_preamble():
    sent = native(GREY, frames=3, BitsStored=12, syntax=IMPLICIT)
    assert anew(b"MZ" + sent[2:], IMPLICIT) == sent
    packed = encapsulated([b"\xff\xd8 whatever it is"], GREY[0], syntax="1.2.840.10008.1.2.4.50")
    assert anew(packed, "1.2.840.10008.1.2.4.50") == packed
    assert anew(b"#!" + packed[2:], "1.2.840.10008.1.2.4.50") == packed


def test_a_file_without_file_meta_gets_one():
    sent = native(GREY, frames=3, BitsStored=12)
    bare = sent[144 + struct.unpack_from("<L", sent, 140)[0] :]
    made = anew(bare, EXPLICIT)
    assert made[128:132] == b"DICM"
    assert digest(made) == digest(sent)


def test_an_object_without_pixels_changes_its_encoding_only():
    sent = written({"Modality": "SR", "PatientID": "ID"})
    for to in NATIVE:
        assert digest(anew(sent, to)) == digest(sent)
    with pytest.raises(NoCodec, match="no pixels"):
        flow.transcoded(io.BytesIO(sent), to=RLE)


@pytest.mark.parametrize(
    ("content", "to", "error"),
    [
        (native(GREY[0]), JPEG_BASELINE, NoCodec),
        (native(GREY[0]), "1.2.3", NoCodec),
        (encapsulated([b"\0\0\1\xb3"], GREY[0], syntax=MPEG2), EXPLICIT, NoCodec),
        (native(GREY[0].astype(np.uint32)), J2K, NoCodec),
        (encapsulated([b"\xff\xd8 nothing"], GREY[0], syntax=JPEG_BASELINE), EXPLICIT, Undecodable),
        (encapsulated([b"\0" * 80], GREY[0], syntax=RLE), HTJ2K, Undecodable),
        (b"no DICOM", EXPLICIT, Refused),
    ],
)
def test_what_cannot_be_had_is_said_before_the_first_byte(content, to, error):
    with pytest.raises(error):
        flow.transcoded(io.BytesIO(content), to=to)


def test_a_damaged_frame_further_on_ends_the_bytes_with_its_error():
    good = next(iter(opened(native(GREY[0])).cells(0)[None]))
    from cauce.stages.process import encode_frame

    data = encode_frame(good, opened(native(GREY[0])).layout, to=RLE)
    content = encapsulated([data, b"\0" * 80], GREY[:2], frames=2, syntax=RLE)
    taken = flow.transcoded(io.BytesIO(content), to=EXPLICIT)
    with pytest.raises(Undecodable):
        b"".join(taken)


def test_lossy_pixels_are_decoded_once_and_say_so_for_ever():
    import imagecodecs

    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    colour = np.stack([smooth, smooth[::-1], smooth.T[::-1]], axis=-1)
    data = imagecodecs.jpeg8_encode(colour, level=80)
    sent = encapsulated([data], colour, syntax=JPEG_BASELINE, PhotometricInterpretation="YBR_FULL_422")
    for to, photometric in ((EXPLICIT, "RGB"), (RLE, "RGB"), (J2K, "YBR_RCT"), (HTJ2K, "YBR_RCT")):
        made = anew(anew(sent, JPEG_LS), to)
        ds = pydicom.dcmread(io.BytesIO(made), stop_before_pixels=True)
        assert (ds.PhotometricInterpretation, ds.LossyImageCompression) == (photometric, "01")
        assert (ds.LossyImageCompressionMethod, ds.SOPInstanceUID) == ("ISO_10918_1", "1.2.826.0.1.1")
        assert np.array_equal(opened(made).read(0), opened(sent).read(0))


@pytest.mark.parametrize(("to", "count"), [(IMPLICIT, 2000), (BIG, 400), (RLE, 200), (HTJ2K, 120)])
def test_an_object_of_any_length_costs_the_memory_of_its_header_and_a_frame(to, count, monkeypatch):
    monkeypatch.setattr("cauce.stages.process.recoding._HELD_MAX", 2 * MIB)
    frame = (np.arange(512 * 512, dtype=np.uint32) % 4096).astype(np.uint16).tobytes()
    attributes = described(np.zeros((1, 512, 512), np.uint16), frames=count, BitsStored=12)
    head = written({**attributes, "PixelData": b"\0\0"})[:-6] + struct.pack("<L", len(frame) * count)
    source = Virtual(head, frame, count)
    tracemalloc.start()
    try:
        size = sum(len(chunk) for chunk in flow.transcoded(source, to=to))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > count * 50_000
    assert peak < 16 * MIB


@pytest.mark.corpus
def test_real_instances_are_the_same_in_every_syntax(corpus):
    """A digest of all values and pixels, and the pixels as they are shown; all of the corpus in `make test-cluster`."""
    done = sum(_compared(path, TARGETS) for path in samples(corpus, 400_000)[::41])
    assert done > 100


@pytest.mark.corpus
@pytest.mark.cluster
@pytest.mark.timeout(1200)
def test_every_real_instance_is_the_same_in_every_syntax(corpus):
    done = sum(_compared(path, TARGETS) for path in samples(corpus, 20_000_000))
    assert done > 8000


def _compared(path, targets):
    """Compare one file with what it becomes; return in how many syntaxes."""
    content = path.read_bytes()
    reader = frames(io.BytesIO(content))
    stored = transfer_syntax(reader.transfer_syntax_uid)
    before = digest(content)
    done = 0
    for to in targets:
        try:
            made = anew(content, to)
        except NoCodec:
            continue
        back = frames(io.BytesIO(made))
        assert len(back) == len(reader), (path.name, to)
        for index in {0, len(reader) // 2, len(reader) - 1} if len(reader) else ():
            assert np.array_equal(back.read(index), reader.read(index)), (path.name, to, index)
        wide = reader.layout is not None and reader.layout.bits_allocated > 16 and BIG in {to, stored.uid}
        is_lossless = stored.is_lossless and transfer_syntax(to).is_lossless
        is_subsampled = reader.layout is not None and reader.layout.photometric == "YBR_FULL_422" and to not in NATIVE
        is_changed = wide or is_subsampled or (path.name in COMPRESSED_ICONS and to != stored.uid)
        if is_lossless and not is_changed:
            assert digest(made) == before, (path.name, to)
        assert _verdict(made) == (to if _verdict(content) == stored.uid else _verdict(content)), (path.name, to)
        done += 1
    return done


def _verdict(content):
    """Return the transfer syntax of a file that would be taken in, the reason of one that would not."""
    try:
        return read_header(io.BytesIO(content), size_bytes=len(content), limits=DEFAULTS).transfer_syntax_uid
    except Refused as refused:
        return refused.detail


@pytest.mark.corpus
def test_hostile_files_end_in_our_errors_only(malformed):
    """Half of what is hostile, into one native and one compressed syntax each; all that is made is read again."""
    outcomes = {"made": 0, "refused": 0}
    for number, path in enumerate(samples(malformed, 4_000_000)[::2]):
        content = path.read_bytes()
        for to in ((EXPLICIT, RLE), (IMPLICIT, JPEG_LS), (BIG, HTJ2K), (DEFLATED, J2K))[number % 4]:
            try:
                made = anew(content, to)
            except CauceError:
                outcomes["refused"] += 1
                continue
            outcomes["made"] += 1
            assert made[128:132] == b"DICM", path.name
    assert outcomes["made"] > 150
    assert outcomes["refused"] > 150
