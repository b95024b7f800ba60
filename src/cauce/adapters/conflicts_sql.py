"""Settling conflicts in the SQL catalogue."""

from typing import Any

from django.utils import timezone

from cauce import audit
from cauce.adapters import rows
from cauce.adapters.ledger_sql import enqueue
from cauce.adapters.sql_errors import transaction_of_ours
from cauce.core.actors import Actor
from cauce.core.errors import Conflicting, Forbidden, NotFound
from cauce.core.statuses import StudyStatus
from cauce.ports.ledger import JobRequest
from cauce.records.models import Series, Study, Version

_STUDY_INSTANCE_UID, _SERIES_INSTANCE_UID, _PATIENT_ID = "0020000D", "0020000E", "00100020"
_NAMES = {_STUDY_INSTANCE_UID: "study", _SERIES_INSTANCE_UID: "series", _PATIENT_ID: "patient"}


class SqlConflicts:
    """Fulfils `cauce.ports.conflicts.Conflicts`."""

    def accept(self, version_id: str, *, actor: Actor) -> None:
        """Let a contested version take the place of the current one, which is kept, superseded.

        Study and series are described as it has them from now on.
        """
        with transaction_of_ours():
            version, study = _contested(version_id, actor)
            named = version.header.document
            _require_same_place(named, version, study)
            Version.objects.filter(instance_id=version.instance_id, state=Version.State.CURRENT).update(
                state=Version.State.SUPERSEDED
            )
            Version.objects.filter(pk=version.pk).update(state=Version.State.CURRENT)
            _describe_anew(named, version, study)
            self._close_now(study)
            audit.record(actor, "conflict.accept", subject=version_id, study=study.public_id)

    def reject(self, version_id: str, *, actor: Actor) -> None:
        """Let the current version stay; the contested one is kept, superseded."""
        with transaction_of_ours():
            version, study = _contested(version_id, actor)
            Version.objects.filter(pk=version.pk).update(state=Version.State.SUPERSEDED)
            audit.record(actor, "conflict.reject", subject=version_id, study=study.public_id)

    @staticmethod
    def _close_now(study: Study) -> None:
        """Enqueue the closing that makes the next revision; a closing that waits for more arrivals covers it, too."""
        key = f"close:{study.public_id}:{study.closings}"
        enqueue([JobRequest(key=key, step="close", study_pk=study.pk)])
        if study.status != StudyStatus.RECEIVING.value:
            study.status, study.updated_at = StudyStatus.QUEUED.value, timezone.now()
            study.save(update_fields=["status", "updated_at"])


def _require_same_place(named: dict[str, Any], version: Version, study: Study) -> None:
    """Return if a contested version says that it is of this study, this series and this patient.

    Raises:
        Conflicting: it names another; to file it here would show one patient's image as another's.
    """
    held = {
        _STUDY_INSTANCE_UID: study.study_instance_uid,
        _SERIES_INSTANCE_UID: version.instance.series.series_instance_uid,
        _PATIENT_ID: study.patient_id.strip(),
    }
    values = {tag: (named.get(tag, {}).get("Value") or [""])[0] for tag in held}
    differing = [_NAMES[tag] for tag, value in values.items() if str(value or "").strip() != held[tag]]
    if differing:
        what = ", ".join(differing)
        raise Conflicting(
            f"it names another {what} than the content that holds its UID, so it cannot take its place: reject it, and "
            "have it sent again under a UID of its own"
        )


def _describe_anew(named: dict[str, Any], version: Version, study: Study) -> None:
    attributes = rows.described(named)
    Study.objects.filter(pk=study.pk).update(**rows.columns(attributes, rows.STUDY_COLUMNS), updated_at=timezone.now())
    Series.objects.filter(pk=version.instance.series_id).update(**rows.columns(attributes, rows.SERIES_COLUMNS))


def _contested(version_id: str, actor: Actor) -> tuple[Version, Study]:
    if not (actor.may_see_originals and actor.may_store):
        raise Forbidden("this account may not settle conflicts")
    version = Version.objects.select_related("instance__series").filter(object_id=version_id).first()
    if version is None:
        raise NotFound("there is no such version")
    study = Study.objects.select_for_update().get(pk=version.instance.series.study_id)
    version.refresh_from_db(fields=["state"])
    if version.state != Version.State.CONFLICT:
        raise Conflicting(f"the version is {version.state}, there is nothing to settle")
    return version, study
