"""Reading what is large by DICOMweb, side by side with Orthanc; milliseconds a request.

A CT series of 384 slices, whose metadata are asked for, and a multi-frame CT of 500 MB (RLE), whose frames are.
"""

import http.client
import tempfile
from contextlib import ExitStack
from io import BytesIO
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

import pydicom
from tests.system.big_instance import BigInstance

from benchmarks import load, servers
from benchmarks.reading import medians
from benchmarks.servers import Server

SLICES = 384
BIG_BYTES = 500 << 20
ROUNDS = 20
_HEAD = b"--CUT\r\nContent-Type: application/dicom\r\n\r\n"
_END = b"\r\n--CUT--\r\n"


def main(rounds: int) -> None:
    """Store both in both servers and ask each of them for the same things in turn."""
    with tempfile.TemporaryDirectory(prefix="cauce-bench-") as text, ExitStack() as stack:
        folder = Path(text)
        running = [stack.enter_context(servers.cauce(folder / "cauce"))]
        if servers.has_orthanc():
            running.append(stack.enter_context(servers.orthanc(folder / "orthanc")))
        files = _one_series(load.slices(SLICES))
        big = BigInstance(BIG_BYTES)
        for server in running:
            load.stow(server, files, clients=1, a_request=48)
            _stow_big(server, big)
        header = pydicom.dcmread(BytesIO(files[0]), stop_before_pixels=True)
        series = f"/studies/{header.StudyInstanceUID}/series/{header.SeriesInstanceUID}"
        place = big.place
        octets = 'multipart/related; type="application/octet-stream"'
        rle = 'multipart/related; type="image/dicom-rle"; transfer-syntax=1.2.840.10008.1.2.5'
        print(f"{SLICES} slices, {big.number_of_frames} frames; median of {rounds}, milliseconds")
        for title, path, accept in (
            ("metadata of the series", f"{series}/metadata", "application/dicom+json"),
            ("first frame, decoded", f"{place}/frames/1", octets),
            ("first frame, as stored", f"{place}/frames/1", rle),
            ("a frame in the middle, rendered", f"{place}/frames/{big.number_of_frames // 2}/rendered", "image/jpeg"),
        ):
            taken = medians(running, lambda _number, path=path, accept=accept: (path, accept), rounds)
            shown = "  ".join(f"{server.name} {ms:7.1f}" for server, ms in zip(running, taken, strict=True))
            print(f"{title:<34} {shown}", flush=True)


def _one_series(files: list[bytes]) -> list[bytes]:
    """Put all slices into the series of the first."""
    found = [pydicom.dcmread(BytesIO(file), stop_before_pixels=True).SeriesInstanceUID for file in files]
    return [file.replace(uid.encode(), found[0].encode()) for file, uid in zip(files, found, strict=True)]


def _stow_big(server: Server, big: BigInstance) -> None:
    url = urlsplit(server.dicomweb)
    connection = http.client.HTTPConnection(url.netloc, timeout=600)
    kind = 'multipart/related; type="application/dicom"; boundary=CUT'
    length = len(_HEAD) + big.size_bytes + len(_END)
    headers = {
        **server.headers,
        "Content-Type": kind,
        "Content-Length": str(length),
        "Accept": "application/dicom+json",
    }
    connection.request("POST", f"{url.path}/studies", chain((_HEAD,), big.chunks(), (_END,)), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status not in {200, 202}:
        raise RuntimeError(f"{server.name} answers {answer.status}")
