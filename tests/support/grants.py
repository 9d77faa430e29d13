"""Requests, their grants, and what ends a grant without a Django signal."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.test import AsyncClient, Client
from django.utils import timezone

from toasts.auth.grants import Grant, request_grant


def browser_request(client: Client | AsyncClient, user: Any) -> HttpRequest:
    """Return a request from this browser, as the site's middleware passes it on."""
    request = HttpRequest()
    store = import_module(settings.SESSION_ENGINE).SessionStore
    request.session = store(client.cookies["sessionid"].value)
    request.user = user
    return request


def token_request(user: Any) -> HttpRequest:
    """Return a request that was signed in without a session."""
    request = HttpRequest()
    request.user = user
    return request


def grant_of(request: HttpRequest) -> Grant:
    grant = request_grant(request)
    assert grant is not None
    return grant


def change_password() -> None:
    User.objects.filter(username="alice").update(password="another")


REVOCATIONS: dict[str, Callable[[], Any]] = {
    "deactivation": lambda: User.objects.filter(username="alice").update(is_active=False),
    "deletion": lambda: User.objects.filter(username="alice").delete(),
    "another password": change_password,
    "the session's deletion": lambda: Session.objects.all().delete(),
    "the session's end": lambda: Session.objects.update(expire_date=timezone.now()),
    "a session that can't be decoded": lambda: Session.objects.update(session_data="nonsense"),
}
