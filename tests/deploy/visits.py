"""What a browser does on a site: sign in, read a stream, open a WebSocket."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from httpx_sse import aconnect_sse
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

from tests.deploy.deployment import Deployment
from tests.deploy.nginx import HOST


async def sign_in(client: httpx.AsyncClient, name: str, prefix: str = "") -> httpx.Response:
    """Sign in on the login page, with the headers of a browser. Return the page that follows."""
    page = await client.get(f"{prefix}/accounts/login/")
    assert page.status_code == 200, page.text
    [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[:1]
    [action] = re.findall(r'<form method="post" action="(.*?)"', page.text)
    answer = await client.post(
        action,
        data={"csrfmiddlewaretoken": token, "username": name, "password": name},
        headers={"Origin": str(client.base_url).rstrip("/")},
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{prefix}/"), answer.text
    return await client.get(answer.headers["Location"])


def attribute(page: httpx.Response, name: str) -> str:
    """Return an attribute of the client's script tag."""
    [tag] = re.findall(r"<script [^>]*data-toasts(?=[ >])[^>]*>", page.text)
    found = re.search(rf' {name}="(.*?)"', tag)
    assert found, tag
    return found[1]


@asynccontextmanager
async def stream(client: httpx.AsyncClient, path: str = "/toasts/stream/") -> AsyncIterator[Any]:
    async with aconnect_sse(client, "GET", path) as source:
        assert source.response.status_code == 200, path
        yield source.aiter_sse()


async def until_event(events: Any, kind: str, seconds: float = 10.0) -> Any:
    """Wait for the next event of this kind, and return its data."""
    async with asyncio.timeout(seconds):
        async for event in events:
            if event.event == kind:
                return json.loads(event.data)
    raise AssertionError(f"the stream ended without {kind}")


class WebSocket:
    """A WebSocket client that connects through nginx, with TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._protocol = WSConnection(ConnectionType.CLIENT)

    async def open(self, host: str, path: str, headers: list[tuple[bytes, bytes]]) -> None:
        self._writer.write(self._protocol.send(Request(host, path, extra_headers=headers)))
        assert isinstance(await self._next(), AcceptConnection)

    async def send(self, text: str) -> None:
        self._writer.write(self._protocol.send(TextMessage(data=text)))
        await self._writer.drain()

    async def receive(self) -> str:
        text = ""
        while True:
            event = await self._next()
            assert isinstance(event, TextMessage), event
            text += event.data
            if event.message_finished:
                return text

    async def closed(self) -> int:
        """Wait for the close, and return its code."""
        event = await self._next()
        assert isinstance(event, CloseConnection), event
        return event.code

    async def _next(self) -> Any:
        async with asyncio.timeout(5):
            while True:
                for event in self._protocol.events():
                    return event
                data = await self._reader.read(65536)
                self._protocol.receive_data(data or None)


@asynccontextmanager
async def websocket(
    deployment: Deployment, path: str, *headers: tuple[bytes, bytes]
) -> AsyncIterator[WebSocket]:
    reader, writer = await asyncio.open_connection(
        HOST, deployment.nginx.https, ssl=deployment.trust(), server_hostname=HOST
    )
    try:
        socket = WebSocket(reader, writer)
        await socket.open(deployment.url.removeprefix("https://"), path, list(headers))
        yield socket
    finally:
        writer.close()
