"""What an error leaves behind in logs and job rows: where it happened, never the values it met there."""

import traceback
from collections.abc import Iterator

from cauce.core.errors import CauceError

FRAMES_MAX = 12
ERRORS_MAX = 16


def trace_of(error: BaseException) -> str:
    """Return types, files, lines and function names of an error, then of its causes and of what it groups.

    Messages are left out, but for those of our own errors, which never carry identity. Of each error the innermost
    12 frames are told, and no more than 16 errors.
    """
    lines: list[str] = []
    for number, each in enumerate(_with_causes(error, set())):
        if number == ERRORS_MAX:
            lines.append("…")
            break
        message = f": {each.detail}" if isinstance(each, CauceError) and each.detail else ""
        lines.append(f"{type(each).__module__}.{type(each).__qualname__}{message}")
        frames = list(traceback.walk_tb(each.__traceback__))[-FRAMES_MAX:]
        lines.extend(f"  {frame.f_code.co_filename}:{line} {frame.f_code.co_name}" for frame, line in frames)
    return "\n".join(lines)


def _with_causes(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            for member in current.exceptions:
                yield from _with_causes(member, seen)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
