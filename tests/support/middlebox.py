"""A proxy between a site and its server, such as a router or a load balancer, that fails."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg

FAULTS = ("swallow", "forget", "hold", "refuse", "reset")
"""What the proxy can do instead of forwarding:

swallow: it reads everything and forwards nothing, on open connections and new ones.
forget: so it treats the connections that are open, as a router that lost its state. New ones pass.
hold: it reads nothing until it forwards again.
refuse: it ends all connections, and nothing listens.
reset: it resets all connections, and each new one.
"""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER for a close that sends RST (socket(7))."""


class _Connection:
    """One connection of a client, and the one to the server that belongs to it."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.ends = [client]
        self.is_forgotten = False

    def abort(self, reset: bool = False) -> None:
        for end in self.ends:
            if reset and (own := end.get_extra_info("socket")) is not None:
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.transport.abort()


class Middlebox:
    """A proxy that forwards, or does one of FAULTS."""

    def __init__(self, port: int) -> None:
        self.server_port = port
        self.answers = 10**9
        """How many reads from the server it still forwards before it swallows everything."""
        self.withheld = 0
        """How many reads of a client's bytes it did not forward, or not at once."""
        self.clients: list[asyncio.StreamWriter] = []
        self._fault = ""
        self._forwards = asyncio.Event()
        self._forwards.set()
        self._connections: list[_Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self._socket: socket.socket | None = None

    @property
    def silent(self) -> bool:
        return self._fault == "swallow"

    @silent.setter
    def silent(self, value: bool) -> None:
        if value or self.silent:
            self._fault = "swallow" if value else ""

    async def fail(self, fault: str) -> None:
        """Do one of FAULTS from now on."""
        self._fault = fault
        if fault == "hold":
            self._forwards.clear()
        if fault in ("swallow", "forget"):
            for connection in self._connections:
                connection.is_forgotten = True
        if fault == "refuse":
            await self._close_server()
        if fault in ("refuse", "reset"):
            for connection in self._connections:
                connection.abort(reset=fault == "reset")

    async def recover(self) -> None:
        """Forward again. What was swallowed or forgotten stays so."""
        if self._fault == "refuse":
            await self._serve()
        self._fault = ""
        self._forwards.set()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.clients.append(writer)
        connection = _Connection(writer)
        self._connections.append(connection)
        try:
            if self._fault == "reset":
                self.withheld += 1
                return connection.abort(reset=True)
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.server_port)
            connection.ends.append(far_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(connection, reader, far_writer, False))
                group.create_task(self._pump(connection, far_reader, writer, True))
        finally:
            connection.abort()  # what nobody reads must not keep it open
            self._connections.remove(connection)

    async def _pump(
        self,
        connection: _Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: bool,
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                self.answers -= answers
                if self.answers < 0:
                    self.silent = True
                if not self._forwards.is_set():
                    self.withheld += not answers
                    await self._forwards.wait()
                if connection.is_forgotten or self.silent:
                    self.withheld += not answers
                else:
                    writer.write(data)
        writer.close()

    async def _serve(self) -> None:
        if self._socket is not None:
            self._server = await asyncio.start_server(self._handle, sock=self._socket)
        else:
            self._server = await asyncio.start_server(self._handle, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close_server(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._run_loop()  # a connection that was taken just now is handled from here on

    @asynccontextmanager
    async def open(self, listening: socket.socket | None = None) -> AsyncIterator[int]:
        """Serve on a port, or on this socket, and yield the port."""
        self._socket = listening
        await self._serve()
        try:
            yield self._port
        finally:
            await self._close_server()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._run_loop()

    async def _run_loop(self) -> None:
        """Let the loop run: a transport takes two or three iterations to open, and one to close."""
        for _ in range(5):
            await asyncio.sleep(0)


@asynccontextmanager
async def middlebox(url: str) -> AsyncIterator[tuple[Middlebox, str]]:
    """Open a middlebox, and yield it and the URL of the database behind it."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    box = Middlebox(int(parts["port"] or 0))
    # GSSAPI and TLS are asked for with messages of their own, which its count would meet.
    async with box.open() as port:
        replaced = {"sslmode": "disable", "gssencmode": "disable", "port": port}
        yield box, psycopg.conninfo.make_conninfo(url, **replaced)  # type: ignore[arg-type]
