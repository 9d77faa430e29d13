"""A stream whose bytes the hub writes itself: no queue, no task and no buffer of its own.

While the client keeps up, an event costs one call of the server's ``send``. When ``send`` has to
wait, the stream buffers nothing: it takes note of what it misses, and sends the whole state once
the client has caught up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import Any, Protocol

from ..servers import server_of
from ..types import Send
from .detached import RemainingSteps, start, start_later
from .subscription import State

CLOSE_TIMEOUT = 1.0
"""Seconds that a client has to read the last bytes of a stream."""


class Clock(Protocol):
    """A ticker, as far as a stream needs it.

    Attributes:
        now: the loop's time at the last tick, in seconds.
    """

    now: float


class StreamContext(Protocol):
    """What the streams of a hub share.

    Attributes:
        heartbeat: seconds of silence before a ping.
        write_timeout: seconds that a client may keep ``send`` waiting.
        ping: the bytes of a ping.
        internals: whether to use what is known of the insides of servers and asyncio.
        now: returns the loop's time, in seconds.
    """

    heartbeat: float
    write_timeout: float
    ping: bytes
    internals: bool
    now: Callable[[], float]

    @property
    def ticker(self) -> Clock:
        """Tells the time of the last tick."""

    @property
    def rotate_event(self) -> bytes:
        """The bytes that tell the client to reconnect."""

    def snapshot(self, topic: str, state: State, last_event_id: str | None) -> bytes:
        """Encode a whole state, or only what a client lacks that has seen `last_event_id`."""

    def resync(self, topic: str) -> None:
        """Have the topic's state delivered again."""


class DirectStream:
    """An event stream that owns its server's ``send``.

    Args:
        topic: the topic it subscribes to.
        grant: what permits it; the revalidator checks it.
        send: the server's; the start of the response was sent already.
        context: what it shares with other streams.
        last_event_id: the id of the state that the client shows already.
        max_age: seconds before the client is told to reconnect.
        on_end: called once when the stream has ended by itself, so that its application returns.
            It is not called from within the application's own task, which reads `finished`.
    """

    __slots__ = (
        "_application_task", "_context", "_deadline", "_lacks_state", "_last_event_id",
        "_last_write", "_on_end", "_paused", "_send", "_sending", "_server", "_steps_alone",
        "_watched", "ended", "finished", "grant", "opened", "topic",
    )  # fmt: skip

    def __init__(
        self,
        topic: str,
        grant: Any,
        send: Send,
        context: StreamContext,
        *,
        max_age: float,
        on_end: Callable[[], object],
        last_event_id: str | None = None,
    ) -> None:
        self.topic = topic
        self.grant = grant
        self.opened = self._last_write = context.now()
        self.ended = self.finished = self._paused = False
        self._send = send
        self._context = context
        self._deadline = self.opened + max_age
        self._last_event_id = last_event_id
        self._on_end: Callable[[], object] | None = on_end
        self._application_task = asyncio.current_task()
        self._lacks_state = True
        self._sending: asyncio.Task[None] | None = None
        self._server = server_of(send, context.internals)
        self._server.forget_request(send)
        self._steps_alone = self._server.sends_without_task(send)
        self._watched = self._server.attach(send, self)

    @property
    def blocked(self) -> bool:
        """Whether the client has not read yet what it was sent."""
        return self._paused or self._sending is not None

    def deliver(self, state: State, delta: bytes) -> None:
        """Send the whole state first, and later only what changed."""
        if self.ended:
            return
        if self._paused or self._sending is not None:
            self._lacks_state = self._lacks_state or bool(delta)
        elif self._lacks_state:
            self._lacks_state = False
            last_event_id, self._last_event_id = self._last_event_id, None
            self._write(self._context.snapshot(self.topic, state, last_event_id))
        elif delta:
            self._write(delta)

    def tick(self, now: float) -> None:
        """Disconnect a client that does not read, end an old stream, ping a quiet one."""
        if self.ended:
            return
        if self._paused or self._sending is not None:
            if self._is_read():
                self.resumeProducing()
            elif now - self._last_write > self._context.write_timeout:
                self._abort()
        elif now > self._deadline:
            self.end(self._context.rotate_event)
        elif now - self._last_write >= self._context.heartbeat:
            self._write(self._context.ping)

    def _is_read(self) -> bool:
        # While `send` waits, the client has not read, however little the server has in its buffer.
        watched = self._watched if self._sending is None else None
        return watched is not None and self._server.has_read(watched)

    def end(self, last_bytes: bytes) -> None:
        """Send the last bytes, as soon as the client reads, and take nothing more. Idempotent."""
        if self.ended:
            return
        self.ended = True
        self._server.detach(self._send, self)
        self._send_last(last_bytes)
        if self._on_end is not None:
            # Short: a server that stops waits for this, and the grant may have ended.
            asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._abort)

    def _send_last(self, last_bytes: bytes) -> None:
        if self._on_end is None:
            return
        if self._sending is not None:
            self._sending.add_done_callback(lambda task: self._send_last(last_bytes))
            return
        self._write(last_bytes, more=False)
        if self._sending is None:
            self._finish()
        else:
            self._sending.add_done_callback(lambda task: self._finish())

    def _abort(self) -> None:
        if self._on_end is not None:
            self._server.abort(self._send)
            self._finish()

    def caused_cancellation(self) -> bool:
        """Return whether the CancelledError at hand is how this stream ended.

        The application's task calls it once. Any other cancellation must go on.
        """
        task = asyncio.current_task()
        return self.finished and (task is None or not task.uncancel())

    def _finish(self) -> None:
        on_end = self._on_end
        self.close()
        if on_end is not None:
            self.finished = True
            task = self._application_task
            if task is None or asyncio.current_task() is not task:
                on_end()

    def close(self) -> None:
        """Send nothing more: the application is done. Idempotent."""
        self.ended = True
        self._on_end = None
        self._server.detach(self._send, self)
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    # Twisted's IPushProducer, by its names: on daphne `send` never waits; its transport says by
    # these whether the client reads.

    def pauseProducing(self) -> None:
        """Write nothing until `resumeProducing`."""
        self._paused = True
        self._last_write = self._context.now()

    def resumeProducing(self) -> None:
        """Write again, first the state if something was missed."""
        self._paused = False
        if self._lacks_state and not self.ended:
            self._context.resync(self.topic)

    def stopProducing(self) -> None:
        """Do nothing more than resume: the application learns by itself that the client left."""
        self._paused = False

    def _write(self, data: bytes, more: bool = True) -> None:
        # Each line here runs for each event of each stream.
        message = {"type": "http.response.body", "body": data, "more_body": more}
        self._last_write = self._context.ticker.now
        remaining: Coroutine[Any, Any, None] | None = None
        try:
            sending = self._send(message)
            if self._steps_alone and type(sending) is CoroutineType:
                try:
                    future = sending.send(None)
                    remaining = RemainingSteps(sending.__await__(), future)
                except StopIteration:
                    pass  # all is sent
            elif self._context.internals:
                remaining = start(sending, self._application_task)
            else:
                remaining = start_later(sending)
        except (Exception, asyncio.CancelledError):  # the server's: the connection is gone
            self._finish()
            return
        if self._watched is not None and not self.ended:
            self._server.pause_if_unread(self._watched, self)
        if remaining is not None:
            self._run_in_task(remaining)

    def _run_in_task(self, remaining: Coroutine[Any, Any, None]) -> None:
        self._last_write = self._context.now()  # exact: the timeout counts from here
        self._sending = asyncio.get_running_loop().create_task(remaining)
        self._sending.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending = None
        if task.cancelled() or task.exception() is not None:
            self._finish()
        elif self._lacks_state and not self.ended:
            self._context.resync(self.topic)
