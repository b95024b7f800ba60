"""Reading by DICOMweb, side by side with Orthanc: metadata, native frames, pictures; milliseconds a request."""

import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import httpx
import pydicom

from benchmarks import load, servers
from benchmarks.servers import Server

INSTANCES = 48
ROUNDS = 60
_BARS = {"metadata of a series": 5.0, "a native frame": 6.0, "a rendered frame, warm": 1.0}


def main(rounds: int) -> None:
    """Store one CT series in both servers and ask each of them for the same things in turn."""
    with tempfile.TemporaryDirectory(prefix="cauce-bench-") as text, ExitStack() as stack:
        folder = Path(text)
        running = [stack.enter_context(servers.cauce(folder / "cauce"))]
        if servers.has_orthanc():
            running.append(stack.enter_context(servers.orthanc(folder / "orthanc")))
        else:
            print("Orthanc is not installed (apt-get install orthanc orthanc-dicomweb): no ratios")
        files = load.slices(INSTANCES)
        for server in running:
            load.stow(server, files, clients=1, a_request=INSTANCES)
        first = pydicom.dcmread(BytesIO(files[0]), stop_before_pixels=True)
        series = f"/studies/{first.StudyInstanceUID}/series/{first.SeriesInstanceUID}"
        instances = [
            f"{series}/instances/{pydicom.dcmread(BytesIO(file), stop_before_pixels=True).SOPInstanceUID}"
            for file in files
        ]
        print(f"a CT series of {INSTANCES}, median of {rounds}, milliseconds")
        for title, ask in _questions(series, instances).items():
            taken = medians(running, ask, rounds)
            shown = "  ".join(f"{server.name} {ms:7.1f}" for server, ms in zip(running, taken, strict=True))
            ratio = f"  {taken[1] / taken[0]:5.1f} times as fast (bar {_BARS[title]:g})" if len(taken) > 1 else ""
            print(f"{title:<26} {shown}{ratio}", flush=True)


def _questions(series: str, instances: list[str]) -> dict[str, Callable[[int], tuple[str, str]]]:
    """Return, by its title, what gives the address and the Accept header of the n-th request."""
    octets = 'multipart/related; type="application/octet-stream"'
    return {
        "metadata of a series": lambda _number: (f"{series}/metadata", "application/dicom+json"),
        "a native frame": lambda number: (f"{instances[number % len(instances)]}/frames/1", octets),
        "a rendered frame, warm": lambda _number: (f"{instances[0]}/frames/1/rendered", "image/jpeg"),
    }


def medians(running: list[Server], ask: Callable[[int], tuple[str, str]], rounds: int) -> list[float]:
    """Ask all servers in turn, so that what else the machine does meets all of them."""
    taken: list[list[float]] = [[] for _ in running]
    with ExitStack() as stack:
        clients = [stack.enter_context(httpx.Client(headers=server.headers, timeout=60)) for server in running]
        for number in range(rounds + 1):
            path, accept = ask(number)
            for client, server, times in zip(clients, running, taken, strict=True):
                started = time.perf_counter()
                answer = client.get(server.dicomweb + path, headers={"accept": accept})
                elapsed = (time.perf_counter() - started) * 1000
                answer.raise_for_status()
                if number:  # the first only warms up
                    times.append(elapsed)
    return [statistics.median(times) for times in taken]
