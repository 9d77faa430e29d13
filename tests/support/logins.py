"""Signed-in sessions, and a site's own middleware and authentication backends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
ALLOW_ALL_BACKEND = "django.contrib.auth.backends.AllowAllUsersModelBackend"
LOGINS = "tests.support.logins"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
SECURITY = "django.middleware.security.SecurityMiddleware"
REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"
ALL_MIDDLEWARE = [
    SECURITY,
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    SESSION,
    "django.middleware.locale.LocaleMiddleware",
    COMMON,
    "django.middleware.csrf.CsrfViewMiddleware",
    AUTHENTICATION,
    REQUIRED,
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "toasts.middleware.ToastMiddleware",
]


class AlwaysBob(ModelBackend):
    """Returns bob, whichever user the session names."""

    def get_user(self, user_id: Any) -> User | None:
        return User.objects.filter(username="bob").first()


class FindsNobody(ModelBackend):
    """Returns no user."""

    def get_user(self, user_id: Any) -> User | None:
        return None


class RejectsAlice(ModelBackend):
    def user_can_authenticate(self, user: Any) -> bool:
        return bool(user.username != "alice")


class OverridesNothing(ModelBackend):
    """A subclass of Django's own backend, without changes."""


class NoModelBackend:
    """A backend that is not a subclass of Django's own."""

    def get_user(self, user_id: Any) -> User | None:
        return User.objects.filter(pk=user_id).first()


def passing_middleware(get_response: Callable[..., Any]) -> Callable[..., Any]:
    return get_response


def sign_in(user: User, backend: str = MODEL_BACKEND, **more: Any) -> str:
    """Store a session of this user, and return its key.

    Keywords replace entries of the session; None removes the entry.
    """
    session = SessionStore()
    data = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: backend,
        HASH_SESSION_KEY: user.get_session_auth_hash(),
        **more,
    }
    session.update({key: value for key, value in data.items() if value is not None})
    session.save()
    assert session.session_key is not None
    return session.session_key


async def sign_in_many(count: int) -> list[str]:
    """Store a session for each of this many new users, and return their keys."""

    def sign_in_all() -> list[str]:
        users = User.objects.bulk_create(User(username=f"user{n}") for n in range(count))
        return [sign_in(user) for user in users]

    return await sync_to_async(sign_in_all)()


def overwrite_session(key: str, text: str) -> str:
    """Replace the encoded data of a stored session, and return its key."""
    Session.objects.filter(session_key=key).update(session_data=text)
    return key
