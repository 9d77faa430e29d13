"""This repository's site, with feeds besides."""

from core.settings import *  # noqa: F403

ROOT_URLCONF = "tests.deploy.urls"
