"""Signing: what the platform vouches for can be checked by anybody who has its public keys, also offline."""

from collections.abc import Mapping
from typing import Any, Protocol


class Signer(Protocol):
    """Signs with the current key; older keys stay known, so that what they signed can still be checked."""

    def sign(self, claims: Mapping[str, Any], *, kind: str) -> str:
        """Return `claims` as a signed compact JWS (RFC 7515) whose header names the key and, as `typ`, `kind`.

        `kind` keeps what was signed for one purpose from being taken for another.
        """

    def public_keys(self) -> Mapping[str, Any]:
        """Return the public keys, the current one first, as a JWK Set (RFC 7517)."""

    def rotate(self) -> str:
        """Sign with a new key from now on, in every process; return its id."""
