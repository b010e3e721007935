"""Of which site a picture was that an enrolled hash was found in, so that it goes when the site is revoked."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def told_by_hits(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    """What no hit tells the site of goes: it is noted again when it is met."""
    found_in = apps.get_model("stillwatch", "StoredFoundIn")
    hits = apps.get_model("stillwatch", "StoredHit").objects.filter(
        person_id=models.OuterRef("person"), sha256=models.OuterRef("sha256")
    )
    found_in.objects.filter(models.Exists(hits)).update(
        site=models.Subquery(hits.order_by("-last_seen", "id").values("site")[:1])
    )
    found_in.objects.filter(site="").delete()


class Migration(migrations.Migration):
    dependencies = [("stillwatch", "0006_collisions")]

    operations = [
        migrations.AddField("StoredFoundIn", "site", models.TextField(default="")),
        migrations.RunPython(told_by_hits, migrations.RunPython.noop),
        migrations.AddIndex("StoredFoundIn", models.Index(fields=["site"], name="found_in_of_site")),
    ]
