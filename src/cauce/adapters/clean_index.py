"""What searches find of the de-identified space: studies and series as its own objects say, never as originals do."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.utils import timezone

from cauce.adapters import rows
from cauce.adapters.search_index import names_of, requests_of
from cauce.adapters.statements import Table, execute, fetch
from cauce.core.messages import Attributes, Header
from cauce.ports.catalogue import WrittenInstance
from cauce.records.models import CleanKind, CleanName, CleanRequest, CleanSeries, CleanStudy

_STUDY: Final = Table(CleanStudy)
_SERIES: Final = Table(CleanSeries)
_NAME: Final = Table(CleanName)
_KIND: Final = Table(CleanKind)
_REQUEST: Final = Table(CleanRequest)

_Key = tuple[int, str]


def index_clean(written: Sequence[WrittenInstance], *, profile: str) -> Mapping[int, int]:
    """Make studies and series of what was written, in the present transaction; return each version's series.

    What a study or series says is taken from its first object, and anew once one comes that another profile made.
    """
    whole = [(one.version_pk, one.header) for one in written if one.header is not None and one.object_id is not None]
    if not whole:
        return {}
    projects = dict(
        fetch(
            "SELECT v.id, i.project_id FROM records_version v JOIN records_instance i ON i.id = v.instance_id "
            "WHERE v.id IN {pks}",
            pks=sorted(pk for pk, _ in whole),
        )
    )
    studies: dict[_Key, Header] = {}
    for pk, header in whole:
        studies.setdefault((projects[pk], str(header.study_instance_uid)), header)
    study_pks = _put_studies(studies, profile)
    series: dict[_Key, tuple[int, Header]] = {}
    for pk, header in whole:
        study_pk = study_pks[projects[pk], str(header.study_instance_uid)]
        series.setdefault((study_pk, str(header.series_instance_uid)), (projects[pk], header))
    series_pks = _put_series(series, profile)
    places: dict[int, int] = {}
    kinds: set[tuple[int, int, int, str]] = set()
    for pk, header in whole:
        study_pk = study_pks[projects[pk], str(header.study_instance_uid)]
        places[pk] = series_pks[study_pk, str(header.series_instance_uid)]
        kinds.add((projects[pk], study_pk, places[pk], str(header.sop_class_uid)))
    _put_kinds(kinds, {places[pk]: header.attributes for pk, header in reversed(whole)})
    return places


def _put_studies(studies: Mapping[_Key, Header], profile: str) -> dict[_Key, int]:
    """Return the keys of studies by project and UID; what is new, or was said under another profile, is written."""
    now = timezone.now()
    wanted = sorted(studies)
    about = {key: rows.columns(studies[key].attributes, rows.STUDY_COLUMNS) for key in wanted}
    made = _STUDY.insert(
        [{"project_id": key[0], "study_instance_uid": key[1], "profile": profile, **about[key]} for key in wanted],
        now=now,
        on_conflict="DO NOTHING",
        returning="project_id, study_instance_uid",
    )
    found = fetch(
        "SELECT id, project_id, study_instance_uid, profile FROM records_cleanstudy "
        "WHERE project_id IN {projects} AND study_instance_uid IN {uids} ORDER BY id",
        lock=True,
        projects=sorted({project for project, _ in wanted}),
        uids=sorted({uid for _, uid in wanted}),
    )
    pks = {(project, uid): pk for pk, project, uid, _ in found if (project, uid) in about}
    changed = {(project, uid) for _, project, uid, under in found if (project, uid) in about and under != profile}
    for key in sorted(changed):
        _update("records_cleanstudy", pks[key], {**about[key], "profile": profile})
        execute("DELETE FROM records_cleanname WHERE study_id = {pk}", pk=pks[key])
    _NAME.insert(
        [
            {"project_id": key[0], "study_id": pks[key], "kind": kind, "text": text}
            for key in sorted({*map(_pair, made), *changed})
            for kind, text in names_of(studies[key].attributes)
        ],
        now=now,
        on_conflict="DO NOTHING",
    )
    return pks


def _put_series(series: Mapping[_Key, tuple[int, Header]], profile: str) -> dict[_Key, int]:
    """Return the keys of series by study and UID; see `_put_studies`."""
    now = timezone.now()
    wanted = sorted(series)
    about = {key: rows.columns(series[key][1].attributes, rows.SERIES_COLUMNS) for key in wanted}
    made = _SERIES.insert(
        [
            {
                "project_id": series[key][0],
                "study_id": key[0],
                "series_instance_uid": key[1],
                "profile": profile,
                **about[key],
            }
            for key in wanted
        ],
        now=now,
        on_conflict="DO NOTHING",
        returning="study_id, series_instance_uid",
    )
    found = fetch(
        "SELECT id, study_id, series_instance_uid, profile FROM records_cleanseries "
        "WHERE study_id IN {studies} AND series_instance_uid IN {uids} ORDER BY id",
        lock=True,
        studies=sorted({study for study, _ in wanted}),
        uids=sorted({uid for _, uid in wanted}),
    )
    pks = {(study, uid): pk for pk, study, uid, _ in found if (study, uid) in about}
    changed = {(study, uid) for _, study, uid, under in found if (study, uid) in about and under != profile}
    for key in sorted(changed):
        _update("records_cleanseries", pks[key], {**about[key], "profile": profile})
        execute("DELETE FROM records_cleanrequest WHERE series_id = {pk}", pk=pks[key])
        execute(
            "UPDATE records_cleankind SET modality = {modality} WHERE series_id = {pk}",
            modality=about[key]["modality"],
            pk=pks[key],
        )
    _REQUEST.insert(
        [
            {"series_id": pks[key], **item}
            for key in sorted({*map(_pair, made), *changed})
            for item in requests_of(_document(series[key][1]))
        ],
        now=now,
        on_conflict="DO NOTHING",
    )
    return pks


def _put_kinds(kinds: Iterable[tuple[int, int, int, str]], first: Mapping[int, Attributes]) -> None:
    _KIND.insert(
        [
            {
                "project_id": project,
                "study_id": study,
                "series_id": series,
                "sop_class_uid": uid,
                "modality": rows.columns(first[series], ("modality",))["modality"],
            }
            for project, study, series, uid in sorted(kinds)
        ],
        now=timezone.now(),
        on_conflict="DO NOTHING",
    )


def _update(table: str, pk: int, values: Mapping[str, Any]) -> None:
    changes = ", ".join(f'"{name}" = {{{name}}}' for name in values)
    execute(f"UPDATE {table} SET {changes} WHERE id = {{pk}}", pk=pk, **values)  # noqa: S608 - names are ours


def _pair(row: tuple[Any, ...]) -> _Key:
    return row[0], row[1]


def _document(header: Header) -> Mapping[str, Any]:
    held: Mapping[str, Any] = json.loads(header.dicom_json) if b'"00400275"' in header.dicom_json else {}
    return held
