"""A proxy between a site and its server that may stop forwarding a connection silently."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg


class Middlebox:
    """A proxy that can fall silent: then it still reads, and forwards nothing."""

    def __init__(self, port: int) -> None:
        self.server_port = port
        self.silent = False
        self.answers = 10**9
        """How many reads from the server it still forwards before it falls silent."""
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
        """Serve on a port, and yield it."""
        server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await self._run_loop()  # a connection that was taken just now is handled from here on
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
