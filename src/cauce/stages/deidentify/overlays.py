"""Overlays that mark a region: they stay where a look at their bitmap finds no text (PS3.3 C.9.2, PS3.15 E.3.3)."""

import io
from collections.abc import Mapping
from typing import Final

import numpy as np

from cauce.core.file_head import file_head
from cauce.stages.deidentify.encoding import EXPLICIT_LITTLE
from cauce.stages.deidentify.identity import Identity
from cauce.stages.deidentify.part10 import EXPLICIT_SYNTAX
from cauce.stages.deidentify.pixels import PixelCleaner

_ROWS, _COLUMNS, _FRAMES, _TYPE, _DATA = 0x0010, 0x0011, 0x0015, 0x0040, 0x3000
_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7.2"
_INSTANCE: Final = "2.25.1"
_BYTE, _WORD_BITS = 8, 16


def is_clean_overlay(
    found: Mapping[int, bytes], cleaner: PixelCleaner, identity: Identity, *, is_big_endian: bool
) -> bool:
    """Tell whether an overlay, its values by element, marks a region and shows no text.

    One whose bitmap is missing, has another size than it says, or was too long to be held is not clean.
    """
    picture = _picture(found, is_big_endian=is_big_endian) if found.get(_TYPE, b"").strip(b" \0") == b"R" else None
    if picture is None:
        return False
    cleaned = cleaner.cleaned(
        io.BytesIO(picture), transfer_syntax_uid=EXPLICIT_SYNTAX, identity=identity, is_risky=True
    )
    return cleaned.looked_at > 0 and not cleaned.held and not cleaned.boxes


def _picture(found: Mapping[int, bytes], *, is_big_endian: bool) -> bytes | None:
    """Return the bitmap as an object with pixels of a byte, white on black."""
    sides = (found.get(element, b"") for element in (_ROWS, _COLUMNS))
    rows, columns = (int.from_bytes(raw, "big" if is_big_endian else "little") for raw in sides)
    said = found.get(_FRAMES, b"").strip(b" \0") or b"1"
    frames = int(said) if said.isdigit() and len(said) <= 4 else 0  # noqa: PLR2004 - it is a page, no film
    bits = rows * columns * frames
    data = found.get(_DATA, b"")
    if not bits or not 0 <= len(data) * _BYTE - bits < _WORD_BITS:
        return None
    if is_big_endian:
        data = np.frombuffer(data, np.uint16).byteswap().tobytes()
    shown = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[:bits] * np.uint8(255)
    texts = {0x00080016: (b"UI", _CAPTURE), 0x00080018: (b"UI", _INSTANCE), 0x00080060: (b"CS", "OT")}
    texts |= {0x00280004: (b"CS", "MONOCHROME2"), 0x00280008: (b"IS", str(frames))}
    numbers = {0x00280002: 1, 0x00280010: rows, 0x00280011: columns}
    numbers |= {0x00280100: _BYTE, 0x00280101: _BYTE, 0x00280102: _BYTE - 1, 0x00280103: 0}
    elements = {tag: (vr, value.encode()) for tag, (vr, value) in texts.items()}
    elements |= {tag: (b"US", value.to_bytes(2, "little")) for tag, value in numbers.items()}
    elements[0x7FE00010] = (b"OB", shown.tobytes())
    head = file_head(sop_class_uid=_CAPTURE, sop_instance_uid=_INSTANCE, transfer_syntax_uid=EXPLICIT_SYNTAX)
    return head + b"".join(EXPLICIT_LITTLE.element(tag, *elements[tag]) for tag in sorted(elements))
