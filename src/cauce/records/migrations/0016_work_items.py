from typing import Any

import django.db.models.deletion
from django.db import migrations, models

import cauce.core.identifiers

_STATES = [(state, state) for state in ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")]


def order_by_code(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001 - Django's signature
    """Have PostgreSQL compare by code points, as SQLite does: prefixes and ranges then go by the plain index."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute('ALTER TABLE "records_workitemkey" ALTER COLUMN "value" TYPE varchar(512) COLLATE "C"')


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0015_searching_held"),
    ]

    operations = [
        migrations.CreateModel(
            name="WorkItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=cauce.core.identifiers.new_public_id, editable=False, max_length=32, unique=True
                    ),
                ),
                ("sop_instance_uid", models.CharField(max_length=64)),
                ("state", models.CharField(choices=_STATES, default="SCHEDULED", max_length=16)),
                ("transaction_uid", models.CharField(blank=True, default="", max_length=64)),
                ("after_revision", models.PositiveIntegerField(null=True)),
                ("document", models.BinaryField()),
                ("performed", models.BinaryField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "job",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="work_item",
                        to="records.job",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="records.project",
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="records.revision",
                    ),
                ),
                (
                    "study",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="work_items",
                        to="records.study",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("project", "sop_instance_uid"), name="work_item_once_per_worklist")
                ],
                "indexes": [
                    models.Index(fields=["project", "state", "id"], name="work_item_by_state"),
                    models.Index(fields=["project", "id"], name="work_item_newest"),
                    models.Index(
                        condition=models.Q(state__in=["SCHEDULED", "IN PROGRESS"]),
                        fields=["study"],
                        name="work_item_waiting",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WorkItemKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.CharField(max_length=64)),
                ("place", models.PositiveSmallIntegerField(default=0)),
                ("value", models.CharField(max_length=512)),
                (
                    "item",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="keys",
                        to="records.workitem",
                    ),
                ),
            ],
        ),
        migrations.RunPython(order_by_code, migrations.RunPython.noop, elidable=False),
        migrations.AddIndex(
            model_name="workitemkey",
            index=models.Index(fields=["path", "value", "item"], name="work_item_by_key"),
        ),
        migrations.AddIndex(
            model_name="workitemkey",
            index=models.Index(fields=["item", "path", "value"], name="work_item_keys"),
        ),
    ]
