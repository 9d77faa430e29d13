"""The settings of the django-eventstream baseline: one process, nothing stored.

Without Redis its events reach the streams of the publishing process alone.
"""

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.baselines.eventstream_site"
ASGI_APPLICATION = "tests.bench.baselines.eventstream_site.application"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django_eventstream",
]  # fmt: skip
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
