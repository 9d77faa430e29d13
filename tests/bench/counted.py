"""The tests' application. At /-/census it returns the numbers of tasks and objects."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import MutableMapping
from typing import Any

from tests.support.asgi import application as counted


async def application(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http" and scope["path"] == "/-/census":
        await census(send)
    else:
        await counted(scope, receive, send)


async def census(send: Any) -> None:
    gc.collect()
    found = {"tasks": len(asyncio.all_tasks()), "objects": len(gc.get_objects())}
    body = json.dumps(found).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
