"""A source in memory for the tests of the engine. Its streams carry readable text."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from toasts.realtime.brokers.base import Broker, BrokerError, Publish, Wake
from toasts.realtime.hub import Hub
from toasts.realtime.streams.buffered import BufferedStream
from toasts.realtime.streams.subscription import State, difference
from toasts.realtime.timing import Timing

PING = b"ping\n"
ROTATION = b"bye rotate\n"


def snapshot(state: State) -> bytes:
    return f"= {' '.join(f'{key}:{version}' for key, version in state.items())}\n".encode()


def replay(stream: bytes) -> dict[int, int] | None:
    """Return the rows that a client shows after these bytes; None before its first snapshot."""
    shown: dict[int, int] | None = None
    for line in stream.decode().splitlines():
        verb, *rest = line.split()
        pairs = [tuple(map(int, part.split(":"))) for part in rest if ":" in part]
        if verb == "=":
            shown = {pair[0]: pair[1] for pair in pairs}
        elif verb in "+-":
            assert shown is not None, f"a change before the snapshot: {stream!r}"
            shown.update({pair[0]: pair[1] for pair in pairs})
            for key in rest if verb == "-" else ():
                del shown[int(key)]
    return shown


class Table:
    """A source whose topics have numbered rows, each with a version."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[int, int]] = {}
        self.ended: set[Any] = set()
        self.reads: list[list[str]] = []
        self.checks = 0
        self.closed_in: list[str] = []
        self.opened: list[bool] = []
        self.aborted = 0
        self.prefixes = {"feed:a:", "user:"}
        self.failing: Exception | None = None
        self.reading = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def put(self, topic: str, key: int, version: int = 1) -> None:
        self.rows.setdefault(topic, {})[key] = version

    def read(self, topics: Sequence[str]) -> Mapping[str, State]:
        self.reads.append(list(topics))
        found = {name: dict(self.rows.get(name, {})) for name in topics}
        # The result may be out of date when it is returned, as with a database.
        self.reading.set()
        assert self.go_on.wait(10)
        if self.failing is not None:
            raise self.failing
        return found

    def revoked(self, grants: Collection[Any]) -> Collection[Any]:
        self.checks += 1
        if self.failing is not None:
            raise self.failing
        return [grant for grant in grants if grant in self.ended]

    def take_signed(self, text: str) -> Sequence[str]:
        return text.removeprefix("signed ").split() if text.startswith("signed ") else ()

    def open(self, is_replacement: bool) -> Table:
        self.opened.append(is_replacement)
        return self

    def renew(self) -> None:
        """There is no connection that could be too old."""

    def abort(self) -> None:
        self.aborted += 1

    def close(self) -> None:
        self.closed_in.append(threading.current_thread().name)

    def changed(self, key: Hashable, version: Hashable) -> bytes:
        return f"+ {key}:{version}\n".encode()

    def removed(self, keys: Collection[Hashable]) -> bytes:
        return f"- {' '.join(map(str, keys))}\n".encode()

    def delta(self, topic: str, last_sent: State, state: State) -> bytes:
        gone, new = difference(last_sent, state)
        parts = [self.removed(gone)] if gone else []
        return b"".join([*parts, *(self.changed(*item) for item in new)])

    def group_of(self, topic: str) -> str:
        """Return the part before a slash; topics without one are in the main group."""
        return topic.rpartition("/")[0]

    def has_prefix(self, prefix: str) -> bool:
        return prefix in self.prefixes

    def bye(self, reason: str) -> bytes:
        return f"bye {reason}\n".encode()


def make_stream(
    topic: str, resync: Callable[[BufferedStream], None] | None = None, **more: Any
) -> BufferedStream:
    options: dict[str, Any] = {
        "grant": "right",
        "opened": asyncio.get_running_loop().time(),
        "snapshot": snapshot,
        "resync": resync or (lambda stream: None),
        "abort": lambda: None,
        "ping": PING,
        "rotate_event": ROTATION,
        **more,
    }
    return BufferedStream(topic=topic, **options)


class FakeBroker:
    """A broker that a test can break, cut off, and wake the hub through."""

    name = "fake"

    def __init__(self) -> None:
        self.calls = 0
        self.broken: Exception | None = None
        self.wake: Wake | None = None
        self.sent: list[list[str]] = []
        self._cut = asyncio.Event()

    def publish(self, hints: Sequence[str]) -> None:
        self.sent.append(list(hints))
        if self.broken is not None:
            raise self.broken

    async def listen(self, wake: Wake, publish: Publish) -> None:
        self.calls += 1
        if self.broken is not None:
            raise self.broken
        self.wake = wake
        wake(None)
        self._cut = asyncio.Event()
        await self._cut.wait()
        raise self.broken or BrokerError("cut")

    def cut(self, error: Exception) -> None:
        self.broken = error
        self._cut.set()


def settled(hub: Hub) -> bool:
    """Return whether the hub's broker listens and no read is in progress."""
    return hub.listening and hub.scheduler.idle


class Client:
    """Reads one stream of a hub as fast as it can."""

    def __init__(self, hub: Hub, topic: str, owner: str = "", **more: Any) -> None:
        self.raw = b""
        self.stream = make_stream(topic, lambda stream: hub.wake([stream.topic]), **more)
        self.reading = asyncio.create_task(self._read())
        hub.subscribe(self.stream, owner)

    async def _read(self) -> None:
        while data := await self.stream.pull():
            self.raw += data

    @property
    def shown(self) -> dict[int, int] | None:
        return replay(self.raw)

    @property
    def over(self) -> bool:
        return self.reading.done()

    async def leave(self) -> None:
        self.reading.cancel()
        with suppress(asyncio.CancelledError):
            await self.reading


@asynccontextmanager
async def running(
    source: Table, broker: Broker, *, max_per_group: int = 1000, **timing: float
) -> AsyncIterator[Hub]:
    """Run a hub. Stop it at the end, with its tasks and its thread."""
    mine = asyncio.all_tasks()
    # Longer than any test, unless it asks for the reconciler or the revalidator.
    periods: dict[str, Any] = {"reconcile": 1e6, "revalidate": 1e6, **timing}
    hub = Hub(source, broker, Timing(**periods), max_per_group)
    try:
        yield hub
    finally:
        await hub.stop()
        others = asyncio.all_tasks() - mine
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def state(*versions: int) -> State:
    return dict(enumerate(versions, 1))


def now() -> float:
    return asyncio.get_running_loop().time()
