"""Who listens to a topic: a stream with a bounded buffer, or a poll that waits for one change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

BUFFER_EVENTS = 64
BUFFER_BYTES = 256 * 1024


State = Mapping[Any, Any]
"""All that is active in a topic: contents by key, oldest first; equal contents need no telling."""


def difference(told: State, state: State) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """The keys that are gone, and the items that are new or have another content."""
    gone = [key for key in told if key not in state]
    return gone, [(key, content) for key, content in state.items() if told.get(key) != content]


class Subscription(Protocol):
    """What the hub asks of a listener. Every method is plain and returns at once."""

    topic: str
    grant: Any
    opened: float
    ended: bool

    def deliver(self, state: State, delta: bytes) -> None:
        """Take the topic's state, or only what changed in it, whichever this listener lacks."""

    def tick(self, now: float) -> None:
        """A second has passed; `now` is the loop's clock."""

    def end(self, last: bytes) -> None:
        """The hub is done with this listener; `last` are its parting bytes."""


@dataclass(eq=False, slots=True)
class Stream:
    """An event stream of which somebody pulls bytes.

    The buffer is bounded. A client that reads too slowly is collapsed: what waits is dropped, and
    once it reads again it gets the whole state anew; one that doesn't read at all is cut.

    Args:
        topic: what it listens to.
        grant: on what right, for the sweep.
        opened: the loop's time at its birth, seconds.
        snapshot: encodes a whole state.
        resync: called when the client reads again after an overflow.
        heartbeat: seconds between pings; `ping` are their bytes.
        lifetime: seconds after which it is told to reconnect; `rotation` are those bytes.
        cut: called when the client has not read for `patience` seconds, perhaps more than once.
    """

    topic: str
    grant: Any
    opened: float
    snapshot: Callable[[State], bytes]
    resync: Callable[[Stream], None]
    cut: Callable[[], None]
    ping: bytes
    rotation: bytes
    heartbeat: float = 15.0
    lifetime: float = 600.0
    patience: float = 30.0
    ended: bool = False
    _lacks_state: bool = True
    _overflowed: bool = False
    _buffer: list[bytes] = field(default_factory=list)
    _size: int = 0
    _last_write: float = 0.0
    _waiting_since: float | None = None
    _reader: asyncio.Future[None] | None = None
    _drained: bool = False

    def __post_init__(self) -> None:
        self._last_write = self.opened  # quiet since then: no ping before the state

    def deliver(self, state: State, delta: bytes) -> None:
        if self.ended or self._overflowed:
            return
        if self._lacks_state:
            self._lacks_state = False
            self._put(self.snapshot(state))
        elif delta:
            self._write(delta)

    def _write(self, data: bytes) -> None:
        if len(self._buffer) >= BUFFER_EVENTS or self._size + len(data) > BUFFER_BYTES:
            self._buffer.clear()
            self._size = 0
            self._overflowed = True
            self._wake_reader()
        else:
            self._put(data)

    def _put(self, data: bytes) -> None:
        now = self._now()
        if self._waiting_since is None:
            self._waiting_since = now
        self._buffer.append(data)
        self._size += len(data)
        self._last_write = now
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def tick(self, now: float) -> None:
        if self.ended:
            return
        if self._waiting_since is not None and now - self._waiting_since > self.patience:
            self.cut()
        elif now - self.opened > self.lifetime:
            self.end(self.rotation)
        elif self._waiting_since is None and now - self._last_write >= self.heartbeat:
            self._put(self.ping)

    def end(self, last: bytes) -> None:
        if not self.ended:
            self._put(last)
            self.ended = True
            # The hub forgets it now: no tick would ever cut a client that doesn't read these.
            asyncio.get_running_loop().call_later(self.patience, self._cut_undrained)

    def _cut_undrained(self) -> None:
        if not self._drained:
            self.cut()

    async def pull(self) -> bytes:
        """All bytes that wait, once there are any; b"" when the stream has ended.

        One reader at a time. Cancelling it loses nothing.
        """
        while not self._buffer:
            if self.ended:
                self._drained = True
                return b""
            self._recover()
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        data = b"".join(self._buffer)
        self._buffer.clear()
        self._size = 0
        self._waiting_since = None
        return data

    def _recover(self) -> None:
        if self._overflowed:
            self._overflowed = False
            self._lacks_state = True
            self._waiting_since = None
            self.resync(self)


@dataclass(eq=False, slots=True)
class Poll:
    """A long poll: waits for a state that `is_news`, once.

    ``answer`` resolves to that state, or to None when the right to it ended.
    """

    topic: str
    grant: Any
    opened: float
    is_news: Callable[[State], bool]
    answer: asyncio.Future[State | None]
    ended: bool = False

    def deliver(self, state: State, delta: bytes) -> None:
        if not self.answer.done() and self.is_news(state):
            self.answer.set_result(state)

    def tick(self, now: float) -> None:
        """A poll has a bound of its own: the wait that its request asked for."""

    def end(self, last: bytes) -> None:
        self.ended = True
        if not self.answer.done():
            self.answer.set_result(None)
