from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.grants import granted, of_browser
from toasts.auth import grants as sessions


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def held(browser: Client, alice: User) -> sessions.Grant:
    """Alice's right, by her session."""
    return granted(of_browser(browser, alice))
