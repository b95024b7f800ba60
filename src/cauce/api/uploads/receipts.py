"""The receipt that answers an upload: what became of each file of this request."""

from collections.abc import Sequence
from typing import Any

from cauce.core.actors import Actor
from cauce.core.messages import UploadRef, Verdict
from cauce.core.statuses import ItemStatus

UPLOADS_PATH = "/api/uploads/"


def receipt_of(
    upload: UploadRef, verdicts: Sequence[Verdict], *, actor: Actor, base_url: str, finished: bool
) -> dict[str, Any]:
    """Return the receipt as plain data: counts, and a line a file in the order in which they came.

    `finished` is False while an archive is being unpacked: its files appear in the receipt at `url` as they are taken
    in, and `pending` disappears there with the last of them.
    """
    counts = dict.fromkeys((status.value for status in ItemStatus), 0)
    for verdict in verdicts:
        counts[verdict.status.value] += 1
    return {
        "id": upload.public_id,
        "url": f"{base_url}{UPLOADS_PATH}{upload.public_id}/",
        "project": upload.project.slug,
        "finished": finished,
        "counts": counts,
        "files": [_line(verdict, actor=actor) for verdict in verdicts],
    }


def _line(verdict: Verdict, *, actor: Actor) -> dict[str, Any]:
    return {
        "name": verdict.name,
        "status": verdict.status.value,
        "code": verdict.code,
        "detail": verdict.detail,
        "study": verdict.study_id,
        "sop_instance_uid": verdict.sop_instance_uid if actor.may_see_originals else "",
        "warnings": [{"code": warned.code, "detail": warned.detail} for warned in verdict.warnings],
    }
