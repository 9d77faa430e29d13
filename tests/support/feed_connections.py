"""Subscriptions to the feeds of `feeds_site`, in this process."""

from __future__ import annotations

import json
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User

from tests.conftest import until
from tests.support.asgi_connections import Connection, make_application
from tests.support.logins import sign_in
from toasts import feeds

NAMES = "/feeds/names/"
ACCEPT_STREAM = (b"accept", b"text/event-stream")


def subscribe(session: str | None, path: str = NAMES, *headers: Any, **scope: Any) -> Connection:
    """Open an event stream. Without a session, the client is signed out."""
    application = make_application()
    return Connection(application, session, [ACCEPT_STREAM, *headers], path=path, **scope).start()


async def data_of(connection: Connection, event: str, count: int = 1) -> list[Any]:
    """Wait for this many events of this type, and return the data of all that arrived."""

    def received() -> list[Any]:
        return [data for name, data in connection.received() if name == event]

    await until(lambda: len(received()) >= count)
    return received()


class FeedSocket(Connection):
    """A WebSocket to a feed."""

    def __init__(self, session: str | None, path: str = NAMES, **scope: Any) -> None:
        super().__init__(
            make_application(), session, type="websocket", scheme="ws", path=path,
            subprotocols=[], **scope,
        )  # fmt: skip
        self.events.get_nowait()
        self.events.put_nowait({"type": "websocket.connect"})

    def disconnect(self) -> None:
        self.events.put_nowait({"type": "websocket.disconnect", "code": 1001})

    def send_text(self, text: str) -> None:
        self.events.put_nowait({"type": "websocket.receive", "text": text})

    def envelopes(self) -> list[Any]:
        return [json.loads(sent["text"]) for sent in self.sent if sent["type"] == "websocket.send"]

    def event_types(self) -> list[str]:
        return [envelope["event"] for envelope in self.envelopes()]


async def open_socket(user: User) -> FeedSocket:
    """Open a WebSocket to the feed of names, and wait for its snapshot."""
    socket = FeedSocket(await sync_to_async(sign_in)(user))
    socket.start()
    await until(lambda: "sync" in socket.event_types())
    return socket


async def create_group(name: str) -> Group:
    """Create a row of the feed of names, and announce it."""
    group = await Group.objects.acreate(name=name)
    await feeds.async_announce("names", "all")
    return group
