"""What carried a hit and where in the seen picture; times in videos; corners of pictures, sealed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stillwatch", "0004_exchange")]

    operations = [
        migrations.AddField(model_name="storedhit", name="evidence", field=models.TextField(default="frame")),
        migrations.AddField(model_name="storedhit", name="overlay", field=models.JSONField(null=True)),
        migrations.AddField(model_name="storedhit", name="agreeing", field=models.IntegerField(default=0)),
        migrations.AddField(model_name="storedhit", name="ranges", field=models.JSONField(default=list)),
        # Without a default, so that SQLite does not write the table anew: it would then give numbers a second time.
        migrations.AddField(model_name="enrolledfingerprint", name="time_s", field=models.FloatField(null=True)),
        migrations.CreateModel(
            name="EnrolledCorners",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sealed", models.BinaryField()),
                ("version", models.BigIntegerField()),
                (
                    "picture",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="corners",
                        to="stillwatch.enrolledpicture",
                    ),
                ),
            ],
            options={"indexes": [models.Index(fields=["version"], name="corners_by_version")]},
        ),
        migrations.CreateModel(
            name="RemovedCorners",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("entry", models.BigIntegerField()),
                ("version", models.BigIntegerField()),
            ],
            options={"indexes": [models.Index(fields=["version"], name="corners_removed_by_version")]},
        ),
    ]
