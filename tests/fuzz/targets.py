"""Everything that reads what strangers send, run on one input; whatever is raised but an error of ours is a finding."""

import io
import json
import time

from cauce.core.errors import CauceError, Refused, Unexpected
from cauce.core.limits import DEFAULTS, MIB, Limits
from cauce.core.messages import Pseudonym, Verdict
from cauce.stages import deidentify, ingest, process, validate

PSEUDONYM = Pseudonym(name="P0123456789AB", uid_secret=bytes(32), date_offset_days=100)
TAKEN = ("ok", "warning")
DETAIL_LENGTH_MAX = 4000
"""So long may one warning be."""

_HEAD_BYTES = 1024
_ARCHIVE_LIMITS = Limits(archive_unpacked_bytes_max=256 * MIB, archive_entries_max=2000)


class Broken(Exception):
    """An input was taken, and what came out contradicts itself."""


class _Memory:
    """A file of an archive, in memory."""

    def __init__(self) -> None:
        self._file = io.BytesIO()
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        self.size_bytes += self._file.write(chunk)

    @property
    def head(self) -> bytes:
        return self._file.getvalue()[:2048]

    def readable(self) -> io.BytesIO:
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        self._file.close()


def run_all(data: bytes) -> tuple[str, float]:
    """Read `data` by every way in; return what the header's parse made of it, and the slowest way's CPU seconds."""
    head = data[:_HEAD_BYTES]
    is_directory = validate.is_directory_record(head)
    ingest.skip_reason("name", head, is_media_directory=is_directory)
    if ingest.is_archive(head):
        _unpack(data)
    outcome = ""
    slowest_s = 0.0
    for run in (_read_header, _digest, _deidentify, _process):
        start = time.process_time()
        try:
            outcome = run(data, outcome) or outcome
        except Unexpected:
            raise
        except CauceError:
            pass
        slowest_s = max(slowest_s, time.process_time() - start)
    return outcome, slowest_s


def _read_header(data: bytes, _: str = "") -> str:
    try:
        header = validate.read_header(io.BytesIO(data), size_bytes=len(data), limits=DEFAULTS)
    except Refused as refusal:
        return refusal.code
    model = json.loads(header.dicom_json)
    if list(model) != sorted(model):
        raise Broken("the JSON is out of order")
    for warned in header.warnings:
        if warned.code not in validate.EXPLANATIONS or len(warned.detail) > DETAIL_LENGTH_MAX:
            raise Broken(f"a warning is not as warnings are: {warned.code}")
    for frame in header.frames.frames if header.frames else ():
        if not all(start >= 0 and start + size <= len(data) for start, size in frame):
            raise Broken("a frame lies outside of the file")
    return TAKEN[bool(header.warnings)]


def _digest(data: bytes, _: str) -> None:
    validate.canonical_digest(io.BytesIO(data), size_bytes=len(data), limits=DEFAULTS, decode=process.decoded_frames)


def _deidentify(data: bytes, outcome: str) -> None:
    target = io.BytesIO()
    made = deidentify.deidentify_instance(io.BytesIO(data), target, pseudonym=PSEUDONYM)
    if made.cause is not None or outcome not in TAKEN:
        return
    clean = target.getvalue()
    if clean[:132] != bytes(128) + b"DICM":
        raise Broken("a clean file does not begin as it should")
    try:
        validate.read_header(io.BytesIO(clean), size_bytes=len(clean), limits=DEFAULTS)
    except Refused as refusal:
        raise Broken(f"a clean file would not be taken: {refusal.code}") from refusal


def _process(data: bytes, _: str) -> None:
    reader = process.frames(io.BytesIO(data))
    process.measure_instance(reader)
    process.preview_png(reader)


def _unpack(data: bytes) -> None:
    try:
        for item in ingest.unpack(io.BytesIO(data), name="z", limits=_ARCHIVE_LIMITS, spool=_Memory):
            if not isinstance(item, Verdict):
                _read_header(item.file.readable().read())
                item.file.close()
    except Refused:
        pass
