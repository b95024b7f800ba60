"""Keys: the key service guards one root; the key ring holds everything that is wrapped under it."""

from typing import Protocol

from cauce.core.statuses import Space


class KeyService(Protocol):
    """The root of trust (a key file, a key management service). It wraps only epoch keys and secrets, never objects."""

    def wrap(self, plain: bytes, *, context: bytes) -> bytes:
        """Encrypt a short key under the root, bound to `context`."""

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """Decrypt what `wrap` made for the same `context`.

        Raises:
            IntegrityError: another root, another context, or altered bytes.
        """


class KeyRing(Protocol):
    """Epoch keys of each space and the named secrets, wrapped under the key service, kept beside the data."""

    def current_key(self, space: Space) -> tuple[bytes, bytes]:
        """Return (key id of 16 bytes, 32-byte key) under which new objects of `space` wrap their data keys."""

    def key(self, key_id: bytes) -> bytes:
        """Return the 32-byte epoch key with this id.

        Raises:
            IntegrityError: the ring does not hold it.
        """

    def secret(self, name: str) -> bytes:
        """Return the 32-byte secret of this name; it is made on first use and durable before this returns."""

    def secret_names(self) -> frozenset[str]:
        """Return the names of all secrets that have been made so far, by any process."""
