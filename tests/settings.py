"""The settings that the tests own: a bare host project around toasts.

``TEST_DATABASE_URL`` chooses the database; tests/conftest.py starts a PostgreSQL of its own.
"""

import os
import tempfile

import dj_database_url

SECRET_KEY = "tests"
USE_TZ = True
ROOT_URLCONF = os.environ.get("TEST_URLS", "tests.urls")
ALLOWED_HOSTS = ["*"]
CSRF_TRUSTED_ORIGINS = ["https://*.trusted.example", "https://exact.example:8443"]
DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("TEST_DATABASE_URL")
        or f"sqlite:///{tempfile.gettempdir()}/toasts-tests-{os.getpid()}.sqlite3"
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        " PRAGMA busy_timeout=5000",
    }
    # A file, not :memory:, because the watcher and the reader have connections of their own.
    DATABASES["default"]["TEST"] = {"NAME": DATABASES["default"]["NAME"] + ".test"}
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "toasts",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "toasts.middleware.ToastMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ASGI_APPLICATION = "tests.support.asgi.application"
STATIC_URL = "/static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# So that tests that start server processes can shorten what would take minutes.
TOASTS_SWEEP = float(os.environ.get("TOASTS_SWEEP", 25))
TOASTS_RECONCILE = float(os.environ.get("TOASTS_RECONCILE", 5))
TOASTS_CHANNEL = os.environ.get("TOASTS_CHANNEL", "toasts")
if "TOASTS_LISTEN_DSN" in os.environ:
    TOASTS_LISTEN_DSN = os.environ["TOASTS_LISTEN_DSN"]
TOASTS_PATIENCE = float(os.environ.get("TOASTS_PATIENCE", 30))
TOASTS_MAX_STREAMS_PER_USER = int(os.environ.get("TOASTS_MAX_STREAMS_PER_USER", 20))
