"""What is known of each URL of a site from one pass to the next."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stillwatch", "0008_watching")]

    operations = [
        migrations.CreateModel(
            name="KnownUrl",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("site", models.TextField()),
                ("key", models.BinaryField()),
                ("url", models.TextField()),
                ("state", models.TextField()),
                ("read_at", models.FloatField()),
                ("again_at", models.FloatField()),
                ("whole_at", models.FloatField()),
                ("recipe", models.TextField()),
                ("sha256", models.TextField()),
                ("byte_count", models.BigIntegerField()),
                ("head", models.BinaryField()),
                ("etag", models.TextField()),
                ("last_modified", models.TextField()),
                ("links", models.BinaryField(null=True)),
                ("learned", models.TextField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["site", "key"], name="a_url_of_a_site_is_known_once")],
                "indexes": [models.Index(fields=["site", "read_at"], name="known_longest_ago")],
            },
        ),
    ]
