"""Conflicts: contents that arrived under a UID that was held already with another content; a person settles them."""

from typing import Protocol

from cauce.core.actors import Actor


class Conflicts(Protocol):
    """A contested version is named by its random id. Settling one makes the next revision of its study."""

    def accept(self, version_id: str, *, actor: Actor) -> None:
        """Let a contested version take the place of the current one, which is kept, superseded.

        Raises:
            NotFound: there is no such version.
            Conflicting: it is not contested (any more), or it names another study, series or patient.
            Forbidden: the actor may not settle conflicts.
        """

    def reject(self, version_id: str, *, actor: Actor) -> None:
        """Let the current version stay; the contested one is kept, superseded. See `accept`."""

    def accept_study(self, version_id: str, *, actor: Actor) -> int:
        """Accept, with a contested version, those of its study that name the same patient; return how many.

        Of several for one instance the newest is taken. Where that patient is another than the study's, the whole study
        moves to the corrected patient.

        Raises:
            Conflicting: as for `accept`; or the study would be torn apart, since not all of it came for that patient.
        """

    def reject_study(self, version_id: str, *, actor: Actor) -> int:
        """Reject, with a contested version, those of its study that name the same patient; return how many."""
