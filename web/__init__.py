"""Pages for the people who use Stillwatch. Handed its services by whoever starts it; opens no store of its own."""

from web.services import WebServices
from web.serving import application, serve, server
from web.settings import django_settings

__all__ = ["WebServices", "application", "django_settings", "serve", "server"]
