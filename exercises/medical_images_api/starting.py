"""What comes before Django: where the data is, and which database answers."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
SETTINGS = "medical_images_api.settings"
_WARNING = """\
{line}
WARNING: PostgreSQL at {where} does not answer.
SQLite is used in its place: {path}
What is written now is not in PostgreSQL, and will not be there later.
{line}"""


def prepare() -> None:
    """Set this process up. The working folder does not matter; what is in the environment does.

    Raises:
        ConfigurationError: a setting is wrong.
    """
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    os.environ.setdefault("CAUCE_DATA", str(HERE / "cauce-data"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    if os.environ.get("CAUCE_DATABASE_URL") and not _answers():
        _fall_back()
    from cauce import bootstrap

    bootstrap.setup("exercises")


def _answers() -> bool:
    import psycopg

    from cauce.settings import environment

    settings = environment.current()
    try:
        psycopg.connect(settings.database_url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _fall_back() -> None:
    from urllib.parse import urlsplit

    from cauce.settings import environment

    parts = urlsplit(environment.current().database_url)
    os.environ["CAUCE_DATABASE_URL"] = ""  # processes that are started from here read it, too
    environment.current.cache_clear()
    path = environment.current().data_folder / "cauce.db"
    where = f"{parts.hostname or 'localhost'}:{parts.port or 5432}"
    print(_WARNING.format(line="=" * 78, where=where, path=path), file=sys.stderr)
