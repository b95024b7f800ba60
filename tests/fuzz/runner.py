"""A process that reads damaged files, watched by another: for what it raises, for the time and memory that it takes."""

import hashlib
import multiprocessing
import random
import re
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.fuzz.mutations import mutated
from tests.fuzz.seeds import corpus_seeds, made_seeds
from tests.fuzz.targets import run_all

WAY_S_MAX = 10.0
"""So many seconds of a processor may one way of reading one input take, however busy the machine is."""
HANG_S = 60.0
"""So long may a process be silent before it hangs."""
START_S = 120.0
MEMORY_MB_MAX = 1000.0
_STATUS = Path("/proc/self/status")
_PEAK = re.compile(r"VmHWM:\s*(\d+)")
_RESET_PEAK = "5"


@dataclass
class Report:
    """What a run came to."""

    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: dict[str, Path] = field(default_factory=dict)
    slowest_s: float = 0.0
    largest_mb: float = 0.0


def case(seeds: list[bytes], seed: str, number: int) -> bytes:
    """Make one input; the same seeds, seed and number make the same."""
    rng = random.Random(f"{seed}:{number}")
    return mutated(rng.choice(seeds), rng.choice(seeds), rng)


def fuzz(*, seconds: float, seed: str, folder: Path, with_corpora: bool = True) -> Report:
    """Read damaged files for `seconds`; each kind of finding is written to `folder` once, with how it came about."""
    folder.mkdir(parents=True, exist_ok=True)
    report = Report()
    context = multiprocessing.get_context("spawn")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ours, theirs = context.Pipe()
        worker = context.Process(target=_work, args=(theirs, seed, report.cases, end - time.monotonic(), with_corpora))
        worker.start()
        theirs.close()
        _watch(ours, worker, folder, report)
        ours.close()
    return report


def _watch(pipe: Connection, worker: BaseProcess, folder: Path, report: Report) -> None:
    """Follow one worker until it is done, dies, or hangs over one input."""
    data = b""
    while True:
        if not pipe.poll(HANG_S if data else START_S):
            worker.kill()
            _keep(folder, report, data, f"more than {HANG_S:.0f} s")
            break
        try:
            message = pipe.recv()
        except EOFError:
            _keep(folder, report, data, "the process died")
            break
        if message is None:
            break
        if isinstance(message, bytes):
            data = message
        else:
            _count(folder, report, data, message)
            data = b""
    report.cases += bool(data)
    worker.join()


def _count(folder: Path, report: Report, data: bytes, message: tuple[str, str, float, float]) -> None:
    outcome, trouble, took_s, peak_mb = message
    report.cases += 1
    report.outcomes[outcome] += 1
    report.slowest_s, report.largest_mb = max(report.slowest_s, took_s), max(report.largest_mb, peak_mb)
    if trouble:
        _keep(folder, report, data, trouble)
    if took_s > WAY_S_MAX:
        _keep(folder, report, data, f"slower than {WAY_S_MAX:.0f} s: {took_s:.0f}")
    if peak_mb > MEMORY_MB_MAX:
        _keep(folder, report, data, f"more than {MEMORY_MB_MAX:.0f} MB: {peak_mb:.0f}")


def _keep(folder: Path, report: Report, data: bytes, trouble: str) -> None:
    """Write the first input of each kind of finding; kinds are told apart by where they arose."""
    places = re.findall(r'File "[^"]*/((?:cauce|tests)/[^"]*)", line (\d+)', trouble)
    kind = f"{places[-1]}{trouble.rstrip().splitlines()[-1][:60]}" if places else trouble[:40]
    if kind in report.findings:
        return
    name = hashlib.sha256(kind.encode()).hexdigest()[:12]
    (folder / f"{name}.bin").write_bytes(data)
    (folder / f"{name}.txt").write_text(trouble, encoding="utf-8")
    report.findings[kind] = folder / f"{name}.bin"


def _work(pipe: Connection, seed: str, first: int, seconds: float, with_corpora: bool) -> None:  # noqa: FBT001 - a process's
    warnings.simplefilter("ignore")  # pydicom has much to say of such files
    seeds = made_seeds() + (corpus_seeds() if with_corpora else [])
    end = time.monotonic() + seconds
    number = first
    while time.monotonic() < end:
        data = case(seeds, seed, number)
        number += 1
        pipe.send(data)
        _reset_peak()
        outcome, trouble, took_s = "", "", 0.0
        try:
            outcome, took_s = run_all(data)
        except Exception:  # noqa: BLE001 - that is what is looked for
            trouble = traceback.format_exc()
        pipe.send((outcome, trouble, took_s, _peak_mb()))
    pipe.send(None)


def _reset_peak() -> None:
    if _STATUS.exists():
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK, encoding="ascii")


def _peak_mb() -> float:
    found = _PEAK.search(_STATUS.read_text(encoding="ascii")) if _STATUS.exists() else None
    return int(found[1]) / 1024 if found else 0.0
