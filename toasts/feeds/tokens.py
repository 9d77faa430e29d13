"""Signed tokens, with which a page or a program without a session cookie opens a feed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeGuard

from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from ..auth.grants import Grant, user_grant, users
from ..auth.revocation import session_valid
from ..auth.session_keys import decrypt_key, encrypt_key
from ..auth.sessions import session_by_key
from ..conf import conf
from ..tenants import MARK, current_tenant, holder_of
from ..users import user_key

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

SALT = "toasts.feeds"
_KEY_MAX = 64
"""Characters of a session's key. Django's have 32; that of a session in a cookie has more."""


class RequestWithUser(Protocol):
    """A request, Django's or that of Django REST framework."""

    @property
    def user(self) -> Any: ...


def token(whose: RequestWithUser | AbstractBaseUser | AnonymousUser, feed: str = "") -> str:
    """Return a token that opens a feed in a user's name: as ``?token=`` or as a Bearer token.

    It is valid for TOASTS_TOKEN_AGE seconds, as long as the user is active and keeps the same
    password. A stream that it opened may outlive it, but ends with its grant. A token
    that was made for a request ends with the session of that request, and so do its streams.

    Args:
        whose: a request, Django's or that of Django REST framework. Or a user, for a token that
            no logout ends.
        feed: the name of the one feed that it opens. Empty: any feed.

    Raises:
        ValueError: the user is anonymous or was never saved, or the session is kept in its cookie.
    """
    user: Any = whose.user if _is_request(whose) else whose
    if not getattr(user, "is_authenticated", False) or user_key(user) is None:
        raise ValueError("whose: the user must be signed in. Guests need no token.")
    session_claims = _session_claims(whose) if _is_request(whose) else []
    claims = [str(user_key(user)), feed, _password_digest(user), *session_claims]
    return signing.dumps(claims, salt=SALT)


def _is_request(whose: object) -> TypeGuard[RequestWithUser]:
    # The request of Django REST framework wraps Django's and is no subclass of it.
    return isinstance(getattr(whose, "_request", whose), HttpRequest)


def _session_claims(request: Any) -> list[str]:
    """Return the session that names the user, and whom it names. Empty if no session does."""
    session = getattr(request, "session", None)
    if session is None or session.get(SESSION_KEY) is None:
        return []
    key = session.session_key or ""
    if not 0 < len(key) <= _KEY_MAX:
        raise ValueError(
            "whose: this request's session is kept in its cookie, so no logout can end a token"
            " for it. Pass the user instead."
        )
    return [encrypt_key(key, SALT), session[SESSION_KEY]]


class VerifiedToken(NamedTuple):
    """The user of a token, and the grant for the streams that it opens."""

    user: Any
    grant: Grant


def verify_token(text: str, feed: str, max_age: int) -> VerifiedToken | None:
    """Return the user and the grant of a token, or None if it doesn't open this feed. Blocks.

    Args:
        text: the token.
        feed: the feed's name.
        max_age: seconds since it was signed.
    """
    try:
        user_id, only_feed, digest, *claims = signing.loads(text, salt=SALT, max_age=max_age)
        user = users().filter(pk=user_id).first()
        session = session_by_key(decrypt_key(claims[0], SALT)) if claims else None
    except (signing.BadSignature, ValueError, ValidationError):
        return None
    if user is None or not getattr(user, "is_active", True) or only_feed not in ("", feed):
        return None
    if session is not None and session.get(SESSION_KEY) != claims[1]:
        return None
    grant = _valid_grant(user, session)
    if grant is None or not constant_time_compare(digest, _password_digest(user)):
        return None
    return VerifiedToken(user, grant)


def _valid_grant(user: Any, session: SessionBase | None) -> Grant | None:
    grant = user_grant(user, session)
    if grant is not None and session is not None and not session_valid(grant):
        return None
    return grant


def _password_digest(user: Any) -> str:
    """Return a digest of the user's password and tenant.

    So a new password ends the token. And where users have no password, as with single sign-on, the
    token of a user of one tenant does not stand for the user with the same key of another one.
    """
    tenant = holder_of(get_user_model(), current_tenant())
    hashes = [getattr(user, "get_session_auth_hash", str)()]
    hashes += getattr(user, "get_session_auth_fallback_hash", tuple)()
    # By the oldest key: a rotation of SECRET_KEY ends no token.
    text = hashes[-1] + (MARK + tenant if tenant else "")
    digest = salted_hmac(SALT, text, secret=conf.oldest_secret_key, algorithm="sha256")
    return digest.hexdigest()[:20]
