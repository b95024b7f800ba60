"""What comes along with images and is none: passed over with a reason, where a refusal would only alarm the sender."""

import re
from enum import StrEnum
from typing import Final

from cauce.core.messages import Verdict
from cauce.core.statuses import ItemStatus

HEAD_BYTES_WANTED: Final = 1024
"""How many of a file's first bytes are enough to tell."""


class SkipReason(StrEnum):
    """Why a file is passed over. Stable: scripts compare these."""

    MEDIA_DIRECTORY = "media_directory"
    SYSTEM_FILE = "system_file"
    ACCOMPANYING_FILE = "accompanying_file"
    LINK = "link"
    EMPTY_ARCHIVE = "empty_archive"


_DETAILS: Final = {
    SkipReason.MEDIA_DIRECTORY: "A DICOMDIR lists other files and holds no instance.",
    SkipReason.SYSTEM_FILE: "A file of the operating system, not an instance.",
    SkipReason.ACCOMPANYING_FILE: "It comes with the images and is no instance.",
    SkipReason.LINK: "A symbolic link holds no instance.",
    SkipReason.EMPTY_ARCHIVE: "The archive holds no files.",
}

_SYSTEM_NAMES: Final = frozenset(
    {".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", ".directory", ".localized", "icon\r"}
)
_SYSTEM_FOLDERS: Final = frozenset(
    {"__macosx", "$recycle.bin", "system volume information", ".trashes", ".spotlight-v100", ".fseventsd"}
)
# What image discs carry beside the images (PS3.10 8.3 allows other files): a viewer, its pages, notes.
_ACCOMPANYING: Final = re.compile(
    r"(readme|licen[cs]e|copying|changelog|liesmich|lisezmoi|leame|autorun)(\.[a-z]{1,8})?"
    r"|(report|results)\.json"  # what `cauce deidentify` and `cauce process` leave beside the images
    r"|.+\.(exe|dll|ocx|inf|ini|ico|lnk|url|bat|cmd|msi|manifest|chm|hlp|jar|class|html?|css|js)"
)
_DIRECTORY_NAME: Final = re.compile(r"dicomdir(;1)?")
_SEPARATORS: Final = re.compile(r"[/\\]")

_PREFIX: Final = b"DICM"
_PREFIX_OFFSET: Final = 128
# A data set without preamble begins with group 0002 or 0008, whose element number is even more telling.
_BARE_STARTS: Final = (b"\x02\x00", b"\x08\x00", b"\x00\x02\x00", b"\x00\x08\x00")


def skip_reason(name: str, head: bytes, *, is_media_directory: bool) -> SkipReason | None:
    """Return why a file is passed over, `None` when it is to be taken in.

    `head` is its first kilobyte, `name` what its sender calls it, with or without folders. A file that is DICOM is
    never passed over because of its name: only what the caller knows to be a media directory (PS3.10 8.6) is.
    """
    if is_media_directory:
        return SkipReason.MEDIA_DIRECTORY
    if looks_like_dicom(head):
        return None
    *folders, base = _SEPARATORS.split(name.lower())
    if _DIRECTORY_NAME.fullmatch(base):
        return SkipReason.MEDIA_DIRECTORY
    if base in _SYSTEM_NAMES or base.startswith("._") or not _SYSTEM_FOLDERS.isdisjoint(folders):
        return SkipReason.SYSTEM_FILE
    if _ACCOMPANYING.fullmatch(base):
        return SkipReason.ACCOMPANYING_FILE
    return None


def skipped(name: str, reason: SkipReason) -> Verdict:
    """Return the verdict on a file that is passed over."""
    return Verdict(status=ItemStatus.SKIPPED, name=name, code=reason.value, detail=_DETAILS[reason])


def looks_like_dicom(head: bytes) -> bool:
    """Tell whether a file that begins with `head` may be DICOM, with preamble or without."""
    with_prefix = head.startswith(_PREFIX) or head[_PREFIX_OFFSET : _PREFIX_OFFSET + len(_PREFIX)] == _PREFIX
    return with_prefix or head.startswith(_BARE_STARTS)
