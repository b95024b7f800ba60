import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0009_version_settled"),
    ]

    operations = [
        migrations.CreateModel(
            name="ProfileVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("name", models.CharField(max_length=128)),
                ("version", models.CharField(blank=True, default="", max_length=128)),
                ("digest", models.CharField(max_length=64)),
                ("text", models.TextField()),
                ("author", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="profiles",
                        to="records.project",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("project", "number"), name="profile_number_once")],
            },
        ),
        migrations.AddField(
            model_name="revision",
            name="profile_key",
            field=models.CharField(default="Basic Profile", max_length=64),
        ),
        migrations.AddField(
            model_name="revision",
            name="profile",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="records.profileversion",
            ),
        ),
    ]
