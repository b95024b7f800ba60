"""Modalities: which calling AE titles from elsewhere may store, and which have asked in vain."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cauce.core.actors import Actor
from cauce.core.identifiers import PublicId


@dataclass(frozen=True, kw_only=True, slots=True)
class Modality:
    """One calling AE title at one numeric address.

    `attempts` counts the associations it asked for while it was not allowed; the times are those of the first and the
    last of them, `None` when it was allowed before it ever asked.
    """

    public_id: PublicId
    ae_title: str
    address: str
    is_allowed: bool
    attempts: int
    first_seen: dt.datetime | None
    last_seen: dt.datetime | None


class Modalities(Protocol):
    """The register of calling AE titles. An AE title proves nothing, so it counts only together with its address."""

    def access(self, calling_ae: str, address: str) -> bool:
        """Tell whether this calling AE title may store from this address.

        Raises:
            DatabaseUnavailable: the register cannot be read.
        """

    def note_attempt(self, calling_ae: str, address: str) -> None:
        """Write down that one that is not allowed has asked; only the latest of very many are kept.

        Raises:
            DatabaseUnavailable: nothing was written.
        """

    def allow(self, ae_title: str, address: str, *, actor: Actor) -> Modality:
        """Let an AE title store from an address, seen before or not.

        Raises:
            Forbidden: `actor` may not change settings.
            InvalidRequest: no AE title (1 to 16 printable characters), or no numeric address.
        """

    def forbid(self, ae_title: str, address: str, *, actor: Actor) -> Modality:
        """Take the permission back; running associations go on to their end.

        Raises:
            Forbidden: `actor` may not change settings.
            NotFound: the AE title is not known at this address.
        """

    def list(self, *, actor: Actor) -> Sequence[Modality]:
        """Return all that are known: those that want in first, then by AE title and address.

        Raises:
            Forbidden: `actor` may not see settings.
        """
