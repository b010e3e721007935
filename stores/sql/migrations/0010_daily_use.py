"""What is asked of a site on one day, so that a day's budget holds across passes, restarts and machines."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stillwatch", "0009_site_memory")]

    operations = [
        migrations.CreateModel(
            name="StoredDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("site", models.TextField()),
                ("day", models.DateField()),
                ("requests", models.BigIntegerField(default=0)),
                ("byte_count", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["site", "day"], name="one_row_a_site_and_day")],
            },
        ),
    ]
