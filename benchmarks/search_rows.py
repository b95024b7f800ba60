"""Rows of a catalogue as arrivals would have made them, written in bulk: for searches at sizes that nobody sends."""

import datetime as dt
import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

SERIES_A_STUDY = 2
INSTANCES_A_SERIES = 5
CT = "1.2.840.10008.5.1.4.1.1.2"
KINDS = ((CT, "CT"), ("1.2.840.10008.5.1.4.1.1.4", "MR"), ("1.2.840.10008.5.1.4.1.1.1", "CR"))
FIRST_DAY = dt.date(1999, 1, 4)
STUDIES_A_DAY = 10

_GROUP = 20_000
_STARTS = [
    "Al",
    "Be",
    "Cas",
    "Do",
    "Es",
    "Fer",
    "Gar",
    "Her",
    "Ig",
    "Ja",
    "Lo",
    "Mu",
    "Na",
    "Ort",
    "Pe",
    "Qui",
    "Ro",
    "San",
    "To",
    "Ur",
    "Va",
    "Xi",
    "Za",
    "Mül",
    "Søre",
    "Yo",
    "Wal",
]
_MIDDLES = ["ra", "mi", "lo", "ne", "tu", "ca", "dri", "gue", "lle", "ña", "vi", "so"]
_ENDS = ["z", "ez", "n", "s", "la", "do", "rra", "mann", "sen", "ski", "ñoz", "ta"]
_GIVEN = [
    "Ana",
    "José",
    "María",
    "Luis",
    "Sofía",
    "Diego",
    "Lucía",
    "Pablo",
    "Elena",
    "Raúl",
    "Inés",
    "Jürgen",
    "Łukasz",
    "Chloé",
    "Björn",
    "Zoë",
]
_CJK = (("山田", "太郎"), ("鈴木", "花子"), ("王", "小明"), ("김", "철수"))


def about(number: int) -> dict[str, str]:
    """Return what study `number` says of itself; always the same."""
    chance = random.Random(number)  # noqa: S311 - nothing secret
    family = chance.choice(_STARTS) + "".join(chance.choices(_MIDDLES, k=chance.randint(1, 3))) + chance.choice(_ENDS)
    name = f"{family}^{chance.choice(_GIVEN)}"
    if number % 50 == 0:
        name += "=" + "^".join(chance.choice(_CJK))
    day = FIRST_DAY + dt.timedelta(days=number // STUDIES_A_DAY)
    return {
        "patient_name": name,
        "patient_id": f"PAT{number // 2:07}",
        "patient_birth_date": f"{chance.randint(1930, 2020)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}",
        "patient_sex": "MFO"[number % 3],
        "study_date": day.strftime("%Y%m%d"),
        "study_time": f"{chance.randint(7, 20):02}{chance.randint(0, 59):02}{chance.randint(0, 59):02}",
        "accession_number": f"ACC{number:08}",
        "study_id": f"S{number:07}",
        "study_description": f"{KINDS[number % 3][1]} {chance.choice(('chest', 'head', 'knee', 'abdomen'))}",
        "referring_physician_name": f"{chance.choice(_STARTS)}{chance.choice(_ENDS)}^{chance.choice(_GIVEN)}",
    }


def study_uid(number: int) -> str:
    """Return the UID of study `number`."""
    return f"2.25.{10**30 + number}"


def series_uid(number: int, place: int) -> str:
    """Return the UID of a series of study `number`."""
    return f"2.25.{2 * 10**30 + number * 100 + place}"


def instance_uid(number: int, place: int, image: int) -> str:
    """Return the UID of an instance."""
    return f"2.25.{3 * 10**30 + number * 10_000 + place * 100 + image}"


def fill(studies: int) -> None:
    """Write so many studies, with their series and instances, into the default project of the configured database."""
    from django.db import connection

    from cauce.records.models import Project

    project = Project.objects.get(slug="default").pk
    now = dt.datetime.now(dt.UTC)
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            # Only the filling: indexes are written in no order, so they are held in memory.
            cursor.execute("PRAGMA cache_size = -1000000")
            cursor.execute("PRAGMA synchronous = OFF")
    for model, rows in _tables(project, studies, now):
        _insert(model, rows(), now)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
            for table in ("study", "series", "instance", "version"):
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('records_{table}', 'id'), "  # noqa: S608 - our names
                    f"(SELECT max(id) FROM records_{table}))"
                )
    connection.close()


def _tables(
    project: int, studies: int, now: dt.datetime
) -> Iterable[tuple[Any, Callable[[], Iterator[dict[str, Any]]]]]:
    from cauce.records import models

    yield models.Study, lambda: _studies(project, studies, now)
    yield models.StudyName, lambda: _names(project, studies)
    yield models.Series, lambda: _series(studies)
    yield models.SeriesKind, lambda: _kinds(project, studies)
    yield models.Instance, lambda: _instances(project, studies)
    yield models.Version, lambda: _versions(studies, now)


def _insert(model: Any, rows: Iterator[dict[str, Any]], now: dt.datetime) -> None:
    from django.db import transaction

    from cauce.adapters.statements import Table

    table = Table(model, keyed=True)
    while group := list(itertools.islice(rows, _GROUP)):
        with transaction.atomic():
            table.insert(group, now=now)


def _studies(project: int, studies: int, now: dt.datetime) -> Iterator[dict[str, Any]]:
    for number in range(studies):
        yield {
            "id": number + 1,
            "project_id": project,
            "study_instance_uid": study_uid(number),
            "status": "ready",
            "last_received_at": now,
            **about(number),
        }


def _names(project: int, studies: int) -> Iterator[dict[str, Any]]:
    from cauce.adapters.search_index import names_of
    from cauce.core.messages import Attributes

    key = itertools.count(1)
    for number in range(studies):
        for kind, text in names_of(Attributes(**about(number))):  # type: ignore[arg-type] # texts alone
            yield {"id": next(key), "project_id": project, "study_id": number + 1, "kind": kind, "text": text}


def _series(studies: int) -> Iterator[dict[str, Any]]:
    for number in range(studies):
        for place in range(SERIES_A_STUDY):
            yield {
                "id": number * SERIES_A_STUDY + place + 1,
                "study_id": number + 1,
                "series_instance_uid": series_uid(number, place),
                "modality": KINDS[number % 3][1],
                "series_number": place + 1,
                "series_description": f"series {place + 1}",
                "performed_procedure_step_start_date": about(number)["study_date"],
            }


def _kinds(project: int, studies: int) -> Iterator[dict[str, Any]]:
    for number in range(studies):
        for place in range(SERIES_A_STUDY):
            sop_class, modality = KINDS[number % 3]
            key = number * SERIES_A_STUDY + place + 1
            yield {
                "id": key,
                "project_id": project,
                "study_id": number + 1,
                "series_id": key,
                "modality": modality,
                "sop_class_uid": sop_class,
            }


def _places(studies: int) -> Iterator[tuple[int, int, int, int]]:
    key = itertools.count(1)
    for number in range(studies):
        for place in range(SERIES_A_STUDY):
            for image in range(INSTANCES_A_SERIES):
                yield next(key), number, place, image


def _instances(project: int, studies: int) -> Iterator[dict[str, Any]]:
    for key, number, place, image in _places(studies):
        yield {
            "id": key,
            "project_id": project,
            "series_id": number * SERIES_A_STUDY + place + 1,
            "sop_instance_uid": instance_uid(number, place, image),
            "sop_class_uid": KINDS[number % 3][0],
        }


def _versions(studies: int, now: dt.datetime) -> Iterator[dict[str, Any]]:
    for key, _, _, image in _places(studies):
        yield {
            "id": key,
            "instance_id": key,
            "object_id": f"{key:032x}",
            "state": "current",
            "transfer_syntax_uid": "1.2.840.10008.1.2.1",
            "dataset_sha256": key.to_bytes(32, "big"),
            "size_bytes": 530_000,
            "dataset_offset": 400,
            "instance_number": image + 1,
            "rows": 512,
            "columns": 512,
            "bits_allocated": 16,
            "image_type": "ORIGINAL\\PRIMARY\\AXIAL",
            "source": "stow",
            "received_at": now,
        }
