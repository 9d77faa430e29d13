"""Real servers whose clients leave before they are answered."""

from __future__ import annotations

import asyncio
import base64
import os
from typing import Any

import pytest

from tests.support.servers import Site

pytestmark = pytest.mark.servers
ACCEPT = "Accept: text/event-stream\r\n"
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
)


async def ask(port: int, path: str, headers: str) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
    return writer


@pytest.mark.parametrize("kind", ["daphne", "uvicorn", "hypercorn", "granian"])
async def test_clients_that_left_hold_neither_streams_nor_a_stop(tmp_path: Any, kind: str) -> None:
    site = Site(f"sqlite:///{tmp_path}/site.sqlite3", TEST_URLS="tests.support.waiting_site")
    server = site.serve(kind)
    try:
        for path in ("/hanging/", "/view/", "/endless/"):
            asking = [ask(server.port, path, headers) for headers in (ACCEPT, UPGRADE) * 10]
            writers = await asyncio.gather(*asking)
            await asyncio.sleep(0.3)  # most of them are with Django by then; the others are not
            for writer in writers:
                writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"GET /quick/ HTTP/1.1\r\nHost: localhost\r\n{ACCEPT}\r\n"
        writer.write(head.encode())
        async with asyncio.timeout(10):
            await reader.readuntil(b"event: sync")
        assert server.process is not None
        server.process.terminate()
        await asyncio.to_thread(server.process.wait, 10)
        writer.close()
    finally:
        site.close()
