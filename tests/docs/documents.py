"""The Markdown of the repository: its pages, and the shell commands in them."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READMES = [ROOT / "README.md", ROOT / "README.es.md"]
HOW_TO = sorted((ROOT / "docs" / "how-to").glob("*.md"))
CLI_REFERENCE = ROOT / "docs" / "reference" / "cli.md"

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def blocks_of(path, language):
    """Return the fenced blocks of a language, without their indentation."""
    found = []
    for indent, named, body in _FENCE.findall(path.read_text(encoding="utf-8")):
        if named == language:
            found.append("".join(line.removeprefix(indent) for line in body.splitlines(keepends=True)))
    return found


def commands_of(path):
    """Return the commands of a page's `sh` blocks, a line each, in order."""
    return [line for block in blocks_of(path, "sh") for line in block.splitlines() if line.strip()]


def tracked_files():
    """Return the files that git tracks."""
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("THIS IS NO GIT CHECKOUT: which files are tracked cannot be told, this test proves nothing here")
    paths = [ROOT / name.decode() for name in done.stdout.split(b"\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]
