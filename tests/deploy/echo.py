"""An application that returns its scope as JSON, and echoes WebSocket messages."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_left = 0


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await _repeat(receive, send)
    elif scope["type"] == "http" and scope["path"] == "/wait/":
        await _wait(receive, send)
    elif scope["type"] == "http" and scope["path"] == "/slow/":
        await _be_slow(Path(os.environ["ECHO_FOLDER"]), send)
    elif scope["type"] == "http":
        await _answer(
            [os.getpid(), _left] if scope["path"] == "/left/" else _scope_as_json(scope), send
        )


def _scope_as_json(scope: dict[str, Any]) -> dict[str, Any]:
    answer = {name: scope.get(name) for name in ("client", "scheme", "root_path", "path")}
    return {
        **answer,
        "headers": {name.decode(): value.decode() for name, value in scope["headers"]},
    }


async def _answer(answer: Any, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


async def _be_slow(folder: Path, send: Send) -> None:
    (folder / "begun").touch()
    while not (folder / "go on").exists():  # noqa: ASYNC110  # a file sets no event
        await asyncio.sleep(0.01)
    await _answer("done", send)


async def _wait(receive: Receive, send: Send) -> None:
    """Wait until the client disconnects. /left/ returns how many have."""
    global _left
    headers = [(b"x-accel-buffering", b"no")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"waiting", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass
    _left += 1


async def _repeat(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
