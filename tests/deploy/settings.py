"""The settings of this repository's site, with the tests' feeds."""

from core.settings import *  # noqa: F403

ROOT_URLCONF = "tests.deploy.urls"
