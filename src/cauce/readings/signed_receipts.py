"""Checking a signed receipt: whether it is byte for byte what the platform wrote, with nothing but its public keys.

Nothing in the file says which keys to trust: they come from whoever checks, saved or fetched from the platform.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cauce.core.errors import InvalidRequest
from cauce.core.signed_receipts import FORMAT, KIND, SIGNATURE_LINE, SIGNATURE_LINE_BYTES_MAX, thumbprint

ALGORITHM: Final = "EdDSA"
KEYS_MAX: Final = 1000

_CHUNK_BYTES: Final = 1024 * 1024
_KEY_BYTES: Final = 32
_HEAD_BYTES: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """The outcome: `reason` says in one plain sentence why a receipt is not valid, and is empty when it is.

    Of a valid receipt `claims` are what its signature covers besides the bytes: `iss`, `iat`, `receipt`, `items`.
    """

    reason: str = ""
    key_id: str = ""
    claims: Mapping[str, Any]

    @property
    def is_valid(self) -> bool:
        """Whether every byte is as the holder of the key wrote it."""
        return not self.reason


def check(path: Path, keys: Mapping[str, Ed25519PublicKey]) -> Checked:
    """Check the receipt at `path` against public keys by their ids; its length does not matter.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _check(file, keys)
    except _Invalid as found:
        return Checked(reason=str(found), key_id=found.key_id, claims={})


def keys_of(document: bytes) -> dict[str, Ed25519PublicKey]:
    """Return the Ed25519 keys of a JWK Set (RFC 7517, RFC 8037) by their ids, which are their thumbprints.

    Raises:
        InvalidRequest: this is no set of keys, or a key stands under an id that is not its own.
    """
    try:
        listed = json.loads(document)["keys"][:KEYS_MAX]
        wanted = [jwk for jwk in listed if jwk.get("kty") == "OKP" and jwk.get("crv") == "Ed25519"]
        found = {str(jwk["kid"]): (jwk["x"], _public(jwk["x"])) for jwk in wanted}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidRequest("that is no set of public keys (JWKS)") from error
    for key_id, (public, _) in found.items():
        if thumbprint(public) != key_id:
            raise InvalidRequest("a key of that set stands under the id of another")
    if not found:
        raise InvalidRequest("that set holds no key of the kind that signs receipts (Ed25519)")
    return {key_id: key for key_id, (_, key) in found.items()}


class _Invalid(Exception):
    def __init__(self, reason: str, *, key_id: str = "") -> None:
        super().__init__(reason)
        self.key_id = key_id


def _check(file: BinaryIO, keys: Mapping[str, Ed25519PublicKey]) -> Checked:
    if not file.read(_HEAD_BYTES).startswith(f'{{"format":"{FORMAT}",'.encode()):
        raise _Invalid("it is no signed receipt: it does not begin as one")
    content_bytes, signature = _split(file)
    key_id, claims = _claims(signature, keys)
    if claims.get("bytes") != content_bytes:
        reason = f"it has {content_bytes} bytes where {claims.get('bytes')} were signed: something was added or removed"
        raise _Invalid(reason, key_id=key_id)
    if claims.get("sha256") != _digest(file, content_bytes):
        raise _Invalid("its content is not what was signed: it was changed afterwards", key_id=key_id)
    return Checked(key_id=key_id, claims=claims)


def _split(file: BinaryIO) -> tuple[int, str]:
    """Return how many bytes are signed, and the signature that follows them."""
    size_bytes = file.seek(0, 2)
    start = max(size_bytes - SIGNATURE_LINE_BYTES_MAX, 0)
    file.seek(start)
    end = file.read(SIGNATURE_LINE_BYTES_MAX)
    begin = end.rfind(b"\n", 0, max(len(end) - 1, 0)) + 1
    found = SIGNATURE_LINE.fullmatch(end, begin) if begin else None
    if found is None:
        raise _Invalid("its last line is not a signature: it was cut short, or something was added to it")
    return start + begin, found[1].decode("ascii")


def _claims(signature: str, keys: Mapping[str, Ed25519PublicKey]) -> tuple[str, dict[str, Any]]:
    """Return which key signed, and what."""
    try:
        parts = [_strictly_decoded(part) for part in signature.split(".")]
        header = json.loads(parts[0])
        key_id, kind, algorithm = (str(header.get(name, "")) for name in ("kid", "typ", "alg"))
    except (ValueError, AttributeError, RecursionError) as error:
        raise _Invalid("its signature is malformed") from error
    if algorithm != ALGORITHM:
        raise _Invalid("it is not signed the way receipts are (Ed25519)")
    if kind != KIND:
        raise _Invalid("its signature was made for something else than a receipt")
    if key_id not in keys:
        raise _Invalid("the key that it says signed it is not among the keys given", key_id=key_id)
    try:
        payload = jwt.PyJWS().decode(signature, keys[key_id], algorithms=[ALGORITHM])
        claims = json.loads(payload)
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        raise _Invalid("its signature is not one of the key that it names", key_id=key_id) from error
    return key_id, claims


def _digest(file: BinaryIO, size_bytes: int) -> str:
    file.seek(0)
    digest, left = hashlib.sha256(), size_bytes
    while left and (chunk := file.read(min(left, _CHUNK_BYTES))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()


def _public(text: str) -> Ed25519PublicKey:
    key = _strictly_decoded(text)
    if len(key) != _KEY_BYTES:
        raise ValueError("not a key")
    return Ed25519PublicKey.from_public_bytes(key)


def _strictly_decoded(text: str) -> bytes:
    """Return what base64url text stands for, where it is the one text that stands for it.

    Raises:
        ValueError: it is not; the spare bits of a last character could otherwise be changed unseen.
    """
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if base64.urlsafe_b64encode(decoded).decode().rstrip("=") != text:
        raise ValueError("not written the one way")
    return decoded
