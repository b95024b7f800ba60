"""`make fuzz`: read damaged files for some time (ARGS="600" seconds, ARGS="600 --seed 7") and say what broke."""

import argparse
import secrets
import sys
from pathlib import Path

from tests.fuzz.runner import fuzz


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=60.0)
    parser.add_argument("--seed", default=secrets.token_hex(4), help="to make the same inputs again")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="where inputs that broke something go")
    given = parser.parse_args()
    _say(f"seed {given.seed}, {given.seconds:.0f} s")
    report = fuzz(seconds=given.seconds, seed=given.seed, folder=given.folder)
    said = ", ".join(f"{count} {outcome}" for outcome, count in report.outcomes.most_common() if outcome)
    _say(f"{report.cases} inputs: {said}")
    _say(f"slowest {report.slowest_s:.1f} s, most memory {report.largest_mb:.0f} MB")
    for kind, path in report.findings.items():
        _say(f"FOUND {kind}: {path}")
    _say(f"{len(report.findings)} findings")
    return 1 if report.findings else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
