"""Which accesses are in the audit trail already: who asks for a study's frames one by one is noted once a minute."""

import time
from typing import Final

from cauce.core.actors import Actor

NOTED_S: Final = 60.0
"""Of one actor, study and action one audit row is written in so many seconds: a viewer asks for a study's frames one by
one."""

_NOTED_MAX: Final = 10_000


class RecentAccesses:
    """Which accesses were noted a moment ago. Used on the event loop only."""

    def __init__(self) -> None:
        """None were."""
        self._until: dict[tuple[str, str, str, str], float] = {}

    def is_new(self, actor: Actor, action: str, subject: str) -> bool:
        """Tell whether this access is to be noted, and remember it."""
        key, now = (actor.kind, actor.name + "\0" + actor.address, action, subject), time.monotonic()
        if self._until.get(key, 0.0) > now:
            return False
        if len(self._until) >= _NOTED_MAX:
            self._until = {known: until for known, until in self._until.items() if until > now}
        if len(self._until) >= _NOTED_MAX:
            self._until.clear()
        self._until[key] = now + NOTED_S
        return True
