"""Settling conflicts in the SQL catalogue."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from django.utils import timezone

from cauce import audit
from cauce.adapters import rows
from cauce.adapters.ledger_sql import enqueue
from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.core.actors import Actor
from cauce.core.errors import Conflicting, Forbidden, NotFound
from cauce.core.statuses import StudyStatus
from cauce.ports.ledger import JobRequest
from cauce.readings.places import PATIENT, Place, elsewhere, place_of
from cauce.records.models import Series, Study, Version

_AT_ONCE: Final = 500
_CURRENT, _CONFLICT, _SUPERSEDED = Version.State.CURRENT, Version.State.CONFLICT, Version.State.SUPERSEDED


class SqlConflicts:
    """Fulfils `cauce.ports.conflicts.Conflicts`."""

    def accept(self, version_id: str, *, actor: Actor) -> None:
        """Let a contested version take the place of the current one, which is kept, superseded.

        Study and series are described as it has them from now on.
        """
        with transaction_of_ours():
            version, study = _contested(version_id, actor)
            named = version.header.document
            _require_same_place(place_of(named), version, study)
            _exchange([version.pk], [version.instance_id], timezone.now())
            _describe_anew(named, version.instance.series_id, study)
            self._close_now(study)
            audit.record(actor, "conflict.accept", subject=version_id, study=study.public_id)

    def reject(self, version_id: str, *, actor: Actor) -> None:
        """Let the current version stay; the contested one is kept, superseded."""
        with transaction_of_ours():
            version, study = _contested(version_id, actor)
            _settle([version.pk], _SUPERSEDED, timezone.now())
            audit.record(actor, "conflict.reject", subject=version_id, study=study.public_id)

    def accept_study(self, version_id: str, *, actor: Actor) -> int:
        """Accept, with a contested version, those of its study that name the same patient; return how many."""
        alike = _alike(version_id, actor)
        with transaction_of_ours():
            version, study = _contested(version_id, actor)
            named = version.header.document
            differing = elsewhere(_place_of_held(version, study), place_of(named))
            if differing not in ([], [PATIENT]):
                raise Conflicting(_ELSEWHERE.format(", ".join(differing)))
            # Oldest first, so that of several contents of one instance the newest is taken.
            chosen = {row.instance_id: row for row in _still_contested(study, alike)} | {version.instance_id: version}
            if differing:
                _require_all(study, chosen)
            _exchange([row.pk for row in chosen.values()], sorted(chosen), timezone.now())
            for one in {row.instance.series_id: row for row in [*chosen.values(), version]}.values():
                _describe_anew(one.header.document, one.instance.series_id, study)
            _describe_anew(named, version.instance.series_id, study)  # the last: the study is described as it has it
            self._close_now(study)
            patient = "corrected" if differing else "same"
            details: dict[str, Any] = {"study": study.public_id, "count": len(chosen), "patient": patient}
            audit.record(actor, "conflict.accept_study", subject=version_id, **details)
        return len(chosen)

    def reject_study(self, version_id: str, *, actor: Actor) -> int:
        """Reject, with a contested version, those of its study that name the same patient; return how many."""
        alike = _alike(version_id, actor)
        with transaction_of_ours():
            _, study = _contested(version_id, actor)
            rejected = [row.pk for row in _still_contested(study, alike)]
            _settle(rejected, _SUPERSEDED, timezone.now())
            details: dict[str, Any] = {"study": study.public_id, "count": len(rejected)}
            audit.record(actor, "conflict.reject_study", subject=version_id, **details)
        return len(rejected)

    @staticmethod
    def _close_now(study: Study) -> None:
        """Enqueue the closing that makes the next revision; a closing that waits for more arrivals covers it, too."""
        key = f"close:{study.public_id}:{study.closings}"
        enqueue([JobRequest(key=key, step="close", study_pk=study.pk)])
        if study.status != StudyStatus.RECEIVING.value:
            study.status, study.updated_at = StudyStatus.QUEUED.value, timezone.now()
            study.save(update_fields=["status", "updated_at"])


_ELSEWHERE: Final = (
    "it names another {} than the content that holds its UID, so it cannot take its place: reject it, and have it sent "
    "again under a UID of its own"
)
_OF_ANOTHER_PATIENT: Final = (
    "it names another patient than its study, and one study is never of two patients: accept the whole study "
    "(accept --study), once all of it has come with the corrected patient, or reject it"
)


def _require_same_place(named: Place, version: Version, study: Study) -> None:
    """Return if a contested version says that it is of this study, this series and this patient.

    Raises:
        Conflicting: it names another; to file it here would show one patient's image as another's.
    """
    differing = elsewhere(_place_of_held(version, study), named)
    if differing == [PATIENT]:
        raise Conflicting(_OF_ANOTHER_PATIENT)
    if differing:
        raise Conflicting(_ELSEWHERE.format(", ".join(differing)))


def _require_all(study: Study, chosen: dict[int, Version]) -> None:
    """Return if every image of the study has been chosen.

    Raises:
        Conflicting: some have not, and would stay behind with the other patient.
    """
    instances = set(
        Version.objects.filter(instance__series__study=study, state=_CURRENT).values_list("instance_id", flat=True)
    )
    if missing := len(instances - chosen.keys()):
        raise Conflicting(
            f"{missing} of the {len(instances)} images of the study have not come with that patient, and one study is "
            "never of two patients: have the whole study sent again with it, then accept it, or reject this"
        )


def _place_of_held(version: Version, study: Study) -> Place:
    """Return where the instance of a version is filed."""
    return Place(
        study_instance_uid=study.study_instance_uid,
        series_instance_uid=version.instance.series.series_instance_uid,
        patient_id=study.patient_id,
        issuer_of_patient_id=study.issuer_of_patient_id,
    )


def _alike(version_id: str, actor: Actor) -> frozenset[int]:
    """Return the contested versions of the study of this one that name the same patient and are as much elsewhere.

    What a header says never changes, so that it is read before the transaction: nobody waits for it.
    """
    with translated():
        version = _version(version_id, actor)
        study = Study.objects.get(pk=version.instance.series.study_id)
        wanted = place_of(version.header.document)
        differing = elsewhere(_place_of_held(version, study), wanted)
        contested = Version.objects.filter(state=_CONFLICT, instance__series__study=study)
        found = set()
        for keys in _in_groups(contested.order_by("pk").values_list("pk", flat=True)):
            group = Version.objects.filter(pk__in=keys).select_related("instance__series", "header")
            for one in group:
                place = place_of(one.header.document)
                if place.patient == wanted.patient and elsewhere(_place_of_held(one, study), place) == differing:
                    found.add(one.pk)
    return frozenset(found)


def _still_contested(study: Study, alike: frozenset[int]) -> Iterator[Version]:
    """Yield those of `alike` that nobody has settled meanwhile, oldest first."""
    contested = Version.objects.filter(state=_CONFLICT, instance__series__study=study).select_related("instance")
    return (version for version in contested.order_by("pk") if version.pk in alike)


def _exchange(accepted: Sequence[int], instances: Sequence[int], now: dt.datetime) -> None:
    """Let accepted versions take the places of the current ones of their instances."""
    for some in _in_groups(instances):
        Version.objects.filter(instance__in=some, state=_CURRENT).update(state=_SUPERSEDED, settled_at=now)
    _settle(accepted, _CURRENT, now)


def _settle(versions: Sequence[int], state: Version.State, now: dt.datetime) -> None:
    for some in _in_groups(versions):
        Version.objects.filter(pk__in=some).update(state=state, settled_at=now)


def _describe_anew(named: dict[str, Any], series_pk: int, study: Study) -> None:
    attributes = rows.described(named)
    Study.objects.filter(pk=study.pk).update(**rows.columns(attributes, rows.STUDY_COLUMNS), updated_at=timezone.now())
    Series.objects.filter(pk=series_pk).update(**rows.columns(attributes, rows.SERIES_COLUMNS))


def _contested(version_id: str, actor: Actor) -> tuple[Version, Study]:
    version = _version(version_id, actor)
    study = Study.objects.select_for_update().get(pk=version.instance.series.study_id)
    version.refresh_from_db(fields=["state"])
    if version.state != _CONFLICT:
        raise Conflicting(f"the version is {version.state}, there is nothing to settle")
    return version, study


def _version(version_id: str, actor: Actor) -> Version:
    if not (actor.may_see_originals and actor.may_store):
        raise Forbidden("this account may not settle conflicts")
    version = Version.objects.select_related("instance__series").filter(object_id=version_id).first()
    if version is None:
        raise NotFound("there is no such version")
    return version


def _in_groups(keys: Iterable[int]) -> Iterator[list[int]]:
    """Yield keys in groups that one statement can hold."""
    left = iter(keys)
    while group := list(islice(left, _AT_ONCE)):
        yield group
