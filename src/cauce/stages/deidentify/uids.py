"""UIDs of the output: the same original always maps to the same new UID, under a secret of the patient and project."""

import hmac
import re

from pydicom._uid_dict import UID_dictionary

from cauce.core.identifiers import UID_LENGTH_MAX

_FORM = re.compile(rb"[0-9]+(?:\.[0-9]+)+")
REGISTERED = frozenset(uid.encode() for uid in UID_dictionary)
"""UIDs that the standard gives out, which say nothing of anybody."""


def map_uid(uid: str, *, secret: bytes) -> str:
    """Return the UID that stands for `uid`: `2.25.` and 128 bits of HMAC-SHA-256 under `secret` (PS3.5 B.2)."""
    return "2.25." + str(int.from_bytes(hmac.digest(secret, uid.encode("utf-8", "surrogateescape"), "sha256")[:16]))


def is_well_formed(uid: bytes) -> bool:
    """Tell whether `uid`, without padding, has the form of a UID of two components or more."""
    return len(uid) <= UID_LENGTH_MAX and _FORM.fullmatch(uid) is not None


class UidMap:
    """Maps values of VR UI, raw as they stand in the file, and remembers which originals it replaced."""

    def __init__(self, secret: bytes) -> None:
        """`secret` is the pseudonym's `uid_secret`."""
        self._secret = secret
        self._known: dict[bytes, bytes] = {}

    @property
    def originals(self) -> frozenset[bytes]:
        """Return the UIDs replaced so far, without padding."""
        return frozenset(self._known)

    @property
    def made(self) -> frozenset[bytes]:
        """Return the UIDs that stand for them."""
        return frozenset(self._known.values())

    def instance(self, value: bytes) -> bytes:
        """Map each UID of a raw value, but for those that the standard registers."""
        return _even(b"\\".join(self._one(part) for part in value.split(b"\\")))

    def of_class(self, value: bytes) -> bytes:
        """Return a raw value that names a class: kept where it is registered or well formed, else mapped."""
        return _even(b"\\".join(self._class(part) for part in value.split(b"\\")))

    def _class(self, part: bytes) -> bytes:
        uid = part.strip(b"\0 ")
        return uid if is_well_formed(uid) else self._one(part)

    def _one(self, part: bytes) -> bytes:
        uid = part.strip(b"\0 ")
        if not uid or uid in REGISTERED:
            return uid
        new = self._known.get(uid)
        if new is None:
            new = map_uid(uid.decode("utf-8", "surrogateescape"), secret=self._secret).encode()
            self._known[uid] = new
        return new


def _even(value: bytes) -> bytes:
    return value + b"\0" if len(value) & 1 else value
