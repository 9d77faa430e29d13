"""An event stream with a bounded buffer, whose bytes a reader pulls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .subscription import State

BUFFER_EVENTS = 64
BUFFER_BYTES = 256 * 1024


@dataclass(eq=False, slots=True)
class BufferedStream:
    """An event stream whose bytes a reader pulls.

    When a client reads too slowly, the buffer overflows: the stream drops it, and the client gets
    the whole state once it reads again. A client that does not read at all is disconnected.

    Args:
        topic: the topic it subscribes to.
        grant: what permits it; the revalidator checks it.
        opened: the loop's time at which it was opened, in seconds.
        snapshot: encodes a whole state.
        resync: called when the client reads again after an overflow.
        abort: disconnects the client. The stream calls it, perhaps more than once, when the client
            has not read for `write_timeout` seconds.
        ping: the bytes of a ping.
        rotate_event: the bytes that tell the client to reconnect.
        heartbeat: seconds of silence before a ping.
        max_age: seconds before the client is told to reconnect.
        write_timeout: seconds that a client may leave bytes unread.
    """

    topic: str
    grant: Any
    opened: float
    snapshot: Callable[[State], bytes]
    resync: Callable[[BufferedStream], None]
    abort: Callable[[], object]
    ping: bytes
    rotate_event: bytes
    heartbeat: float = 15.0
    max_age: float = 600.0
    write_timeout: float = 30.0
    ended: bool = False
    _lacks_state: bool = True
    _overflowed: bool = False
    _buffer: list[bytes] = field(default_factory=list)
    _size: int = 0
    _last_write: float = 0.0
    _unread_since: float | None = None
    _reader: asyncio.Future[None] | None = None
    _drained: bool = False

    def __post_init__(self) -> None:
        self._last_write = self.opened  # no ping before the first state

    def deliver(self, state: State, delta: bytes) -> None:
        """Buffer the whole state first, and later only what changed."""
        if self.ended or self._overflowed:
            return
        if self._lacks_state:
            self._lacks_state = False
            self._append(self.snapshot(state))
        elif delta:
            self._append_or_overflow(delta)

    def _append_or_overflow(self, data: bytes) -> None:
        if len(self._buffer) < BUFFER_EVENTS and self._size + len(data) <= BUFFER_BYTES:
            self._append(data)
            return
        self._buffer.clear()
        self._size = 0
        self._overflowed = True
        self._wake_reader()

    def _append(self, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        if self._unread_since is None:
            self._unread_since = now
        self._buffer.append(data)
        self._size += len(data)
        self._last_write = now
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def tick(self, now: float) -> None:
        """Disconnect a client that does not read, end an old stream, ping a quiet one."""
        if self.ended:
            return
        if self._unread_since is not None and now - self._unread_since > self.write_timeout:
            self.abort()
        elif now - self.opened > self.max_age:
            self.end(self.rotate_event)
        elif self._unread_since is None and now - self._last_write >= self.heartbeat:
            self._append(self.ping)

    def end(self, last_bytes: bytes) -> None:
        """Buffer the last bytes and take nothing more. Idempotent."""
        if not self.ended:
            self._append(last_bytes)
            self.ended = True
            # The hub forgets the stream now, so no tick would disconnect a client that never reads.
            asyncio.get_running_loop().call_later(self.write_timeout, self._abort_if_unread)

    def _abort_if_unread(self) -> None:
        if not self._drained:
            self.abort()

    async def pull(self) -> bytes:
        """Wait for bytes and return all that the buffer holds.

        Only one reader may pull at a time. Cancelling it loses nothing.

        Returns:
            The bytes; empty when the stream has ended.
        """
        while not self._buffer:
            if self.ended:
                self._drained = True
                return b""
            self._recover()
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._take_buffer()

    def _take_buffer(self) -> bytes:
        data = b"".join(self._buffer)
        self._buffer.clear()
        self._size = 0
        self._unread_since = None
        return data

    def _recover(self) -> None:
        if self._overflowed:
            self._overflowed = False
            self._lacks_state = True
            self._unread_since = None
            self.resync(self)
