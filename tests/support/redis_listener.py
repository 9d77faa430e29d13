"""Record what a Redis broker receives, publish to it, and end its connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress

from tests.conftest import until
from tests.support.middlebox import Middlebox
from tests.support.redis_server import RedisServer
from toasts.realtime.brokers.base import BrokerError
from toasts.realtime.brokers.redis import RedisBroker


class Listener:
    """A running listen() of a broker, what it received, and the canaries that it sent."""

    def __init__(self, broker: RedisBroker) -> None:
        self.broker = broker
        self.wakes: list[list[str] | None] = []
        self.canaries: list[str] = []
        self.drops: set[str] | None = set()
        self.task = asyncio.create_task(broker.listen(self.wake, self.publish))

    def wake(self, hints: Iterable[str] | None) -> None:
        self.wakes.append(None if hints is None else list(hints))

    async def publish(self, hints: Sequence[str]) -> None:
        self.canaries += hints
        kept = [] if self.drops is None else [hint for hint in hints if hint not in self.drops]
        await asyncio.to_thread(self.broker.publish, kept)

    @property
    def received(self) -> list[str]:
        return [hint for hints in self.wakes for hint in hints or ()]

    async def end(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self.task


@asynccontextmanager
async def listening(broker: RedisBroker) -> AsyncIterator[Listener]:
    listener = Listener(broker)
    try:
        await until(lambda: listener.wakes or listener.task.done())
        yield listener
    finally:
        await listener.end()


async def publish_hints(broker: RedisBroker, *hints: str) -> None:
    await asyncio.to_thread(broker.publish, hints)


async def publish_when_connected(broker: RedisBroker, *hints: str) -> bool:
    """Publish, or return False while another thread is still connecting the broker."""
    try:
        await publish_hints(broker, *hints)
    except BrokerError:
        return False
    return True


def kill_listeners(*nodes: RedisServer) -> None:
    for node in nodes:
        for client in node.listeners():
            node.command("CLIENT KILL ID", client["id"])


@asynccontextmanager
async def behind_middlebox(server: RedisServer) -> AsyncIterator[tuple[Middlebox, str]]:
    box = Middlebox(server.port)
    async with box.open() as port:
        yield box, f"redis://127.0.0.1:{port}"
