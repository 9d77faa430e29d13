"""A stream whose bytes the hub writes itself: no queue, no task, no buffer of its own.

While the client keeps up, an event costs one call of the server's ``send``. When ``send`` has to
wait, nothing is buffered here: what comes meanwhile only marks the stream, and once the client has
caught up it gets the whole state anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from types import CoroutineType
from typing import Any, Protocol

from ..servers.base import abort, consumer, holds_back, is_own
from .steps import Rest, start
from .subscription import State

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


PARTING = 1.0
"""Seconds that a client has to take its parting bytes."""


class Ticker(Protocol):
    now: float
    """The loop's time at the last tick, seconds."""


class StreamContext(Protocol):
    """What the streams of a hub have in common."""

    heartbeat: float
    """Seconds between two pings of a quiet stream."""
    patience: float
    """Seconds that a client may keep ``send`` waiting."""
    ping: bytes
    now: Callable[[], float]
    """The loop's time, seconds."""

    @property
    def turns(self) -> Ticker: ...
    @property
    def rotation(self) -> bytes: ...
    def snapshot(self, topic: str, state: State, known: str | None) -> bytes: ...
    def resync(self, topic: str) -> None:
        """Have the topic's state delivered again."""


class DirectStream:
    """An event stream that owns its server's ``send``.

    Args:
        topic: what it listens to.
        grant: on what right, for the sweep.
        send: the ASGI callable; the response's start was sent already.
        manners: what it shares with the others.
        opened: the loop's time, seconds.
        deadline: the loop's time at which the client is told to reconnect.
        known: the cursor of the state that the client already shows.
        over: called once when the stream has ended by itself, so that its application returns;
            but not from within the application's own task, which sees that it is `finished`.
    """

    __slots__ = (
        "_alone", "_deadline", "_host", "_known", "_lacks_state", "_last_write", "_manners",
        "_over", "_paused", "_send", "_sending", "_watched", "ended", "finished", "grant",
        "opened", "topic",
    )  # fmt: skip

    def __init__(
        self,
        topic: str,
        grant: Any,
        send: Send,
        manners: StreamContext,
        opened: float,
        deadline: float,
        known: str | None,
        over: Callable[[], object],
    ) -> None:
        self.topic = topic
        self.grant = grant
        self.opened = opened
        self.ended = False
        self.finished = False
        self._send = send
        self._manners = manners
        self._deadline = deadline
        self._known = known
        self._over: Callable[[], object] | None = over
        self._host = asyncio.current_task()
        self._alone = is_own(send)
        self._lacks_state = True
        self._last_write = opened
        self._sending: asyncio.Task[None] | None = None
        self._paused = False
        self._watched: Any = None
        server = consumer(send)
        if server is not None and server.channel is not None:
            if holds_back(server) is None:
                server.registerProducer(self, True)
            else:
                self._watched = server

    @property
    def blocked(self) -> bool:
        """Whether the client does not read what it was sent already."""
        return self._paused or self._sending is not None

    def deliver(self, state: State, delta: bytes) -> None:
        if self.ended:
            return
        if self._paused or self._sending is not None:
            self._lacks_state = self._lacks_state or bool(delta)
        elif self._lacks_state:
            self._lacks_state = False
            known, self._known = self._known, None
            self._write(self._manners.snapshot(self.topic, state, known))
        elif delta:
            self._write(delta)

    def tick(self, now: float) -> None:
        if self.ended:
            return
        if self._paused or self._sending is not None:
            if now - self._last_write > self._manners.patience:
                self._cut()
        elif now > self._deadline:
            self.end(self._manners.rotation)
        elif now - self._last_write >= self._manners.heartbeat:
            self._write(self._manners.ping)

    def end(self, last: bytes) -> None:
        if self.ended:
            return
        self.ended = True
        self._release()
        self._part(last)
        if self._over is not None:
            # Short: a server that is told to stop waits for this, and a right may have ended.
            asyncio.get_running_loop().call_later(PARTING, self._cut)

    def _part(self, last: bytes) -> None:
        """Send the parting bytes, as soon as the client takes any, and be done."""
        if self._over is None:
            return
        if self._sending is not None:
            self._sending.add_done_callback(lambda done: self._part(last))
            return
        self._write(last, more=False)
        if self._sending is None:
            self._give_up()
        else:
            self._sending.add_done_callback(lambda done: self._give_up())

    def _cut(self) -> None:
        if self._over is not None:
            abort(self._send)
            self._give_up()

    def ended_the_wait(self) -> bool:
        """Whether the CancelledError at hand is how this stream ended; anybody else's goes on."""
        task = asyncio.current_task()
        return self.finished and (task is None or not task.uncancel())

    def _give_up(self) -> None:
        over = self._over
        self.close()
        if over is not None:
            self.finished = True
            if self._host is None or asyncio.current_task() is not self._host:
                over()

    def close(self) -> None:
        """The application is done: nothing more is sent, nobody told. Idempotent."""
        self.ended = True
        self._over = None
        self._release()
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    # Twisted's IPushProducer, by its names: on daphne `send` never waits, and this is how its
    # transport says that the client does not read.

    def pauseProducing(self) -> None:
        self._paused = True
        self._last_write = self._manners.now()

    def resumeProducing(self) -> None:
        self._paused = False
        if self._lacks_state and not self.ended:
            self._manners.resync(self.topic)

    def stopProducing(self) -> None:
        """The connection is lost; the application hears of it in its own way, and need not wait."""
        self._paused = False

    def _watch(self) -> None:
        """Be a producer once there is something to wait for: as one from the start, Twisted would
        keep 1.5 KB for it (two dictionaries that outgrow their class)."""
        if self._watched.producer is None and holds_back(self._watched):
            self._watched.registerProducer(self, True)
            self.pauseProducing()

    def _release(self) -> None:
        server = consumer(self._send)
        if server is None or server.producer is not self:
            return
        if server.channel is not None:
            server.unregisterProducer()
        server.producer = None  # no ring of references where the connection is gone already

    def _write(self, data: bytes, more: bool = True) -> None:
        message = {"type": "http.response.body", "body": data, "more_body": more}
        self._last_write = self._manners.turns.now
        rest = None
        try:
            sending = self._send(message)
            # Each line here is run for each event of each stream.
            if self._alone and type(sending) is CoroutineType:
                try:
                    waits_for = sending.send(None)
                    rest = Rest(sending.__await__(), waits_for)
                except StopIteration:
                    pass  # all is sent
            else:
                rest = start(sending, self._host)
        except (Exception, asyncio.CancelledError):  # the server's: the connection is gone
            self._give_up()
            return
        if self._watched is not None and not self.ended:
            self._watch()
        if rest is not None:
            self._last_write = self._manners.now()  # to the moment: since then it waits
            self._sending = asyncio.get_running_loop().create_task(rest)
            self._sending.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending = None
        if task.cancelled() or task.exception() is not None:
            self._give_up()
        elif self._lacks_state and not self.ended:
            self._manners.resync(self.topic)
