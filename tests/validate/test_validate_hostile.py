"""Hostile input: nothing but a refusal ever comes out, in bounded time and memory."""

import io
import json
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from validate_files import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    RLE,
    Encapsulated,
    Encoding,
    file_meta,
    image,
    instance,
    part10,
)

from cauce.core.errors import Refused
from cauce.core.limits import Limits
from cauce.stages.validate import canonical_digest, is_directory_record, read_header

TABLE = struct.pack("<2L", 0, 12)
NESTED = [(0x00081150, "UI", "2.25.4"), (0x00081199, "SQ", [[(0x00081155, "UI", "2.25.5")], []])]
RICH = [
    (0x00080005, "CS", "\\ISO 2022 IR 87"),
    (0x00081115, "SQ", [NESTED, []]),
    (0x00091001, "UN", b"\xfe\xff\x00\xe0\x08\0\0\0\x08\0\x05\0\0\0\0\0"),
    (0x00100010, "PN", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B "),
    (0x00189087, "FD", 1.5),
    (0x00280030, "DS", "0.5\\0.5"),
    (0x00880200, "SQ", [image()[3:]]),
]
SEEDS = [
    *[part10(image(*RICH), syntax) for syntax in (EXPLICIT, IMPLICIT, BIG, DEFLATED)],
    part10(image(*RICH), encoding=Encoding(undefined_lengths=True, group_lengths=True)),
    part10(image(*RICH), encoding=Encoding(sequences_as_unknown=True)),
    part10(image(*RICH, frames=2, vr="OB", pixels=Encapsulated((TABLE, b"\xff\xd8ab", b"\xff\xd8"))), JPEG),
    part10(image((0x7FE00001, "OV", (0, 12)), frames=2, vr="OB", pixels=Encapsulated((b"", b"ab", b"cd"))), RLE),
    file_meta() + Encoding().data_set(image(*RICH)),
    Encoding(implicit=True).data_set(image(*RICH)),
]
TIGHT = Limits(header_bytes_max=1 << 16, inflated_bytes_max=1 << 16, depth_max=8, elements_max=2000)
LENGTHS = [0, 1, 2, 7, 8, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF]


@st.composite
def mutated(draw):
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["flip", "length", "cut", "insert", "remove", "repeat"]))
        at = draw(st.integers(120, max(121, len(data) - 1)))
        if kind == "flip" and at < len(data):
            data[at] ^= draw(st.integers(1, 255))
        elif kind == "length":
            data[at : at + 4] = struct.pack("<L", draw(st.sampled_from(LENGTHS)))
        elif kind == "cut":
            del data[at:]
        elif kind == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=12))
        elif kind == "remove":
            del data[at : at + draw(st.integers(1, 12))]
        else:
            data[at:at] = data[at : at + draw(st.integers(1, 64))]
    return bytes(data)


def answer(read, data):
    """Return a refusal's reason, "" when there was none; anything else that is raised fails the test."""
    try:
        read(io.BytesIO(data), size_bytes=len(data), limits=TIGHT)
    except Refused as refused:
        return refused.detail
    return ""


@given(mutated())
@settings(max_examples=600, deadline=None)
def test_a_mutated_file_is_taken_or_refused_and_nothing_else(data):
    refusal = answer(read_header, data)
    assert refusal == answer(read_header, data)
    assert answer(lambda *args, **kwargs: canonical_digest(*args, decode=None, **kwargs), data) in {"", refusal}
    assert is_directory_record(data[:1024]) in {True, False}


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_behind_the_prefix_are_taken_or_refused(data):
    whole = bytes(128) + b"DICM" + data
    assert answer(read_header, whole)
    assert answer(read_header, data)


@given(mutated())
@settings(max_examples=200, deadline=None)
def test_what_is_taken_has_json_that_parses_and_frames_inside_the_file(data):
    try:
        header = read_header(io.BytesIO(data), size_bytes=len(data), limits=TIGHT)
    except Refused:
        return
    model = json.loads(header.dicom_json)
    assert list(model) == sorted(model)
    for frame in header.frames.frames if header.frames else ():
        assert all(start >= 0 and start + size <= len(data) for start, size in frame)


def test_a_longer_file_of_elements_without_content_is_refused_early():
    body = struct.pack("<HH2sH", 0x0009, 0x1001, b"LO", 0) * 100_000
    with pytest.raises(Refused) as refused:
        read_header(io.BytesIO(part10(instance(), trailing=body)), size_bytes=800_000 + 400, limits=TIGHT)
    assert refused.value.code == "too_large"


# Runs in a process of its own, so that its memory is measured alone; the timer ends what takes ten seconds of work.
CORPUS_RUN = """
import json, resource, signal, sys
from pathlib import Path
from cauce.core.errors import Refused
from cauce.core.limits import Limits
from cauce.stages.validate import canonical_digest, read_header

def on_alarm(*_):
    raise TimeoutError

signal.signal(signal.SIGPROF, on_alarm)
answers = {}
root = Path(sys.argv[1])
for path in sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".tsv"):
    for name, read in (("header", read_header), ("digest", lambda *a, **k: canonical_digest(*a, decode=None, **k))):
        signal.setitimer(signal.ITIMER_PROF, 10)
        try:
            with path.open("rb") as source:
                read(source, size_bytes=path.stat().st_size, limits=Limits())
            answer = "taken"
        except Refused as refused:
            answer = refused.code
        except BaseException as error:
            answer = f"RAISED {type(error).__name__}"
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.setdefault(str(path.relative_to(root)), {})[name] = answer
print(json.dumps({"answers": answers, "rss_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
"""


@pytest.fixture(scope="module")
def malformed_run(malformed):
    command = [sys.executable, "-c", CORPUS_RUN, str(malformed)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    return json.loads(run.stdout)


@pytest.mark.corpus
def test_every_malformed_file_is_answered_in_time_and_memory(malformed_run):
    answers = malformed_run["answers"]
    raised = {name: answer for name, answer in answers.items() if "RAISED" in str(answer)}
    assert raised == {}
    assert len(answers) >= 436
    assert malformed_run["rss_kib"] < 1 << 20


@pytest.mark.corpus
def test_malformed_files_are_refused_for_what_is_wrong_with_them(malformed_run):
    answers = {name: answer["header"] for name, answer in malformed_run["answers"].items()}
    by_folder = {}
    for name, answer in answers.items():
        by_folder.setdefault(name.split("/")[0], Counter())[answer] += 1
    assert by_folder["archives"] == {"not_dicom": 6}
    assert by_folder["bad-uid"] == {"missing_uid": 4, "invalid_uid": 6, "taken": 2}
    assert by_folder["dimse-bytes"] == {"not_dicom": 7}
    assert by_folder["http-stow"] == {"not_dicom": 16}
    assert by_folder["nesting"] == {"too_deep": 6, "truncated": 1, "taken": 1}
    assert by_folder["not-dicom"] == {"not_dicom": 5}
    assert by_folder["wrong-length"] == {"truncated": 7}
    # Of these two only the gzip trailer behind the deflated stream is cut.
    whole = {name for name, answer in answers.items() if name.startswith("truncated/") and answer == "taken"}
    assert whole == {"truncated/defl-999.dcm", "truncated/defl-minus1.dcm"}
    assert by_folder["injection"] == {"taken": 7}
    assert by_folder["conflict"] == {"taken": 6}


@pytest.mark.corpus
def test_all_real_files_are_taken_but_the_one_without_its_pixels(corpus):
    answers = {}
    for path in sorted(path for path in corpus.rglob("*") if path.is_file() and path.suffix != ".tsv"):
        with path.open("rb") as source:
            try:
                read_header(source, size_bytes=path.stat().st_size, limits=Limits())
            except Refused as refused:
                answers[path.name] = refused.code
    assert answers == {"GH1146.dcm": "pixel_length_mismatch"}


BIG_RUN = """
import io, resource, sys
sys.path.insert(0, sys.argv[1])
from validate_files import image, part10
from cauce.core.limits import Limits
from cauce.stages.validate import canonical_digest, read_header

SIZE = 1 << 29
head = part10(image(rows=16384, columns=16384, vr="OW", pixels=b""))[:-4] + SIZE.to_bytes(4, "little")

class Sparse(io.RawIOBase):
    position = 0
    def seek(self, offset, whence=0):
        self.position = offset if whence == 0 else self.position + offset
        return self.position
    def read(self, size=-1):
        size = min(size, len(head) + SIZE - self.position)
        chunk = (head[self.position : self.position + size] + bytes(size))[:size]
        self.position += size
        return chunk

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
header = read_header(Sparse(), size_bytes=len(head) + SIZE, limits=Limits())
assert header.frames.frames == (((len(head), SIZE),),), header.frames
digest = canonical_digest(Sparse(), size_bytes=len(head) + SIZE, limits=Limits(), decode=None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_half_a_gigabyte_of_pixels_takes_a_few_megabytes_of_memory():
    command = [sys.executable, "-c", BIG_RUN, str(Path(__file__).parent)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert int(run.stdout) < 32 << 10


@pytest.mark.parametrize("encoding", [Encoding(), Encoding(implicit=True)])
def test_what_ends_a_run_of_zeros_is_looked_for_once(monkeypatch, encoding):
    from cauce.stages.validate import walker

    found = walker._NOT_ZERO
    asked = []

    class Counting:
        def search(self, *arguments):
            asked.append(arguments[1:])
            return found.search(*arguments)

    monkeypatch.setattr(walker, "_NOT_ZERO", Counting())
    zeros = bytes(400_000) + b"\1"
    data = part10(image(), IMPLICIT if encoding.implicit else EXPLICIT, encoding=encoding, trailing=zeros)
    with pytest.raises(Refused):
        read_header(io.BytesIO(data), size_bytes=len(data), limits=Limits())
    assert len(asked) == 1


def test_text_of_wide_characters_is_encoded_in_bounded_memory():
    import tracemalloc

    text = ("x" * 200_000 + "\U0001fa7a").encode()
    longs = [(0x00211001 + (number << 17), "UT", text) for number in range(40)]
    data = part10(instance((0x00080005, "CS", "ISO_IR 192"), *longs))
    source = io.BytesIO(data)
    tracemalloc.start()
    header = read_header(source, size_bytes=len(data), limits=Limits(header_bytes_max=10_000_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(json.loads(header.dicom_json)) == 5 + 40
    assert peak < 7 * len(data)
