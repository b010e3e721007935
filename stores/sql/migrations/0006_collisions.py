"""What enrolled hashes were found in, those in quarantine, and pictures that analysts said no to."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stillwatch", "0005_evidence")]

    operations = [
        migrations.CreateModel(
            name="StoredFoundIn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("person", models.TextField()),
                ("ref", models.TextField()),
                ("hasher", models.TextField()),
                ("view", models.TextField()),
                ("sha256", models.TextField()),
                ("whole", models.TextField()),
                ("matched", models.TextField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["person", "ref", "hasher", "view", "sha256"], name="one_row_a_hash_and_picture"
                    )
                ],
                "indexes": [models.Index(fields=["person", "sha256"], name="found_in_of_hit")],
            },
        ),
        migrations.CreateModel(
            name="StoredQuarantine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("person", models.TextField()),
                ("ref", models.TextField()),
                ("hasher", models.TextField()),
                ("view", models.TextField()),
                ("since", models.DateTimeField()),
                ("threshold", models.IntegerField()),
                ("released", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["person", "ref", "hasher", "view"], name="one_quarantine_a_hash")
                ],
            },
        ),
        migrations.CreateModel(
            name="NegativePicture",
            fields=[
                ("hit", models.TextField(primary_key=True, serialize=False)),
                ("person", models.TextField()),
                ("bits", models.TextField()),
                ("at", models.DateTimeField()),
            ],
            options={"indexes": [models.Index(fields=["person"], name="negative_of_person")]},
        ),
    ]
