from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("records", "0006_result_orders"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="uploaditem",
            index=models.Index(fields=["upload", "status", "id"], name="item_by_verdict"),
        ),
    ]
