"""De-identification of CT headers, files a second on one core, beside four other tools, all in one run.

Each tool is a process of its own, that reads every file of a folder and writes it clean into another. Start-up, imports
and one file to warm up are not counted. The others are installed from the package index into a virtual environment
under `build/`, at the versions in `requirements.txt`; each is called the way that is fastest for it, without its pixel
work.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.deidentification import files

INSTANCES = 200
ROUNDS = 3
WORKER_ROUNDS = 10
"""So often each worker does its files, so that both are busy for most of the time."""
OURS, UNPROVEN, PLAIN = "Cauce", "Cauce, no proof", "pydicom, read and write alone"
PEERS = ("dicom-anonymizer", "pydicom/deid", "dicognito", "dentdeid")
_HERE = Path(__file__).parent
_ENVIRONMENT = _HERE.parent.parent / "build" / "bench-deidentify"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """Files a second, by the clock and by the processor's time."""

    wall: float
    cpu: float


def main(count: int) -> None:
    """Measure all in turn, `ROUNDS` times, and print median rates and ratios; then two workers beside one."""
    with tempfile.TemporaryDirectory(prefix="cauce-bench-") as text:
        folder = Path(text)
        elements = files.make(folder / "in", count)
        print(f"{count} CT files of 512x512 and {elements} elements, one core, files per second (CPU time, wall time)")
        python = peers_python()
        names = [OURS, UNPROVEN, *((PLAIN, *PEERS) if python else ())]
        taken: dict[str, list[Rate]] = {name: [] for name in names}
        for _ in range(ROUNDS):
            for name in names:
                taken[name].append(_run([_command(name, python)], folder))
        rates = {name: _median(found) for name, found in taken.items()}
        for name, rate in rates.items():
            print(f"{name:<32} {rate.cpu:7.1f} {rate.wall:7.1f}", flush=True)
        if python:
            _print_ratios(rates)
        _print_workers(folder)


def peers_python() -> str | None:
    """Return the interpreter that has the others, made once for a list of versions; None where they cannot be had."""
    wanted = (_HERE / "requirements.txt").read_text(encoding="ascii")
    marker = _ENVIRONMENT / "installed.txt"
    python = _ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin") / "python"
    if marker.is_file() and marker.read_text(encoding="ascii") == wanted:
        return str(python)
    shutil.rmtree(_ENVIRONMENT, ignore_errors=True)
    venv.create(_ENVIRONMENT, with_pip=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, "-r", str(_HERE / "requirements.txt")], check=False)  # noqa: S603 - pip
    if done.returncode:
        print("The other tools cannot be installed: no ratios")
        return None
    marker.write_text(wanted, encoding="ascii")
    return str(python)


def _command(name: str, python: str | None, *, part: str = "0/1", rounds: int = 1) -> list[str]:
    if name in {OURS, UNPROVEN}:
        options = ["--no-proof"] if name == UNPROVEN else []
        return [sys.executable, str(_HERE / "ours.py"), part, f"--rounds={rounds}", *options]
    return [str(python), str(_HERE / "peers.py"), part, name]


def _run(commands: Sequence[Sequence[str]], folder: Path) -> Rate:
    """Run programs side by side over the folder `in`, all beginning at once; return what they do together."""
    made = folder / "out"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    processes = [
        subprocess.Popen(  # noqa: S603 - our own programs
            [*command, str(folder / "in"), str(made)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for command in commands
    ]
    for process in processes:
        while process.stdout and process.stdout.readline() not in {"ready\n", ""}:
            pass
    for process in processes:
        if process.stdin:
            process.stdin.write("go\n")
            process.stdin.flush()
    texts = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError(f"{commands[0][1:4]} failed")
    told = [json.loads(text.splitlines()[-1]) for text in texts]
    count = sum(found["files"] for found in told)
    expected, written = len(list((folder / "in").iterdir())), sum(1 for path in made.rglob("*") if path.is_file())
    if expected != written:
        raise RuntimeError(f"{commands[0][1:4]} wrote {written} files of {expected}")
    wall_s, cpu_s = max(found["wall_s"] for found in told), sum(found["cpu_s"] for found in told)
    return Rate(wall=count / wall_s, cpu=count / cpu_s)


def _median(rates: Sequence[Rate]) -> Rate:
    return Rate(wall=statistics.median(rate.wall for rate in rates), cpu=statistics.median(rate.cpu for rate in rates))


def _print_ratios(rates: dict[str, Rate]) -> None:
    fastest = max(PEERS, key=lambda name: rates[name].cpu)
    for name, bar in ((OURS, 3), (UNPROVEN, 4)):
        ours, theirs = rates[name], rates[fastest]
        ratios = f"{ours.cpu / theirs.cpu:5.2f} in CPU time, {ours.wall / theirs.wall:5.2f} by the clock"
        print(f"{name:<16} over {fastest:<16} {ratios} (bar {bar})", flush=True)


def _print_workers(folder: Path) -> None:
    """Print what two processes do together, each with half of the files, beside one with all of them."""
    by_clock, by_cpu = [], []
    for _ in range(ROUNDS):
        one = _run([_command(OURS, None, rounds=WORKER_ROUNDS)], folder)
        parts = [_command(OURS, None, part=f"{number}/2", rounds=WORKER_ROUNDS) for number in range(2)]
        two = _run(parts, folder)
        by_clock.append(two.wall / one.wall)
        by_cpu.append(2 * two.cpu / one.cpu)  # what it would be if nothing else used the processors
    shown = f"{statistics.median(by_clock):5.2f} by the clock, {statistics.median(by_cpu):5.2f} in CPU time"
    print(f"two workers over one             {shown} (bar 1.8; best {max(by_clock):.2f})", flush=True)
