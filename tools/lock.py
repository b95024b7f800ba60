"""Renew requirements/*.txt from pyproject.toml: pinned, hashed, naming no index host."""

import subprocess
import sys

SETS = {"requirements/runtime.txt": [], "requirements/dev.txt": ["--extra", "dev"]}


def main() -> None:
    """Lock each set with uv, which is fetched for the purpose and kept out of the project's own dependencies."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=True)
    for target, options in SETS.items():
        command = ["pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11", "--generate-hashes"]
        hidden = ["--no-emit-index-url", "--no-emit-find-links", "--quiet", "-o", target]
        subprocess.run([sys.executable, "-m", "uv", *command, *hidden, *options], check=True)


if __name__ == "__main__":
    main()
