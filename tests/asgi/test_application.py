"""What goes to Django, what an open stream frees, and how many requests are admitted at once."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import django
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.core.signals import request_finished
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, override_settings

from tests.conftest import until
from tests.support.asgi_connections import (
    Connection,
    CountingHandler,
    django_calls,
    make_application,
    open_stream,
)
from tests.support.logins import ALL_MIDDLEWARE, AUTHENTICATION, SESSION, sign_in
from toasts import async_create_toast
from toasts.asgi.application import StreamApplication
from toasts.delivery import hubs
from toasts.delivery.streams import HANDOVER
from toasts.realtime.sse import HEADERS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]

REQUESTS: list[weakref.ref[HttpRequest]] = []
CLOSED: list[str] = []
origin: contextvars.ContextVar[str] = contextvars.ContextVar("origin")


@pytest.fixture
def key(alice: User) -> str:
    return sign_in(alice)


@pytest.fixture(params=["fast path", "via Django"])
def app(request: Any) -> StreamApplication:
    """The application, with and without its fast path."""
    return make_application(fast=request.param == "fast path")


# What goes to Django.


async def test_every_other_request_goes_to_django_unchanged() -> None:
    calls: list[Any] = []
    receive: Any = object()
    send: Any = object()

    async def django(scope: Any, receive: Any, send: Any) -> None:
        calls.append((scope, receive, send))

    application = StreamApplication(django)
    for scope in (
        {"type": "lifespan"},
        {"type": "http", "path": "/toasts/stream"},
        {"type": "http", "path": "/toasts/poll/"},
        {"type": "http", "path": ""},
    ):
        await application(scope, receive, send)
        assert calls.pop() == (scope, receive, send)


async def test_the_fast_path_and_django_begin_a_stream_with_the_same_bytes_and_headers(
    key: str,
) -> None:
    starts = []
    for fast in (True, False):
        request = await open_stream(make_application(fast), key)
        await request.leave()
        start = request.sent[0]
        headers = {(name.lower(), value) for name, value in start["headers"]}
        starts.append((start["type"], start["status"], headers, request.sent[1]["more_body"]))
    assert starts[0] == starts[1]
    assert (b"content-type", b"text/event-stream") in starts[0][2]


SITE_HEADERS: dict[str, Any] = {
    "MIDDLEWARE": [*ALL_MIDDLEWARE],
    "SECURE_HSTS_SECONDS": 60,
    "SECURE_REFERRER_POLICY": "no-referrer",
    "X_FRAME_OPTIONS": "SAMEORIGIN",
}
if django.VERSION >= (6,):
    SITE_HEADERS["MIDDLEWARE"].insert(1, "django.middleware.csp.ContentSecurityPolicyMiddleware")
    SITE_HEADERS["SECURE_CSP"] = {"default-src": ["'self'"], "script-src": ["<CSP_NONCE_SENTINEL>"]}
    SITE_HEADERS["SECURE_CSP_REPORT_ONLY"] = {"default-src": ["'none'"]}
OF_THE_REQUEST = {b"vary", b"content-language"}
"""Headers whose values depend on the request; no cache keeps a stream."""


@override_settings(**SITE_HEADERS)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_fast_path_sends_the_headers_of_the_sites_middleware(
    key: str, scheme: str
) -> None:
    found = []
    for fast in (True, False):
        request = await open_stream(make_application(fast), key, scheme=scheme)
        await request.leave()
        pairs = {(name.lower(), value) for name, value in request.sent[0]["headers"]}
        found.append({pair for pair in pairs if pair[0] not in OF_THE_REQUEST})
    assert found[0] == found[1]
    names = {name for name, _ in found[0]}
    assert {b"x-content-type-options", b"referrer-policy", b"x-frame-options"} <= names
    assert (b"strict-transport-security" in names) is (scheme == "https")
    assert (b"content-security-policy" in names) is (django.VERSION >= (6,))


@override_settings(MIDDLEWARE=[SESSION, AUTHENTICATION], SECURE_HSTS_SECONDS=60)
async def test_the_fast_path_adds_no_header_of_middleware_that_the_site_lacks(key: str) -> None:
    request = await open_stream(make_application(), key, scheme="https")
    await request.leave()
    names = {name for name, _ in request.sent[0]["headers"]}
    assert names == {name.lower().encode() for name in HEADERS}


async def test_headers_added_to_one_stream_do_not_appear_in_another(key: str) -> None:
    application = make_application()

    async def around(scope: Any, receive: Any, send: Any) -> None:
        async def add(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-added", b"1"))
            await send(message)

        await application(scope, receive, add)

    for _ in range(3):
        request = await open_stream(around, key)
        assert request.header(b"x-added") == [b"1"]
        await request.leave()


def replacing(get_response: Callable[..., Any]) -> Callable[..., Any]:
    def middleware(request: HttpRequest) -> HttpResponse:
        get_response(request)
        return HttpResponse("another", status=418)

    return middleware


@override_settings(MIDDLEWARE=[SESSION, AUTHENTICATION, "tests.asgi.test_application.replacing"])
async def test_middleware_can_replace_the_stream_by_another_response(key: str) -> None:
    request = Connection(make_application(), key).start()
    await request.done()
    assert (request.status, request.body, request.complete) == (418, b"another", True)
    assert hubs._hubs == {}


# What an open stream frees.


def watching(get_response: Callable[..., Any]) -> Callable[..., Any]:
    def middleware(request: HttpRequest) -> Any:
        REQUESTS.append(weakref.ref(request))
        origin.set("of the request")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        response = get_response(request)
        response._resource_closers.append(lambda: CLOSED.append("response"))
        return response

    return middleware


@override_settings(MIDDLEWARE=[SESSION, AUTHENTICATION, "tests.asgi.test_application.watching"])
async def test_the_request_ends_and_is_freed_while_the_stream_is_open(key: str) -> None:
    finished: list[Any] = []

    def record(**rest: Any) -> None:
        finished.append(rest)

    REQUESTS.clear()
    CLOSED.clear()
    request_finished.connect(record)
    try:
        application = make_application()
        warm = await open_stream(application, key)
        threads = threading.active_count()
        requests = [await open_stream(application, key) for _ in range(3)]
    finally:
        request_finished.disconnect(record)
    assert django_calls(application) == 4
    assert (len(finished), CLOSED) == (4, ["response"] * 4)
    await until(lambda: threading.active_count() <= threads)
    gc.collect()
    assert [request() for request in REQUESTS] == [None] * 4
    for request in (warm, *requests):
        assert HANDOVER not in request.scope
        assert not request.header(b"x-toasts-handover")
        assert not request.header(b"content-length")
        await request.leave()


async def test_the_hub_does_not_send_in_the_context_of_a_request(
    app: StreamApplication, key: str, alice: User
) -> None:
    found: list[str] = []

    async def record(message: Any) -> None:
        found.append(origin.get("none"))

    origin.set("of the request")
    request = await open_stream(app, key)
    request.on_send = record
    await async_create_toast("news", alice)
    await until(lambda: found)
    assert found == ["none"]
    await request.leave()


# How many requests are admitted at once.


@override_settings(TOASTS_MAX_ADMISSIONS=3)
async def test_a_storm_goes_through_the_middleware_a_few_at_a_time(key: str) -> None:
    django = CountingHandler()
    application = make_application(fast=False, django=django)
    with override_settings(TOASTS_MAX_STREAMS_PER_USER=30):
        requests = [Connection(application, key).start() for _ in range(20)]
        await until(lambda: all("sync" in request.kinds() for request in requests), 20)
    assert (django.calls, django.most_at_once) == (20, 3)
    await asyncio.gather(*(request.leave() for request in requests))


@override_settings(TOASTS_MAX_ADMISSIONS=1)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_client_that_is_slow_to_send_its_body_occupies_no_slot(
    key: str, method: str
) -> None:
    application = make_application(fast=False)
    slow = []
    for _ in range(3):
        request = Connection(application, method=method)
        request.events.get_nowait()
        request.events.put_nowait({"type": "http.request", "body": b"a", "more_body": True})
        slow.append(request.start())
    silent = Connection(application)
    silent.events.get_nowait()
    slow.append(silent.start())
    await asyncio.sleep(0)
    request = await open_stream(application, key)
    await request.leave()
    for waiting in slow:
        assert waiting.sent == []
        await waiting.leave()


async def test_a_session_of_djangos_test_client_opens_a_stream_and_logout_ends_it(
    alice: User,
) -> None:
    """Django's own client calls the application in the task of the caller."""
    client = AsyncClient()
    await client.aforce_login(alice)
    key = client.cookies["sessionid"].value
    request = await open_stream(make_application(), key)
    await sync_to_async(client.logout)()
    await request.done()
    assert request.received()[-1] == ("bye", {"reason": "auth"})
    again = Connection(make_application(), key).start()
    await again.done()
    assert (again.status, again.body) == (204, b"")


@pytest.mark.parametrize("path", ["/toasts/stream/", "/toasts/poll/"])
async def test_streams_and_polls_work_with_atomic_requests(
    app: StreamApplication, key: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    request = Connection(app, key, path=path).start()
    await until(lambda: request.status)
    assert request.status == 200
    await request.leave()


@override_settings(TOASTS_MAX_ADMISSIONS=1)
async def test_a_stream_of_the_sites_own_occupies_no_slot(key: str) -> None:
    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    application = make_application(fast=False)
    application._django = endless
    streams = [Connection(application, key).start() for _ in range(3)]
    await until(lambda: all(stream.sent for stream in streams))
    for stream in streams:
        stream.application.cancel()
    await asyncio.wait([stream.application for stream in streams])
