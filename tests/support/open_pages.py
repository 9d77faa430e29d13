"""An open page that is cheap enough for load tests. It reconnects, and keeps its toasts by id."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import Any

from httpx_sse._decoders import SSEDecoder


class Page:
    """Shows the toasts that the stream at this port sends for a session cookie.

    ``shown`` counts how often each toast arrived while it was not on the page.
    """

    def __init__(self, port: int, session: str) -> None:
        self.port, self.session = port, session
        self.toasts: dict[int, dict[str, Any]] = {}
        self.shown: Counter[int] = Counter()
        self.opened = 0
        self.synced = asyncio.Event()

    async def live(self) -> None:
        """Stay connected until cancelled, with a full-jitter back-off."""
        failures = 0
        while True:
            try:
                await self._stream()
                failures = 0
            except (OSError, asyncio.IncompleteReadError):
                failures = min(failures + 1, 5)
            self.synced.clear()
            await asyncio.sleep(random.uniform(0.05, 0.1 * 2**failures))

    async def _stream(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(
                b"GET /toasts/stream/ HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
                b"Cookie: sessionid=" + self.session.encode() + b"\r\n\r\n"
            )
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if " 200 " not in head.split("\r\n")[0]:
                return
            self.opened += 1
            await self._read(reader, chunked="transfer-encoding: chunked" in head.lower())
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, chunked: bool) -> None:
        decoder, rest = SSEDecoder(), b""
        while True:
            *lines, rest = (rest + await _piece(reader, chunked)).split(b"\n")
            for line in lines:
                event = decoder.decode(line.decode())
                if event is not None:
                    self._take(event.event, json.loads(event.data))

    def _take(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "toast":
            if data["id"] not in self.toasts:
                self.shown[data["id"]] += 1
            self.toasts[data["id"]] = data
        elif kind == "dismiss":
            for id in data["ids"]:
                self.toasts.pop(id, None)
        elif kind == "sync":
            active = set(data["ids"])
            self.toasts = {id: toast for id, toast in self.toasts.items() if id in active}
            self.synced.set()


async def _piece(reader: asyncio.StreamReader, chunked: bool) -> bytes:
    """Return the next bytes of the body. At its end, raise an error."""
    if not chunked:
        piece = await reader.read(65536)
    else:
        size = int(await reader.readuntil(b"\r\n"), 16)
        piece = (await reader.readexactly(size + 2))[:-2]
    if not piece:
        raise asyncio.IncompleteReadError(piece, None)
    return piece
