"""`cauce doctor`: what is wrong with this installation, and what to do about it."""

import shutil
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import httpx
import typer
from rich.text import Text

from cauce import bootstrap
from cauce.cli.application import Application
from cauce.cli.client import trusted
from cauce.cli.output import console, counted, print_json, status_text
from cauce.core.errors import CauceError
from cauce.core.limits import MIB
from cauce.core.statuses import Space
from cauce.settings import environment
from cauce.settings.environment import Settings

OK, WARNING, FAILED = "ok", "warning", "failed"
SQLITE_WITHOUT_WAL_RESET_BUG = (3, 51, 3)
"""Before this SQLite could corrupt a database when several processes wrote while its WAL was reset."""
CLOCK_TOLERANCE_S = 5.0
_CODECS = ("jpeg8_decode", "jpegls_decode", "jpeg2k_decode", "jpegxl_decode")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing looked at. `advice` says what to do where it is not well."""

    name: str
    status: str
    detail: str
    advice: str = ""


def register(application: Application) -> None:
    """Add the command."""
    application.command()(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Rebuild the catalogue from the objects, and sweep. Stop the server first.")
    ] = False,
    scrub: Annotated[bool, typer.Option("--scrub", help="Read every original and compare it with its digest.")] = False,
) -> int:
    """Say what is wrong with this installation, and what to do.

    Looks at folders, keys, database, object store, codecs and ports, and changes nothing. With --repair or --scrub it
    does that instead.
    """
    settings = environment.current()
    if repair or scrub:
        from cauce.cli import repairing

        is_repaired = repairing.repair(settings) if repair else True
        is_sound = repairing.scrub() if scrub else True
        return 0 if is_repaired and is_sound else 1
    findings = list(_findings(settings))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        _print(findings)
    return 1 if any(finding.status == FAILED for finding in findings) else 0


def _print(findings: list[Finding]) -> None:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        line = status_text(f"{finding.status:<7}")
        console().print(line.append(f"  {finding.name:<{width}}  {finding.detail}", style="default"))
        if finding.advice:
            console().print(Text(f"{'':<7}  {'':<{width}}  {finding.advice}", style="dim"))
    counts = Counter(finding.status for finding in findings)
    if counts[FAILED]:
        console().print(f"\n{counted(counts[FAILED], 'thing')} must be put right")
    elif counts[WARNING]:
        console().print(f"\nnothing is broken; {counted(counts[WARNING], 'warning')}")
    else:
        console().print("\nall is well")


def _findings(settings: Settings) -> Iterator[Finding]:
    checks: tuple[tuple[str, Callable[[Settings], Finding]], ...] = (
        ("python", _python),
        ("data folder", _data),
        ("room", _room),
        ("keys", _keys),
        ("database", _database),
        ("tables", _tables),
        ("object store", _objects),
        ("clock", _clock),
        ("codecs", _codecs),
        ("text in pixels", _text_reader),
        ("web", _web),
        ("DICOM listener", _dimse),
    )
    for name, check in checks:
        try:
            yield check(settings)
        except CauceError as error:
            yield Finding(name=name, status=FAILED, detail=error.detail)
        except Exception as error:  # noqa: BLE001 - a doctor reports whatever it meets
            yield Finding(name=name, status=FAILED, detail=f"could not be looked at ({type(error).__name__})")


def _python(_settings: Settings) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(name="python", status=OK, detail=version)


def _data(settings: Settings) -> Finding:
    folder = settings.data_folder
    if not folder.exists():
        advice = "it is made by the first `cauce up`; or set CAUCE_DATA to where the data is"
        return Finding(name="data folder", status=WARNING, detail=f"{folder} does not exist yet", advice=advice)
    if folder.stat().st_mode & 0o077:
        advice = f"take that from them: chmod 700 {folder}"
        return Finding(name="data folder", status=WARNING, detail=f"others may look into {folder}", advice=advice)
    return Finding(name="data folder", status=OK, detail=str(folder))


def _room(settings: Settings) -> Finding:
    place = settings.data_folder
    while not place.exists():
        place = place.parent
    free_mb = shutil.disk_usage(place).free // MIB
    detail = f"{free_mb} MiB free, {settings.reserve_mb} MiB of them kept as reserve"
    if free_mb <= settings.reserve_mb:
        advice = "intake answers storage_full: free some room, or lower CAUCE_RESERVE_MB"
        return Finding(name="room", status=FAILED, detail=detail, advice=advice)
    return Finding(name="room", status=OK, detail=detail)


def _keys(settings: Settings) -> Finding:
    if not settings.keys.exists():
        if (settings.data_folder / "keyring.json").exists():
            advice = "without it nothing in the data folder can be read: put it back, or set CAUCE_KEYS"
            return Finding(name="keys", status=FAILED, detail=f"{settings.keys} is missing", advice=advice)
        return Finding(name="keys", status=WARNING, detail=f"{settings.keys} does not exist yet")
    if settings.keys.resolve().is_relative_to(settings.data_folder):
        advice = "a copy of the data folder would carry its own key: set CAUCE_KEYS to a place outside"
        return Finding(name="keys", status=WARNING, detail="the key file lies inside CAUCE_DATA", advice=advice)
    if not (settings.data_folder / "keyring.json").exists():
        return Finding(name="keys", status=WARNING, detail=f"{settings.keys}, not used by this data folder yet")
    bootstrap.keyring().current_key(Space.ORIGINALS)
    advice = "keep a copy of it somewhere safe: without it the data is lost"
    return Finding(name="keys", status=OK, detail=str(settings.keys), advice=advice)


def _database(settings: Settings) -> Finding:
    if settings.database_url:
        return _postgresql(settings)
    from sqlcipher3 import dbapi2

    held = tuple(dbapi2.sqlite_version_info)
    detail = f"SQLCipher on SQLite {dbapi2.sqlite_version}"
    if held < SQLITE_WITHOUT_WAL_RESET_BUG:
        advice = "older than 3.51.3, which fixed a rare corruption with several writers: upgrade sqlcipher3 when it can"
        return Finding(name="database", status=WARNING, detail=detail, advice=advice)
    return Finding(name="database", status=OK, detail=detail)


def _postgresql(settings: Settings) -> Finding:
    from cauce.cli import start

    bootstrap.setup()
    start.require_database(settings)
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('fsync')")
        version, fsync = cursor.fetchone()
    if fsync != "on":
        advice = "what was accepted is lost with the power: set fsync to on"
        return Finding(name="database", status=FAILED, detail=f"PostgreSQL {version}, fsync is off", advice=advice)
    return Finding(name="database", status=OK, detail=f"PostgreSQL {version}")


def _tables(settings: Settings) -> Finding:
    if not settings.database_url and not (settings.data_folder / "cauce.db").exists():
        from cauce.cli import start

        if start.has_lost_catalogue(settings):
            advice = "put it back from a backup, or make the catalogue anew: cauce doctor --repair"
            detail = "the database is missing, but originals are stored"
            return Finding(name="tables", status=FAILED, detail=detail, advice=advice)
        return Finding(name="tables", status=WARNING, detail="there is no database yet")
    bootstrap.setup()
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        advice = "`cauce up` or `cauce migrate` brings them up to date"
        return Finding(name="tables", status=WARNING, detail=f"{counted(len(missing), 'change')} behind", advice=advice)
    if settings.database_url:
        return Finding(name="tables", status=OK, detail="up to date")
    with connection.cursor() as cursor:
        result = cursor.execute("PRAGMA quick_check(1)").fetchone()[0]
    status = OK if result == "ok" else FAILED
    return Finding(name="tables", status=status, detail="up to date" if status == OK else "the database is damaged")


def _objects(settings: Settings) -> Finding:
    if not (settings.data_folder / "objects").exists():
        return Finding(name="object store", status=WARNING, detail="there is none yet")
    bootstrap.setup()
    bootstrap.services().objects.check()
    return Finding(name="object store", status=OK, detail=str(settings.data_folder / "objects"))


def _clock(settings: Settings) -> Finding:
    """Compare the clock with what was written last."""
    if not settings.database_url and not (settings.data_folder / "cauce.db").exists():
        return Finding(name="clock", status=OK, detail="nothing has been written yet")
    bootstrap.setup()
    from django.db.models import Max
    from django.utils import timezone

    from cauce.audit.models import AuditEvent

    written_at = AuditEvent.objects.aggregate(at=Max("at"))["at"]
    behind_s = (written_at - timezone.now()).total_seconds() if written_at else 0.0
    if behind_s > CLOCK_TOLERANCE_S:
        advice = "jobs go on all the same, but times in the audit trail overlap: let chrony or ntpd keep the clock"
        detail = f"{behind_s:.0f} s behind what was written last: it went back"
        return Finding(name="clock", status=WARNING, detail=detail, advice=advice)
    return Finding(name="clock", status=OK, detail="not behind what was written last")


def _codecs(_settings: Settings) -> Finding:
    import imagecodecs

    missing = [name.removesuffix("_decode") for name in _CODECS if not _is_there(imagecodecs, name)]
    if missing:
        detail = f"missing: {', '.join(missing)}"
        return Finding(name="codecs", status=WARNING, detail=detail, advice="reinstall the locked requirements")
    return Finding(name="codecs", status=OK, detail=f"imagecodecs {imagecodecs.__version__}")


def _text_reader(_settings: Settings) -> Finding:
    from cauce.stages.deidentify import OcrUnavailable, text_reader

    try:
        text_reader()
    except OcrUnavailable as error:
        advice = "reinstall the locked requirements; until then every image that may show text is held back"
        return Finding(name="text in pixels", status=FAILED, detail=error.detail, advice=advice)
    return Finding(name="text in pixels", status=OK, detail="the models that read it are there")


def _is_there(imagecodecs: Any, name: str) -> bool:
    codec = getattr(imagecodecs, name.removesuffix("_decode").upper(), None)
    return bool(codec and codec.available)


def _web(settings: Settings) -> Finding:
    try:
        answer = httpx.get(f"{settings.base_url}/readyz", timeout=5, trust_env=False, verify=trusted(settings))
    except httpx.HTTPError:
        advice = "start it with: cauce up"
        detail = f"no server answers at {settings.base_url}"
        return Finding(name="web", status=WARNING, detail=detail, advice=advice)
    if answer.status_code == httpx.codes.OK:
        return Finding(name="web", status=OK, detail=f"{settings.base_url} is ready")
    detail = f"{settings.base_url}/readyz answers {answer.status_code}"
    return Finding(name="web", status=FAILED, detail=detail, advice=answer.text[:300])


def _dimse(settings: Settings) -> Finding:
    host, port = settings.dimse_address
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return Finding(name="DICOM listener", status=WARNING, detail=f"nothing listens at {host}:{port}")
    return Finding(name="DICOM listener", status=OK, detail=f"{settings.ae_title} at {host}:{port}")
