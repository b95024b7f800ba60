"""What comes before Django: where the data is, and which database answers."""

import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

HERE = Path(__file__).resolve().parent.parent
SETTINGS = "medical_images_api.settings"
_CONNECT_S = 5
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
        Unavailable: PostgreSQL is there and does not let us in; the text says why.
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
    """Tell whether there is a server.

    Raises:
        Unavailable: there is one, and it does not let us in.
    """
    import psycopg

    from cauce.core.errors import Unavailable
    from cauce.settings import environment

    url = environment.current().database_url
    try:
        psycopg.connect(url, connect_timeout=_CONNECT_S).close()
    except psycopg.Error as error:
        if isinstance(error, psycopg.OperationalError) and not _is_there(url):
            return False
        reason = " ".join(str(error).split())
        for password in {urlsplit(url).password or "", unquote(urlsplit(url).password or "")} - {""}:
            reason = reason.replace(password, "…")
        raise Unavailable(f"PostgreSQL is there, but this cannot work with it: {reason}") from error
    return True


def _is_there(url: str) -> bool:
    """Tell whether a server listens, whatever it thinks of user, password, database and certificates."""
    from psycopg import conninfo, pq

    asked = conninfo.make_conninfo(url, connect_timeout=_CONNECT_S, sslmode="prefer", sslrootcert=None)
    return pq.PGconn.ping(asked.encode()) in {pq.Ping.OK, pq.Ping.REJECT}


def _fall_back() -> None:
    from cauce.settings import environment

    parts = urlsplit(environment.current().database_url)
    os.environ["CAUCE_DATABASE_URL"] = ""  # processes that are started from here read it, too
    environment.current.cache_clear()
    path = environment.current().data_folder / "cauce.db"
    where = f"{parts.hostname or 'localhost'}:{parts.port or 5432}"
    print(_WARNING.format(line="=" * 78, where=where, path=path), file=sys.stderr)
