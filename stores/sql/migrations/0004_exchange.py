"""How far hash exchanges have been taken over."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stillwatch", "0003_sweeps")]

    operations = [
        migrations.CreateModel(
            name="Exchange",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("key", models.TextField()),
                ("fetched_to", models.BigIntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ExchangeWord",
            fields=[
                ("person", models.TextField(primary_key=True, serialize=False)),
                ("given", models.BigIntegerField()),
            ],
        ),
    ]
