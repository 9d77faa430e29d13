"""Signed tokens: whom a page or a program without a session cookie may listen for."""

from __future__ import annotations

import base64
import secrets
from typing import Any, NamedTuple

from django.contrib.auth import SESSION_KEY, get_user_model
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from ..auth.grants import Grant, grant_to, session_of, session_valid

SALT = "toasts.feeds"
_KEY_MAX = 64
"""Of a session's key; Django's have 32 characters. A session that is all in its cookie has more."""


def token(whose: Any, feed: str = "") -> str:
    """A token with which a feed is opened in a user's name: as ``?token=``, or as a Bearer.

    It is good for TOASTS_TOKEN_AGE seconds, as long as the user is active and has the same
    password. What was opened with it lives on when it expires, and ends with the user's right. One
    that was made for a request ends with the session of this request, and so does what it opened.

    Args:
        whose: a request; or an instance of the user model, for a token that no logout ends.
        feed: the name of the one feed that it opens; empty: any.

    Raises:
        ValueError: the user is anonymous, or was never saved; the session is kept in its cookie.
    """
    # The request of Django REST framework is none of Django's, and wraps one.
    asked = isinstance(getattr(whose, "_request", whose), HttpRequest)
    user = whose.user if asked else whose
    if not getattr(user, "is_authenticated", False) or user.pk is None:
        raise ValueError("whose: must be signed in; guests need no token.")
    claims = [str(user.pk), feed, _password(user)]
    return signing.dumps([*claims, *(_session(whose) if asked else ())], salt=SALT)


def _session(request: Any) -> list[str]:
    """The session that named the user, and whom it names; nothing: no session did."""
    session = getattr(request, "session", None)
    if session is None or session.get(SESSION_KEY) is None:
        return []
    key = session.session_key or ""
    if not 0 < len(key) <= _KEY_MAX:
        raise ValueError("whose: no logout ends a session that its cookie holds: give the user.")
    return [_sealed(key), session[SESSION_KEY]]


class Opened(NamedTuple):
    """In whose name a token opens a feed, and on which right."""

    user: Any
    grant: Grant


def opened_by(text: str, feed: str, max_age: int) -> Opened | None:
    """Whom a token names for this feed; None: nobody. Blocks.

    Args:
        max_age: seconds since it was signed.
    """
    try:
        user_id, only, password, *session = signing.loads(text, salt=SALT, max_age=max_age)
        user = get_user_model()._default_manager.filter(pk=user_id).first()
        named = session_of(_unsealed(session[0])) if session else None
    except (signing.BadSignature, ValueError, ValidationError):
        return None
    if user is None or not getattr(user, "is_active", True) or only not in ("", feed):
        return None
    if named is not None and named.get(SESSION_KEY) != session[1]:
        return None
    held = grant_to(user, named)
    if held is None or (named is not None and not session_valid(held)):
        return None
    return Opened(user, held) if constant_time_compare(password, _password(user)) else None


def _password(user: Any) -> str:
    """A trace of the user's password, so that a changed one ends the token."""
    secret = getattr(user, "get_session_auth_hash", str)()
    return salted_hmac(SALT, secret, algorithm="sha256").hexdigest()[:20]


# Whoever reads a token, in a log say, may use it for minutes. A session's key in it would be the
# user's whole account for weeks: so it is put under a pad that is never used again. That nobody
# changes it is the signature's business.


def _sealed(key: str) -> str:
    nonce = secrets.token_bytes(16)
    return base64.urlsafe_b64encode(nonce + _padded(key.encode(), nonce)).decode()


def _unsealed(text: str) -> str:
    found = base64.urlsafe_b64decode(text)
    return _padded(found[16:], found[:16]).decode()


def _padded(data: bytes, nonce: bytes) -> bytes:
    pad = salted_hmac(f"{SALT}.session", nonce, algorithm="sha512").digest()
    return bytes(one ^ other for one, other in zip(data, pad, strict=False))
