"""Requests for the stream from clients that are signed in, signed out, or have been signed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest
from django.test import override_settings

from tests.support.logins import overwrite_session, sign_in
from toasts import create_toast


@dataclass
class Site:
    """A database with two users, who have one toast each."""

    alice: User = field(init=False)
    bob: User = field(init=False)

    def __post_init__(self) -> None:
        User.objects.all().delete()
        Session.objects.all().delete()
        cache.clear()
        for name in ("alice", "bob"):
            user = User.objects.create_user(name, password=name)
            setattr(self, name, user)
            create_toast(f"for {name}", user)

    def session(self, **more: Any) -> str:
        return sign_in(self.alice, **more)


RequestArguments = dict[str, Any]
"""Keyword arguments of `Connection`."""
Prepare = Callable[[Site], RequestArguments]
"""Prepares the database for a request, and returns the arguments of the request."""


def with_changed_user(**columns: Any) -> Prepare:
    """Sign in, and then change the user's row without signals."""

    def prepare(site: Site) -> RequestArguments:
        key = site.session()
        User.objects.filter(pk=site.alice.pk).update(**columns)
        return {"session": key}

    return prepare


def after_login(change: Callable[[Site, str], object]) -> Prepare:
    """Sign in, change something, and send the old cookie."""

    def prepare(site: Site) -> RequestArguments:
        key = site.session()
        change(site, key)
        return {"session": key}

    return prepare


def with_cookie_header(text: str) -> Prepare:
    """Send this cookie header. {} is replaced by the key of a valid session."""

    def prepare(site: Site) -> RequestArguments:
        value = text.replace("{}", site.session()).encode("latin-1")
        return {"headers": [(b"cookie", value)]}

    return prepare


def with_session(*headers: tuple[bytes, bytes], **scope: Any) -> Prepare:
    return lambda site: {"session": site.session(), "headers": headers, **scope}


def with_host(name: bytes) -> Prepare:
    def prepare(site: Site) -> RequestArguments:
        cookie = (b"cookie", f"sessionid={site.session()}".encode())
        return {"headers": [], "scope_headers": [(b"host", name), cookie]}

    return prepare


def with_backend(backend: str) -> Prepare:
    return lambda site: {"session": site.session(backend=backend)}


def set_password(site: Site, key: str) -> None:
    site.alice.set_password("new")
    site.alice.save()


def with_new_password_and_updated_session(site: Site) -> RequestArguments:
    """Change the password as PasswordChangeView does."""
    request = HttpRequest()
    request.session = SessionStore(site.session())
    request.user = site.alice
    set_password(site, "")
    update_session_auth_hash(request, site.alice)
    request.session.save()
    return {"session": request.session.session_key}


def with_old_secret(site: Site) -> RequestArguments:
    with override_settings(SECRET_KEY="old"):
        return {"session": site.session()}


def sign_with_another_salt(site: Site, key: str) -> None:
    data = SessionStore(key).load()
    overwrite_session(key, signing.dumps(data, salt="foreign", compress=True))


def with_session_in_cache_only(site: Site) -> RequestArguments:
    return {"session": with_cached_session(site, "alice", None)}


def with_cached_session(site: Site, first: str, then: str | None) -> str:
    """Return the key of a cached session whose row was changed without the cache."""
    from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore

    key = sign_in(getattr(site, first))
    CachedStore(key).load()
    if then is None:
        Session.objects.filter(session_key=key).delete()
    else:
        other = sign_in(getattr(site, then))
        overwrite_session(key, Session.objects.get(session_key=other).session_data)
    return key


def deactivate_alice(site: Site) -> RequestArguments:
    User.objects.filter(pk=site.alice.pk).update(is_active=False)
    return {}
