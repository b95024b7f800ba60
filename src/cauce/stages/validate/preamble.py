"""What the 128 bytes ahead of a DICOM file are (PS3.10 7.1): nothing, a TIFF header, or something that runs or opens.

A file that is an image to one program and a program to another is how malware travels in archives of images. Such a
file is taken, since its data set may be sound, and it is stored as it came; what we hand on has a preamble of zeros.
"""

import re
from typing import Final

PREAMBLE_BYTES: Final = 128
_PREFIX: Final = b"DICM"

_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""Classic TIFF and BigTIFF, for files that are both (PS3.10 7.1, whole-slide images)."""

_EXECUTABLE: Final = re.compile(
    rb"MZ|ZM|\x7fELF|#!|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|\xca\xfe\xba[\xbe\xbf]|[\xbe\xbf]\xba\xfe\xca"
    rb"|\0asm|dex\n|!<arch>|\s*@echo|\s*<\?php|\x4c\0\0\0\x01\x14\x02\0",
    re.IGNORECASE,
)
"""DOS and Windows, ELF, scripts, Mach-O and Java, WebAssembly, Android, static libraries, batch files, PHP, links."""

_DOCUMENT: Final = re.compile(
    rb"PK[\x03\x05\x07]|Rar!|7z\xbc\xaf|\x1f\x8b|BZh|\xfd7zXZ|\xd0\xcf\x11\xe0|\{\\rtf|GIF8|\x89PNG|\xff\xd8\xff|RIFF"
    rb"|%!PS|SQLite format 3|\s*\{\s*\""
)
"""Zip and Office, other archives, older Office, RTF, pictures, sound and video, PostScript, databases, JSON."""

_DOCUMENT_ANYWHERE: Final = re.compile(rb"%PDF-|<!doctype|<html|<head|<body|<script|<svg|<\?xml|<iframe", re.IGNORECASE)
"""Readers of PDF and of HTML look for these behind other bytes too."""


def preamble_warning(preamble: bytes) -> tuple[str, str] | None:
    """Return (code, detail) for a preamble that is neither zeros nor TIFF, `None` for those."""
    if not preamble.strip(b"\0") or preamble.startswith(_TIFF):
        return None
    if _EXECUTABLE.match(preamble):
        return "preamble_executable", "The preamble begins a program: as another kind of file, this one may run."
    if _DOCUMENT.match(preamble) or _DOCUMENT_ANYWHERE.search(preamble):
        return "preamble_document", "The preamble begins a document, picture or archive of another kind."
    return "preamble_used", "The preamble holds something that is neither zeros nor TIFF."


def handed_on(head: bytes) -> bytes:
    """Return the start of a file (preamble and prefix at least) as it is handed on: a preamble in use is zeros."""
    preamble = head[:PREAMBLE_BYTES]
    if head[PREAMBLE_BYTES:].startswith(_PREFIX) and preamble_warning(preamble) is not None:
        return bytes(PREAMBLE_BYTES) + head[PREAMBLE_BYTES:]
    return head
