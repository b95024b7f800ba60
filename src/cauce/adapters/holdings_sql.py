"""Which stored objects the SQL catalogue refers to."""

from collections.abc import Iterator, Sequence

from django.utils import timezone

from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.core.identifiers import ObjectId
from cauce.core.statuses import AttentionCause, Space, StudyStatus
from cauce.ports.holdings import HeldContent
from cauce.records.models import Artifact, DeidentifiedInstance, Study, Version

_AT_ONCE = 500


class SqlHoldings:
    """Fulfils `cauce.ports.holdings.Holdings`."""

    def referred_to(self, space: Space, object_ids: Sequence[ObjectId]) -> set[ObjectId]:
        """Return those of `object_ids` that a row refers to."""
        models = (Version,) if space is Space.ORIGINALS else (DeidentifiedInstance, Artifact)
        found: set[ObjectId] = set()
        with translated():
            for model in models:
                rows = model._default_manager.filter(object_id__in=object_ids)  # noqa: SLF001 - Django's public model API
                found.update(ObjectId(object_id) for object_id in rows.values_list("object_id", flat=True))
        return found

    def contents(self) -> Iterator[HeldContent]:
        """Yield every original that a row refers to, in the order of their arrival, a page of rows at a time."""
        last = 0
        while True:
            with translated():
                rows = list(Version.objects.filter(pk__gt=last).order_by("pk")[:_AT_ONCE])
            for row in rows:
                yield HeldContent(
                    space=Space.ORIGINALS,
                    object_id=ObjectId(row.object_id),
                    size_bytes=row.size_bytes,
                    dataset_offset=row.dataset_offset,
                    dataset_sha256=bytes(row.dataset_sha256),
                )
            if not rows:
                return
            last = rows[-1].pk

    def mark_damaged(self, object_id: ObjectId, *, detail: str) -> None:
        """Note that an original cannot be read any more as it was written; its study waits for a person."""
        cause = {"cause": AttentionCause.OBJECT_DAMAGED.value, "detail": detail, "count": 1}
        with transaction_of_ours():
            version = Version.objects.select_related("instance__series").filter(object_id=object_id).first()
            if version is None or version.damage:
                return
            Version.objects.filter(pk=version.pk).update(damage=detail)
            study = Study.objects.select_for_update().get(pk=version.instance.series.study_id)
            study.causes = [*study.causes, cause]
            if study.status == StudyStatus.READY.value:
                study.status = StudyStatus.ATTENTION.value
            study.updated_at = timezone.now()
            study.save(update_fields=["causes", "status", "updated_at"])
