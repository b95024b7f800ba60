"""`python ours.py PART [--no-proof] [--rounds=N] IN OUT`: de-identify the files of a folder by our code, on one core.

It says that it is ready, and begins when it is told to.
"""

import json
import sys
import time
from pathlib import Path

from cauce.core.messages import Pseudonym
from cauce.stages.deidentify import BASIC, deidentify_instance, proof

PSEUDONYM = Pseudonym(name="QZXJWVKYPDMB", uid_secret=b"s" * 32, date_offset_days=-100)


def main() -> None:
    """Do the part of the work that the command line names, and print how long it took."""
    part, *options, source, target = sys.argv[1:]
    if "--no-proof" in options:
        proof.Proof.leaks = lambda *_, **__: ()  # type: ignore[method-assign] # the product has no such switch
    number, of = map(int, part.split("/"))
    paths = sorted(Path(source).iterdir())[number::of]
    rounds = next((int(option.removeprefix("--rounds=")) for option in options if option.startswith("--rounds=")), 1)
    _one(paths[0], Path(target))
    print("ready", flush=True)
    sys.stdin.readline()
    wall, cpu = time.perf_counter(), time.process_time()
    for path in paths * rounds:
        _one(path, Path(target))
    print(
        json.dumps(
            {"files": len(paths) * rounds, "wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
        )
    )


def _one(path: Path, folder: Path) -> None:
    with path.open("rb") as source, (folder / path.name).open("wb") as target:
        made = deidentify_instance(source, target, pseudonym=PSEUDONYM, profile=BASIC)
    if made.cause:
        raise RuntimeError(made.detail)


if __name__ == "__main__":
    main()
