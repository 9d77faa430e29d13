"""A host project whose pages a browser opens.

``TEST_CSRF`` is where its CSRF token hides: ``httponly`` or ``sessions``.
"""

import os

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.browser.urls"
CSRF_COOKIE_HTTPONLY = os.environ.get("TEST_CSRF") == "httponly"
CSRF_USE_SESSIONS = os.environ.get("TEST_CSRF") == "sessions"
