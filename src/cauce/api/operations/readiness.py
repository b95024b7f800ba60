"""What this process needs to do its work, each looked at by name. Says nothing of paths, addresses or keys."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.db import Error as DatabaseError
from django.db import connection

from cauce import bootstrap
from cauce.api.operations.figures import Kept
from cauce.core.errors import CauceError, DatabaseUnavailable, StorageFull
from cauce.core.statuses import Space

KEPT_S = 1.0
"""The route needs no login: however often it is asked, it looks once a second."""

log = structlog.get_logger("cauce.readiness")


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One dependency; `code` says what is wrong with it."""

    name: str
    code: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether it answers."""
        return not self.code


def check_all() -> list[Check]:
    """Look at every dependency."""
    return [_checked(name, look) for name, look in _LOOKS]


def _checked(name: str, look: Callable[[], None]) -> Check:
    try:
        look()
    except CauceError as error:
        log.warning("dependency.failed", dependency=name, code=error.code)
        return Check(name=name, code=error.code)
    return Check(name=name)


def _database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM records_project LIMIT 1")
    except DatabaseError as error:
        raise DatabaseUnavailable("the database does not answer") from error


def _object_store() -> None:
    bootstrap.services().objects.check()


def _key_ring() -> None:
    for space in Space:
        bootstrap.services().keyring.current_key(space)


def _disk_reserve() -> None:
    if bootstrap.services().objects.free_bytes() == 0:
        raise StorageFull("the reserve is reached")


_LOOKS: tuple[tuple[str, Callable[[], None]], ...] = (
    ("database", _database),
    ("object_store", _object_store),
    ("key_ring", _key_ring),
    ("disk_reserve", _disk_reserve),
)

state = Kept(check_all, for_s=KEPT_S)
