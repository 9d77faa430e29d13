"""A WebSocket whose client does not read, against a `send` that waits."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.test import override_settings

from tests.conftest import until
from tests.feeds.test_feed import NAMES
from tests.support.asgi_connections import Connection, make_application
from tests.support.logins import sign_in
from toasts import feeds
from toasts.delivery.hubs import current_hub

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("hubs"),
    pytest.mark.urls("tests.support.feeds_site"),
]


class Socket(Connection):
    def __init__(self, session: str) -> None:
        super().__init__(
            make_application(), session, type="websocket", scheme="ws", path=NAMES, subprotocols=[]
        )
        self.events.get_nowait()
        self.events.put_nowait({"type": "websocket.connect"})

    def disconnect(self) -> None:
        self.events.put_nowait({"type": "websocket.disconnect", "code": 1001})

    def messages(self) -> list[Any]:
        return [json.loads(sent["text"]) for sent in self.sent if sent["type"] == "websocket.send"]

    def events_told(self) -> list[str]:
        return [message["event"] for message in self.messages()]


async def open_stream(user: User) -> Socket:
    socket = Socket(await sync_to_async(sign_in)(user))
    socket.start()
    await until(lambda: "sync" in socket.events_told())
    return socket


async def test_a_slow_reader_gets_the_state_instead_of_the_missed_changes(
    alice: User,
) -> None:
    socket = await open_stream(alice)
    gate = asyncio.Event()

    async def wait(message: Any) -> None:
        await gate.wait()

    socket.on_send = wait
    for number in range(20):
        await Group.objects.acreate(name=f"group {number}")
        await feeds.async_announce("names", "all")
        await until(lambda: current_hub().scheduler.empty)
    told = len(socket.sent)
    gate.set()
    await until(lambda: socket.events_told().count("sync") == 2)
    later = socket.messages()[told - 1 :]
    # At most what was under way, then the five rows that are there now: not twenty changes.
    assert len(later) < 12
    newest = [group.pk async for group in Group.objects.order_by("-pk")[:5]]
    assert later[-1]["data"] == {"keys": newest[::-1]}
    await socket.leave()


@override_settings(TOASTS_PATIENCE=0.5)
async def test_a_client_that_does_not_read_is_disconnected(alice: User) -> None:
    socket = await open_stream(alice)

    async def never(message: Any) -> None:
        await asyncio.Event().wait()

    socket.on_send = never
    await Group.objects.acreate(name="one")
    await feeds.async_announce("names", "all")
    await socket.done(10)
    assert current_hub().listeners() == []


async def test_a_client_that_disconnects_is_unsubscribed(alice: User) -> None:
    socket = await open_stream(alice)
    await socket.leave()
    assert current_hub().listeners() == []
    assert [sent["type"] for sent in socket.sent] == ["websocket.accept", "websocket.send"]


async def test_a_bye_event_comes_before_the_close(alice: User) -> None:
    socket = await open_stream(alice)
    current_hub().drop(current_hub().listeners()[0], "superseded")
    await socket.done()
    assert socket.events_told()[-1] == "bye"
    assert socket.sent[-1] == {"type": "websocket.close", "code": 4409}


async def test_a_client_that_disconnects_before_the_answer_is_no_error(alice: User) -> None:
    socket = await open_stream(alice)

    async def fail(message: Any) -> None:
        socket.disconnect()
        raise RuntimeError("the connection is closed")

    socket.on_send = fail
    socket.events.put_nowait({"type": "websocket.receive", "text": '{"data": ""}'})
    await socket.done()
    assert not current_hub().registry.topics


async def test_no_messages_are_read_from_a_client_that_reads_no_answers(alice: User) -> None:
    socket = await open_stream(alice)
    [stream] = current_hub().listeners()
    stream.pauseProducing()  # type: ignore[attr-defined]  # as daphne's transport does
    before = len(socket.sent)
    for number in range(20):
        text = json.dumps({"data": f"name {number}"})
        socket.events.put_nowait({"type": "websocket.receive", "text": text})
    with pytest.raises(AssertionError, match="not within"):
        await until(lambda: len(socket.sent) - before > 1, 0.5)
    stream.resumeProducing()  # type: ignore[attr-defined]
    await until(lambda: len(socket.sent) - before >= 20)
    await socket.leave()
