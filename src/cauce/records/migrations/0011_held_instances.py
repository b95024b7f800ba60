from typing import Any

import django.db.models.deletion
from django.db import migrations, models

import cauce.core.identifiers

CAUSES = [
    "pixels_unproven",
    "identity_suspected",
    "deidentification_failed",
    "undecodable_pixels",
    "conflict",
    "job_dead",
    "object_damaged",
    "unaccounted",
]
STATUSES = ["held", "released", "redacted", "rejected", "outdated"]
_AT_ONCE = 500


def fill(apps: Any, _schema_editor: Any) -> None:
    """Give what is held back already, of contents that still count, its line in the quarantine."""
    outcomes = apps.get_model("records", "DeidentifiedInstance")
    held = apps.get_model("records", "HeldInstance")
    waiting = outcomes.objects.exclude(cause="").filter(version__state="current").order_by("pk")
    names = ("pk", "version__instance__series__study_id", "version_id", "profile", "cause", "detail", "created_at")
    rows = []
    for pk, study, version, profile, cause, detail, created_at in waiting.values_list(*names).iterator(_AT_ONCE):
        row = held(
            public_id=cauce.core.identifiers.new_public_id(),
            deidentified_id=pk,
            study_id=study,
            version_id=version,
            profile=profile,
            cause=cause,
            detail=detail,
            created_at=created_at,
        )
        rows.append(row)
    held.objects.bulk_create(rows, batch_size=_AT_ONCE)


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0010_project_profiles"),
    ]

    operations = [
        migrations.AlterField(
            model_name="deidentifiedinstance",
            name="cause",
            field=models.CharField(blank=True, choices=[(one, one) for one in CAUSES], default="", max_length=32),
        ),
        migrations.CreateModel(
            name="HeldInstance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=cauce.core.identifiers.new_public_id, editable=False, max_length=32, unique=True
                    ),
                ),
                ("profile", models.CharField(max_length=64)),
                ("cause", models.CharField(choices=[(one, one) for one in CAUSES], max_length=32)),
                ("detail", models.CharField(blank=True, default="", max_length=512)),
                (
                    "status",
                    models.CharField(choices=[(one, one) for one in STATUSES], default="held", max_length=16),
                ),
                ("boxes", models.JSONField(blank=True, default=list)),
                ("elements", models.JSONField(blank=True, default=list)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("decided_by", models.CharField(blank=True, default="", max_length=200)),
                ("decided_at", models.DateTimeField(null=True)),
                ("is_applied", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                (
                    "deidentified",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="held",
                        to="records.deidentifiedinstance",
                    ),
                ),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="held", to="records.study"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="held", to="records.version"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(condition=models.Q(("status", "held")), fields=["-id"], name="held_waiting")],
            },
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
