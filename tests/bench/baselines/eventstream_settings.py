"""The settings of the django-eventstream baseline: one process, without storage.

Without Redis, events reach only the streams of the process that publishes them.
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
