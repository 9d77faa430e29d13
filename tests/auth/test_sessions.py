"""The session store: sessions that are read together, and the internals of Django's engines."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.test import override_settings
from django.utils import timezone

from tests.support.logins import overwrite_session, sign_in
from toasts.auth.sessions import read_sessions

pytestmark = pytest.mark.django_db(transaction=True)

LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
CACHED = {
    "SESSION_ENGINE": "django.contrib.sessions.backends.cached_db",
    "SESSION_CACHE_ALIAS": "sessions",
    "CACHES": {
        "default": {"BACKEND": LOCMEM, "LOCATION": "default"},
        "sessions": {"BACKEND": LOCMEM, "LOCATION": "sessions"},
    },
}


def test_only_sessions_that_have_not_expired_are_read(alice: User, bob: User) -> None:
    key, expired = sign_in(alice), sign_in(bob)
    Session.objects.filter(session_key=expired).update(expire_date=timezone.now())
    [session] = read_sessions([key, expired, "unknown"])
    assert (session.session_key, session["_auth_user_id"]) == (key, str(alice.pk))
    assert session.text == Session.objects.get(session_key=key).session_data


def test_it_relies_on_cached_db_keeping_decoded_sessions_under_its_prefix_in_the_session_cache(
    alice: User,
) -> None:
    with override_settings(**CACHED):
        key = sign_in(alice)
        data = CachedStore(key).load()  # puts it into the cache
        assert caches["sessions"].get(CachedStore.cache_key_prefix + key) == data
        assert [session.session_key for session in read_sessions([key])] == [key]


def test_a_session_that_the_cache_has_otherwise_is_left_out(alice: User, bob: User) -> None:
    with override_settings(**CACHED):
        key, other = sign_in(alice), sign_in(bob)
        CachedStore(key).load()
        overwrite_session(key, Session.objects.get(session_key=other).session_data)
        assert [session.session_key for session in read_sessions([key, other])] == [other]
