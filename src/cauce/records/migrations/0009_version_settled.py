from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0008_indexes_once"),
    ]

    operations = [
        migrations.AddField(
            model_name="version",
            name="settled_at",
            field=models.DateTimeField(null=True),
        ),
    ]
