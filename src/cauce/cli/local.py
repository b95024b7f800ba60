"""The data folder itself, for commands that need no server: they work when nobody can sign in."""

import os
import re
import sys
from typing import Final

from cauce import bootstrap
from cauce.core.errors import NotFound
from cauce.settings import environment

LOCK_NAME: Final = "up.lock"
_HELD_BY: Final = re.compile(r"process (\d+) at (\S+)")


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


def is_kept_up(base_url: str) -> bool:
    """Tell whether a `cauce up` on this machine keeps a server at this address: then one that died comes back."""
    try:
        said = (environment.current().data_folder / LOCK_NAME).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    held = _HELD_BY.match(said)
    if held is None or held[2] != base_url or sys.platform == "win32":  # there, to ask for a process can end it
        return False
    try:
        os.kill(int(held[1]), 0)
    except PermissionError:
        return True  # somebody else's
    except (OSError, OverflowError):
        return False
    return True
