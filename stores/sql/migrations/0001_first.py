import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

import stores.sql.tickets


def first_version(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("stillwatch", "HashSetVersion").objects.using(schema_editor.connection.alias).create(version=0)


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="EnrolledPicture",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ref", models.TextField()),
                ("contents", models.TextField()),
                ("recipe", models.TextField()),
                ("quality", models.IntegerField()),
                ("enrolled", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="HashSetVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.BigIntegerField(default=0)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Lease",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("holder", models.TextField()),
                ("expires", models.DateTimeField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Person",
            fields=[
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("state", models.TextField()),
                ("enrolled", models.DateTimeField()),
                ("changed", models.DateTimeField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="PersonNoticeDetails",
            fields=[
                ("person", models.TextField(primary_key=True, serialize=False)),
                ("name", models.TextField()),
                ("contact", models.TextField()),
                ("capacity", models.TextField()),
                ("statement", models.TextField()),
                ("signed_at", models.DateTimeField(null=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="StoredCase",
            fields=[
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("person", models.TextField(unique=True)),
                ("status", models.TextField()),
                ("opened", models.DateTimeField()),
                ("revision", models.IntegerField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ClusterDecision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("cluster", models.TextField()),
                ("hit", models.TextField()),
                ("decision", models.TextField()),
                ("by", models.TextField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["cluster", "-id"], name="decision_last_of_cluster")],
            },
        ),
        migrations.CreateModel(
            name="EnrolledFingerprint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hasher", models.TextField()),
                ("view", models.TextField()),
                ("bits", models.TextField()),
                ("quality", models.IntegerField()),
                ("threshold", models.IntegerField()),
                (
                    "picture",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="fingerprints",
                        to="stillwatch.enrolledpicture",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="JobSlot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("job", models.TextField()),
                ("slot", models.DateTimeField()),
                ("holder", models.TextField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("job", "slot"), name="a_slot_is_claimed_once")],
            },
        ),
        migrations.CreateModel(
            name="OutboxRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("ticket", models.BigIntegerField(default=stores.sql.tickets.new_ticket, unique=True)),
                ("topic", models.TextField()),
                ("key", models.TextField()),
                ("created", models.DateTimeField()),
                ("due", models.DateTimeField()),
                ("attempts", models.IntegerField(default=0)),
                ("dead", models.BooleanField(default=False)),
                ("reason", models.TextField(default="")),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("dead", False)), fields=["topic", "created", "id"], name="outbox_oldest"
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("topic", "key"), name="one_row_a_topic_and_key")],
            },
        ),
        migrations.AddField(
            model_name="enrolledpicture",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="pictures", to="stillwatch.person"
            ),
        ),
        migrations.CreateModel(
            name="SitePass",
            fields=[
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("site", models.TextField()),
                ("started", models.DateTimeField()),
                ("finished", models.DateTimeField(null=True)),
                ("pages", models.JSONField()),
                ("images", models.JSONField()),
                ("hits", models.IntegerField()),
                ("byte_count", models.BigIntegerField()),
            ],
            options={
                "indexes": [models.Index(fields=["site", "-started", "-id"], name="pass_newest_of_site")],
            },
        ),
        migrations.CreateModel(
            name="SiteStanding",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("site", models.TextField()),
                ("standing", models.TextField()),
                ("by", models.TextField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["site", "-id"], name="standing_last_of_site")],
            },
        ),
        migrations.CreateModel(
            name="StoredAlert",
            fields=[
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("person", models.TextField()),
                ("site", models.TextField()),
                ("status", models.TextField()),
                ("created", models.DateTimeField()),
                ("revision", models.IntegerField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["-created", "id"], name="alert_newest"),
                    models.Index(fields=["person", "-created", "id"], name="alert_of_person"),
                ],
            },
        ),
        migrations.CreateModel(
            name="AlertHit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hit", models.TextField()),
                (
                    "alert",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hit_rows",
                        to="stillwatch.storedalert",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="StoredHit",
            fields=[
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("site", models.TextField()),
                ("page_url", models.TextField()),
                ("image_url", models.TextField()),
                ("sha256", models.TextField()),
                ("tier", models.TextField()),
                ("distance", models.IntegerField()),
                ("threshold", models.IntegerField()),
                ("hasher", models.TextField()),
                ("view", models.TextField()),
                ("ref", models.TextField()),
                ("cluster", models.TextField()),
                ("first_seen", models.DateTimeField()),
                ("last_seen", models.DateTimeField()),
                ("status", models.TextField()),
                ("decided", models.BooleanField(default=False)),
                ("revision", models.IntegerField()),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="hits",
                        to="stillwatch.person",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="HitPage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("url", models.TextField()),
                ("digest", models.TextField()),
                (
                    "hit",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="page_rows",
                        to="stillwatch.storedhit",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="StoredLocation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.IntegerField()),
                ("hit", models.TextField()),
                ("site", models.TextField()),
                ("page_url", models.TextField()),
                ("image_url", models.TextField()),
                ("state", models.TextField()),
                ("since", models.DateTimeField()),
                ("next_look", models.DateTimeField(null=True)),
                ("last_look", models.DateTimeField(null=True)),
                ("unknown_streak", models.IntegerField()),
                ("before_unknown", models.TextField(default="")),
                (
                    "case",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="location_rows",
                        to="stillwatch.storedcase",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="StoredNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.IntegerField()),
                ("notice", models.TextField()),
                ("kind", models.TextField()),
                ("site", models.TextField()),
                ("recipient", models.TextField(default="")),
                ("hits", models.JSONField()),
                ("status", models.TextField()),
                ("drafted", models.DateTimeField()),
                ("missing", models.JSONField()),
                ("letter", models.JSONField(null=True)),
                ("approved_by", models.TextField(default="")),
                ("approved", models.DateTimeField(null=True)),
                ("sent", models.DateTimeField(null=True)),
                ("deadline", models.DateTimeField(null=True)),
                ("failure", models.TextField(default="")),
                (
                    "case",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notice_rows",
                        to="stillwatch.storedcase",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="enrolledpicture",
            constraint=models.UniqueConstraint(fields=("person", "ref"), name="one_picture_a_ref"),
        ),
        migrations.AddConstraint(
            model_name="enrolledpicture",
            constraint=models.UniqueConstraint(fields=("person", "contents"), name="one_picture_a_contents"),
        ),
        migrations.AddConstraint(
            model_name="alerthit",
            constraint=models.UniqueConstraint(fields=("alert", "hit"), name="a_hit_is_once_in_an_alert"),
        ),
        migrations.AddIndex(
            model_name="storedhit",
            index=models.Index(fields=["-first_seen", "id"], name="hit_newest"),
        ),
        migrations.AddIndex(
            model_name="storedhit",
            index=models.Index(fields=["site", "-first_seen", "id"], name="hit_of_site"),
        ),
        migrations.AddIndex(
            model_name="storedhit",
            index=models.Index(fields=["person", "-first_seen", "id"], name="hit_of_person"),
        ),
        migrations.AddIndex(
            model_name="storedhit",
            index=models.Index(fields=["status", "-first_seen", "id"], name="hit_of_status"),
        ),
        migrations.AddIndex(
            model_name="storedhit",
            index=models.Index(fields=["cluster"], name="hit_of_cluster"),
        ),
        migrations.AddConstraint(
            model_name="hitpage",
            constraint=models.UniqueConstraint(fields=("hit", "digest"), name="one_row_a_page"),
        ),
        migrations.AddIndex(
            model_name="storedlocation",
            index=models.Index(fields=["hit"], name="location_of_hit"),
        ),
        migrations.AddConstraint(
            model_name="storedlocation",
            constraint=models.UniqueConstraint(fields=("case", "hit"), name="one_location_a_hit"),
        ),
        migrations.AddConstraint(
            model_name="storednotice",
            constraint=models.UniqueConstraint(fields=("case", "notice"), name="a_notice_is_once_in_a_case"),
        ),
        migrations.RunPython(first_version, migrations.RunPython.noop),
    ]
