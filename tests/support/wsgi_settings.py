"""The settings of a site that WSGI serves, with the middleware that the environment names."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import MIDDLEWARE

ROOT_URLCONF = "tests.support.wsgi_site"
MIDDLEWARE = [*MIDDLEWARE[:-1], os.environ["TOAST_MIDDLEWARE"]]
del ASGI_APPLICATION  # noqa: F821
