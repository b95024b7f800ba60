"""What searches look into: columns, indexes, and tables beside those of studies and series."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

_ORDERED = {
    "study": (
        "patient_id",
        "accession_number",
        "study_id",
        "study_date",
        "study_time",
        "patient_birth_date",
        "study_description",
    ),
    "series": ("performed_procedure_step_start_date",),
    "studyname": ("text",),
    "serieskind": ("modality", "sop_class_uid"),
    "seriesrequest": ("scheduled_step_id", "requested_procedure_id"),
}
_CLEAN = {
    "study": "cleanstudy",
    "series": "cleanseries",
    "studyname": "cleanname",
    "serieskind": "cleankind",
    "seriesrequest": "cleanrequest",
}

_KINDS = [(0, "Patient Group"), (1, "Patient Word"), (2, "Physician Group"), (3, "Physician Word")]
_INDEXES: list[tuple[str, list[str], str]] = [
    ("series", ["series_instance_uid"], "series_by_uid"),
    ("series", ["performed_procedure_step_start_date", "study", "id"], "series_by_step_date"),
    ("study", ["project", "id"], "study_newest"),
    ("study", ["project", "study_date", "id"], "study_by_date"),
    ("study", ["project", "patient_id", "id"], "study_by_patient"),
    ("study", ["project", "accession_number", "id"], "study_by_accession"),
    ("study", ["project", "study_id", "id"], "study_by_study_id"),
    ("study", ["project", "patient_birth_date", "id"], "study_by_birth"),
    ("study", ["project", "study_description", "id"], "study_by_description"),
    ("deidentifiedinstance", ["study_instance_uid"], "deidentified_by_study"),
    ("deidentifiedinstance", ["sop_instance_uid"], "deidentified_by_instance"),
    ("cleanrequest", ["scheduled_step_id", "series"], "clean_request_by_step"),
    ("cleanrequest", ["requested_procedure_id", "series"], "clean_request_by_id"),
    ("cleanstudy", ["project", "id"], "clean_newest"),
    ("cleanstudy", ["project", "study_date", "id"], "clean_by_date"),
    ("cleanstudy", ["project", "patient_id", "id"], "clean_by_patient"),
    ("cleanstudy", ["project", "accession_number", "id"], "clean_by_accession"),
    ("cleanstudy", ["project", "study_id", "id"], "clean_by_study_id"),
    ("cleanstudy", ["project", "patient_birth_date", "id"], "clean_by_birth"),
    ("cleanstudy", ["project", "study_description", "id"], "clean_by_description"),
    ("cleanseries", ["series_instance_uid"], "clean_by_series_uid"),
    ("cleanseries", ["performed_procedure_step_start_date", "study", "id"], "clean_by_step_date"),
    ("cleanname", ["project", "kind", "text", "study"], "clean_by_name"),
    ("cleankind", ["project", "modality", "study", "series"], "clean_kind_by_modality"),
    ("cleankind", ["project", "sop_class_uid", "study", "series"], "clean_kind_by_class"),
    ("serieskind", ["project", "modality", "study", "series"], "kind_by_modality"),
    ("serieskind", ["project", "sop_class_uid", "study", "series"], "kind_by_class"),
    ("seriesrequest", ["scheduled_step_id", "series"], "request_by_step"),
    ("seriesrequest", ["requested_procedure_id", "series"], "request_by_procedure"),
    ("studyname", ["project", "kind", "text", "study"], "study_by_name"),
]


def order_by_code(apps: Any, schema_editor: Any) -> None:
    """Have PostgreSQL compare by code points, as SQLite does: prefixes and ranges then go by the plain indexes."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for name, columns in _ORDERED.items():
        for model_name in (name, _CLEAN[name]):
            model = apps.get_model("records", model_name)
            for column in columns:
                length = model._meta.get_field(column).max_length  # noqa: SLF001 - Django's public model API
                schema_editor.execute(
                    f'ALTER TABLE "records_{model_name}" ALTER COLUMN "{column}" TYPE varchar({length}) COLLATE "C"'
                )


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0013_pseudonym_index"),
    ]

    operations = [
        migrations.CreateModel(
            name="CleanKind",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("modality", models.CharField(blank=True, default="", max_length=512)),
                ("sop_class_uid", models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="CleanName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.PositiveSmallIntegerField(choices=_KINDS),
                ),
                ("text", models.CharField(max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name="CleanRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("scheduled_step_id", models.CharField(blank=True, default="", max_length=64)),
                ("requested_procedure_id", models.CharField(blank=True, default="", max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="CleanSeries",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("modality", models.CharField(blank=True, default="", max_length=512)),
                ("series_number", models.BigIntegerField(null=True)),
                ("series_description", models.CharField(blank=True, default="", max_length=512)),
                ("series_date", models.CharField(blank=True, default="", max_length=512)),
                ("series_time", models.CharField(blank=True, default="", max_length=512)),
                ("body_part_examined", models.CharField(blank=True, default="", max_length=512)),
                ("laterality", models.CharField(blank=True, default="", max_length=512)),
                ("protocol_name", models.CharField(blank=True, default="", max_length=512)),
                ("manufacturer", models.CharField(blank=True, default="", max_length=512)),
                ("station_name", models.CharField(blank=True, default="", max_length=512)),
                ("performed_procedure_step_start_date", models.CharField(blank=True, default="", max_length=512)),
                ("performed_procedure_step_start_time", models.CharField(blank=True, default="", max_length=512)),
                ("timezone_offset", models.CharField(blank=True, default="", max_length=512)),
                ("series_instance_uid", models.CharField(max_length=64)),
                ("profile", models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="CleanStudy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("patient_name", models.CharField(blank=True, default="", max_length=512)),
                ("patient_id", models.CharField(blank=True, default="", max_length=512)),
                ("issuer_of_patient_id", models.CharField(blank=True, default="", max_length=512)),
                ("patient_birth_date", models.CharField(blank=True, default="", max_length=512)),
                ("patient_sex", models.CharField(blank=True, default="", max_length=512)),
                ("study_date", models.CharField(blank=True, default="", max_length=512)),
                ("study_time", models.CharField(blank=True, default="", max_length=512)),
                ("accession_number", models.CharField(blank=True, default="", max_length=512)),
                ("study_id", models.CharField(blank=True, default="", max_length=512)),
                ("study_description", models.CharField(blank=True, default="", max_length=512)),
                ("referring_physician_name", models.CharField(blank=True, default="", max_length=512)),
                ("institution_name", models.CharField(blank=True, default="", max_length=512)),
                ("timezone_offset", models.CharField(blank=True, default="", max_length=512)),
                ("study_instance_uid", models.CharField(max_length=64)),
                ("profile", models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="SeriesKind",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("modality", models.CharField(blank=True, default="", max_length=512)),
                ("sop_class_uid", models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="SeriesRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("scheduled_step_id", models.CharField(blank=True, default="", max_length=64)),
                ("requested_procedure_id", models.CharField(blank=True, default="", max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="StudyName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.PositiveSmallIntegerField(choices=_KINDS),
                ),
                ("text", models.CharField(max_length=200)),
            ],
        ),
        migrations.AddField(
            model_name="deidentifiedinstance",
            name="content_date",
            field=models.CharField(blank=True, default="", max_length=512),
        ),
        migrations.AddField(
            model_name="deidentifiedinstance",
            name="content_time",
            field=models.CharField(blank=True, default="", max_length=512),
        ),
        migrations.AddField(
            model_name="deidentifiedinstance",
            name="timezone_offset",
            field=models.CharField(blank=True, default="", max_length=512),
        ),
        migrations.AddField(
            model_name="series",
            name="timezone_offset",
            field=models.CharField(blank=True, default="", max_length=512),
        ),
        migrations.AddField(
            model_name="study",
            name="timezone_offset",
            field=models.CharField(blank=True, default="", max_length=512),
        ),
        migrations.AddField(
            model_name="version",
            name="bits_allocated",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="version",
            name="timezone_offset",
            field=models.CharField(blank=True, default="", max_length=512),
        ),
        migrations.AddIndex(
            model_name="version",
            index=models.Index(
                condition=models.Q(("state", "current")),
                fields=["instance_number", "instance"],
                name="version_by_number",
            ),
        ),
        migrations.AddField(
            model_name="cleankind",
            name="project",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="records.project"
            ),
        ),
        migrations.AddField(
            model_name="cleanname",
            name="project",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="records.project"
            ),
        ),
        migrations.AddField(
            model_name="cleanseries",
            name="project",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="records.project"
            ),
        ),
        migrations.AddField(
            model_name="cleanrequest",
            name="series",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="requests",
                to="records.cleanseries",
            ),
        ),
        migrations.AddField(
            model_name="cleankind",
            name="series",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="kinds",
                to="records.cleanseries",
            ),
        ),
        migrations.AddField(
            model_name="deidentifiedinstance",
            name="clean_series",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="instances",
                to="records.cleanseries",
            ),
        ),
        migrations.AddField(
            model_name="cleanstudy",
            name="project",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="records.project"
            ),
        ),
        migrations.AddField(
            model_name="cleanseries",
            name="study",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="series",
                to="records.cleanstudy",
            ),
        ),
        migrations.AddField(
            model_name="cleanname",
            name="study",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="names",
                to="records.cleanstudy",
            ),
        ),
        migrations.AddField(
            model_name="cleankind",
            name="study",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="kinds",
                to="records.cleanstudy",
            ),
        ),
        migrations.AddField(
            model_name="serieskind",
            name="project",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="records.project"
            ),
        ),
        migrations.AddField(
            model_name="serieskind",
            name="series",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="kinds", to="records.series"
            ),
        ),
        migrations.AddField(
            model_name="serieskind",
            name="study",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="kinds", to="records.study"
            ),
        ),
        migrations.AddField(
            model_name="seriesrequest",
            name="series",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="requests",
                to="records.series",
            ),
        ),
        migrations.AddField(
            model_name="studyname",
            name="project",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="records.project"
            ),
        ),
        migrations.AddField(
            model_name="studyname",
            name="study",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="names", to="records.study"
            ),
        ),
        migrations.AddConstraint(
            model_name="cleanrequest",
            constraint=models.UniqueConstraint(fields=("series", "number"), name="clean_request_once"),
        ),
        migrations.AddConstraint(
            model_name="cleanstudy",
            constraint=models.UniqueConstraint(fields=("project", "study_instance_uid"), name="clean_study_once"),
        ),
        migrations.AddConstraint(
            model_name="cleanseries",
            constraint=models.UniqueConstraint(fields=("study", "series_instance_uid"), name="clean_series_once"),
        ),
        migrations.AddConstraint(
            model_name="cleanname",
            constraint=models.UniqueConstraint(fields=("study", "kind", "text"), name="clean_name_once"),
        ),
        migrations.AddConstraint(
            model_name="cleankind",
            constraint=models.UniqueConstraint(
                fields=("study", "modality", "sop_class_uid", "series"), name="clean_kind_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="serieskind",
            constraint=models.UniqueConstraint(
                fields=("study", "modality", "sop_class_uid", "series"), name="series_kind_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="seriesrequest",
            constraint=models.UniqueConstraint(fields=("series", "number"), name="request_once"),
        ),
        migrations.AddConstraint(
            model_name="studyname",
            constraint=models.UniqueConstraint(fields=("study", "kind", "text"), name="study_name_once"),
        ),
        *(migrations.AddIndex(model, models.Index(fields=fields, name=name)) for model, fields, name in _INDEXES),
        migrations.RunPython(order_by_code, migrations.RunPython.noop, elidable=False),
    ]
