"""Read a stream with a third-party parser and Django's test client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from django.test import AsyncClient
from httpx_sse._decoders import SSEDecoder

STREAM, POLL = "/toasts/stream/", "/toasts/poll/"
NO_CACHE_HEADERS = {
    "Cache-Control": "no-store, no-transform, private",
    "Content-Encoding": "identity",
    "X-Accel-Buffering": "no",
    "Vary": "Cookie",
}


@dataclass
class Received:
    type: str
    data: Any
    id: str
    retry: int | None


class StreamReader:
    """Reads one stream of `/toasts/stream/` as events."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.raw = b""
        self._events = self._parse()

    @classmethod
    async def open(cls, client: AsyncClient, **headers: str) -> StreamReader:
        response = await client.get("/toasts/stream/", headers=headers)
        assert response.status_code == 200, response.status_code
        return cls(response)

    async def _lines(self) -> AsyncIterator[str]:
        rest = b""
        async for chunk in self.response.streaming_content:
            self.raw += chunk
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line.decode()

    async def _parse(self) -> AsyncIterator[Received]:
        decoder = SSEDecoder()
        async for line in self._lines():
            event = decoder.decode(line)
            if event is not None:
                yield Received(event.event, json.loads(event.data), event.id, event.retry)

    async def next(self, seconds: float = 5.0) -> Received:
        # Not wait_for: it would run the first step of the stream in a task of its own.
        async with asyncio.timeout(seconds):
            return await anext(self._events)

    async def until(self, type: str, seconds: float = 5.0) -> list[Received]:
        """Return the events up to and including the first one of this type."""
        found: list[Received] = []
        async with asyncio.timeout(seconds):
            while not found or found[-1].type != type:
                found.append(await anext(self._events))
        return found

    async def ended(self, seconds: float = 5.0) -> bool:
        try:
            await self.next(seconds)
        except StopAsyncIteration:
            return True
        return False
