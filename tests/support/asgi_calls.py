"""Calls an ASGI application directly, in ways that no client or server can be made to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.test import AsyncClient


class KeepingHandler(ASGIHandler):
    """Keeps the file of the request's body: Django up to 6.0 leaves it open when cancelled."""

    async def read_body(self, receive: Any) -> Any:
        self.body_file = await super().read_body(receive)
        return self.body_file


class Call:
    """One request to Django's own handler. `application` is the task that a server would run."""

    def __init__(self, client: AsyncClient, path: str, method: str = "GET") -> None:
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path.partition("?")[0],
            "query_string": path.partition("?")[2].encode(),
            "headers": [(b"host", b"testserver"), (b"cookie", cookies.encode())],
        }
        self.sent: list[Any] = []
        self.on_body: Callable[[], Awaitable[None]] | None = None
        """Called by `send` with each part of the body; it may wait or raise."""
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        self._events.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    def start(self) -> Call:
        self.handler = KeepingHandler()
        call = self.handler(self.scope, self._events.get, self._send)
        self.application = asyncio.create_task(call)
        return self

    async def cancel(self) -> None:
        """Cancel the request, as a server does when it stops."""
        self.application.cancel()
        await asyncio.wait([self.application], timeout=5)
        assert self.application.done()
        self.handler.body_file.close()

    def disconnect(self) -> None:
        self._events.put_nowait({"type": "http.disconnect"})

    async def _send(self, message: Any) -> None:
        self.sent.append(message)
        if message["type"] == "http.response.body" and self.on_body is not None:
            await self.on_body()

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])
