"""Django's database errors, translated for those who know no Django."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, OperationalError, transaction

from cauce.core.errors import CauceError, DatabaseUnavailable, IntegrityError, StorageFull, Unexpected

# SQLite's own words, the same in every version: its library tells neither kind of error apart by class.
_FULL = "database or disk is full"
_DAMAGED = ("database disk image is malformed", "file is not a database")
# PostgreSQL tells them by its codes (its manual, appendix A).
_SQLSTATE_FULL = "53100"
_SQLSTATES_DAMAGED = ("XX001", "XX002")


@contextmanager
def translated() -> Iterator[None]:
    """Raise an error of ours in place of Django's.

    Raises:
        DatabaseUnavailable: the database does not answer, or is held by others for longer than we wait.
        StorageFull: it has no room left.
        IntegrityError: what it holds is not what was written.
        Unexpected: it objects to a statement.
    """
    try:
        yield
    except DatabaseError as error:
        raise _translation(error) from error
    except InterfaceError as error:
        raise DatabaseUnavailable("The database does not answer.") from error


def _translation(error: DatabaseError) -> CauceError:
    words = str(error)
    sqlstate = getattr(error.__cause__, "sqlstate", None)
    if words == _FULL or sqlstate == _SQLSTATE_FULL:
        return StorageFull("The database has no room left.")
    if words in _DAMAGED or sqlstate in _SQLSTATES_DAMAGED:
        return IntegrityError("The database is damaged, or does not open under its key.")
    if isinstance(error, OperationalError):
        return DatabaseUnavailable("The database does not answer.")
    return Unexpected("The database refused a statement.")


@contextmanager
def transaction_of_ours() -> Iterator[None]:
    """Run one durable transaction; errors are translated. It has committed when the block is left without error.

    Raises:
        RuntimeError: there is a transaction around it, so nothing would be committed at its end.
    """
    with translated(), transaction.atomic(durable=True):
        yield
