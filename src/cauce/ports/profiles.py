"""Profiles of projects: how the studies of each are de-identified, as data that is kept in versions."""

from typing import Protocol

from cauce.core.actors import Actor
from cauce.core.messages import ProfileText, ProjectRef


class Profiles(Protocol):
    """A change applies to what closes, or is reprocessed, afterwards; what was made before stays as it is."""

    def current(self, project: ProjectRef) -> ProfileText | None:
        """Return the profile of a project, or `None` while it goes by the default."""

    def save(
        self, project: ProjectRef, profile: ProfileText, *, actor: Actor, based_on: int | None = None
    ) -> ProfileText:
        """Give a project its next profile, and return it with its number; one that is held already stays as it is.

        With `based_on` it is taken only while that is the number of the present one (0: the default).

        Raises:
            Conflicting: another has been given meanwhile.
            Forbidden: the actor may not change projects.
        """

    def reprocess(self, study_id: str, *, default: ProfileText, engine: str, actor: Actor) -> None:
        """Let a study be de-identified anew under the present profile of its project, as its next revision.

        `default` is what a project has that was never given a profile, `engine` the version of the de-identifier.

        Raises:
            NotFound: there is no such study.
            Conflicting: it has not closed yet, or its newest revision is under that profile already.
            Forbidden: the actor may not decide about images.
        """
