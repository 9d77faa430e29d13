"""The fast path answers exactly as the whole middleware does, or passes the request to Django."""

from __future__ import annotations

import asyncio
import re
from io import BytesIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.db.backends.signals import connection_created
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import until
from tests.support.asgi_connections import (
    Connection,
    CountingHandler,
    django_calls,
    make_application,
)
from tests.support.logins import ALL_MIDDLEWARE, AUTHENTICATION, SESSION, sign_in_many
from tests.support.session_states import CASES
from tests.support.stream_requests import RequestArguments, Site
from toasts.asgi.fast_path import parse_fast_path, uses_default_auth
from toasts.delivery import hubs
from toasts.delivery.hubs import current_hub

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


async def test_a_client_that_reconnects_by_the_fast_path_does_not_get_its_toasts_again() -> None:
    arguments = await sync_to_async(CASES["a good session"].arguments)(await sync_to_async(Site)())
    app = make_application()
    first = Connection(app, **arguments).start()
    await until(lambda: "sync" in first.kinds())
    assert first.kinds() == ["toast", "sync"]
    last_id = re.findall(rb"^id: (.+)$", first.body, re.MULTILINE)[-1]
    by_header: RequestArguments = {"headers": [(b"last-event-id", last_id)]}
    for extra in (by_header, {"query_string": b"last_event_id=" + last_id}):
        again = Connection(app, **{**arguments, **extra}).start()
        await until(lambda request=again: "sync" in request.kinds())
        assert again.kinds() == ["sync"]
        await again.leave()
    assert django_calls(app) == 0
    await first.leave()


# Batches.


async def _all_synced(app: Any, keys: list[str]) -> list[Connection]:
    requests = [Connection(app, key).start() for key in keys]
    await until(lambda: all("sync" in request.kinds() for request in requests))
    return requests


async def test_a_hundred_simultaneous_streams_cost_a_handful_of_queries() -> None:
    keys = await sign_in_many(100)
    app = make_application()
    with Queries() as queries:
        requests = await _all_synced(app, keys)
    assert django_calls(app) == 0
    assert [request.status for request in requests] == [200] * 100
    lookups = [sql for sql in queries.statements if "django_session" in sql or "auth_user" in sql]
    assert 2 <= len(lookups) <= 8  # more than 2 if they come in two batches, or if the sweep runs
    await asyncio.gather(*(request.leave() for request in requests))
    assert current_hub().subscriptions() == []


class Queries:
    """Records the statements of every new database connection."""

    def __enter__(self) -> Queries:
        self.statements: list[str] = []
        connection_created.connect(self._watch)
        return self

    def _watch(self, connection: Any, **rest: Any) -> None:
        connection.execute_wrappers.append(self._note)

    def _note(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.statements.append(sql)
        return execute(sql, params, many, context)

    def __exit__(self, *error: object) -> None:
        connection_created.disconnect(self._watch)


async def test_the_tabs_of_one_session_get_a_grant_each() -> None:
    [key] = await sign_in_many(1)
    requests = await _all_synced(make_application(), [key] * 5)
    grants = {listener.grant for listener in current_hub().subscriptions()}
    assert len(grants) == 5
    await asyncio.gather(*(request.leave() for request in requests))


async def test_a_client_that_leaves_does_not_delay_the_others_of_its_batch() -> None:
    keys = await sign_in_many(3)
    app = make_application()
    first, gone, last = (Connection(app, key).start() for key in keys)
    await asyncio.sleep(0)
    gone.application.cancel()
    await until(lambda: "sync" in first.kinds() and "sync" in last.kinds())
    assert gone.application.cancelled()
    assert len(current_hub().subscriptions()) == 2
    await asyncio.gather(first.leave(), last.leave())


async def test_after_a_failed_look_up_the_middleware_decides(
    caplog: pytest.LogCaptureFixture,
) -> None:
    [key] = await sign_in_many(1)

    def broken(execute: Any, sql: str, *rest: Any) -> Any:
        if "django_session" in sql and " IN " in sql:
            raise OperationalError("gone")
        return execute(sql, *rest)

    def break_new(connection: Any, **rest: Any) -> None:
        connection.execute_wrappers.append(broken)

    app = make_application()
    connection_created.connect(break_new)
    try:
        [request] = await _all_synced(app, [key])
    finally:
        connection_created.disconnect(break_new)
    assert (request.status, django_calls(app)) == (200, 1)
    assert "could not look up sessions together" in caplog.text
    await request.leave()


async def test_a_look_up_runs_on_the_new_hub_after_the_old_one_has_stopped() -> None:
    keys = await sign_in_many(2)
    app = make_application()
    [request] = await _all_synced(app, keys[:1])
    await request.leave()
    await current_hub().stop()
    hubs._hubs.clear()
    [request] = await _all_synced(app, keys[1:])
    assert (django_calls(app), len(current_hub().subscriptions())) == (0, 1)
    await request.leave()


# Which requests and sites the fast path is for.


def _scope(**changes: Any) -> Any:
    request = Connection(None, "a" * 32)
    return {**request.scope, **changes}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(cookie=st.binary(max_size=200))
def test_for_any_cookie_the_key_is_the_one_that_django_would_use(cookie: bytes) -> None:
    cookie = b"a=b; sessionid=" + cookie
    scope = _scope(headers=[(b"host", b"testserver"), (b"cookie", cookie)])
    request = parse_fast_path(scope)
    key = request.session_key if request is not None else None
    django = CountingHandler.request_class(scope, BytesIO()).COOKIES.get("sessionid")
    assert key in (None, django)
    if key is not None:
        assert re.fullmatch("[A-Za-z0-9]{8,64}", key)


def test_a_scope_with_only_the_keys_that_asgi_requires_is_enough() -> None:
    scope = _scope()
    for name in ("query_string", "root_path", "scheme", "server", "client"):
        del scope[name]
    assert parse_fast_path(scope) == ("a" * 32, None, False, "")


DEFAULT_AUTH = {"MIDDLEWARE": [SESSION, AUTHENTICATION]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"MIDDLEWARE": ALL_MIDDLEWARE}, True),
        ({"MIDDLEWARE": [SESSION]}, False),
        ({"MIDDLEWARE": [AUTHENTICATION]}, False),
        ({"MIDDLEWARE": [AUTHENTICATION, SESSION]}, False),
        ({"MIDDLEWARE": [SESSION, AUTHENTICATION, AUTHENTICATION]}, False),
        ({"MIDDLEWARE": [*ALL_MIDDLEWARE, "site.middleware.Own"]}, False),
        (
            {
                "MIDDLEWARE": [*ALL_MIDDLEWARE, "site.middleware.Own"],
                "TOASTS_HARMLESS_MIDDLEWARE": ["site.middleware.Own"],
            },
            True,
        ),
        (
            {
                "MIDDLEWARE": [
                    *ALL_MIDDLEWARE,
                    "django.contrib.auth.middleware.RemoteUserMiddleware",
                ]
            },
            False,
        ),
        ({"SESSION_ENGINE": "django.contrib.sessions.backends.cached_db"}, True),
        (
            {
                "SESSION_ENGINE": "django.contrib.sessions.backends.cached_db",
                "TOASTS_SERVER_INTERNALS": False,
            },
            False,
        ),
        ({"TOASTS_SERVER_INTERNALS": False}, True),
        ({"SESSION_ENGINE": "django.contrib.sessions.backends.cache"}, False),
        ({"SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies"}, False),
        ({"SESSION_ENGINE": "site.sessions"}, False),
    ],
)
def test_the_fast_path_is_open_only_where_djangos_own_middleware_decides(
    changes: dict[str, Any], expected: bool
) -> None:
    with override_settings(**{**DEFAULT_AUTH, **changes}):
        assert uses_default_auth() is expected
