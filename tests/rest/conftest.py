from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.support.rest_calls import signed_in
from toasts import create_toast, dismiss_toast
from toasts.models.toast import Toast


@pytest.fixture
def client_of_alice(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def three(alice: User, bob: User) -> list[Toast]:
    """Three toasts of alice. The first is read. Bob has one, too."""
    create_toast("his", bob)
    made = [create_toast(level, alice, level=level) for level in ("info", "error", "info")]
    dismiss_toast(made[0])
    return made
