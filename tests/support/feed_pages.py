"""Users of the demos' feeds, with open pages but without a browser."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from httpx_sse import EventSource, aconnect_sse

from tests.support.servers import Server


class Person(httpx.AsyncClient):
    """A signed-in user, with a CSRF token."""

    token = ""

    async def post_json(self, path: str, data: Any) -> httpx.Response:
        """POST JSON, as the page's script does."""
        headers = {"X-CSRFToken": self.token, "Content-Type": "application/json"}
        return await self.post(path, content=json.dumps(data), headers=headers)


@asynccontextmanager
async def person(server: Server, cookies: dict[str, str]) -> AsyncIterator[Person]:
    """Yield the user of this session, as a client of this server."""
    async with Person(base_url=server.url, cookies=cookies, timeout=60) as client:
        page = (await client.get("/demo/toast/")).raise_for_status()
        [client.token] = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text))
        yield client


class ReceivedEvents:
    """The events that one open stream has received."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self._new_event = asyncio.Event()

    async def read(self, source: EventSource) -> None:
        async for event in source.aiter_sse():
            self.events.append((event.event, json.loads(event.data)))
            self._new_event.set()

    async def until(self, wanted: Callable[[str, Any], bool], seconds: float = 10.0) -> Any:
        """Wait for an event that matches, and return the data of the first one."""
        async with asyncio.timeout(seconds):
            while True:
                self._new_event.clear()
                for event, data in self.events:
                    if wanted(event, data):
                        return data
                await self._new_event.wait()

    async def row(self, key: str, seconds: float = 10.0, **values: Any) -> Any:
        """Wait for a row with this key and these values, and return the first one."""

        def matches(event: str, data: Any) -> bool:
            return (
                event == "change" and data["key"] == key and values.items() <= data["row"].items()
            )

        return (await self.until(matches, seconds))["row"]

    async def removed(self, key: str, seconds: float = 10.0) -> None:
        """Wait until this row was removed."""
        await self.until(lambda event, data: event == "remove" and key in data["keys"], seconds)


@asynccontextmanager
async def stream(client: httpx.AsyncClient, path: str) -> AsyncIterator[ReceivedEvents]:
    """Open an event stream, and yield its events once the snapshot has arrived."""
    received = ReceivedEvents()
    async with aconnect_sse(client, "GET", path) as source:
        assert source.response.status_code == 200, await source.response.aread()
        reading = asyncio.create_task(received.read(source))
        await received.until(lambda event, data: event == "sync")
        yield received
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
