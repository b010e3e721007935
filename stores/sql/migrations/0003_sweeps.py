"""Sweeps: tasks, finds, and since when a hit that one of them found had been there."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("stillwatch", "0002_changes")]

    operations = [
        migrations.AddField(model_name="storedhit", name="found_earlier", field=models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="StoredSweep",
            fields=[
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("created", models.DateTimeField()),
                ("since", models.DateTimeField(null=True)),
                ("person", models.TextField(default="")),
                ("refs", models.JSONField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["created"], name="sweep_by_age"),
                    models.Index(fields=["person"], name="sweep_of_person"),
                ],
            },
        ),
        migrations.CreateModel(
            name="StoredSweepTask",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("segment", models.TextField()),
                ("site", models.TextField()),
                ("ticket", models.TextField(default="")),
                ("free", models.DateTimeField()),
                ("done", models.DateTimeField(null=True)),
                ("fingerprints", models.IntegerField(default=0)),
                ("attempts", models.IntegerField(default=0)),
                (
                    "sweep",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tasks",
                        to="stillwatch.storedsweep",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["free", "id"], name="sweep_task_free", condition=Q(done=None)),
                    models.Index(fields=["site"], name="sweep_task_of_site"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=["sweep", "segment"], name="a_segment_is_once_in_a_sweep")
                ],
            },
        ),
        migrations.CreateModel(
            name="StoredSweepFind",
            fields=[
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("sweep", models.TextField()),
                ("person", models.TextField()),
                ("site", models.TextField()),
                ("page_url", models.TextField()),
                ("image_url", models.TextField()),
                ("sha256", models.TextField()),
                ("seen_at", models.DateTimeField()),
                ("state", models.TextField()),
                ("changed", models.DateTimeField()),
                ("due", models.DateTimeField()),
                ("held", models.DateTimeField()),
                ("attempts", models.IntegerField(default=0)),
                ("reason", models.TextField(default="")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["due", "site", "id"], name="find_due", condition=Q(state="waiting")),
                    models.Index(fields=["sweep", "state"], name="find_of_sweep"),
                    models.Index(fields=["person"], name="find_of_person"),
                    models.Index(fields=["site"], name="find_of_site"),
                ],
            },
        ),
    ]
