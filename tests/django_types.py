"""What the type checker has to know of Django: which apps have models. Nothing runs with these settings."""

INSTALLED_APPS = ["stores.sql"]
