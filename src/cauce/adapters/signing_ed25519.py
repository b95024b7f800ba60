"""Signatures with Ed25519 (RFC 8032) under keys of the key ring.

A key is made from a secret of the ring (its 32 bytes are the private key): `signing/1`, `signing/2`, … The one with the
highest number signs; the others stay, so that what they signed can be checked. The id of a key is its thumbprint
(RFC 7638), so that nobody can pass another key off under it.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cauce.core.signed_receipts import thumbprint
from cauce.ports.keys import KeyRing

ALGORITHM: Final = "EdDSA"

_NAME: Final = re.compile(r"signing/([1-9][0-9]{0,8})")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Key:
    """One key pair; `jwk` is its public half (RFC 8037)."""

    key_id: str
    private: Ed25519PrivateKey
    jwk: Mapping[str, str]


class Ed25519Signer:
    """Fulfils `cauce.ports.signing.Signer`. Safe for threads; a rotation in another process is seen at once."""

    def __init__(self, keyring: KeyRing) -> None:
        """Take the ring that holds the keys; nothing is read or made yet."""
        self._ring = keyring
        self._made: dict[int, _Key] = {}

    def sign(self, claims: Mapping[str, Any], *, kind: str) -> str:
        """Return `claims` as a signed compact JWS; the first call ever makes the first key, durably.

        Raises:
            IntegrityError: the key ring is damaged, or does not open under the root key.
            StorageUnavailable: the key ring cannot be read, or written when there is no key yet.
        """
        key = self._key(max(self._numbers(), default=1))
        payload = json.dumps(claims, separators=(",", ":"), sort_keys=True).encode()
        headers = {"typ": kind, "kid": key.key_id}
        return jwt.PyJWS().encode(payload, key.private, algorithm=ALGORITHM, headers=headers)

    def public_keys(self) -> Mapping[str, Any]:
        """Return the public keys, the current one first; see `sign`."""
        numbers = self._numbers() or [1]
        return {"keys": [dict(self._key(number).jwk) for number in sorted(numbers, reverse=True)]}

    def rotate(self) -> str:
        """Sign with a new key from now on; two rotations at the same moment are one. See `sign`."""
        return self._key(max(self._numbers(), default=0) + 1).key_id

    def _numbers(self) -> list[int]:
        return [int(found[1]) for name in self._ring.secret_names() if (found := _NAME.fullmatch(name))]

    def _key(self, number: int) -> _Key:
        key = self._made.get(number)
        if key is None:
            private = Ed25519PrivateKey.from_private_bytes(self._ring.secret(f"signing/{number}"))
            public = base64.urlsafe_b64encode(private.public_key().public_bytes_raw()).decode().rstrip("=")
            key_id = thumbprint(public)
            jwk = {"kty": "OKP", "crv": "Ed25519", "x": public, "kid": key_id, "use": "sig", "alg": ALGORITHM}
            key = self._made[number] = _Key(key_id=key_id, private=private, jwk=jwk)
        return key
