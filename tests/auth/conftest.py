from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.grants import browser_request, grant_of
from toasts.auth.grants import Grant


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def grant(browser: Client, alice: User) -> Grant:
    """The grant of alice's session."""
    return grant_of(browser_request(browser, alice))
