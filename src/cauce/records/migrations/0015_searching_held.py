"""What is stored already is made searchable: names, kinds, requests, and what the headers say besides."""

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.db import migrations

from cauce.core.name_words import name_groups, searchable_words

_AT_ONCE: Final = 500
_NAMES: Final = (("patient_name", 0), ("referring_physician_name", 2))
_LENGTH_MAX: Final = 512
_ID_LENGTH_MAX: Final = 64
_STUDY: Final = {
    "patient_name": "00100010",
    "patient_id": "00100020",
    "issuer_of_patient_id": "00100021",
    "patient_birth_date": "00100030",
    "patient_sex": "00100040",
    "study_date": "00080020",
    "study_time": "00080030",
    "accession_number": "00080050",
    "study_id": "00200010",
    "study_description": "00081030",
    "referring_physician_name": "00080090",
    "institution_name": "00080080",
    "timezone_offset": "00080201",
}
_SERIES: Final = {
    "modality": "00080060",
    "series_description": "0008103E",
    "series_date": "00080021",
    "series_time": "00080031",
    "body_part_examined": "00180015",
    "laterality": "00200060",
    "protocol_name": "00181030",
    "manufacturer": "00080070",
    "station_name": "00081010",
    "performed_procedure_step_start_date": "00400244",
    "performed_procedure_step_start_time": "00400245",
    "timezone_offset": "00080201",
}
Document = Mapping[str, Any]


def make_searchable(apps: Any, schema_editor: Any) -> None:
    """Fill what searches look into."""
    _name_studies(apps)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO records_serieskind (project_id, study_id, series_id, modality, sop_class_uid) "
            "SELECT DISTINCT i.project_id, s.study_id, s.id, s.modality, i.sop_class_uid "
            "FROM records_instance i JOIN records_series s ON s.id = i.series_id"
        )
    _read_headers(apps)
    _gather_clean(apps)


def _name_studies(apps: Any) -> None:
    study, name = apps.get_model("records", "Study"), apps.get_model("records", "StudyName")
    rows: list[Any] = []
    for one in study.objects.order_by("pk").iterator(chunk_size=_AT_ONCE):
        rows += _names_of(name, one)
        if len(rows) >= _AT_ONCE:
            name.objects.bulk_create(rows)
            rows = []
    name.objects.bulk_create(rows)


def _names_of(name: Any, study: Any) -> Iterator[Any]:
    for column, kind in _NAMES:
        text = getattr(study, column)
        for number, words in ((kind, name_groups(text)), (kind + 1, searchable_words(text))):
            for word in dict.fromkeys(words):
                yield name(project_id=study.project_id, study_id=study.pk, kind=number, text=word)


def _read_headers(apps: Any) -> None:
    """Read each header once, in the order of arrival: of series and studies the first counts."""
    header, version = apps.get_model("records", "VersionHeader"), apps.get_model("records", "Version")
    request = apps.get_model("records", "SeriesRequest")
    seen: set[int] = set()
    changed: list[Any] = []
    requests: list[Any] = []
    held = header.objects.order_by("pk").select_related("version__instance__series")
    for one in held.iterator(chunk_size=_AT_ONCE):
        document = json.loads(zlib.decompress(bytes(one.dicom_json)))
        row, series = one.version, one.version.instance.series
        row.bits_allocated, row.timezone_offset = _number(document, "00280100"), _text(document, "00080201")
        changed.append(row)
        if series.pk not in seen:
            seen.add(series.pk)
            requests += [request(series_id=series.pk, **item) for item in _requests(document)]
            if row.timezone_offset:
                for place in (series, series.study):
                    place.timezone_offset = row.timezone_offset
                    place.save(update_fields=["timezone_offset"])
        if len(changed) >= _AT_ONCE:
            version.objects.bulk_update(changed, ["bits_allocated", "timezone_offset"])
            request.objects.bulk_create(requests)
            changed, requests = [], []
    version.objects.bulk_update(changed, ["bits_allocated", "timezone_offset"])
    request.objects.bulk_create(requests)


def _gather_clean(apps: Any) -> None:
    """Make the studies and series of the de-identified space from what its own objects say; the last profile counts."""
    clean = apps.get_model("records", "DeidentifiedInstance")
    held = clean.objects.exclude(object_id="").exclude(dicom_json=None).order_by("pk")
    for one in held.select_related("version__instance").iterator(chunk_size=_AT_ONCE):
        document = json.loads(zlib.decompress(bytes(one.dicom_json)))
        project, sop_class = one.version.instance.project_id, one.version.instance.sop_class_uid
        study = _clean_study(apps, project, one, document)
        series = _clean_series(apps, study, one, document)
        apps.get_model("records", "CleanKind").objects.get_or_create(
            series_id=series.pk,
            sop_class_uid=sop_class,
            defaults={"project_id": project, "study_id": study.pk, "modality": series.modality},
        )
        one.clean_series_id = series.pk
        one.content_date, one.content_time = _text(document, "00080023"), _text(document, "00080033")
        one.timezone_offset = _text(document, "00080201")
        one.save(update_fields=["clean_series_id", "content_date", "content_time", "timezone_offset"])


def _clean_study(apps: Any, project_id: int, one: Any, document: Document) -> Any:
    model, name = apps.get_model("records", "CleanStudy"), apps.get_model("records", "CleanName")
    wanted = {column: _text(document, tag) for column, tag in _STUDY.items()}
    study, is_new = model.objects.get_or_create(
        project_id=project_id,
        study_instance_uid=one.study_instance_uid,
        defaults={"profile": one.profile, **wanted},
    )
    if not is_new and study.profile == one.profile:
        return study
    if not is_new:
        model.objects.filter(pk=study.pk).update(profile=one.profile, **wanted)
        study = model.objects.get(pk=study.pk)
        name.objects.filter(study_id=study.pk).delete()
    name.objects.bulk_create(list(_names_of(name, study)))
    return study


def _clean_series(apps: Any, study: Any, one: Any, document: Document) -> Any:
    model, request = apps.get_model("records", "CleanSeries"), apps.get_model("records", "CleanRequest")
    wanted: dict[str, Any] = {column: _text(document, tag) for column, tag in _SERIES.items()}
    wanted["series_number"] = _number(document, "00200011")
    series, is_new = model.objects.get_or_create(
        study_id=study.pk,
        series_instance_uid=one.series_instance_uid,
        defaults={"project_id": study.project_id, "profile": one.profile, **wanted},
    )
    if not is_new and series.profile == one.profile:
        return series
    if not is_new:
        model.objects.filter(pk=series.pk).update(profile=one.profile, **wanted)
        series = model.objects.get(pk=series.pk)
        request.objects.filter(series_id=series.pk).delete()
    request.objects.bulk_create([request(series_id=series.pk, **item) for item in _requests(document)])
    return series


def _text(document: Document, tag: str) -> str:
    values = [_one_text(value) for value in document.get(tag, {}).get("Value", [])]
    return "\\".join(values).replace("\0", "")[:_LENGTH_MAX]


def _one_text(value: Any) -> str:
    if isinstance(value, dict):
        groups = (value.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic"))
        return "=".join(groups).rstrip("=")
    return "" if value is None else str(value)


def _number(document: Document, tag: str) -> int | None:
    (number, *_) = document.get(tag, {}).get("Value") or [None]
    return number if isinstance(number, int) and 0 <= number < 2**31 else None


def _requests(document: Document) -> Iterator[dict[str, Any]]:
    for number, item in enumerate(document.get("00400275", {}).get("Value", []), 1):
        step, procedure = _text(item or {}, "00400009"), _text(item or {}, "00401001")
        if step or procedure:
            yield {
                "number": number,
                "scheduled_step_id": step[:_ID_LENGTH_MAX],
                "requested_procedure_id": procedure[:_ID_LENGTH_MAX],
            }


class Migration(migrations.Migration):
    dependencies = [("records", "0014_searching")]

    operations = [migrations.RunPython(make_searchable, migrations.RunPython.noop, elidable=True)]
