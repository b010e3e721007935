"""Whether watching really happens: what a pass says of its canary, of walls and of its end; canaries, and what is wrong at a site."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stillwatch", "0007_found_in_site")]

    operations = [
        migrations.AddField("SitePass", "canary", models.DateTimeField(null=True)),
        migrations.AddField("SitePass", "walled", models.JSONField(default=list)),
        migrations.AddField("SitePass", "stopped", models.TextField(default="")),
        migrations.CreateModel(
            name="StoredCanary",
            fields=[
                ("site", models.TextField(primary_key=True, serialize=False)),
                ("made", models.DateTimeField()),
                ("fingerprints", models.JSONField()),
                ("found", models.DateTimeField(null=True)),
            ],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="StoredTrouble",
            fields=[
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("site", models.TextField()),
                ("kind", models.TextField()),
                ("reason", models.TextField()),
                ("since", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["site", "kind"], name="one_trouble_of_a_kind_at_a_site")
                ],
            },
        ),
    ]
