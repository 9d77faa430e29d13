"""Requests for the stream by who is, was or never was signed in."""

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

from tests.support.logins import sign_in, store
from toasts import create_toast


@dataclass
class World:
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


Ask = dict[str, Any]


def changed(**columns: Any) -> Callable[[World], Ask]:
    """Sign in, and then change the user's row by plain SQL."""

    def prepare(world: World) -> Ask:
        key = world.session()
        User.objects.filter(pk=world.alice.pk).update(**columns)
        return {"session": key}

    return prepare


def kept(prepare: Callable[[World, str], object]) -> Callable[[World], Ask]:
    """Sign in, do something, and come with the cookie that one had."""

    def ask(world: World) -> Ask:
        key = world.session()
        prepare(world, key)
        return {"session": key}

    return ask


def raw(text: str) -> Callable[[World], Ask]:
    """A cookie header of this text; {} stands for a session that is good."""

    def ask(world: World) -> Ask:
        value = text.replace("{}", world.session()).encode("latin-1")
        return {"headers": [(b"cookie", value)]}

    return ask


def plus(*headers: tuple[bytes, bytes], **scope: Any) -> Callable[[World], Ask]:
    return lambda world: {"session": world.session(), "headers": headers, **scope}


def host(name: bytes) -> Callable[[World], Ask]:
    def ask(world: World) -> Ask:
        cookie = (b"cookie", f"sessionid={world.session()}".encode())
        return {"headers": [], "scope_headers": [(b"host", name), cookie]}

    return ask


def by(backend: str) -> Callable[[World], Ask]:
    return lambda world: {"session": world.session(backend=backend)}


def new_password(world: World, key: str) -> None:
    world.alice.set_password("new")
    world.alice.save()


def new_password_with_hash(world: World) -> Ask:
    """As PasswordChangeView does it."""
    request = HttpRequest()
    request.session = SessionStore(world.session())
    request.user = world.alice
    new_password(world, "")
    update_session_auth_hash(request, world.alice)
    request.session.save()
    return {"session": request.session.session_key}


def of_old_secret(world: World) -> Ask:
    with override_settings(SECRET_KEY="old"):
        return {"session": world.session()}


def signed_otherwise(world: World, key: str) -> None:
    data = SessionStore(key).load()
    store(key, signing.dumps(data, salt="foreign", compress=True))


def in_cache_only(world: World) -> Ask:
    return {"session": cached(world, "alice", None)}


def cached(world: World, first: str, then: str | None) -> str:
    """A cached session whose row was changed behind the cache's back."""
    from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore

    key = sign_in(getattr(world, first))
    CachedStore(key).load()
    if then is None:
        Session.objects.filter(session_key=key).delete()
    else:
        other = sign_in(getattr(world, then))
        store(key, Session.objects.get(session_key=other).session_data)
    return key


def deactivate(world: World) -> Ask:
    User.objects.filter(pk=world.alice.pk).update(is_active=False)
    return {}
