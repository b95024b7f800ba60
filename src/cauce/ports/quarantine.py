"""The quarantine: instances that de-identification held back, and what a person decides about each."""

from collections.abc import Sequence
from typing import Protocol

from cauce.core.actors import Actor

Box = tuple[int, int, int, int]
"""x, y, width, height in pixels of the image; the upper left pixel is 0, 0."""


class Quarantine(Protocol):
    """A held instance is named by its random id. The same decision again is no error; another one is `Conflicting`.

    Each decision makes the next revision of the study and is written into the audit trail. All three raise:

        NotFound: there is no such held instance.
        Conflicting: it has been decided otherwise, or cannot be decided like that.
        Forbidden: the actor may not decide about images.
        InvalidRequest: there is no reason, or it names the patient; `field` says which part is wrong.
    """

    def release(self, held_id: str, *, reason: str, actor: Actor) -> None:
        """Let its output be made although this cause speaks against it. Any other cause still holds it back."""

    def redact(
        self, held_id: str, *, reason: str, actor: Actor, boxes: Sequence[Box] = (), elements: Sequence[int] = ()
    ) -> None:
        """Let its output be made with `boxes` blanked in every frame and `elements` removed at every depth.

        Boxes stand for the judgement that nothing else in the pixels says who the patient is. Identity that is left in
        the header still holds it back.
        """

    def reject(self, held_id: str, *, reason: str, actor: Actor) -> None:
        """Keep it out for good, whatever the profile; its study can become ready without it."""
