"""The data folder itself, for commands that need no server: they work when nobody can sign in."""

from cauce import bootstrap
from cauce.core.errors import NotFound
from cauce.settings import environment


def has_platform() -> bool:
    """Tell whether `CAUCE_DATA` holds a platform that has been started once; nothing is made by asking."""
    if not (environment.current().data_folder / "keyring.json").exists():
        return False
    bootstrap.setup()
    from django.db import connection

    from cauce.accounts.models import User

    return User._meta.db_table in connection.introspection.table_names()  # noqa: SLF001 - Django's public name


def require_platform() -> None:
    """Prepare this process to work on the data folder.

    Raises:
        NotFound: no platform was ever started there.
    """
    if not has_platform():
        raise NotFound(
            f"{environment.current().data_folder} holds no platform: start one with `cauce up`, "
            "or set CAUCE_DATA to the folder of yours"
        )
