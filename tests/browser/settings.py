"""The settings of a host project whose pages a browser opens.

``TEST_CSRF`` configures the CSRF token with a list of words: ``httponly``, ``sessions``, and
``names`` for a cookie and a header with other names than Django's.
"""

import os

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.browser.urls"
_CSRF = os.environ.get("TEST_CSRF", "").split()
CSRF_COOKIE_HTTPONLY = "httponly" in _CSRF
CSRF_USE_SESSIONS = "sessions" in _CSRF
if "names" in _CSRF:
    CSRF_COOKIE_NAME = "jeton"
    CSRF_HEADER_NAME = "HTTP_X_JETON"
