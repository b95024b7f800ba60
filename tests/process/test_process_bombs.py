"""A few bytes that announce a picture of gigabytes: plainly undecodable, or decoded within a gigabyte, never more."""

import io
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from process_objects import J2K_LOSSLESS, RLE, encapsulated

from cauce.core.errors import Undecodable
from cauce.core.limits import MIB, Limits
from cauce.stages.process import frames, measure_instance

LARGEST = 8_192
"""Rows and columns of the largest frame of bytes that is decoded, 64 MiB."""

STATUS = Path("/proc/self/status")
needs_linux = pytest.mark.skipif(not STATUS.exists(), reason="the peak of a process is read from /proc")

_MEASURE = """
import json, re, sys
from cauce.stages.process import measure_instance
with open(sys.argv[1], "rb") as source:
    found = measure_instance(source)
peak_kib = int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
print(json.dumps([found.outcome, found.detail, peak_kib / 1024]))
"""


def sized(content, rows, columns):
    """Let a file say that it has other rows and columns than it has."""
    for element, size in ((0x0010, rows), (0x0011, columns)):
        head = struct.pack("<HH2sH", 0x0028, element, b"US", 2)
        at = content.index(head) + len(head)
        content = content[:at] + struct.pack("<H", size) + content[at + 2 :]
    return content


def rle_frame(data):
    return struct.pack("<2L", 1, 64) + bytes(56) + data


def measured(tmp_path: Path, content: bytes):
    """Measure in a process of its own; return outcome, detail and the most memory it had, in MiB."""
    path = tmp_path / "bomb.dcm"
    path.write_bytes(content)
    done = subprocess.run([sys.executable, "-c", _MEASURE, path], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


SMALL = np.zeros((2, 2), np.uint8)


@needs_linux
def test_a_short_rle_frame_that_announces_the_largest_picture_takes_no_memory_for_it(tmp_path):
    content = sized(encapsulated([rle_frame(b"\x81\0" * 20)], SMALL, syntax=RLE), LARGEST, LARGEST)
    outcome, detail, peak_mib = measured(tmp_path, content)
    assert (outcome, detail) == ("undecodable", f"the frame is shorter than the data set says ({RLE})")
    assert peak_mib < 130


def test_rle_that_just_reaches_is_decoded():
    content = sized(encapsulated([rle_frame(b"\x81\7" * 32)], SMALL, syntax=RLE), 64, 64)
    assert (frames(io.BytesIO(content)).read(0) == 7).all()
    short = sized(encapsulated([rle_frame(b"\x81\7" * 30)], SMALL, syntax=RLE), 64, 64)
    with pytest.raises(Undecodable, match="shorter"):
        frames(io.BytesIO(short)).read(0)


@needs_linux
def test_a_kilobyte_that_decodes_to_a_large_picture_takes_six_times_its_size_and_no_more(tmp_path):
    import imagecodecs

    side = LARGEST // 2
    flat = np.zeros((side, side), np.uint8)
    codestream = imagecodecs.jpeg2k_encode(flat, codecformat="j2k", reversible=True, level=0)
    assert len(codestream) < 1000
    codestream += b"\0" * (len(codestream) & 1)
    content = sized(encapsulated([codestream], SMALL, syntax=J2K_LOSSLESS), side, side)
    outcome, _, peak_mib = measured(tmp_path, content)
    assert outcome == "measured"
    assert peak_mib < 100 + 6 * flat.nbytes / MIB


def test_the_largest_frame_is_a_setting():
    content = sized(encapsulated([rle_frame(b"\x81\7" * 8192)], SMALL, syntax=RLE), 1024, 1024)
    assert measure_instance(io.BytesIO(content), limits=Limits(frame_bytes_max=MIB)).outcome == "measured"
    too_large = measure_instance(io.BytesIO(content), limits=Limits(frame_bytes_max=MIB - 1))
    assert too_large.outcome == "undecodable"
    assert too_large.detail.startswith("a frame is larger than CAUCE_MAX_FRAME_MB allows")
