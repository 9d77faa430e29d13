"""Helpers that call the HTTP API."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from toasts.models.toast import Toast

URL = "/toasts/api/toasts/"


def signed_in(user: User, **options: Any) -> Client:
    """Return a test client with a session of this user."""
    client = Client(**options)
    client.force_login(user)
    return client


def post(client: Any, path: str, body: Any = None, **headers: str) -> Any:
    """Post a body as JSON. Post text and bytes as they are."""
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    if body is None:
        return client.post(URL + path, headers=headers)
    return client.post(URL + path, data, content_type="application/json", headers=headers)


def unread(user: User) -> list[int]:
    """Return the ids of the user's unread toasts."""
    return list(Toast.objects.for_user(user).unread().values_list("pk", flat=True))
