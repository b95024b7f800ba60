"""Renew requirements/*.txt from pyproject.toml: pinned, hashed, naming no index host.

Of them, exercises/requirements.txt: the same versions without hashes, since pip takes no local project beside hashes.
"""

import subprocess
import sys
from pathlib import Path

SETS = {"requirements/runtime.txt": [], "requirements/dev.txt": ["--extra", "dev"]}


def main() -> None:
    """Lock each set with uv, which is fetched for the purpose and kept out of the project's own dependencies."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=True)
    for target, options in SETS.items():
        command = ["pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11", "--generate-hashes"]
        hidden = ["--no-emit-index-url", "--no-emit-find-links", "--quiet", "-o", target]
        subprocess.run([sys.executable, "-m", "uv", *command, *hidden, *options], check=True)
    write_exercises(Path("requirements/runtime.txt"), Path("exercises/requirements.txt"))


def write_exercises(locked: Path, target: Path) -> None:
    """Write the versions of `locked`, and the project itself, as one file that pip installs from `exercises/`."""
    lines = locked.read_text(encoding="utf-8").splitlines()
    pinned = [line.removesuffix("\\").rstrip() for line in lines if line and not line.startswith((" ", "#"))]
    head = "# Made by tools/lock.py; install from this folder: pip install -r requirements.txt"
    target.write_text("\n".join([head, *pinned, "-e .."]) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
