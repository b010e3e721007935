"""What the type checker needs to know of Django: which apps there are. Nothing runs with these settings."""

INSTALLED_APPS = ["stores.sql"]
