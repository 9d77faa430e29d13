"""The tests' settings with another user model. USER_KEY names the kind of its key."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as INSTALLED

INSTALLED_APPS = [
    "tests.support.user_keys",
    *(name for name in INSTALLED if name != "django.contrib.admin"),  # it needs permissions
]
AUTH_USER_MODEL = "user_keys.Person"
ROOT_URLCONF = "tests.support.user_keys.urls"
