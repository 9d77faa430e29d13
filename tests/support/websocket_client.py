"""A WebSocket client: wsproto over a plain connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)

OPEN_TIMEOUT = 10.0
"""Seconds."""
TOO_BIG = 1009
"""The close code for a message that exceeds the server's limit (RFC 6455, section 7.4.1)."""
LOST = 1006
"""The close code of a connection that ended without one (RFC 6455, section 7.1.5)."""


class WebSocket:
    """One connection. Once it has ended, `code` is its close code."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.protocol = WSConnection(ConnectionType.CLIENT)
        self.code: int | None = None
        self.status: int | None = None
        self._texts: list[str] = []
        self._part = ""

    @classmethod
    async def open(
        cls, port: int, path: str, session: str | None = None, host: str = "", **headers: str
    ) -> WebSocket:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        socket = cls(reader, writer)
        cookie = {"Cookie": f"sessionid={session}"} if session else {}
        pairs = [(name.encode(), value.encode()) for name, value in {**cookie, **headers}.items()]
        socket._send(Request(host=host or f"127.0.0.1:{port}", target=path, extra_headers=pairs))
        async with asyncio.timeout(OPEN_TIMEOUT):
            while socket.status is None:
                await socket._receive()
        return socket

    def _send(self, event: Any) -> None:
        self.writer.write(self.protocol.send(event))

    async def _receive(self) -> None:
        try:
            data = await self.reader.read(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.code, self.status = LOST, self.status or LOST
            return
        self.protocol.receive_data(data)
        for event in self.protocol.events():
            self._handle(event)

    def _handle(self, event: Any) -> None:
        if isinstance(event, AcceptConnection):
            self.status = 101
        elif isinstance(event, RejectConnection):
            self.code, self.status = LOST, event.status_code
        elif isinstance(event, TextMessage):
            self._part += event.data
            if event.message_finished:
                self._texts.append(self._part)
                self._part = ""
        elif isinstance(event, Ping):
            self._send(event.response())
        elif isinstance(event, CloseConnection) and self.code is None:
            self.code = event.code
            if self.protocol.state is ConnectionState.REMOTE_CLOSING:
                self._send(event.response())

    def send(self, value: Any) -> None:
        """Send a value as JSON. Send text and bytes as they are."""
        if isinstance(value, bytes):
            self._send(BytesMessage(data=value))
        else:
            self._send(TextMessage(data=value if isinstance(value, str) else json.dumps(value)))

    def send_part(self, text: str) -> None:
        """Send a fragment of a message that never ends."""
        self._send(TextMessage(data=text, message_finished=False))

    async def next(self, seconds: float = 5.0) -> Any:
        """Wait for the next message, and return it parsed. None: the connection was closed."""
        async with asyncio.timeout(seconds):
            while not self._texts:
                if self.code is not None:
                    return None
                await self._receive()
        return json.loads(self._texts.pop(0))

    async def until(self, event: str, seconds: float = 5.0) -> Any:
        """Wait for a message with this event, and return the first one."""
        while True:
            message = await self.next(seconds)
            assert message is not None, f"closed by {self.code} before {event}"
            if message["event"] == event:
                return message

    async def closed(self, seconds: float = 5.0) -> int:
        """Wait for the close, and return its code."""
        while await self.next(seconds) is not None:
            pass
        assert self.code is not None
        await self.leave()
        return self.code

    async def leave(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()
