"""Every state that a session, a user or a site can be in, and how the stream answers there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from tests.support.logins import (
    ALLOW_ALL,
    AUTHENTICATION,
    COMMON,
    HERE,
    MODEL,
    SESSION,
    WHOLE,
    sign_in,
    store,
)
from tests.support.stream_requests import (
    Ask,
    World,
    by,
    cached,
    changed,
    deactivate,
    host,
    in_cache_only,
    kept,
    new_password,
    new_password_with_hash,
    of_old_secret,
    plus,
    raw,
    signed_otherwise,
)

CACHED = {"SESSION_ENGINE": "django.contrib.sessions.backends.cached_db"}


@dataclass
class Case:
    ask: Callable[[World], Ask]
    status: int | None = 200
    fast: bool = True
    """Whether the short way is to answer."""
    settings: dict[str, Any] = field(default_factory=dict)
    whose: str = "alice"
    """Whose toasts come; empty: the sweep finds the row at fault, and ends the stream at once."""


def short(ask: Callable[[World], Ask], **settings: Any) -> Case:
    return Case(ask, settings=settings)


def long(ask: Callable[[World], Ask], status: int = 200, **settings: Any) -> Case:
    return Case(ask, status, False, settings)


FALLBACK = {"SECRET_KEY": "tests", "SECRET_KEY_FALLBACKS": ["old"]}
good = plus()
CASES = {
    "a good session": short(good),
    "a good session, the whole chain": short(good, MIDDLEWARE=WHOLE),
    "no cookie": long(lambda world: {}, 204),
    "an unknown key": long(lambda world: {"session": "a" * 32}, 204),
    "an empty key": long(raw("sessionid="), 204),
    "a key that is too short": long(raw("sessionid=abcdefg"), 204),
    "a key that is too long": long(raw("sessionid=" + "a" * 65), 204),
    "a huge key": long(raw("sessionid=" + "a" * 100_000), 204),
    "NUL": long(raw("sessionid=abc\0defghijk"), 204 if connection.vendor == "sqlite" else 500),
    "no ASCII": long(raw("sessionid=grüße_grüße"), 204),
    "garbage": long(raw("=;;\"sessionid==';\\\x01"), 204),
    "a quoted key": short(raw('sessionid="{}"')),
    "a key among others": short(raw("a=b; sessionid={}; c")),
    "a good key, then a bad one": long(raw("sessionid={}; sessionid=" + "a" * 32), 204),
    "a bad key, then a good one": short(raw("sessionid=" + "a" * 32 + "; sessionid={}")),
    "two cookie headers": Case(
        plus((b"cookie", b"sessionid=aaaaaaaaaaaa")), None, False
    ),
    "another cookie's name": long(good, 204, SESSION_COOKIE_NAME="other"),
    "the site's own cookie name": short(raw("other={}"), SESSION_COOKIE_NAME="other"),
    "an expired session": long(
        kept(lambda world, key: Session.objects.update(expire_date=timezone.now())), 204
    ),
    "a session that expires soon": short(
        kept(lambda world, key: Session.objects.update(
            expire_date=timezone.now() + timedelta(seconds=60)
        ))
    ),
    "a deleted session": long(kept(lambda world, key: Session.objects.all().delete()), 204),
    "a deleted user": long(kept(lambda world, key: world.alice.delete()), 204),
    "an inactive user": long(changed(is_active=False), 204),
    "a changed password": long(kept(new_password), 204),
    "a changed password, its session kept": short(new_password_with_hash),
    "an unusable password": long(changed(password="!"), 204),
    "a fallback secret": long(of_old_secret, **FALLBACK),
    "a secret that is gone": long(of_old_secret, 204),
    "no hash": long(lambda world: {"session": world.session(**{HASH_SESSION_KEY: None})}, 204),
    "an empty hash": long(lambda world: {"session": world.session(**{HASH_SESSION_KEY: ""})}, 204),
    "another user's hash": long(
        lambda world: {
            "session": world.session(**{HASH_SESSION_KEY: world.bob.get_session_auth_hash()})
        },
        204,
    ),
    "no user": long(lambda world: {"session": world.session(**{SESSION_KEY: None})}, 204),
    "a user who is no number": long(
        lambda world: {"session": world.session(**{SESSION_KEY: "x"})}, 500
    ),
    "no backend": long(
        lambda world: {"session": world.session(**{BACKEND_SESSION_KEY: None})}, 204
    ),
    "a backend that is not allowed": long(by(ALLOW_ALL), 204),
    "a backend that is not there": long(by("no.such.Backend"), 204),
    "the second backend": short(by(ALLOW_ALL), AUTHENTICATION_BACKENDS=[MODEL, ALLOW_ALL]),
    "inactive, but all may": Case(
        lambda world: {**by(ALLOW_ALL)(world), **deactivate(world)},
        settings={"AUTHENTICATION_BACKENDS": [ALLOW_ALL]},
    ),
    "a backend with users of its own": Case(
        lambda world: {"session": world.session(
            backend=f"{HERE}.NamedDifferently",
            **{HASH_SESSION_KEY: world.bob.get_session_auth_hash()},
        )},
        200, False, {"AUTHENTICATION_BACKENDS": [f"{HERE}.NamedDifferently"]}, "bob",
    ),
    "a backend that finds nobody": long(
        by(f"{HERE}.Closed"), 204, AUTHENTICATION_BACKENDS=[f"{HERE}.Closed"]
    ),
    "a backend with a rule of its own": long(
        by(f"{HERE}.Choosy"), 204, AUTHENTICATION_BACKENDS=[f"{HERE}.Choosy"]
    ),
    "a backend that overrides nothing": short(
        by(f"{HERE}.Plain"), AUTHENTICATION_BACKENDS=[f"{HERE}.Plain"]
    ),
    "a backend of no family": long(
        by(f"{HERE}.Outsider"), AUTHENTICATION_BACKENDS=[f"{HERE}.Outsider"]
    ),
    "tampered data": long(kept(lambda world, key: store(key, "x" * 50)), 204),
    "data with a foreign salt": long(kept(signed_otherwise), 204),
    "an anonymous session": long(
        lambda world: {"session": sign_in(world.alice, **{
            SESSION_KEY: None, BACKEND_SESSION_KEY: None, HASH_SESSION_KEY: None, "cart": 1
        })},
        204,
    ),
    "cached sessions": short(good, **CACHED),
    "a cached session that differs from its row": Case(
        lambda world: {"session": cached(world, "alice", "bob")}, 200, False, CACHED, ""
    ),
    "a cached session without a row": Case(in_cache_only, 200, False, CACHED, ""),
    "sessions in a file's stead": long(
        good, 204, SESSION_ENGINE="django.contrib.sessions.backends.cache"
    ),
    "the wrong host": long(host(b"evil.example"), 400, ALLOWED_HOSTS=["good"], MIDDLEWARE=WHOLE),
    "the wrong host, and nobody minds": long(
        host(b"evil.example"), ALLOWED_HOSTS=["good"]
    ),
    "no www": long(good, 301, PREPEND_WWW=True, MIDDLEWARE=WHOLE),
    "www": short(host(b"www.testserver"), PREPEND_WWW=True, MIDDLEWARE=WHOLE),
    "plain HTTP where HTTPS is wanted": long(
        good, 301, SECURE_SSL_REDIRECT=True, MIDDLEWARE=WHOLE
    ),
    "HTTPS where it is wanted": short(
        plus(scheme="https"), SECURE_SSL_REDIRECT=True, MIDDLEWARE=WHOLE
    ),
    "HTTPS by a proxy's word": short(
        plus((b"x-forwarded-proto", b"https")),
        SECURE_SSL_REDIRECT=True,
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        MIDDLEWARE=WHOLE,
    ),
    "an agent that is not wanted": long(
        plus((b"user-agent", b"BadBot/1")), 403,
        DISALLOWED_USER_AGENTS=[re.compile("^BadBot")], MIDDLEWARE=WHOLE,
    ),
    "another agent": short(
        plus((b"user-agent", b"Firefox")),
        DISALLOWED_USER_AGENTS=[re.compile("^BadBot")], MIDDLEWARE=WHOLE,
    ),
    "from another site": long(plus((b"sec-fetch-site", b"cross-site")), 403),
    "from a subdomain": long(plus((b"sec-fetch-site", b"same-site")), 403),
    "from a subdomain that may": long(
        plus((b"sec-fetch-site", b"same-site")), TOASTS_ALLOW_SAME_SITE=True
    ),
    "from the site itself": short(plus((b"sec-fetch-site", b"same-origin"))),
    "two words about where from": long(
        plus((b"sec-fetch-site", b"same-origin"), (b"sec-fetch-site", b"cross-site")), 403
    ),
    "a header that only looks like another": short(plus((b"sec_fetch_site", b"cross-site"))),
    "HEAD": long(plus(method="HEAD")),
    "POST": long(plus(method="POST"), 403),
    "OPTIONS": long(plus(method="OPTIONS"), 405),
    "Last-Event-ID": short(plus((b"last-event-id", b"abc"))),
    "an empty Last-Event-ID": short(plus((b"last-event-id", b""))),
    "a bad Last-Event-ID": long(plus((b"last-event-id", b"\xff")), 400),
    "a query": short(plus(query_string=b"last_event_id=abc")),
    "a query and a Last-Event-ID": short(
        plus((b"last-event-id", b"abc"), query_string=b"last_event_id=def")
    ),
    "a query of another kind": long(plus(query_string=b"a=b")),
    "a query of two": long(plus(query_string=b"last_event_id=abc&a=b")),
    "a bad query": long(plus(query_string=b"last_event_id=%00"), 400),
    "a query that is not UTF-8": long(plus(query_string=b"\xff"), 400),
    "credentials of another kind": long(plus((b"authorization", b"Bearer x"))),
    "below a path": short(plus(path="/app/toasts/stream/", root_path="/app")),
    "below a path that the server leaves out": short(plus(root_path="/app")),
    "below a path that the settings name": short(
        plus(path="/app/toasts/stream/"), FORCE_SCRIPT_NAME="/app"
    ),
    "middleware of the site's own": long(
        good, MIDDLEWARE=[SESSION, AUTHENTICATION, f"{HERE}.passing"]
    ),
    "middleware that the site vouches for": short(
        good, MIDDLEWARE=[SESSION, AUTHENTICATION, f"{HERE}.passing"],
        TOASTS_HARMLESS_MIDDLEWARE=[f"{HERE}.passing"],
    ),
    "middleware in the wrong order": long(good, 500, MIDDLEWARE=[AUTHENTICATION, SESSION]),
    "no sessions": long(good, 204, MIDDLEWARE=[COMMON]),
    "sessions saved with every request": short(good, SESSION_SAVE_EVERY_REQUEST=True),
}  # fmt: skip
