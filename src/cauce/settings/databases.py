"""`CAUCE_DATABASE_URL` -> Django's `DATABASES`: the embedded database, or PostgreSQL."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from cauce.settings.environment import Settings

CONNECT_WITHIN_S = 10


def databases(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return what Django is to connect to."""
    return {"default": _postgresql(settings.database_url) if settings.database_url else _embedded(settings)}


def _embedded(settings: Settings) -> dict[str, Any]:
    return {
        "ENGINE": "cauce.adapters.sqlcipher",
        "NAME": settings.data_folder / "cauce.db",
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "key_from": "cauce.bootstrap.database_key",
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
        },
        "TEST": {"NAME": settings.data_folder / "test.db"},
    }


def _postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": CONNECT_WITHIN_S,
            "application_name": "cauce",
            **dict(parse_qsl(parts.query)),
            # Accepted means safe, whatever the server's own default is.
            "options": "-c synchronous_commit=on",
        },
    }
