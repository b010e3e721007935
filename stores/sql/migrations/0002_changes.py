from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def remember_version(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What is enrolled already carries version 0: it came before whatever is asked for."""
    using = schema_editor.connection.alias
    for row in apps.get_model("stillwatch", "HashSetVersion").objects.using(using).all():
        apps.get_model("stillwatch", "PastHashSetVersion").objects.using(using).create(version=row.version)


class Migration(migrations.Migration):
    dependencies = [("stillwatch", "0001_first")]

    operations = [
        migrations.CreateModel(
            name="PastHashSetVersion",
            fields=[("version", models.BigIntegerField(primary_key=True, serialize=False))],
            options={"abstract": False},
        ),
        migrations.CreateModel(
            name="RemovedFingerprint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("entry", models.BigIntegerField()),
                ("version", models.BigIntegerField()),
            ],
        ),
        migrations.AddIndex(
            model_name="removedfingerprint",
            index=models.Index(fields=["version"], name="removed_by_version"),
        ),
        migrations.AddField(
            model_name="enrolledfingerprint",
            name="version",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddIndex(
            model_name="enrolledfingerprint",
            index=models.Index(fields=["version"], name="fingerprint_by_version"),
        ),
        migrations.RunPython(remember_version, migrations.RunPython.noop),
    ]
