"""Connections to an ASGI application without a server, which can fail on purpose."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

from django.core.handlers.asgi import ASGIHandler
from httpx_sse._decoders import SSEDecoder

from tests.conftest import until
from toasts.asgi.application import StreamApplication
from toasts.realtime.types import Application

STREAM = "/toasts/stream/"


class CountingHandler(ASGIHandler):
    """Django's handler, which counts the requests that reach it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = self.running = self.most_at_once = 0
        self.files: list[Any] = []

    async def read_body(self, receive: Any) -> Any:
        self.files.append(await super().read_body(receive))
        return self.files[-1]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.running -= 1
            while not self.running and self.files:  # Django up to 6.0 leaves them open if cancelled
                self.files.pop().close()


def make_application(fast: bool = True, django: ASGIHandler | None = None) -> StreamApplication:
    """Return the application as `get_asgi_application` makes it, perhaps without its fast path."""
    application = StreamApplication(cast("Application", django or CountingHandler()))
    application._uses_default_auth = application._uses_default_auth and fast
    return application


def django_calls(application: StreamApplication) -> int:
    """Return how many requests reached Django's handler."""
    django = application._django
    assert isinstance(django, CountingHandler)
    return django.calls


async def open_stream(app: Any, session: str, **scope: Any) -> Connection:
    """Open a stream, and wait until its snapshot has arrived."""
    request = Connection(app, session, **scope).start()
    await until(lambda: "sync" in request.kinds())
    return request


class Connection:
    """One request. `application` is the task that a server would run for it.

    Args:
        app: the ASGI application.
        session: the session cookie's value; None: no cookie.
        headers: further ones, as ASGI has them.
        scope: further keys of the scope.
    """

    def __init__(
        self,
        app: Any,
        session: str | None = None,
        headers: Iterable[tuple[bytes, bytes]] = (),
        **scope: Any,
    ) -> None:
        cookie = [] if session is None else [(b"cookie", f"sessionid={session}".encode())]
        self.app = app
        self.scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": STREAM, "query_string": b"", "root_path": "",
            "server": ("testserver", 80), "client": ("127.0.0.1", 5),
            "headers": [(b"host", b"testserver"), *cookie, *headers], **scope,
        }  # fmt: skip
        self.sent: list[Any] = []
        self.on_send: Callable[[Any], Awaitable[None]] | None = None
        """Called by `send` with each message before it is sent; it may wait or raise."""
        self.events: asyncio.Queue[Any] = asyncio.Queue()
        self.events.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    def start(self) -> Connection:
        call = self.app(self.scope, self.events.get, self.send)
        self.application = asyncio.ensure_future(call)
        return self

    async def send(self, message: Any) -> None:
        if self.on_send is not None:
            await self.on_send(message)
        self.sent.append(message)

    def disconnect(self) -> None:
        self.events.put_nowait({"type": "http.disconnect"})

    async def done(self, seconds: float = 5.0) -> None:
        """Wait for the application to return, and raise what it raises."""
        await asyncio.wait_for(asyncio.shield(self.application), seconds)

    async def leave(self) -> None:
        self.disconnect()
        await self.done()

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    def header(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.sent[0]["headers"] if key.lower() == name]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def complete(self) -> bool:
        return bool(self.sent[1:]) and not self.sent[-1].get("more_body", False)

    def received(self) -> list[tuple[str, Any]]:
        """Return the complete events that arrived, parsed."""
        if not self.sent or self.header(b"content-type") != [b"text/event-stream"]:
            return []
        decoder = SSEDecoder()
        found = (decoder.decode(line) for line in self.body.decode().split("\n")[:-1])
        return [(event.event, json.loads(event.data)) for event in found if event is not None]

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.received()]

    def messages(self) -> list[str]:
        return [data["message"] for kind, data in self.received() if kind == "toast"]
