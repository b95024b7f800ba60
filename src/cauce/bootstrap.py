"""Settings -> the adapters in use -> `Services`. The only module that names an adapter; each process calls it once."""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cauce.core.errors import ConfigurationError
from cauce.ports.objects import ObjectStore
from cauce.ports.services import Services
from cauce.ports.signing import Signer
from cauce.settings import environment, logging
from cauce.settings.memory import give_memory_back

if TYPE_CHECKING:
    from cauce.adapters.keyring_file import FileKeyRing

DJANGO_SETTINGS = "cauce.settings.django"


@cache
def setup(role: str = "cli") -> None:
    """Prepare this process: folders, logs, Django. Connects to nothing."""
    settings = environment.current()
    give_memory_back()
    _make_private_folders(settings)
    logging.configure(settings, role=role)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", DJANGO_SETTINGS)
    import django
    from django.conf import settings as django_settings

    django_settings.SECRET_KEY = keyring().secret("django").hex()
    django.setup()


def _make_private_folders(settings: environment.Settings) -> None:
    try:
        for folder in (settings.data_folder, settings.spool_folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"CAUCE_DATA: {settings.data_folder} cannot be used: {error.strerror}") from error


@cache
def keyring() -> "FileKeyRing":
    """Return the key ring of this data folder, opened under the key service."""
    from cauce.adapters.keyring_file import FileKeyRing
    from cauce.adapters.keys_file import FileKeyService

    settings = environment.current()
    _make_private_folders(settings)
    return FileKeyRing(settings.data_folder / "keyring.json", FileKeyService(settings.keys))


@cache
def signer() -> Signer:
    """Return what signs receipts, under keys of the key ring."""
    from cauce.adapters.signing_ed25519 import Ed25519Signer

    return Ed25519Signer(keyring())


@cache
def held_archives() -> ObjectStore:
    """Return where archives are held, encrypted, that are still being unpacked; apart from the objects themselves."""
    from cauce.adapters.objects_local import LocalObjects

    settings = environment.current()
    return LocalObjects(_held_folder(), keyring=keyring(), reserve_bytes=settings.limits.reserve_bytes)


def has_held_archives() -> bool:
    """Tell whether an archive was ever held here; nothing is made by asking."""
    return _held_folder().is_dir()


def _held_folder() -> Path:
    return environment.current().spool_folder / "held"


def base_url() -> str:
    """Return the URL under which people and programs reach the platform, as it is configured."""
    return environment.current().base_url


def database_key() -> bytes:
    """Return the key of the embedded database."""
    return keyring().secret("database")


@cache
def services() -> Services:
    """Put the adapters together. Needs `setup()`; connects to nothing until used."""
    from cauce import flow  # brings in OpenCV and the codecs: not for commands that only look
    from cauce.adapters.catalogue_sql import SqlCatalogue
    from cauce.adapters.conflicts_sql import SqlConflicts
    from cauce.adapters.holdings_sql import SqlHoldings
    from cauce.adapters.ledger_sql import SqlLedger
    from cauce.adapters.modalities_sql import SqlModalities
    from cauce.adapters.objects_local import LocalObjects
    from cauce.adapters.profiles_sql import SqlProfiles
    from cauce.adapters.quarantine_sql import SqlQuarantine
    from cauce.adapters.results_sql import SqlResults
    from cauce.adapters.search_sql import SqlSearch
    from cauce.adapters.served_sql import SqlServed
    from cauce.adapters.vault_sql import SqlVault
    from cauce.adapters.work_items_sql import SqlWorkItems
    from cauce.adapters.work_sql import SqlWork

    settings = environment.current()
    limits = settings.limits
    ring = keyring()
    objects = LocalObjects(settings.data_folder / "objects", keyring=ring, reserve_bytes=limits.reserve_bytes)
    catalogue = SqlCatalogue(quiet_s=settings.study_quiet_s)
    return Services(
        objects=objects,
        keyring=ring,
        catalogue=catalogue,
        work=SqlWork(),
        ledger=SqlLedger(flow.following, quiet_s=settings.study_quiet_s),
        results=SqlResults(),
        vault=SqlVault(ring),
        modalities=SqlModalities(),
        holdings=SqlHoldings(),
        conflicts=SqlConflicts(),
        profiles=SqlProfiles(),
        quarantine=SqlQuarantine(),
        search=SqlSearch(),
        served=SqlServed(catalogue),
        work_items=SqlWorkItems(),
        spool=settings.spool_folder,
        limits=limits,
    )


def local_admin_token() -> str | None:
    """Return a short-lived token of the first administrator, for who can read the data folder and its keys."""
    settings = environment.current()
    if not (settings.data_folder / "keyring.json").exists() or not settings.keys.exists():
        return None
    setup()
    from cauce.accounts.models import User
    from cauce.accounts.tokens import issue_access
    from cauce.core.statuses import Role

    admin = User.objects.filter(role=Role.ADMIN.value, is_active=True).order_by("pk").first()
    return issue_access(admin) if admin else None
