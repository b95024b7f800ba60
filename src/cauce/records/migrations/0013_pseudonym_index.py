from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0012_deidentification_reports"),
    ]

    operations = [
        migrations.AddField(
            model_name="patientlink",
            name="pseudonym_index",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.AddIndex(
            model_name="patientlink",
            index=models.Index(fields=["project", "pseudonym_index"], name="link_by_pseudonym"),
        ),
    ]
