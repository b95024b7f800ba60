"""Identifier types. Ours are random and carry no meaning; DICOM's UIDs never leave the catalogue's realm."""

import re
import secrets
from typing import NewType

SopInstanceUid = NewType("SopInstanceUid", str)
SopClassUid = NewType("SopClassUid", str)
SeriesInstanceUid = NewType("SeriesInstanceUid", str)
StudyInstanceUid = NewType("StudyInstanceUid", str)
TransferSyntaxUid = NewType("TransferSyntaxUid", str)

ObjectId = NewType("ObjectId", str)
"""Random id of a stored object (32 hexadecimal digits): its name in the object store."""

PublicId = NewType("PublicId", str)
"""Random id of an API resource (32 hexadecimal digits): says nothing about what it names."""

_UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*")
_UID_LENIENT = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_PUBLIC_ID = re.compile(r"[0-9a-f]{32}")

UID_LENGTH_MAX = 64


def new_object_id() -> ObjectId:
    """Return a fresh random object id."""
    return ObjectId(secrets.token_hex(16))


def new_public_id() -> PublicId:
    """Return a fresh random id for an API resource."""
    return PublicId(secrets.token_hex(16))


def is_public_id(text: str) -> bool:
    """Tell whether `text` has the form of an id of ours (32 lower-case hexadecimal digits)."""
    return _PUBLIC_ID.fullmatch(text) is not None


def is_valid_uid(uid: str) -> bool:
    """Tell whether `uid` is a UID by PS3.5 section 9.1: at most 64 characters, no leading zeros."""
    return len(uid) <= UID_LENGTH_MAX and _UID.fullmatch(uid) is not None


def is_usable_uid(uid: str) -> bool:
    """Tell whether `uid` can identify an object, though it may break PS3.5 (leading zeros are seen in practice)."""
    return len(uid) <= UID_LENGTH_MAX and _UID_LENIENT.fullmatch(uid) is not None
