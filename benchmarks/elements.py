"""Exercise 6 on 20 elements of 250,000 numbers, against the same arithmetic in one thread: whole processes, in turn."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXERCISES = Path(__file__).resolve().parent.parent / "exercises"
ROUNDS = 5
_PLAIN = """
import json, sys, numpy
for element in json.load(open(sys.argv[1])).values():
    values = numpy.array(" ".join(element["data"]).split(), float)
    print(element["id"], values.mean(), (values / values.max()).mean(), values.size)
"""


def main() -> None:
    """Measure both and print times, their ratio, and the memory of the exercise."""
    with tempfile.TemporaryDirectory(prefix="cauce-bench-") as text:
        folder = Path(text)
        make = [sys.executable, str(EXERCISES / "make_samples.py"), "--large", "--folder", text]
        subprocess.run(make, check=True)  # noqa: S603 - our own program
        path = str(folder / "multithreading" / "sample-03-02-json.json")
        commands = {
            "exercise 6": [sys.executable, str(EXERCISES / "main.py"), "6", path],
            "one thread": [sys.executable, "-c", _PLAIN, path],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        memory_mb = 0.0
        for _ in range(ROUNDS):
            for name, command in commands.items():
                taken_s, most_mb = _run(command)
                times[name].append(taken_s)
                memory_mb = max(memory_mb, most_mb if name == "exercise 6" else 0.0)
    ours, plain = (statistics.median(times[name]) for name in commands)
    print(f"elements, 20 x 250,000     exercise 6 {ours:.2f} s  one thread {plain:.2f} s  ratio {ours / plain:.2f}")
    print(f"elements, memory           exercise 6 {memory_mb:.0f} MB", flush=True)


def _run(command: list[str]) -> tuple[float, float]:
    """Run a command; return its time in seconds and the most memory that it had, in MB."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own programs
    _, status, used = os.wait4(process.pid, 0)
    taken_s = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[1]} ended with {process.returncode}")
    return taken_s, used.ru_maxrss / 1024
