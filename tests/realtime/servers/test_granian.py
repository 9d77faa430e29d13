"""The internals of granian that the engine relies on."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import pytest

from tests.conftest import until

APPLICATION = """
async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    sending = send({"type": "http.response.body", "body": b"", "more_body": True})
    steps = sending.__await__()
    found = [name for name in ("throw", "close") if hasattr(steps, name)]
    await sending
    last = f"{type(sending).__module__} {found}".encode()
    await send({"type": "http.response.body", "body": last, "more_body": False})
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


async def _get(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


@pytest.mark.servers
async def test_granians_send_returns_steps_that_take_no_exception(tmp_path: Path) -> None:
    (tmp_path / "site_of_granian.py").write_text(APPLICATION)
    port = _free_port()
    options = ["--interface", "asgi", "--port", str(port), "site_of_granian:application"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "granian", *options, cwd=tmp_path
    )
    try:
        answer = b""

        async def answers() -> bool:
            nonlocal answer
            try:
                answer = await _get(port)
            except OSError:
                return False
            return bool(answer)

        await until(answers, 20)
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 20)
    assert b"[]" in answer, answer
