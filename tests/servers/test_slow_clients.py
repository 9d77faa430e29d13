"""Real server processes and clients that do not read."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from tests.conftest import until
from tests.support.servers import Server, Site

pytestmark = pytest.mark.servers


# Each round sends 200 KB. The pauses are long enough that no two rounds are combined.
FLOOD = """
import sys, time
from toasts import create_toast
from toasts.api.commit import announce_changes
from toasts.models import Toast
user = int(sys.argv[1])
for number in range(30):
    create_toast("start", user, data="x" * 7000)
for round in range(int(sys.argv[2])):
    Toast.objects.filter(user=user).update(message=f"round {round}")
    announce_changes(user)
    time.sleep(0.03)
"""


# With Django's own handler there is no bound on daphne, whose `send` never waits.
@pytest.mark.parametrize(
    ("kind", "handler"),
    [
        ("daphne", "toasts"),
        pytest.param("uvicorn", "toasts", marks=pytest.mark.wide),
        ("uvicorn", "django"),
    ],
)
async def test_a_client_that_does_not_read_costs_little_and_catches_up(
    tmp_path: Any, kind: str, handler: str
) -> None:
    site = Site(f"sqlite:///{tmp_path}/site.sqlite3", TEST_HANDLER=handler)
    names = ["first", "reads", "does not"]
    ids, cookies = site.users(*names), site.sessions(*names)
    server = site.serve(kind)

    async def grown(name: str) -> int:
        before = server.memory()
        await asyncio.to_thread(site.run, FLOOD, str(ids[name]), "120")  # 24 MB
        return server.memory() - before

    try:
        links = {name: await _raw_stream(server, cookies[name]["sessionid"]) for name in names}
        reading = [asyncio.create_task(_read_on(links[name][0])) for name in names[:2]]
        reader, _ = links["does not"]
        await reader.readuntil(b"event: sync")
        await grown("first")  # memory that the process needs anyway is allocated then
        assert await grown("does not") - await grown("reads") < 1024
        async with asyncio.timeout(20):
            while b'"message":"round 119"' not in await reader.readuntil(b"event: "):
                pass
        for task in reading:
            task.cancel()
        for _, writer in links.values():
            writer.close()
    finally:
        site.close()


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_a_client_that_never_reads_is_cut_off(tmp_path: Any, kind: str) -> None:
    site = Site(f"sqlite:///{tmp_path}/site.sqlite3", TOASTS_PATIENCE="1")
    ids = site.users("alice")
    cookies = site.sessions("alice")
    server = site.serve(kind)
    try:
        reader, writer = await _raw_stream(server, cookies["alice"]["sessionid"])
        await reader.readuntil(b"event: sync")
        open_before = server.sockets()
        await asyncio.to_thread(site.run, FLOOD, str(ids["alice"]), "60")
        await until(lambda: server.sockets() < open_before, 10)
        writer.close()
    finally:
        site.close()


async def _read_on(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


async def _raw_stream(
    server: Server, session: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a stream over a socket with small buffers, which are soon full without a reader."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.setblocking(False)
    await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", server.port))
    reader, writer = await asyncio.open_connection(sock=link, limit=2**14)
    head = f"GET /toasts/stream/ HTTP/1.1\r\nHost: localhost\r\nCookie: sessionid={session}\r\n\r\n"
    writer.write(head.encode())
    return reader, writer
