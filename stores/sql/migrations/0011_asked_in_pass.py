"""What a pass asked for and how that ended, apart from what it knew."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stillwatch", "0010_daily_use")]

    operations = [
        migrations.AddField("SitePass", "answered", models.IntegerField(null=True)),
        migrations.AddField("SitePass", "failed", models.IntegerField(null=True)),
        migrations.AddField("SitePass", "pictures_answered", models.IntegerField(default=0)),
        migrations.AddField("SitePass", "pictures_failed", models.IntegerField(default=0)),
        migrations.AddField("SitePass", "cut_pages", models.IntegerField(default=0)),
    ]
