import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0011_held_instances"),
    ]

    operations = [
        migrations.AddField(
            model_name="deidentifiedinstance",
            name="boxes",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="deidentifiedinstance",
            name="file_sha256",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.CreateModel(
            name="DeidentificationReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("content", models.BinaryField()),
                ("sha256", models.BinaryField(max_length=32)),
                ("created_at", models.DateTimeField()),
                (
                    "revision",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reports",
                        to="records.revision",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("revision", "number"), name="report_number_once")],
            },
        ),
    ]
