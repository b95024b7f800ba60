"""Database wrapper: connections are SQLCipher's, keyed before the first statement; all else is Django's SQLite backend.

The key is never part of the settings: `OPTIONS["key_from"]` names a function that returns it as 32 bytes.
"""

import datetime as dt
import decimal
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

from django.db.backends.sqlite3 import base as sqlite
from django.db.backends.sqlite3._functions import (  # type: ignore[import-untyped] # no stubs for private modules
    register as register_functions,
)
from django.utils.asyncio import async_unsafe
from django.utils.dateparse import parse_date, parse_datetime, parse_time
from django.utils.module_loading import import_string
from sqlcipher3 import dbapi2 as Database  # noqa: N812 - the name that Django's backends use

from cauce.adapters import durable_files
from cauce.core.errors import IntegrityError

for _type, _convert in {
    "bool": b"1".__eq__,
    "date": sqlite.decoder(parse_date),
    "time": sqlite.decoder(parse_time),
    "datetime": sqlite.decoder(parse_datetime),
    "timestamp": sqlite.decoder(parse_datetime),
}.items():
    Database.register_converter(_type, _convert)
Database.register_adapter(decimal.Decimal, str)
Database.register_adapter(dt.date, sqlite.adapt_date)
Database.register_adapter(dt.datetime, sqlite.adapt_datetime)

_NOT_A_DATABASE = "file is not a database"  # SQLite's words, also for a key that does not fit


class DatabaseWrapper(sqlite.DatabaseWrapper):
    """Django's SQLite wrapper on an encrypted file (AES-256, SQLCipher 4 format with a raw key)."""

    display_name = "SQLCipher"
    Database = Database

    def get_connection_params(self) -> dict[str, Any]:
        """Return connection parameters; the key provider's path is resolved here, the key on connecting."""
        params: dict[str, Any] = super().get_connection_params()
        self._key_from = cast("Callable[[], bytes]", import_string(params.pop("key_from")))
        return params

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, give the key, then register Django's functions and run the initial commands.

        Raises:
            IntegrityError: the file does not open under this key, or is no database of ours.
        """
        with _alone_while_new(os.fspath(conn_params["database"])):
            connection = Database.connect(**conn_params)
            try:
                self._prepare(connection)
            except Database.DatabaseError as error:
                connection.close()
                if str(error) == _NOT_A_DATABASE:
                    raise IntegrityError("The database is damaged, or does not open under its key.") from error
                raise
        return connection

    def _prepare(self, connection: Any) -> None:
        connection.execute(f"PRAGMA key = \"x'{self._key_from().hex()}'\"")
        register_functions(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA legacy_alter_table = OFF")
        for command in self.init_commands:  # type: ignore[attr-defined] # missing in the stubs
            if text := command.strip():
                connection.execute(text)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # reads a page: shows that the key fits

    def create_cursor(self, name: str | None = None) -> Any:  # noqa: ARG002 - Django's signature
        """Return a cursor that takes Django's `%s` parameters."""
        return self.connection.cursor(factory=SQLCipherCursor)


class SQLCipherCursor(Database.Cursor):  # type: ignore[misc] # the library is untyped
    """Django writes `%s` and `%(name)s` parameters; SQLite wants `?` and `:name`."""

    def execute(self, query: str, params: Any = None) -> Any:
        """Run one statement."""
        if params is None:
            return super().execute(query)
        names = list(params) if isinstance(params, Mapping) else None
        return super().execute(_convert_query(query, names), params)

    def executemany(self, query: str, param_list: Any) -> Any:
        """Run one statement for each row of parameters."""
        rows = list(param_list)
        names = list(rows[0]) if rows and isinstance(rows[0], Mapping) else None
        return super().executemany(_convert_query(query, names), rows)


@contextmanager
def _alone_while_new(path: str) -> Iterator[None]:
    """Let one process alone make the file.

    Whoever opens an empty file draws a salt for it, and the first write decides whose counts; and SQLite does not wait
    when two processes turn a new file to WAL at the same time. Once the file has content, nobody waits for anybody.
    """
    if path.startswith((":memory:", "file:")) or _has_content(path):
        yield
        return
    with durable_files.locked(f"{path}.lock"):
        yield


def _has_content(path: str) -> bool:
    try:
        return os.stat(path).st_size > 0  # noqa: PTH116 - the name may be any that SQLite takes
    except FileNotFoundError:
        return False


def _convert_query(query: str, names: list[str] | None) -> str:
    return _with_question_marks(query) if names is None else query % {name: f":{name}" for name in names}


@lru_cache(maxsize=512)
def _with_question_marks(query: str) -> str:
    return str(sqlite.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%"))
