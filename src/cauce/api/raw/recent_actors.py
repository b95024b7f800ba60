"""Who was let in a moment ago: many small requests of one sender cost one look at the database a second."""

import time
from dataclasses import replace
from hashlib import sha256
from typing import Final

from cauce.api.raw.request import Request
from cauce.core.actors import Actor

RECENT_S: Final = 1.0
"""How much longer a credential that is revoked may still be taken by a process that knew it."""

_REMEMBERED_MAX: Final = 1024


class RecentActors:
    """Bearer credentials, as digests, and whom they name. Used on the event loop only.

    Sessions are not remembered: each request by cookie has to prove where it comes from.
    """

    def __init__(self) -> None:
        """Nobody has come yet."""
        self._known: dict[bytes, tuple[Actor, float]] = {}

    def find(self, request: Request) -> Actor | None:
        """Return whom the request's credential named within the last `RECENT_S` seconds."""
        credential = request.headers.get("authorization")
        known = self._known.get(_digest(credential)) if credential else None
        if known is None or known[1] < time.monotonic():
            return None
        return replace(known[0], address=request.address)

    def remember(self, request: Request, actor: Actor) -> None:
        """Remember whom the request's credential names, if it has one."""
        credential = request.headers.get("authorization")
        if credential is None:
            return
        if len(self._known) >= _REMEMBERED_MAX:
            self._known.clear()
        self._known[_digest(credential)] = actor, time.monotonic() + RECENT_S


def _digest(credential: str) -> bytes:
    return sha256(credential.encode("utf-8", "replace")).digest()
