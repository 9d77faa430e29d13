"""Real server processes and clients that do not read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes

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


@pytest.fixture(scope="module")
def site(tmp_path_factory: Any) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    site = Site(f"sqlite:///{folder}/site.sqlite3", TOASTS_PATIENCE="1")
    yield site
    site.close()


class Visitor:
    """A new user, without toasts, and with a session."""

    def __init__(self, site: Site, name: str) -> None:
        self._site = site
        self.id = str(site.users(name)[name])
        self.session = site.sessions(name)[name]["sessionid"]

    async def flood(self, rounds: int) -> None:
        await asyncio.to_thread(self._site.run, FLOOD, self.id, str(rounds))


@pytest.fixture
def visitor(site: Site, request: pytest.FixtureRequest) -> Visitor:
    return Visitor(site, request.node.name)


CUTTING = ["daphne", "uvicorn", "hypercorn", "gunicorn"]
"""The servers whose connections can be dropped. granian's can't."""


@pytest.mark.parametrize("kind", CUTTING)
async def test_a_client_that_never_reads_is_cut_off(
    site: Site, visitor: Visitor, kind: str
) -> None:
    server = site.serve(kind)
    reader, writer = await _raw_stream(server, visitor.session)
    await reader.readuntil(b"event: sync")
    open_before = server.sockets()
    await visitor.flood(60)
    await until(lambda: server.sockets() < open_before, 15)
    writer.close()
    server.kill()


@pytest.mark.parametrize("kind", CUTTING)
async def test_a_client_that_never_reads_does_not_delay_a_stop(
    site: Site, visitor: Visitor, kind: str
) -> None:
    server = site.serve(kind)
    reader, writer = await _raw_stream(server, visitor.session)
    await reader.readuntil(b"event: sync")
    await visitor.flood(20)
    assert server.process is not None
    server.process.terminate()
    await asyncio.to_thread(server.process.wait, 10)
    writer.close()


async def test_over_http_2_only_the_stream_that_is_not_read_is_reset(
    site: Site, visitor: Visitor
) -> None:
    server = site.serve("hypercorn")
    client = await Http2.connect(server.port, window=16 * 1024)
    stream = client.get("/toasts/stream/", visitor.session)
    await client.until(lambda: b"event: sync" in client.bodies[stream])
    flood = asyncio.create_task(visitor.flood(60))
    await client.until(lambda: stream in client.reset, 15)
    poll = client.get("/toasts/poll/", None)
    await client.until(lambda: poll in client.ended)
    await flood
    assert len(client.bodies[stream]) <= 16 * 1024
    client.writer.close()
    server.kill()


async def test_over_http_2_a_client_that_reads_late_gets_the_newest_state(tmp_path: Any) -> None:
    site = Site(f"sqlite:///{tmp_path}/site.sqlite3")
    visitor, server = Visitor(site, "alice"), site.serve("hypercorn")
    client = await Http2.connect(server.port, window=16 * 1024)
    stream = client.get("/toasts/stream/", visitor.session)
    await client.until(lambda: b"event: sync" in client.bodies[stream])
    before = server.memory()
    await visitor.flood(30)
    client.read_on(stream)
    await client.until(lambda: b'"message":"round 29"' in client.bodies[stream], 20)
    assert len(client.bodies[stream]) < 1024 * 1024  # of 6 MB
    assert server.memory() - before < 4 * 1024
    client.writer.close()
    server.kill()


class Http2:
    """A connection over HTTP/2 that reads all, but lets the server send only a window's bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.protocol = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.bodies: dict[int, bytes] = {}
        self.reset: set[int] = set()
        self.ended: set[int] = set()

    @classmethod
    async def connect(cls, port: int, window: int) -> Http2:
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        client.protocol.initiate_connection()
        client.protocol.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})
        client._flush()
        return client

    def get(self, path: str, session: str | None) -> int:
        number: int = self.protocol.get_next_available_stream_id()
        cookie = [("cookie", f"sessionid={session}")] if session else []
        names = (":method", ":path", ":scheme", ":authority")
        head = [*zip(names, ("GET", path, "http", "localhost"), strict=True), *cookie]
        self.protocol.send_headers(number, head, end_stream=True)
        self.bodies[number] = b""
        self._flush()
        return number

    def read_on(self, number: int) -> None:
        """Let the server send as much as it wants over one stream."""
        self.protocol.increment_flow_control_window(2**24, number)
        self._flush()

    def _flush(self) -> None:
        self.writer.write(self.protocol.data_to_send())

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                data = await self.reader.read(65536)
                assert data, "the server has closed the connection"
                for event in self.protocol.receive_data(data):
                    self._take(event)
                self._flush()

    def _take(self, event: Any) -> None:
        if isinstance(event, DataReceived):
            self.bodies[event.stream_id] += event.data
            # Only the connection's window grows, which all streams share.
            if event.flow_controlled_length:
                self.protocol.increment_flow_control_window(event.flow_controlled_length)
        elif isinstance(event, StreamReset):
            self.reset.add(event.stream_id)
        elif isinstance(event, StreamEnded):
            self.ended.add(event.stream_id)


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
