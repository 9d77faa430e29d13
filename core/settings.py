"""The settings of this site. They are read from the environment, and are safe if nothing is set.

SECRET_KEY      Django's signing key. Default: the text of .state/secret-key, which make creates.
DEBUG           1: error pages for developers, and demo users are allowed. Default: 0.
ALLOWED_HOSTS   Host names, separated by commas. Default: localhost,127.0.0.1,[::1].
DATABASE_URL    postgresql://user@host/name or sqlite:////path. Default: db.sqlite3 here.
HTTPS           1: behind a proxy that ends TLS and sets X-Forwarded-Proto. Default: 0.
TOASTS_BROKER   How processes announce changes to each other. Default: auto, by the database.
REDIS_URL       For the redis broker: redis://host:6379 or redis+cluster://... Default: empty.
FORCE_SCRIPT_NAME  The path prefix of the site, such as /live. Default: empty.
DOCS_ROOT       The folder of the built documentation. Default: build/docs, as by `make docs`.
LOG_LEVEL       The lowest level that is logged. Default: INFO.
"""

import os
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG_KEY = "django-insecure-for-debug-only"
PUBLISHED_KEYS = ("change-me", DEBUG_KEY)
"""Keys that stand in this repository. With one of them anybody can sign a session."""


def _flag(name: str) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if value not in ("", "0", "1", "false", "true", "no", "yes", "off", "on"):
        raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no: set it to 1 or 0.")
    return value in ("1", "true", "yes", "on")


def _secret_key(debug: bool) -> str:
    made_by_make = BASE_DIR / ".state" / "secret-key"
    if key := os.environ.get("SECRET_KEY", "").strip():
        if key in PUBLISHED_KEYS and not debug:
            raise ImproperlyConfigured(
                f"SECRET_KEY={key} is published in the documentation, so anybody could sign in as "
                "anybody. Set it to a long random text, such as `make secret-key` makes."
            )
        return key
    if made_by_make.is_file():
        return made_by_make.read_text().strip()
    if debug:
        return DEBUG_KEY
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Set the environment variable SECRET_KEY to a long random text, "
        "or run `make secret-key`, which keeps one in .state/secret-key, "
        "or set DEBUG=1 on a machine that only you can reach."
    )


def _database() -> Any:
    # Under ASGI each request may run in a thread of its own, and a persistent connection belongs to
    # a thread. So none is kept (CONN_MAX_AGE 0): each would cost PostgreSQL a process.
    url = os.environ.get("DATABASE_URL") or f"sqlite:///{BASE_DIR / 'db.sqlite3'}"
    database: dict[str, Any] = {**dj_database_url.parse(url, conn_max_age=0)}
    if database["ENGINE"] == "django.db.backends.sqlite3":
        # WAL: readers and the writer don't block each other. IMMEDIATE: a transaction that reads
        # first and writes later waits for its turn instead of failing with "database is locked".
        database["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000"
            ),
            **database.get("OPTIONS", {}),
        }
    return database


DEBUG = _flag("DEBUG")
SECRET_KEY = _secret_key(DEBUG)
ALLOWED_HOSTS = [
    host.strip()
    for host in os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
    if host.strip()
]
DATABASES = {"default": _database()}
REDIS_URL = os.environ.get("REDIS_URL", "")

FORCE_SCRIPT_NAME = os.environ.get("FORCE_SCRIPT_NAME", "").rstrip("/") or None
# Other sites on the same host may use cookies with the same names.
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{FORCE_SCRIPT_NAME or ''}/"

TOASTS_BROKER = os.environ.get("TOASTS_BROKER") or "auto"
TOASTS_HARMLESS_MIDDLEWARE = ["core.static.StaticFilesMiddleware"]
TOASTS_REDIS_URL = REDIS_URL

INSTALLED_APPS = [
    "daphne",  # first, so that `runserver` serves ASGI
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "toasts",
    "example",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "core.static.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "toasts.middleware.ToastMiddleware",  # last, so that all others see the page with its script
]
ROOT_URLCONF = "core.urls"
ASGI_APPLICATION = "core.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "index"
LOGOUT_REDIRECT_URL = "index"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Not "static/": Django adds the prefix to a relative URL once, at startup, and under ASGI it
# doesn't know the prefix then.
STATIC_URL = f"{FORCE_SCRIPT_NAME or ''}/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Files are served from their source folders, DEBUG or not. Nothing has to be collected.
WHITENOISE_USE_FINDERS = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Live Toasts",
    "DESCRIPTION": "A user's own toasts: list them, count them, mark them as read.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",  # so that the page loads nothing from another site
    "SWAGGER_UI_FAVICON_HREF": f"{STATIC_URL}site/logo.svg",
}

DOCS_ROOT = Path(os.environ.get("DOCS_ROOT") or BASE_DIR / "build" / "docs")

if _flag("HTTPS"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO").upper()},
    # Django's own handler would log each of its lines a second time.
    "loggers": {"django": {"handlers": [], "propagate": True}},
}
