"""Runs Debian's Firefox for Playwright, as a relay between the two.

Playwright uses WebDriver BiDi with stock Firefox. For each context it first sends a command that
ESR releases do not know yet. The relay answers it, and forwards everything else unchanged.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Message,
    Ping,
    Request,
    TextMessage,
)

NAMES = ("firefox-esr", "firefox")
ADVICE = (
    f"No Firefox on PATH (looked for {', '.join(NAMES)}). Run `make test`, or install it: "
    "`apt-get install firefox-esr`, `brew install --cask firefox`."
)
UNKNOWN = "emulation.setMediaFeaturesOverride"
LISTENING = re.compile(rb"WebDriver BiDi listening on ws://127\.0\.0\.1:(\d+)")


def firefox_path() -> str:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    assert path, ADVICE
    return path


def executable(folder: Path) -> Path:
    """Write the script that Playwright starts instead of Firefox, and return its path."""
    script = folder / "firefox"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.browser.firefox "$@"\n')
    script.chmod(0o755)
    return script


class Peer:
    """One end of a WebSocket. It sends and receives whole text messages."""

    def __init__(
        self, role: ConnectionType, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.protocol, self.reader, self.writer = WSConnection(role), reader, writer
        self.opened = asyncio.Event()

    def send(self, event: Message[str] | Request | AcceptConnection) -> None:
        self.writer.write(self.protocol.send(event))

    async def listen(self, take: Callable[[str], Awaitable[None]]) -> None:
        """Call `take` with each message until the peer closes the connection."""
        text = ""
        while data := await self.reader.read(65536):
            self.protocol.receive_data(data)
            for event in self.protocol.events():
                if isinstance(event, TextMessage):
                    text += event.data
                    if event.message_finished:
                        await take(text)
                        text = ""
                elif isinstance(event, Request):
                    self.send(AcceptConnection())
                elif isinstance(event, AcceptConnection):
                    self.opened.set()
                elif isinstance(event, Ping):
                    self.writer.write(self.protocol.send(event.response()))
                elif isinstance(event, CloseConnection):
                    return


async def relay(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Connect Playwright's WebSocket to the Firefox at `port`."""
    playwright = Peer(ConnectionType.SERVER, reader, writer)
    firefox = Peer(ConnectionType.CLIENT, *await asyncio.open_connection("127.0.0.1", port))
    firefox.send(Request(host=f"127.0.0.1:{port}", target="/session"))

    async def down(text: str) -> None:
        command = json.loads(text)
        if command["method"] == UNKNOWN:
            answer = {"type": "success", "id": command["id"], "result": {}}
            playwright.send(TextMessage(json.dumps(answer)))
        else:
            firefox.send(TextMessage(text))

    async def up(text: str) -> None:
        playwright.send(TextMessage(text))

    answers = asyncio.ensure_future(firefox.listen(up))
    await firefox.opened.wait()
    commands = asyncio.ensure_future(playwright.listen(down))
    await asyncio.wait([answers, commands], return_when=asyncio.FIRST_COMPLETED)
    for end in (playwright, firefox):
        end.writer.close()


async def main(arguments: list[str]) -> int:
    """Run Firefox until it exits. Its output on stderr gets the port of the relay."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(firefox_path(), *arguments, stderr=pipe)
    assert process.stderr is not None
    server = None
    async for line in process.stderr:
        if found := LISTENING.search(line):
            join = partial(relay, int(found[1]))
            server = await asyncio.start_server(join, "127.0.0.1", 0)
            ours = server.sockets[0].getsockname()[1]
            line = line.replace(found[1], str(ours).encode())
        sys.stderr.buffer.write(line)
        sys.stderr.flush()
    return await process.wait()


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(sys.argv[1:])))
