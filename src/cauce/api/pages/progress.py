"""Where a study is in the flow, as four steps."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cauce.core.statuses import AttentionCause, JobStatus, StudyStatus

STEPS: tuple[str | Promise, ...] = (_("Received"), _("De-identified"), _("Measured"), _("Ready"))
_RECEIVED, _DEIDENTIFIED, _MEASURED, _READY = range(len(STEPS))
_OPEN = frozenset({JobStatus.QUEUED.value, JobStatus.RUNNING.value, JobStatus.RETRYING.value})
_HELD_AT = {
    AttentionCause.PIXELS_UNPROVEN.value: _DEIDENTIFIED,
    AttentionCause.IDENTITY_SUSPECTED.value: _DEIDENTIFIED,
    AttentionCause.DEIDENTIFICATION_FAILED.value: _DEIDENTIFIED,
    AttentionCause.OBJECT_DAMAGED.value: _DEIDENTIFIED,
    AttentionCause.UNDECODABLE_PIXELS.value: _MEASURED,
    AttentionCause.CONFLICT.value: _RECEIVED,
}
_STEP_OF_JOB = {"close": _RECEIVED, "deidentify": _DEIDENTIFIED, "process": _MEASURED, "summarise": _MEASURED}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `state` is `done`, `now`, `held` or nothing."""

    name: str | Promise
    state: str


def steps_of(status: str, causes: Sequence[Mapping[str, Any]], jobs: Sequence[Mapping[str, Any]]) -> list[Step]:
    """Return the steps of a study from its status, its causes, and its jobs by step and status."""
    if status == StudyStatus.READY.value:
        return [Step(name, "done") for name in STEPS]
    if status == StudyStatus.ATTENTION.value:
        at, word = _held_at(causes), "held"
    elif status == StudyStatus.RECEIVING.value:
        at, word = _RECEIVED, "now"
    else:
        at, word = _open_at({job["step"] for job in jobs if job["status"] in _OPEN}), "now"
    return [Step(name, "done" if n < at else word if n == at else "") for n, name in enumerate(STEPS)]


def _open_at(steps: Collection[str]) -> int:
    return min((_STEP_OF_JOB.get(step, _READY) for step in steps if step != "close"), default=_DEIDENTIFIED)


def _held_at(causes: Sequence[Mapping[str, Any]]) -> int:
    places = [_place_of(str(cause.get("cause", "")), str(cause.get("detail", ""))) for cause in causes]
    return min(places, default=_READY)


def _place_of(cause: str, detail: str) -> int:
    if cause == AttentionCause.JOB_DEAD.value:
        return _STEP_OF_JOB.get(detail.partition(":")[0], _READY)
    return _HELD_AT.get(cause, _READY)
