"""Load: slices of the phantom CT, each time with UIDs of their own, and the ways to send them."""

import subprocess
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from benchmarks.servers import Server
from cauce.samples import ct_slice, to_part10

_BOUNDARY = "benchmark"
STOW_HEADERS = {
    "Content-Type": f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}',
    "Accept": "application/dicom+json",
}
_UID_LENGTH = 44


def slices(count: int) -> list[bytes]:
    """Return `count` CT files of 0.5 MB: one study, series of 48, every UID fresh."""
    template = {name: f"2.25.{10**38 + number}" for number, name in enumerate(("instance", "series", "study"))}
    ds = ct_slice()
    ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.StudyInstanceUID = template.values()
    whole = to_part10(ds)
    study, series = fresh_uid(), [fresh_uid() for _ in range(count // 48 + 1)]
    files = []
    for number in range(count):
        fresh = {"instance": fresh_uid(), "series": series[number // 48], "study": study}
        data = whole
        for name, old in template.items():
            data = data.replace(old.encode(), fresh[name].encode())
        files.append(data)
    return files


def fresh_uid() -> str:
    """Return a UID that nothing has, always of the same length."""
    return f"2.25.{10**38 + uuid.uuid4().int % 10**38}"[:_UID_LENGTH]


def stow(server: Server, files: Sequence[bytes], *, clients: int, a_request: int = 1) -> float:
    """Send the files, `a_request` in each request; return instances per second."""
    turns = _cut(files, clients)
    started = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        for future in [pool.submit(_stow, server, turn, a_request) for turn in turns]:
            future.result()
    return len(files) / (time.monotonic() - started)


def _cut(files: Sequence[bytes], parts: int) -> list[Sequence[bytes]]:
    size = -(-len(files) // parts)
    return [files[start : start + size] for start in range(0, len(files), size)]


def related(files: Sequence[bytes]) -> bytes:
    """Return a multipart/related body of DICOM files."""
    head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join([piece for data in files for piece in (head, data, b"\r\n")] + [f"--{_BOUNDARY}--\r\n".encode()])


def _stow(server: Server, files: Sequence[bytes], a_request: int) -> None:
    with httpx.Client(headers={**server.headers, **STOW_HEADERS}, timeout=120) as client:
        for start in range(0, len(files), a_request):
            body = related(files[start : start + a_request])
            client.post(f"{server.dicomweb}/studies", content=body).raise_for_status()


def c_store(server: Server, files: Sequence[bytes], folder: Path, *, associations: int) -> float:
    """Send the files by dcmtk's storescu, one process an association; return instances per second."""
    places = []
    for number, part in enumerate(_cut(files, associations)):
        place = folder / f"{number}"
        place.mkdir(parents=True)
        for index, data in enumerate(part):
            (place / f"{index}.dcm").write_bytes(data)
        places.append(place)
    started = time.monotonic()
    senders = [
        subprocess.Popen(  # noqa: S603 - dcmtk
            ["/usr/bin/storescu", "-aec", server.ae_title, "+sd", "127.0.0.1", str(server.dimse_port), str(place)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for place in places
    ]
    statuses = [sender.wait() for sender in senders]
    if any(statuses):
        raise RuntimeError(f"storescu ended with {statuses}")
    return len(files) / (time.monotonic() - started)
