"""What the tests of the demos' feeds share: somebody with an open page, without a browser."""

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
    """Signed in, with a CSRF token at hand."""

    token = ""

    async def send_up(self, path: str, data: Any) -> httpx.Response:
        """POST JSON, as the page's script does."""
        headers = {"X-CSRFToken": self.token, "Content-Type": "application/json"}
        return await self.post(path, content=json.dumps(data), headers=headers)


@asynccontextmanager
async def person(server: Server, cookies: dict[str, str]) -> AsyncIterator[Person]:
    """Whose session this is, at this server."""
    async with Person(base_url=server.url, cookies=cookies, timeout=60) as found:
        page = (await found.get("/demo/toast/")).raise_for_status()
        [found.token] = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text))
        yield found


class Heard:
    """The events of one open stream, as they come."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self._more = asyncio.Event()

    async def read(self, source: EventSource) -> None:
        async for event in source.aiter_sse():
            self.events.append((event.event, json.loads(event.data)))
            self._more.set()

    async def until(self, wanted: Callable[[str, Any], bool], seconds: float = 10.0) -> Any:
        """The data of the first event that is wanted."""
        async with asyncio.timeout(seconds):
            while True:
                self._more.clear()
                for event, data in self.events:
                    if wanted(event, data):
                        return data
                await self._more.wait()

    async def row(self, key: str, seconds: float = 10.0, **values: Any) -> Any:
        """The first row told of this key that has these values."""

        def is_it(event: str, data: Any) -> bool:
            return (
                event == "change" and data["key"] == key and values.items() <= data["row"].items()
            )

        return (await self.until(is_it, seconds))["row"]

    async def gone(self, key: str, seconds: float = 10.0) -> None:
        await self.until(lambda event, data: event == "remove" and key in data["keys"], seconds)


@asynccontextmanager
async def stream(client: httpx.AsyncClient, path: str) -> AsyncIterator[Heard]:
    """An open event stream that has told what is there."""
    heard = Heard()
    async with aconnect_sse(client, "GET", path) as source:
        assert source.response.status_code == 200, await source.response.aread()
        reading = asyncio.create_task(heard.read(source))
        await heard.until(lambda event, data: event == "sync")
        yield heard
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
