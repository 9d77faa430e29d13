"""Feeds over WebSockets: slow clients, clients that disconnect, and foreign origins."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import override_settings

from tests.conftest import until
from tests.support.feed_connections import FeedSocket, open_socket
from toasts import feeds
from toasts.delivery.hubs import current_hub

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("hubs"),
    pytest.mark.urls("tests.support.feeds_site"),
]


async def test_a_slow_reader_gets_the_state_instead_of_the_missed_changes(
    alice: User,
) -> None:
    socket = await open_socket(alice)
    gate = asyncio.Event()

    async def wait(message: Any) -> None:
        await gate.wait()

    socket.on_send = wait
    for number in range(20):
        await Group.objects.acreate(name=f"group {number}")
        await feeds.async_announce("names", "all")
        await until(lambda: current_hub().scheduler.idle)
    sent_before = len(socket.sent)
    gate.set()
    await until(lambda: socket.event_types().count("sync") == 2)
    later = socket.envelopes()[sent_before - 1 :]
    # At most what was being sent, then the current five rows: not twenty changes.
    assert len(later) < 12
    newest = [group.pk async for group in Group.objects.order_by("-pk")[:5]]
    assert later[-1]["data"] == {"keys": newest[::-1]}
    await socket.leave()


@override_settings(TOASTS_PATIENCE=0.5)
async def test_a_client_that_does_not_read_is_disconnected(alice: User) -> None:
    socket = await open_socket(alice)

    async def never(message: Any) -> None:
        await asyncio.Event().wait()

    socket.on_send = never
    await Group.objects.acreate(name="one")
    await feeds.async_announce("names", "all")
    await socket.done(10)
    assert current_hub().subscriptions() == []


async def test_a_client_that_disconnects_is_unsubscribed(alice: User) -> None:
    socket = await open_socket(alice)
    await socket.leave()
    assert current_hub().subscriptions() == []
    assert [sent["type"] for sent in socket.sent] == ["websocket.accept", "websocket.send"]


async def test_a_bye_event_comes_before_the_close(alice: User) -> None:
    socket = await open_socket(alice)
    current_hub().drop(current_hub().subscriptions()[0], "superseded")
    await socket.done()
    assert socket.event_types()[-1] == "bye"
    assert socket.sent[-1] == {"type": "websocket.close", "code": 4409}


async def test_a_client_that_disconnects_before_the_answer_is_no_error(alice: User) -> None:
    socket = await open_socket(alice)

    async def fail(message: Any) -> None:
        socket.disconnect()
        raise RuntimeError("the connection is closed")

    socket.on_send = fail
    socket.send_text('{"data": ""}')
    await socket.done()
    assert not current_hub().registry.topics


async def test_no_messages_are_read_from_a_client_that_reads_no_answers(alice: User) -> None:
    socket = await open_socket(alice)
    [stream] = current_hub().subscriptions()
    stream.pauseProducing()  # type: ignore[attr-defined]  # as daphne's transport does
    before = len(socket.sent)
    for number in range(20):
        socket.send_text(json.dumps({"data": f"name {number}"}))
    with pytest.raises(AssertionError, match="not within"):
        await until(lambda: len(socket.sent) - before > 1, 0.5)
    stream.resumeProducing()  # type: ignore[attr-defined]
    await until(lambda: len(socket.sent) - before >= 20)
    await socket.leave()


@pytest.mark.parametrize(
    ("scheme", "origin", "opens"),
    [
        ("wss", "https://testserver", True),
        ("wss", "http://testserver", False),
        ("ws", "http://testserver", True),
        ("ws", "https://testserver", False),
        ("ws", "http://testserver:80", False),
        ("ws", "http://testserver:8000", False),
        ("ws", "http://testserver/", False),
        ("ws", "http://user@testserver", False),
        ("ws", "testserver", False),
        ("ws", "null", False),
        ("ws", "http://[", False),
        ("ws", "https://exact.example:8443", True),
        ("ws", "https://exact.example", False),
        ("ws", "http://exact.example:8443", False),
        ("ws", "https://exact.example:8443/x", False),
        ("ws", "https://a.trusted.example", True),
        ("ws", "http://a.trusted.example", False),
        ("ws", "https://a.trusted.example:8443", False),
        ("ws", "https://trusted.example.evil.example", False),
    ],
)
async def test_the_whole_origin_of_a_websocket_is_compared(
    db: None, scheme: str, origin: str, opens: bool
) -> None:
    socket = FeedSocket(None, "/feeds/public/")
    headers = [(b"host", b"testserver"), (b"origin", origin.encode())]
    socket.scope |= {"scheme": scheme, "headers": headers}
    socket.start()
    await until(lambda: len(socket.sent) > 1)
    if opens:
        await until(lambda: "sync" in socket.event_types())
        await socket.leave()
    else:
        assert socket.sent[1] == {"type": "websocket.close", "code": 4403}
