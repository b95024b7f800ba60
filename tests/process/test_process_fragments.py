"""Fragments are given to the frames that they belong to, by whichever of four signs the writer left."""

import struct

import imagecodecs
import numpy as np
import pytest
from process_objects import JPEG_LS, RLE, encapsulated, opened, rle, with_items

from cauce.core.errors import Undecodable

STACK = np.random.default_rng(5).integers(0, 4096, (4, 9, 11)).astype(np.uint16)
CODESTREAMS = [imagecodecs.jpegls_encode(frame) for frame in STACK]


def halves(codestream):
    middle = len(codestream) // 2 & ~1
    return [codestream[:middle], codestream[middle:] + b"\0" * (len(codestream) % 2)]


def offsets(groups):
    """Return where the first item of each group lies, counted from the first of all."""
    starts, position = [], 0
    for group in groups:
        starts.append(position)
        position += sum(8 + len(value) for value in group)
    return starts


@pytest.mark.parametrize(
    "how",
    [
        {"table": True},
        {"table": False},
        {"extended": True},
        {"per_frame": 3},
        {"per_frame": 3, "table": False},
    ],
    ids=str,
)
def test_every_frame_is_found(how):
    reader = opened(encapsulated(CODESTREAMS, STACK, frames=4, syntax=JPEG_LS, **how))
    assert [np.array_equal(reader.read(i), STACK[i]) for i in (3, 0, 2, 1)] == [True] * 4


def test_frames_of_unlike_numbers_of_fragments_are_told_apart_by_the_table():
    groups = [halves(c) if i % 2 else [c + b"\0" * (len(c) % 2)] for i, c in enumerate(CODESTREAMS)]
    table = struct.pack("<4I", *offsets(groups))
    items = [table, *[value for group in groups for value in group]]
    reader = opened(with_items(items, STACK, frames=4, syntax=JPEG_LS))
    assert np.array_equal(np.stack(list(reader)), STACK)


def test_a_table_that_contradicts_the_fragments_gives_way_to_the_markers():
    groups = [halves(c) for c in CODESTREAMS]
    fragments = [value for group in groups for value in group]
    for table in (struct.pack("<4I", 0, 1, 2, 3), struct.pack("<4I", 0, 90000, 1, 2), struct.pack("<2I", 0, 40)):
        reader = opened(with_items([table, *fragments], STACK, frames=4, syntax=JPEG_LS))
        assert np.array_equal(np.stack(list(reader)), STACK)


def test_empty_fragments_and_a_missing_delimiter_change_nothing():
    items = [b"", CODESTREAMS[0] + b"\0" * (len(CODESTREAMS[0]) % 2), b""]
    content = with_items(items, STACK[0], syntax=JPEG_LS)
    assert np.array_equal(opened(content).read(0), STACK[0])
    assert np.array_equal(opened(content[:-8]).read(0), STACK[0])


def test_all_fragments_of_a_single_frame_are_one_codestream():
    quarters = [part for half in halves(CODESTREAMS[0]) for part in halves(half)]
    assert np.array_equal(opened(with_items([b"", *quarters], STACK[0], syntax=JPEG_LS)).read(0), STACK[0])


@pytest.mark.parametrize(
    ("items", "frames", "reason"),
    [
        ([b""], 1, "the pixel data has no fragments"),
        ([b"", b""], 1, "the pixel data has no fragments"),
        ([b"", rle(STACK[0]), rle(STACK[1]), rle(STACK[2])], 4, "fragments cannot be assigned to frames"),
    ],
)
def test_fragments_that_make_no_frames_are_undecodable(items, frames, reason):
    with pytest.raises(Undecodable) as refusal:
        opened(with_items(items, STACK[:frames], frames=frames, syntax=RLE))
    assert refusal.value.detail == reason


def test_items_that_are_none_and_lengths_past_the_end_are_undecodable():
    content = with_items([b"", rle(STACK[0])], STACK[0], syntax=RLE)
    first = content.index(b"\xfe\xff\x00\xe0")
    no_item = content[:first] + b"\xfe\xff\x0d\xe1" + content[first + 4 :]
    with pytest.raises(Undecodable, match="malformed"):
        opened(no_item)
    too_long = content[: first + 12] + b"\xf0\xff\xff\x7f" + content[first + 16 :]
    with pytest.raises(Undecodable, match="after the end of the file"):
        opened(too_long)


def test_an_offset_table_of_any_length_is_not_read_into_memory(monkeypatch):
    from cauce.stages.process import fragments

    content = with_items([bytes(40_000_000), CODESTREAMS[0]], STACK[0], syntax=JPEG_LS)
    longest = 0
    read = opened(content)._opened.stream.__class__.read

    class Watched:
        def __init__(self, stream):
            self._stream = stream

        def seek(self, offset):
            return self._stream.seek(offset)

        def read(self, size):
            nonlocal longest
            longest = max(longest, size)
            return read(self._stream, size)

    reader = opened(content)
    pixel = reader._opened.pixel
    spans = fragments.frame_spans(
        Watched(reader._opened.stream),
        pixel.offset,
        size_bytes=len(content),
        frames=1,
        ds=reader.ds,
        transfer_syntax_uid=JPEG_LS,
    )
    assert [length for _, length in spans[0]] == [len(CODESTREAMS[0])]
    assert longest == 8


def test_frames_that_were_located_before_are_not_looked_for_again(monkeypatch):
    import io

    from cauce.core.messages import FrameIndex
    from cauce.stages.process import fragments, frames

    groups = [halves(c) if i % 2 else [c + b"\0" * (len(c) % 2)] for i, c in enumerate(CODESTREAMS)]
    items = [struct.pack("<4I", *offsets(groups)), *[value for group in groups for value in group]]
    content = with_items(items, STACK, frames=4, syntax=JPEG_LS)
    located = opened(content)._spans
    index = FrameIndex(encapsulated=True, frames=tuple(tuple(located[number]) for number in range(4)))
    assert [len(spans) for spans in index.frames] == [1, 2, 1, 2]
    less = FrameIndex(encapsulated=True, frames=index.frames[:3])
    assert np.array_equal(np.stack(list(frames(io.BytesIO(content), index=less))), STACK)

    def fail(*_given, **_options):
        raise AssertionError("the fragments were looked for")

    monkeypatch.setattr(fragments, "frame_spans", fail)
    assert np.array_equal(np.stack(list(frames(io.BytesIO(content), index=index))), STACK)
    with pytest.raises(AssertionError):
        frames(io.BytesIO(content), index=less)
