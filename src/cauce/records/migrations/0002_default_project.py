from typing import Any

from django.db import migrations

DEFAULT_PROJECT = "default"


def make_default_project(apps: Any, _schema_editor: Any) -> None:
    from cauce.core.identifiers import new_public_id

    project = apps.get_model("records", "Project")
    project.objects.get_or_create(slug=DEFAULT_PROJECT, defaults={"name": "Default", "public_id": new_public_id()})


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(make_default_project, migrations.RunPython.noop),
    ]
