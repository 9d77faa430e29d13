"""A host project whose pages a browser opens.

``TEST_CSRF`` holds words for its CSRF token: where it hides (``httponly``, ``sessions``), and
``names`` where its cookie and header have other names than Django's.
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
