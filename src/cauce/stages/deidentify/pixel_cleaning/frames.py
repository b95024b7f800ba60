"""What cleaning wants of the frames of an object; `stages.process.repainting` has it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from cauce.core.transcoding import Element
from cauce.stages.deidentify.pixel_cleaning.boxes import Box

Picture = NDArray[np.uint8]


class Repainted(Protocol):
    """New pixel data; see `stages.process.repainting`."""

    @property
    def transfer_syntax_uid(self) -> str:
        """Return the transfer syntax of the new pixel data."""

    @property
    def edits(self) -> Mapping[int, Element | None]:
        """Return what the data set then says."""

    @property
    def chunks(self) -> Iterable[bytes]:
        """Return the bytes of the element."""


class Frames(Protocol):
    """The frames of one object, and the way back into it; see `stages.process.repainting`."""

    @property
    def ds(self) -> Any:
        """Return the data set up to the pixel data."""

    @property
    def rows(self) -> int:
        """Return the height of a frame in pixels."""

    @property
    def columns(self) -> int:
        """Return the width of a frame in pixels."""

    def __len__(self) -> int:
        """Return the number of frames."""

    def pictures(self, index: int) -> Sequence[Picture]:
        """Return how a frame looks; more than one where a window hides a part of its values.

        Raises:
            Undecodable: the frame is damaged.
        """

    def repainted(self, boxes: Sequence[Box], *, to: str) -> Repainted:
        """Return the pixel data with boxes of every frame painted over.

        Raises:
            NoCodec, Undecodable: pixels of this form cannot be written, or not be decoded.
        """


OpenFrames = Callable[[BinaryIO], Frames]
"""Opens the frames of a Part 10 object. Raises `Refused` or `Undecodable`."""
