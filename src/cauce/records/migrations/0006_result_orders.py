"""Results: an id of ours beside the sender's, and an index an order."""

from typing import Any

import django.db.models
from django.db import migrations, models

import cauce.core.identifiers
import cauce.records.models.results


def give_ids(apps: Any, _schema_editor: Any) -> None:
    results = apps.get_model("records", "ProcessingResult")
    while held := list(results.objects.filter(public_id__isnull=True).only("pk")[:1000]):
        for result in held:
            result.public_id = cauce.core.identifiers.new_public_id()
        results.objects.bulk_update(held, ["public_id"])


_PUBLIC_ID = models.CharField(default=cauce.core.identifiers.new_public_id, editable=False, max_length=32, unique=True)


class Migration(migrations.Migration):
    dependencies = [("records", "0005_version_contested")]

    operations = [
        migrations.AddField("processingresult", "public_id", models.CharField(max_length=32, null=True)),
        migrations.RunPython(give_ids, migrations.RunPython.noop, elidable=True),
        migrations.AlterField("processingresult", "public_id", _PUBLIC_ID),
        migrations.RemoveIndex("processingresult", "result_newest"),
        *(
            migrations.AddIndex("processingresult", index)
            for index in (
                models.Index(fields=["created_at", "id"], name="result_by_creation"),
                models.Index(fields=["updated_at", "id"], name="result_by_update"),
                models.Index(fields=["data_size", "id"], name="result_by_size"),
                models.Index(fields=["device_name", "id"], name="result_by_device"),
                models.Index(
                    cauce.records.models.results.KnownOrLeast("mean_before_normalization"),
                    django.db.models.F("id"),
                    name="result_by_mean",
                ),
                models.Index(
                    cauce.records.models.results.KnownOrLeast("mean_after_normalization"),
                    django.db.models.F("id"),
                    name="result_by_normalised",
                ),
            )
        ),
    ]
