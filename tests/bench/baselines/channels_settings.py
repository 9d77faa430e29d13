"""The settings of the channels baseline: the in-memory layer, in one process."""

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.baselines.channels_site"
ASGI_APPLICATION = "tests.bench.baselines.channels_site.application"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "channels",
]  # fmt: skip
MIDDLEWARE = []
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
