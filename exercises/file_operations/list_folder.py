"""What a folder holds."""

from pathlib import Path

from output import one_line


def print_folder(folder: Path, *, name: str) -> None:
    """Print how many entries a folder has, then their names, sorted; `name` is what it is called.

    Raises:
        OSError: it is missing, is no folder, or cannot be read.
    """
    names = sorted(entry.name for entry in folder.iterdir())
    print(f"Number of elements in '{one_line(name)}': {len(names)}")
    print("Contents:")
    for one in names:
        print(f"- {one_line(one)}")
