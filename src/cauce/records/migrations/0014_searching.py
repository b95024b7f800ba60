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
                    models.PositiveSmallIntegerField(
                        choices=[
                            (0, "Patient Group"),
                            (1, "Patient Word"),
                            (2, "Physician Group"),
                            (3, "Physician Word"),
                        ]
                    ),
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
                    models.PositiveSmallIntegerField(
                        choices=[
                            (0, "Patient Group"),
                            (1, "Patient Word"),
                            (2, "Physician Group"),
                            (3, "Physician Word"),
                        ]
                    ),
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
            model_name="series",
            index=models.Index(fields=["series_instance_uid"], name="series_by_uid"),
        ),
        migrations.AddIndex(
            model_name="series",
            index=models.Index(fields=["series_number", "study", "id"], name="series_by_number"),
        ),
        migrations.AddIndex(
            model_name="series",
            index=models.Index(
                fields=["performed_procedure_step_start_date", "study", "id"], name="series_by_step_date"
            ),
        ),
        migrations.AddIndex(
            model_name="study",
            index=models.Index(fields=["project", "id"], name="study_newest"),
        ),
        migrations.AddIndex(
            model_name="study",
            index=models.Index(fields=["project", "study_date", "id"], name="study_by_date"),
        ),
        migrations.AddIndex(
            model_name="study",
            index=models.Index(fields=["project", "patient_id", "id"], name="study_by_patient"),
        ),
        migrations.AddIndex(
            model_name="study",
            index=models.Index(fields=["project", "accession_number", "id"], name="study_by_accession"),
        ),
        migrations.AddIndex(
            model_name="study",
            index=models.Index(fields=["project", "study_id", "id"], name="study_by_study_id"),
        ),
        migrations.AddIndex(
            model_name="study",
            index=models.Index(fields=["project", "study_time", "id"], name="study_by_time"),
        ),
        migrations.AddIndex(
            model_name="study",
            index=models.Index(fields=["project", "patient_birth_date", "id"], name="study_by_birth"),
        ),
        migrations.AddIndex(
            model_name="study",
            index=models.Index(fields=["project", "study_description", "id"], name="study_by_description"),
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
        migrations.AddIndex(
            model_name="deidentifiedinstance",
            index=models.Index(fields=["study_instance_uid"], name="deidentified_by_study"),
        ),
        migrations.AddIndex(
            model_name="deidentifiedinstance",
            index=models.Index(fields=["sop_instance_uid"], name="deidentified_by_instance"),
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
        migrations.AddIndex(
            model_name="cleanrequest",
            index=models.Index(fields=["scheduled_step_id", "series"], name="clean_request_by_step"),
        ),
        migrations.AddIndex(
            model_name="cleanrequest",
            index=models.Index(fields=["requested_procedure_id", "series"], name="clean_request_by_id"),
        ),
        migrations.AddConstraint(
            model_name="cleanrequest",
            constraint=models.UniqueConstraint(fields=("series", "number"), name="clean_request_once"),
        ),
        migrations.AddIndex(
            model_name="cleanstudy",
            index=models.Index(fields=["project", "id"], name="clean_newest"),
        ),
        migrations.AddIndex(
            model_name="cleanstudy",
            index=models.Index(fields=["project", "study_date", "id"], name="clean_by_date"),
        ),
        migrations.AddIndex(
            model_name="cleanstudy",
            index=models.Index(fields=["project", "patient_id", "id"], name="clean_by_patient"),
        ),
        migrations.AddIndex(
            model_name="cleanstudy",
            index=models.Index(fields=["project", "accession_number", "id"], name="clean_by_accession"),
        ),
        migrations.AddIndex(
            model_name="cleanstudy",
            index=models.Index(fields=["project", "study_id", "id"], name="clean_by_study_id"),
        ),
        migrations.AddIndex(
            model_name="cleanstudy",
            index=models.Index(fields=["project", "study_time", "id"], name="clean_by_time"),
        ),
        migrations.AddIndex(
            model_name="cleanstudy",
            index=models.Index(fields=["project", "patient_birth_date", "id"], name="clean_by_birth"),
        ),
        migrations.AddIndex(
            model_name="cleanstudy",
            index=models.Index(fields=["project", "study_description", "id"], name="clean_by_description"),
        ),
        migrations.AddConstraint(
            model_name="cleanstudy",
            constraint=models.UniqueConstraint(fields=("project", "study_instance_uid"), name="clean_study_once"),
        ),
        migrations.AddIndex(
            model_name="cleanseries",
            index=models.Index(fields=["series_instance_uid"], name="clean_by_series_uid"),
        ),
        migrations.AddIndex(
            model_name="cleanseries",
            index=models.Index(fields=["series_number", "study", "id"], name="clean_by_series_number"),
        ),
        migrations.AddIndex(
            model_name="cleanseries",
            index=models.Index(
                fields=["performed_procedure_step_start_date", "study", "id"], name="clean_by_step_date"
            ),
        ),
        migrations.AddConstraint(
            model_name="cleanseries",
            constraint=models.UniqueConstraint(fields=("study", "series_instance_uid"), name="clean_series_once"),
        ),
        migrations.AddIndex(
            model_name="cleanname",
            index=models.Index(fields=["project", "kind", "text", "study"], name="clean_by_name"),
        ),
        migrations.AddConstraint(
            model_name="cleanname",
            constraint=models.UniqueConstraint(fields=("study", "kind", "text"), name="clean_name_once"),
        ),
        migrations.AddIndex(
            model_name="cleankind",
            index=models.Index(fields=["study"], name="clean_kinds_of_study"),
        ),
        migrations.AddIndex(
            model_name="cleankind",
            index=models.Index(fields=["project", "modality", "study", "series"], name="clean_kind_by_modality"),
        ),
        migrations.AddIndex(
            model_name="cleankind",
            index=models.Index(fields=["project", "sop_class_uid", "study", "series"], name="clean_kind_by_class"),
        ),
        migrations.AddConstraint(
            model_name="cleankind",
            constraint=models.UniqueConstraint(fields=("series", "sop_class_uid"), name="clean_kind_once"),
        ),
        migrations.AddIndex(
            model_name="serieskind",
            index=models.Index(fields=["study"], name="kinds_of_study"),
        ),
        migrations.AddIndex(
            model_name="serieskind",
            index=models.Index(fields=["project", "modality", "study", "series"], name="kind_by_modality"),
        ),
        migrations.AddIndex(
            model_name="serieskind",
            index=models.Index(fields=["project", "sop_class_uid", "study", "series"], name="kind_by_class"),
        ),
        migrations.AddConstraint(
            model_name="serieskind",
            constraint=models.UniqueConstraint(fields=("series", "sop_class_uid"), name="series_kind_once"),
        ),
        migrations.AddIndex(
            model_name="seriesrequest",
            index=models.Index(fields=["scheduled_step_id", "series"], name="request_by_step"),
        ),
        migrations.AddIndex(
            model_name="seriesrequest",
            index=models.Index(fields=["requested_procedure_id", "series"], name="request_by_procedure"),
        ),
        migrations.AddConstraint(
            model_name="seriesrequest",
            constraint=models.UniqueConstraint(fields=("series", "number"), name="request_once"),
        ),
        migrations.AddIndex(
            model_name="studyname",
            index=models.Index(fields=["project", "kind", "text", "study"], name="study_by_name"),
        ),
        migrations.AddConstraint(
            model_name="studyname",
            constraint=models.UniqueConstraint(fields=("study", "kind", "text"), name="study_name_once"),
        ),
        migrations.RunPython(order_by_code, migrations.RunPython.noop, elidable=False),
    ]
