"""Streams wait for no request that is no stream, and for no request that takes long."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import override_settings

from tests.conftest import until
from tests.support.asgi_connections import Connection, CountingHandler, make_application
from tests.support.feed_connections import ACCEPT_STREAM, FeedSocket
from tests.support.logins import sign_in
from tests.support.waiting_site import EVENTS
from toasts.asgi import admission
from toasts.asgi.admission import Slot, Slots
from toasts.asgi.application import StreamApplication

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("hubs"),
    pytest.mark.urls("tests.support.waiting_site"),
]


@pytest.fixture(autouse=True)
def no_events() -> None:
    EVENTS.clear()


@pytest.fixture
def app(settings: Any) -> StreamApplication:
    """The application with a single slot, and without its fast path."""
    settings.TOASTS_MAX_ADMISSIONS = 1
    return make_application(fast=False)


def get(app: StreamApplication, path: str, **scope: Any) -> Connection:
    """Send a GET that accepts an event stream."""
    return Connection(app, headers=[ACCEPT_STREAM], path=path, **scope).start()


def handshake(app: StreamApplication, path: str) -> FeedSocket:
    socket = FeedSocket(None, path)
    socket.app = app
    socket.start()
    return socket


async def opens(app: StreamApplication) -> bool:
    """Whether a feed's stream opens and closes."""
    stream = get(app, "/quick/")
    await until(lambda: "sync" in stream.kinds())
    await stream.leave()
    return True


# Who takes a slot.


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_a_request_that_only_accepts_a_stream_occupies_no_slot(
    app: StreamApplication, method: str
) -> None:
    waiting = [get(app, "/view/", method=method) for _ in range(3)]
    await until(lambda: len(EVENTS) == 3)
    assert await opens(app)
    await asyncio.gather(*(request.leave() for request in waiting))
    assert EVENTS == ["view waits"] * 3 + ["view ended"] * 3


async def test_a_handshake_at_any_other_address_occupies_no_slot(app: StreamApplication) -> None:
    sockets = [handshake(app, "/view/") for _ in range(3)]
    await until(lambda: len(EVENTS) == 3)
    assert await opens(app)
    for socket in sockets:
        await socket.leave()


async def test_a_post_to_a_feed_occupies_no_slot(app: StreamApplication) -> None:
    first = get(app, "/hanging/", method="POST")
    await until(lambda: EVENTS)
    assert await opens(app)
    await first.leave()


# How long it is kept.


@pytest.mark.parametrize("open_one", [get, handshake], ids=["event stream", "WebSocket"])
async def test_a_feed_that_never_decides_gives_its_slot_back(
    app: StreamApplication, open_one: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "SLOT_TIMEOUT", 0.2)
    first = open_one(app, "/hanging/")
    await until(lambda: EVENTS)
    assert await opens(app)
    await first.leave()


async def test_a_client_that_takes_no_response_occupies_no_slot(app: StreamApplication) -> None:
    async def never(message: Any) -> None:
        await asyncio.Event().wait()

    first = Connection(app, headers=[ACCEPT_STREAM], path="/quick/")
    first.on_send = never
    first.start()
    assert await opens(app)
    first.application.cancel()
    await asyncio.wait([first.application])


# Clients that leave.


@pytest.mark.parametrize("open_one", [get, handshake], ids=["event stream", "WebSocket"])
async def test_a_client_that_leaves_ends_what_django_does_for_it(
    app: StreamApplication, open_one: Any
) -> None:
    for _ in range(3):
        request = open_one(app, "/hanging/")
        await until(lambda: EVENTS == ["topic waits"])
        await request.leave()
        assert EVENTS == ["topic waits", "topic ended"]
        EVENTS.clear()
    assert await opens(app)


@pytest.mark.parametrize("open_one", [get, handshake], ids=["event stream", "WebSocket"])
async def test_a_client_that_leaves_while_it_waits_for_a_slot_is_forgotten(
    app: StreamApplication, open_one: Any
) -> None:
    first = get(app, "/hanging/")
    await until(lambda: EVENTS)
    waiting = [open_one(app, "/quick/") for _ in range(3)]
    await asyncio.sleep(0)
    for request in waiting:
        await request.leave()
        assert request.sent == []
    django = app._django
    assert isinstance(django, CountingHandler)
    assert django.calls == 1
    await first.leave()
    assert await opens(app)


async def test_a_response_without_an_end_refuses_a_websocket_and_ends() -> None:
    socket = handshake(make_application(), "/endless/")
    await socket.done()
    assert socket.sent[-1] == {"type": "websocket.close", "code": 4400}
    gc.collect()  # Django lets go of the generator, but does not close it
    await until(lambda: EVENTS == ["endless waits", "endless ended"])


# Slots.


async def test_slots_are_given_in_turn_and_come_back_however_a_wait_ends() -> None:
    slots = Slots(1)
    left = asyncio.Event()
    first, cancelled, gone, last = (Slot(slots) for _ in range(4))
    assert await first.acquire(left.wait)
    waits = [
        asyncio.ensure_future(slot.acquire(asyncio.Event().wait)) for slot in (cancelled, last)
    ]
    leaving = asyncio.ensure_future(gone.acquire(left.wait))
    await asyncio.sleep(0)
    left.set()
    assert await leaving is False
    first.release()
    waits[0].cancel()  # just when it gets the slot
    await asyncio.wait(waits)
    assert waits[0].cancelled()
    assert waits[1].result() is True
    for slot in (first, cancelled, gone, last, last):
        slot.release()
    assert slots._free == 1


async def test_an_error_of_the_server_ends_the_wait_for_a_slot() -> None:
    async def broken() -> None:
        raise OSError("gone")

    slots = Slots(0)
    assert await Slot(slots).acquire(broken) is False


# Messages that nobody expects.


@override_settings(ROOT_URLCONF="tests.support.waiting_site")
@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("kind", ["http.request", "http.other"])
async def test_a_stream_ends_if_its_server_repeats_a_message_forever(
    alice: User, fast: bool, kind: str
) -> None:
    session = await sync_to_async(sign_in)(alice)
    request = Connection(make_application(fast), session)
    received = 0

    async def receive() -> Any:
        nonlocal received
        received += 1
        if received == 1:
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": kind, "body": b"", "more_body": False}

    # Django itself refuses a message after the body; what it does then is its own.
    request.events.get = receive  # type: ignore[method-assign]
    request.start()
    await asyncio.wait([request.application], timeout=5)
    assert request.application.done()
    assert received < 200
