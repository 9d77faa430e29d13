"""Sessions that are signed in, and what a site may have in their way: middleware, backends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AbstractBaseUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

MODEL = "django.contrib.auth.backends.ModelBackend"
ALLOW_ALL = "django.contrib.auth.backends.AllowAllUsersModelBackend"
HERE = "tests.support.logins"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
SECURITY = "django.middleware.security.SecurityMiddleware"
REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"
WHOLE = [
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


class NamedDifferently(ModelBackend):
    """Its users are those of the model whose name is another one's."""

    def get_user(self, user_id: Any) -> AbstractBaseUser | None:
        return User.objects.filter(username="bob").first()


class Closed(ModelBackend):
    """Finds nobody any more."""

    def get_user(self, user_id: Any) -> AbstractBaseUser | None:
        return None


class Choosy(ModelBackend):
    def user_can_authenticate(self, user: Any) -> bool:
        return bool(user.username != "alice")


class Plain(ModelBackend):
    """Overrides nothing."""


class Outsider:
    """A backend of nobody's family."""

    def get_user(self, user_id: Any) -> AbstractBaseUser | None:
        return User.objects.filter(pk=user_id).first()


def passing(get_response: Callable[..., Any]) -> Callable[..., Any]:
    return get_response


def sign_in(user: User, backend: str = MODEL, **more: Any) -> str:
    """A stored session of this user; keywords replace what is in it, None takes it out."""
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


def store(key: str, text: str) -> str:
    """Put other data into a stored session."""
    Session.objects.filter(session_key=key).update(session_data=text)
    return key
