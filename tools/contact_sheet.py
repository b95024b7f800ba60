"""Draw the previews of a folder of DICOM files on PNG sheets by modality, for looking at them all at once.

    python tools/contact_sheet.py FOLDER OUT

Each cell is captioned with the file's name; what cannot be shown is a dark cell that says why.
"""

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cauce.core.errors import CauceError, NotFound, Refused
from cauce.stages.process import frames, render

CELL_PX = 192
CAPTION_PX = 14
COLUMNS = 8
ROWS = 8

Cell = NDArray[np.uint8]


def main() -> int:
    """Write the sheets; 1 when no file of the folder is a DICOM object with pixels."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="read for DICOM files, with all folders in it")
    parser.add_argument("out", type=Path, help="where the sheets go; made when it is missing")
    asked = parser.parse_args()
    cells: defaultdict[str, list[Cell]] = defaultdict(list)
    for modality, cell in cells_of(asked.folder):
        cells[modality].append(cell)
    asked.out.mkdir(parents=True, exist_ok=True)
    for modality, group in sorted(cells.items()):
        for number, start in enumerate(range(0, len(group), COLUMNS * ROWS), 1):
            path = asked.out / f"{modality}-{number}.png"
            cv2.imwrite(str(path), cv2.cvtColor(sheet(group[start : start + COLUMNS * ROWS]), cv2.COLOR_RGB2BGR))
        sys.stdout.write(f"{modality}: {len(group)}\n")
    return 0 if cells else 1


def cells_of(folder: Path) -> Iterator[tuple[str, Cell]]:
    """Yield modality and cell of each DICOM file with pixels below `folder`."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as source:
            try:
                reader = frames(source)
                letters = "".join(c for c in str(reader.ds.get("Modality", "")) if c.isalnum())
                yield letters or "none", captioned(render(reader, size_px=CELL_PX), path.name)
            except (NotFound, Refused):
                continue
            except CauceError as error:
                yield "undecodable", captioned(message(error.detail), path.name)


def captioned(image: NDArray[np.uint8], caption: str) -> Cell:
    """Return a square cell with the image in its middle and the caption below, in colour."""
    cell: Cell = np.full((CELL_PX + CAPTION_PX, CELL_PX + 2, 3), (24, 32, 48), np.uint8)
    height, width = image.shape[:2]
    top, left = (CELL_PX - height) // 2, (CELL_PX - width) // 2
    cell[top : top + height, left : left + width] = image if image.ndim > 2 else image[..., None]  # noqa: PLR2004 - grey
    write(cell, caption[-34:], row_px=CELL_PX + CAPTION_PX - 4)
    return cell


def message(text: str) -> NDArray[np.uint8]:
    """Return a dark picture that says why there is none."""
    picture = np.zeros((CELL_PX, CELL_PX, 3), np.uint8)
    for line, start in enumerate(range(0, len(text), 30)):
        write(picture, text[start : start + 30], row_px=CELL_PX // 3 + line * CAPTION_PX)
    return picture


def write(picture: NDArray[np.uint8], text: str, *, row_px: int) -> None:
    """Write one line of small light text."""
    cv2.putText(picture, text, (2, row_px), cv2.FONT_HERSHEY_SIMPLEX, 0.32, (200, 210, 220), 1, cv2.LINE_AA)


def sheet(cells: list[Cell]) -> NDArray[np.uint8]:
    """Lay cells out in rows."""
    height, width = cells[0].shape[:2]
    columns = min(len(cells), COLUMNS)
    page = np.zeros((math.ceil(len(cells) / columns) * height, columns * width, 3), np.uint8)
    for index, cell in enumerate(cells):
        top, left = index // columns * height, index % columns * width
        page[top : top + height, left : left + width] = cell
    return page


if __name__ == "__main__":
    sys.exit(main())
