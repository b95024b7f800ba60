"""What is printed: one line stays one line, and output that nobody takes any more ends nothing with a traceback."""

import contextlib
import os
import sys


def one_line(text: str) -> str:
    """Return a text with a question mark for each character that cannot be shown, such as a line's end."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def drop_output() -> None:
    """Let what is still to be printed go nowhere: its reader has gone, or there is no room for it."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
