"""Django's settings for the pages. Handed to `stores.sql.connect`, which configures Django once a process."""

import os
import secrets
import stat
from pathlib import Path

from core.errors import ConfigError

ROOM = Path(__file__).parent

# There is no sign-in yet: whoever reaches the page may decide. So it is only reachable from the machine it runs on, and the
# names count as well as the address, or a foreign page whose name resolves to 127.0.0.1 could read it (DNS rebinding).
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


def django_settings(home: Path) -> dict[str, object]:
    """Everything but the database. Makes `home/web.key` on first use."""
    return {
        "DEBUG": False,
        "SECRET_KEY": secret_key(home / "web.key"),
        "ALLOWED_HOSTS": list(LOOPBACK_NAMES),
        "ROOT_URLCONF": "web.desk.urls",
        "MIDDLEWARE": [
            "web.middleware.security_headers",  # first, so that every answer passes through it, errors as well
            "web.middleware.loopback_host",
            "whitenoise.middleware.WhiteNoiseMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "web.middleware.plain_errors",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [ROOM / "templates"],
                "OPTIONS": {
                    "builtins": ["django.templatetags.static", "web.desk.filters"],
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.messages.context_processors.messages",
                    ],
                },
            }
        ],
        "STATIC_URL": "/static/",
        "STATIC_ROOT": str(ROOM / "static"),
        "WHITENOISE_ALLOW_ALL_ORIGINS": False,
        # The token lives in a cookie that no script can read and no other site can send along.
        "CSRF_COOKIE_NAME": "stillwatch_csrf",
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SAMESITE": "Strict",
        "CSRF_FAILURE_VIEW": "web.desk.errors.forged",
        # What was just done is said on the next page through a signed cookie; there are no sessions.
        "MESSAGE_STORAGE": "django.contrib.messages.storage.cookie.CookieStorage",
        "SESSION_COOKIE_SAMESITE": "Strict",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 64 * 1024,  # forms are a few short fields
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 20,
        "USE_I18N": False,
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "LOGGING_CONFIG": None,  # whoever starts the process says where logs go
    }


def secret_key(path: Path) -> str:
    """Made once, for its owner alone. Two processes that start together end up with the same one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(64))
        try:
            path.hardlink_to(fresh)  # atomic, and never over one that is there
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(f"{path}: others may read the key that signs the page's forms; the cure: chmod 600 {path}")
    key = path.read_text().strip()
    if len(key) < 50:
        raise ConfigError(
            f"{path}: not a key this page made ({len(key)} characters); delete the file, a new one is made at the next start"
        )
    return key
