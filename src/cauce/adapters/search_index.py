"""What searches look into beside the columns of originals; written with the arrivals that made it necessary."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from django.db import connection

from cauce.adapters import rows
from cauce.adapters.statements import Table
from cauce.core.messages import Attributes, Header
from cauce.core.name_words import name_groups, searchable_words
from cauce.records.models import SeriesRequest, StudyName
from cauce.records.models.searching import REQUEST_ID_LENGTH_MAX, NameKind

_NAME: Final = Table(StudyName)
_REQUEST: Final = Table(SeriesRequest)

_REQUESTS: Final = "00400275"
_STEP_ID: Final = "00400009"
_PROCEDURE_ID: Final = "00401001"
_REQUESTS_MAX: Final = 100

_KIND_HEAD: Final = "INSERT INTO records_serieskind (project_id, study_id, series_id, modality, sop_class_uid) VALUES "
_KIND_ROW: Final = "(%s, %s, %s, (SELECT modality FROM records_series WHERE id = %s), %s)"
_KINDS_AT_ONCE: Final = 100


def name_studies(studies: Iterable[tuple[int, int, Attributes]], *, now: dt.datetime) -> None:
    """Write the names of new studies, each its project, its key, and what its first instance says."""
    found = [
        {"project_id": project_pk, "study_id": study_pk, "kind": kind, "text": text}
        for project_pk, study_pk, attributes in studies
        for kind, text in names_of(attributes)
    ]
    _NAME.insert(found, now=now, on_conflict="DO NOTHING")  # another process may have made the study


def names_of(attributes: Attributes) -> Iterator[tuple[int, str]]:
    """Yield what the names of a study are found by, each with its kind."""
    for name, whole, single in (
        (attributes.patient_name, NameKind.PATIENT_GROUP, NameKind.PATIENT_WORD),
        (attributes.referring_physician_name, NameKind.PHYSICIAN_GROUP, NameKind.PHYSICIAN_WORD),
    ):
        if name:
            plain = name.replace("\0", "")
            for group in dict.fromkeys(name_groups(plain)):
                yield whole.value, group
            for word in searchable_words(plain):
                yield single.value, word


def note_kinds(kinds: Iterable[tuple[int, int, int, str]]) -> None:
    """Write which SOP classes series hold: (project, study, series, class), where that is new."""
    wanted = sorted(set(kinds))
    for start in range(0, len(wanted), _KINDS_AT_ONCE):
        group = wanted[start : start + _KINDS_AT_ONCE]
        values = [value for project, study, series, uid in group for value in (project, study, series, series, uid)]
        with connection.cursor() as cursor:
            cursor.execute(_KIND_HEAD + ", ".join([_KIND_ROW] * len(group)) + " ON CONFLICT DO NOTHING", values)


def note_requests(series: Iterable[tuple[int, Header]], *, now: dt.datetime) -> None:
    """Write the Request Attributes Sequences of new series, each its key and the header of its first instance."""
    found = [
        {"series_id": series_pk, **item}
        for series_pk, header in series
        if b'"00400275"' in header.dicom_json
        for item in requests_of(json.loads(header.dicom_json))
    ]
    _REQUEST.insert(found, now=now, on_conflict="DO NOTHING")


def requests_of(dicom_json: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the items of the Request Attributes Sequence that can be searched for."""
    items = dicom_json.get(_REQUESTS, {}).get("Value") or ()
    for number, item in enumerate(items[:_REQUESTS_MAX], 1):
        step, procedure = (_short((item or {}).get(tag, {})) for tag in (_STEP_ID, _PROCEDURE_ID))
        if step or procedure:
            yield {"number": number, "scheduled_step_id": step, "requested_procedure_id": procedure}


def _short(element: Mapping[str, Any]) -> str:
    return rows.text_of(element).replace("\0", "")[:REQUEST_ID_LENGTH_MAX]
