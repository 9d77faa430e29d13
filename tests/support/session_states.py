"""States of a session, a user or a site, and the answer of the stream view to each."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from tests.support.logins import (
    ALL_MIDDLEWARE,
    ALLOW_ALL_BACKEND,
    AUTHENTICATION,
    COMMON,
    LOGINS,
    MODEL_BACKEND,
    SESSION,
    overwrite_session,
    sign_in,
)
from tests.support.stream_requests import (
    Prepare,
    after_login,
    deactivate_alice,
    set_password,
    sign_with_another_salt,
    with_backend,
    with_cached_session,
    with_changed_user,
    with_cookie_header,
    with_host,
    with_new_password_and_updated_session,
    with_old_secret,
    with_session,
    with_session_in_cache_only,
)

CACHED: dict[str, Any] = {"SESSION_ENGINE": "django.contrib.sessions.backends.cached_db"}


@dataclass
class Case:
    arguments: Prepare
    status: int | None = 200
    is_fast: bool = True
    """Whether the fast path answers."""
    settings: dict[str, Any] = field(default_factory=dict)
    whose: str = "alice"
    """Whose toasts are sent. Empty: the sweep finds the changed row and ends the stream."""


def fast(arguments: Prepare, **settings: Any) -> Case:
    return Case(arguments, settings=settings)


def via_django(arguments: Prepare, status: int | None = 200, **settings: Any) -> Case:
    return Case(arguments, status, False, settings)


ANONYMOUS: dict[str, Any] = {
    SESSION_KEY: None,
    BACKEND_SESSION_KEY: None,
    HASH_SESSION_KEY: None,
    "cart": 1,
}
FALLBACK: dict[str, Any] = {"SECRET_KEY": "tests", "SECRET_KEY_FALLBACKS": ["old"]}
good = with_session()
CASES = {
    "a good session": fast(good),
    "a good session, the whole chain": fast(good, MIDDLEWARE=ALL_MIDDLEWARE),
    "no cookie": via_django(lambda site: {}, 204),
    "an unknown key": via_django(lambda site: {"session": "a" * 32}, 204),
    "an empty key": via_django(with_cookie_header("sessionid="), 204),
    "a key that is too short": via_django(with_cookie_header("sessionid=abcdefg"), 204),
    "a key that is too long": via_django(with_cookie_header("sessionid=" + "a" * 65), 204),
    "a huge key": via_django(with_cookie_header("sessionid=" + "a" * 100_000), 204),
    "a key with NUL": via_django(
        with_cookie_header("sessionid=abc\0defghijk"), 204 if connection.vendor == "sqlite" else 500
    ),
    "a key that is not ASCII": via_django(with_cookie_header("sessionid=grüße_grüße"), 204),
    "a malformed cookie header": via_django(with_cookie_header("=;;\"sessionid==';\\\x01"), 204),
    "a quoted key": fast(with_cookie_header('sessionid="{}"')),
    "a key among others": fast(with_cookie_header("a=b; sessionid={}; c")),
    "a good key, then a bad one": via_django(
        with_cookie_header("sessionid={}; sessionid=" + "a" * 32), 204
    ),
    "a bad key, then a good one": fast(
        with_cookie_header("sessionid=" + "a" * 32 + "; sessionid={}")
    ),
    "two cookie headers": Case(with_session((b"cookie", b"sessionid=aaaaaaaaaaaa")), None, False),
    "another cookie's name": via_django(good, 204, SESSION_COOKIE_NAME="other"),
    "the site's own cookie name": fast(with_cookie_header("other={}"), SESSION_COOKIE_NAME="other"),
    "an expired session": via_django(
        after_login(lambda site, key: Session.objects.update(expire_date=timezone.now())), 204
    ),
    "a session that expires soon": fast(
        after_login(
            lambda site, key: Session.objects.update(
                expire_date=timezone.now() + timedelta(seconds=60)
            )
        )
    ),
    "a deleted session": via_django(
        after_login(lambda site, key: Session.objects.all().delete()), 204
    ),
    "a deleted user": via_django(after_login(lambda site, key: site.alice.delete()), 204),
    "an inactive user": via_django(with_changed_user(is_active=False), 204),
    "a changed password": via_django(after_login(set_password), 204),
    "a changed password and an updated session": fast(with_new_password_and_updated_session),
    "an unusable password": via_django(with_changed_user(password="!"), 204),
    "a fallback secret": via_django(with_old_secret, **FALLBACK),
    "a secret that is no longer valid": via_django(with_old_secret, 204),
    "no hash": via_django(lambda site: {"session": site.session(**{HASH_SESSION_KEY: None})}, 204),
    "an empty hash": via_django(
        lambda site: {"session": site.session(**{HASH_SESSION_KEY: ""})}, 204
    ),
    "another user's hash": via_django(
        lambda site: {
            "session": site.session(**{HASH_SESSION_KEY: site.bob.get_session_auth_hash()})
        },
        204,
    ),
    "no user": via_django(lambda site: {"session": site.session(**{SESSION_KEY: None})}, 204),
    "a user id that is not a number": via_django(
        lambda site: {"session": site.session(**{SESSION_KEY: "x"})}, 500
    ),
    "no backend": via_django(
        lambda site: {"session": site.session(**{BACKEND_SESSION_KEY: None})}, 204
    ),
    "a backend that is not allowed": via_django(with_backend(ALLOW_ALL_BACKEND), 204),
    "a backend that can't be imported": via_django(with_backend("no.such.Backend"), 204),
    "the second backend": fast(
        with_backend(ALLOW_ALL_BACKEND), AUTHENTICATION_BACKENDS=[MODEL_BACKEND, ALLOW_ALL_BACKEND]
    ),
    "an inactive user whom the backend accepts": Case(
        lambda site: {**with_backend(ALLOW_ALL_BACKEND)(site), **deactivate_alice(site)},
        settings={"AUTHENTICATION_BACKENDS": [ALLOW_ALL_BACKEND]},
    ),
    "a backend with users of its own": Case(
        lambda site: {
            "session": site.session(
                backend=f"{LOGINS}.AlwaysBob",
                **{HASH_SESSION_KEY: site.bob.get_session_auth_hash()},
            )
        },
        200,
        False,
        {"AUTHENTICATION_BACKENDS": [f"{LOGINS}.AlwaysBob"]},
        "bob",
    ),
    "a backend that finds no user": via_django(
        with_backend(f"{LOGINS}.FindsNobody"),
        204,
        AUTHENTICATION_BACKENDS=[f"{LOGINS}.FindsNobody"],
    ),
    "a backend with a rule of its own": via_django(
        with_backend(f"{LOGINS}.RejectsAlice"),
        204,
        AUTHENTICATION_BACKENDS=[f"{LOGINS}.RejectsAlice"],
    ),
    "a backend that overrides nothing": fast(
        with_backend(f"{LOGINS}.OverridesNothing"),
        AUTHENTICATION_BACKENDS=[f"{LOGINS}.OverridesNothing"],
    ),
    "a backend that is no ModelBackend": via_django(
        with_backend(f"{LOGINS}.NoModelBackend"),
        AUTHENTICATION_BACKENDS=[f"{LOGINS}.NoModelBackend"],
    ),
    "tampered data": via_django(
        after_login(lambda site, key: overwrite_session(key, "x" * 50)), 204
    ),
    "data with a foreign salt": via_django(after_login(sign_with_another_salt), 204),
    "an anonymous session": via_django(
        lambda site: {
            "session": sign_in(
                site.alice,
                **ANONYMOUS,
            )
        },
        204,
    ),
    "cached sessions": fast(good, **CACHED),
    "a cached session that differs from its row": Case(
        lambda site: {"session": with_cached_session(site, "alice", "bob")}, 200, False, CACHED, ""
    ),
    "a cached session without a row": Case(with_session_in_cache_only, 200, False, CACHED, ""),
    "sessions in the cache alone": via_django(
        good, 204, SESSION_ENGINE="django.contrib.sessions.backends.cache"
    ),
    "the wrong host": via_django(
        with_host(b"evil.example"), 400, ALLOWED_HOSTS=["good"], MIDDLEWARE=ALL_MIDDLEWARE
    ),
    "the wrong host, where no middleware checks it": via_django(
        with_host(b"evil.example"), ALLOWED_HOSTS=["good"]
    ),
    "a host without www": via_django(good, 301, PREPEND_WWW=True, MIDDLEWARE=ALL_MIDDLEWARE),
    "a host with www": fast(
        with_host(b"www.testserver"), PREPEND_WWW=True, MIDDLEWARE=ALL_MIDDLEWARE
    ),
    "HTTP where HTTPS is required": via_django(
        good, 301, SECURE_SSL_REDIRECT=True, MIDDLEWARE=ALL_MIDDLEWARE
    ),
    "HTTPS where it is required": fast(
        with_session(scheme="https"), SECURE_SSL_REDIRECT=True, MIDDLEWARE=ALL_MIDDLEWARE
    ),
    "HTTPS as a proxy reports it": fast(
        with_session((b"x-forwarded-proto", b"https")),
        SECURE_SSL_REDIRECT=True,
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        MIDDLEWARE=ALL_MIDDLEWARE,
    ),
    "a disallowed user agent": via_django(
        with_session((b"user-agent", b"BadBot/1")),
        403,
        DISALLOWED_USER_AGENTS=[re.compile("^BadBot")],
        MIDDLEWARE=ALL_MIDDLEWARE,
    ),
    "another user agent": fast(
        with_session((b"user-agent", b"Firefox")),
        DISALLOWED_USER_AGENTS=[re.compile("^BadBot")],
        MIDDLEWARE=ALL_MIDDLEWARE,
    ),
    "from another site": via_django(with_session((b"sec-fetch-site", b"cross-site")), 403),
    "from a subdomain": via_django(with_session((b"sec-fetch-site", b"same-site")), 403),
    "from a subdomain that is allowed": via_django(
        with_session((b"sec-fetch-site", b"same-site")), TOASTS_ALLOW_SAME_SITE=True
    ),
    "from the site itself": fast(with_session((b"sec-fetch-site", b"same-origin"))),
    "two Sec-Fetch-Site headers": via_django(
        with_session((b"sec-fetch-site", b"same-origin"), (b"sec-fetch-site", b"cross-site")), 403
    ),
    "a header that only looks like another": fast(with_session((b"sec_fetch_site", b"cross-site"))),
    "HEAD": via_django(with_session(method="HEAD")),
    "POST": via_django(with_session(method="POST"), 403),
    "OPTIONS": via_django(with_session(method="OPTIONS"), 405),
    "Last-Event-ID": fast(with_session((b"last-event-id", b"abc"))),
    "an empty Last-Event-ID": fast(with_session((b"last-event-id", b""))),
    "a bad Last-Event-ID": via_django(with_session((b"last-event-id", b"\xff")), 400),
    "a query": fast(with_session(query_string=b"last_event_id=abc")),
    "a query and a Last-Event-ID": fast(
        with_session((b"last-event-id", b"abc"), query_string=b"last_event_id=def")
    ),
    "another query": via_django(with_session(query_string=b"a=b")),
    "a query with two parameters": via_django(with_session(query_string=b"last_event_id=abc&a=b")),
    "a bad query": via_django(with_session(query_string=b"last_event_id=%00"), 400),
    "a query that is not UTF-8": via_django(with_session(query_string=b"\xff"), 400),
    "an Authorization header": via_django(with_session((b"authorization", b"Bearer x"))),
    "below a path": fast(with_session(path="/app/toasts/stream/", root_path="/app")),
    "below a path that the server removes": fast(with_session(root_path="/app")),
    "below the path of FORCE_SCRIPT_NAME": fast(
        with_session(path="/app/toasts/stream/"), FORCE_SCRIPT_NAME="/app"
    ),
    "middleware of the site's own": via_django(
        good, MIDDLEWARE=[SESSION, AUTHENTICATION, f"{LOGINS}.passing_middleware"]
    ),
    "middleware that the site calls transparent": fast(
        good,
        MIDDLEWARE=[SESSION, AUTHENTICATION, f"{LOGINS}.passing_middleware"],
        TOASTS_HARMLESS_MIDDLEWARE=[f"{LOGINS}.passing_middleware"],
    ),
    "middleware in the wrong order": via_django(good, 500, MIDDLEWARE=[AUTHENTICATION, SESSION]),
    "no sessions": via_django(good, 204, MIDDLEWARE=[COMMON]),
    "sessions saved with every request": fast(good, SESSION_SAVE_EVERY_REQUEST=True),
}
