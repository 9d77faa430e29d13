"""What may stand between a site and its database, and forget a connection without a word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg


class Middlebox:
    """A proxy on the way that can fall silent: it still takes what it no longer hands on."""

    def __init__(self, port: int) -> None:
        self.server_port = port
        self.silent = False
        self.answers = 10**9
        """Messages of the server that still pass; then it falls silent."""
        self.clients: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.clients.append(writer)
        ends = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.server_port)
            ends.append(far_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer, False))
                group.create_task(self._pump(far_reader, writer, True))
        finally:
            for end in ends:
                end.transport.abort()  # what nobody reads must not keep it open

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                self.answers -= answers
                self.silent = self.silent or self.answers < 0
                if not self.silent:
                    writer.write(data)
        writer.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """Its port."""
        door = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        try:
            yield door.sockets[0].getsockname()[1]
        finally:
            door.close()
            await self._turns()  # a connection that was taken just now is handled from here on
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._turns()

    async def _turns(self) -> None:
        """Some turns of the loop: a transport takes two or three to open, and one to close."""
        for _ in range(5):
            await asyncio.sleep(0)


@asynccontextmanager
async def middlebox(url: str) -> AsyncIterator[tuple[Middlebox, str]]:
    """A middlebox, and the database's URL by way of it."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    box = Middlebox(int(parts["port"] or 0))
    # GSSAPI and TLS are asked for with messages of their own, which its count would meet.
    async with box.open() as port:
        replaced = {"sslmode": "disable", "gssencmode": "disable", "port": port}
        yield box, psycopg.conninfo.make_conninfo(url, **replaced)  # type: ignore[arg-type]
