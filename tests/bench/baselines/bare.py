"""The lower bound: an ASGI application that calls the ``send`` of each stream directly.

No authentication, no state, no database, no care for slow clients: one event costs one call.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

HEARTBEAT = 15.0
READY = b'event: sync\ndata: {"ids":[]}\n\n'
PING = b"event: ping\ndata: {}\n\n"
streams: dict[int, Send] = {}
pinger: list[asyncio.Task[None]] = []


async def application(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    if scope["path"] == "/publish/":
        await publish(receive, send)
    elif scope["path"].startswith("/stream/"):
        await stream(int(scope["path"].rsplit("/", 1)[1]), receive, send)
    else:
        await answer(send, 404)


async def stream(number: int, receive: Receive, send: Send) -> None:
    if not pinger:
        pinger.append(asyncio.create_task(ping()))
    await send(start(200, b"text/event-stream"))
    await send({"type": "http.response.body", "body": READY, "more_body": True})
    streams[number] = send
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    finally:
        streams.pop(number, None)


async def publish(receive: Receive, send: Send) -> None:
    """Send to all streams (``{"to": null}``) or to the stream of a number."""
    wanted = json.loads((await receive())["body"])
    data = f"event: toast\ndata: {json.dumps(wanted['data'])}\n\n".encode()
    write(list(streams) if wanted["to"] is None else [wanted["to"]], data)
    await answer(send, 204)


def write(numbers: Iterable[int], data: bytes) -> None:
    message = {"type": "http.response.body", "body": data, "more_body": True}
    for number in numbers:
        if number in streams:
            try:
                streams[number](message).__await__().__next__()
            except StopIteration:
                continue  # it was written
            streams.pop(number)  # it would block


async def ping() -> None:
    while True:
        await asyncio.sleep(HEARTBEAT)
        write(list(streams), PING)


def start(status: int, content_type: bytes = b"text/plain") -> Message:
    headers = [(b"content-type", content_type)]
    return {"type": "http.response.start", "status": status, "headers": headers}


async def answer(send: Send, status: int) -> None:
    await send(start(status))
    await send({"type": "http.response.body", "body": b""})
