"""Signed tokens: whom a page or a program without a session cookie may listen for."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils.crypto import constant_time_compare, salted_hmac

SALT = "toasts.feeds"


def token(user: Any, feed: str = "") -> str:
    """A token with which a feed is opened in this user's name: as ``?token=``, or as a Bearer.

    It is good for TOASTS_TOKEN_AGE seconds, as long as the user is active and has the same
    password. What was opened with it lives on when it expires, and ends with the user's right.

    Args:
        user: an instance of the user model; not an anonymous one.
        feed: the name of the one feed that it opens; empty: any.

    Raises:
        ValueError: the user is anonymous, or was never saved.
    """
    if not getattr(user, "is_authenticated", False) or user.pk is None:
        raise ValueError("user: must be one who is signed in; guests need no token.")
    return signing.dumps([str(user.pk), feed, _password(user)], salt=SALT)


def user_of(text: str, feed: str, max_age: int) -> Any | None:
    """The user whom a token names for this feed; None: nobody. Blocks.

    Args:
        max_age: seconds since it was signed.
    """
    try:
        user_id, only, password = signing.loads(text, salt=SALT, max_age=max_age)
        found = get_user_model()._default_manager.filter(pk=user_id).first()
    except (signing.BadSignature, ValueError, ValidationError):
        return None
    if found is None or not getattr(found, "is_active", True) or only not in ("", feed):
        return None
    return found if constant_time_compare(password, _password(found)) else None


def _password(user: Any) -> str:
    """A trace of the user's password, so that a changed one ends the token."""
    secret = getattr(user, "get_session_auth_hash", str)()
    return salted_hmac(SALT, secret).hexdigest()[:20]
