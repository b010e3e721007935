from django.apps import AppConfig


class StillwatchConfig(AppConfig):
    name = "stores.sql"
    label = "stillwatch"
    default_auto_field = "django.db.models.BigAutoField"
