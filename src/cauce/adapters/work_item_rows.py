"""Rows of work items: their data sets in and out, and the values that they are found by."""

import json
import secrets
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from cauce.adapters.rows import pack_json
from cauce.core.errors import NotFound
from cauce.core.messages import ProjectRef
from cauce.core.work_items import Performer, WorkItemState
from cauce.readings.work_items.attributes import PERFORMED, STATE, text_of
from cauce.readings.work_items.keys import Key, keys_of
from cauce.records.models import Study, WorkItem, WorkItemKey

_UID_BITS: Final = 128


def new_uid() -> str:
    """Return a fresh random UID (PS3.5 B.2)."""
    return f"2.25.{secrets.randbits(_UID_BITS)}"


def performer_of(item: WorkItem) -> Performer:
    """Return who is to carry a work item out."""
    return Performer.OTHERS if item.study_id is None else Performer.PLATFORM


def state_of(item: WorkItem) -> WorkItemState:
    """Return the state of a work item."""
    return WorkItemState(item.state)


def locked(project: ProjectRef, uid: str) -> WorkItem:
    """Return a work item, with what it is about, kept from others until the transaction ends.

    Raises:
        NotFound: there is none.
    """
    wanted = WorkItem.objects.filter(project_id=project.pk, sop_instance_uid=uid)
    study_pk = wanted.values_list("study_id", flat=True).first()
    if study_pk is not None:
        Study.objects.select_for_update().only("pk").get(pk=study_pk)  # before its work items, as everywhere
    item = wanted.select_for_update().first()
    if item is None:
        raise NotFound("There is no such work item.")
    return item


def document_of(item: WorkItem, *, includes_performed: bool = True) -> dict[str, Any]:
    """Return the data set of a work item."""
    document: dict[str, Any] = json.loads(zlib.decompress(bytes(item.document)))
    if includes_performed and item.performed is not None:
        document[PERFORMED] = json.loads(zlib.decompress(bytes(item.performed)))
    return document


def fill(item: WorkItem, document: Mapping[str, Any]) -> None:
    """Put a data set, and the state that it says, into a row. What was performed is kept apart: it can be long."""
    item.state = WorkItemState(text_of(document, STATE)).value
    item.document = _packed({tag: element for tag, element in document.items() if tag != PERFORMED})
    item.performed = _packed(document.get(PERFORMED, {"vr": "SQ"}))


@contextmanager
def changing(item: WorkItem) -> Iterator[dict[str, Any]]:
    """Write the data set of a work item again as it is when the block is left; what it is found by follows."""
    document = document_of(item)
    before = _keys(document)
    yield document
    fill(item, document)
    item.save()
    if (after := _keys(document)) != before:
        WorkItemKey.objects.filter(item=item).delete()
        _add_keys(item, after)


def add(item: WorkItem, document: Mapping[str, Any]) -> bool:
    """Write a new work item; False when its worklist has one of this UID."""
    fill(item, document)
    WorkItem.objects.bulk_create([item], ignore_conflicts=True)  # of two at the same time one is first
    kept = WorkItem.objects.get(project_id=item.project_id, sop_instance_uid=item.sop_instance_uid)
    if kept.public_id != item.public_id:
        return False
    item.pk = kept.pk
    _add_keys(item, _keys(document))
    return True


def _add_keys(item: WorkItem, keys: list[Key]) -> None:
    WorkItemKey.objects.bulk_create(
        [WorkItemKey(item=item, path=key.path, place=key.place, value=key.value) for key in keys], batch_size=200
    )


def _keys(document: Mapping[str, Any]) -> list[Key]:
    """Return what a work item is found by, but for its state, which has a column."""
    return [key for key in keys_of(document) if key.path != STATE]


def _packed(content: Mapping[str, Any]) -> bytes:
    return pack_json(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
