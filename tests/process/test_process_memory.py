"""An object of gigabytes costs the memory of one frame: measured on files that are made up while they are read."""

import io
import struct
import tracemalloc

import numpy as np
import pytest
from process_objects import RLE, described, native, rle, written

from cauce.stages.process import decoded_frames, frames, measure_instance, preview_png

MIB = 1024 * 1024
FRAMES = 10_000
FRAME = np.arange(512 * 512, dtype=np.uint32).reshape(512, 512).astype(np.uint16) % 4096


class Virtual(io.RawIOBase):
    """A file of a head, one unit repeated `count` times, and a tail; only what is asked for is made."""

    def __init__(self, head, unit, count, tail=b""):
        super().__init__()
        self._parts = (head, unit, tail)
        self._count = count
        self.size = len(head) + len(unit) * count + len(tail)
        self._position = 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        self._position = max(offset + {0: 0, 1: self._position, 2: self.size}[whence], 0)
        return self._position

    def tell(self):
        return self._position

    def _piece(self):
        head, unit, tail = self._parts
        position = self._position
        if position < len(head):
            return memoryview(head)[position:]
        position -= len(head)
        if position < len(unit) * self._count:
            return memoryview(unit)[position % len(unit) :]
        return memoryview(tail)[position - len(unit) * self._count :]

    def readinto(self, buffer):
        done = 0
        while done < len(buffer) and self._position < self.size:
            piece = self._piece()[: len(buffer) - done]
            buffer[done : done + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
        return done


@pytest.fixture
def peak_mb():
    """Run something; return its result and the most memory that Python and NumPy held meanwhile, in MB."""

    def run(function):
        tracemalloc.start()
        try:
            result = function()
            return result, tracemalloc.get_traced_memory()[1] / MIB
        finally:
            tracemalloc.stop()

    return run


def test_two_gigabytes_of_native_frames_are_measured_in_the_memory_of_one(peak_mb):
    count = 4000
    head = native(FRAME, NumberOfFrames=count)[: -FRAME.nbytes - 4] + struct.pack("<I", FRAME.nbytes * count)
    source = Virtual(head, FRAME.tobytes(), count)
    assert source.size > 2_000_000_000
    outcome, peak = peak_mb(lambda: measure_instance(source))
    assert (outcome.frames, outcome.frames_measured, outcome.pixels) == (4000, 64, 64 * 512 * 512)
    assert (outcome.mean, outcome.minimum, outcome.maximum) == (2047.5, 0.0, 4095.0)
    assert peak < 20
    preview, peak = peak_mb(lambda: preview_png(source))
    assert preview.startswith(b"\x89PNG")
    assert peak < 20


def test_five_gigabytes_of_compressed_frames_are_measured_in_the_memory_of_one(peak_mb):
    noise = np.random.default_rng(1).integers(0, 65536, (512, 512)).astype(np.uint16)
    codestream = rle(noise)
    values = described(noise, NumberOfFrames=FRAMES)
    start = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    unit = struct.pack("<HHI", 0xFFFE, 0xE000, len(codestream)) + codestream
    source = Virtual(written(values, syntax=RLE) + start, unit, FRAMES, struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))
    assert source.size > 5_000_000_000
    outcome, peak = peak_mb(lambda: measure_instance(source))
    assert (outcome.frames, outcome.frames_measured) == (FRAMES, 64)
    assert outcome.mean == pytest.approx(noise.mean(), rel=1e-12)
    assert peak < 24


def test_frames_are_compared_one_at_a_time(peak_mb):
    count = 200
    head = native(FRAME, NumberOfFrames=count)[: -FRAME.nbytes - 4] + struct.pack("<I", FRAME.nbytes * count)
    total, peak = peak_mb(lambda: sum(len(frame) for frame in decoded_frames(Virtual(head, FRAME.tobytes(), count))))
    assert total == FRAME.nbytes * count
    assert peak < 8


def test_a_large_frame_costs_a_small_multiple_of_itself(peak_mb):
    large = np.arange(6000, dtype=np.uint16)[:, None] + np.arange(4000, dtype=np.uint16)[None, :]
    content = native(large, WindowCenter="5000", WindowWidth="10000")
    outcome, peak = peak_mb(lambda: measure_instance(io.BytesIO(content)))
    assert (outcome.pixels, outcome.mean) == (24_000_000, 4999.0)
    assert peak < 4 * large.nbytes / MIB


def test_the_header_alone_is_read_when_an_object_is_opened(peak_mb):
    count = 4000
    head = native(FRAME, NumberOfFrames=count)[: -FRAME.nbytes - 4] + struct.pack("<I", FRAME.nbytes * count)
    reader, peak = peak_mb(lambda: frames(Virtual(head, FRAME.tobytes(), count)))
    assert len(reader) == count
    assert peak < 1
