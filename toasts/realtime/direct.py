"""A stream whose bytes the hub writes itself: no queue, no task, no buffer of its own.

While the client keeps up, an event costs one call of the server's ``send``. When ``send`` has to
wait, nothing is buffered here: what comes meanwhile only marks the stream, and once the client has
caught up it gets the whole state anew.
"""

from __future__ import annotations

import asyncio
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from typing import Any, Protocol

from .servers import abort, consumer
from .subscription import State

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]


PARTING = 1.0
"""Seconds that a client has to take its parting bytes."""


class Manners(Protocol):
    """What the streams of a hub have in common."""

    heartbeat: float
    """Seconds between two pings of a quiet stream."""
    patience: float
    """Seconds that a client may keep ``send`` waiting."""
    ping: bytes

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
        over: called once when the stream has ended by itself, so that its application returns.
    """

    __slots__ = (
        "_deadline", "_host", "_known", "_lacks_state", "_last_write", "_manners", "_over",
        "_paused", "_send", "_sending", "ended", "grant", "opened", "topic",
    )  # fmt: skip

    def __init__(
        self,
        topic: str,
        grant: Any,
        send: Send,
        manners: Manners,
        opened: float,
        deadline: float,
        known: str | None,
        over: Callable[[], object],
    ) -> None:
        self.topic = topic
        self.grant = grant
        self.opened = opened
        self.ended = False
        self._send = send
        self._manners = manners
        self._deadline = deadline
        self._known = known
        self._over: Callable[[], object] | None = over
        self._host = asyncio.current_task()
        self._lacks_state = True
        self._last_write = opened
        self._sending: asyncio.Task[None] | None = None
        self._paused = False
        server = consumer(send)
        if server is not None and server.channel is not None:
            server.registerProducer(self, True)

    @property
    def _blocked(self) -> bool:
        return self._paused or self._sending is not None

    def deliver(self, state: State, delta: bytes) -> None:
        if self.ended:
            return
        if self._blocked:
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
        if self._blocked:
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

    def _give_up(self) -> None:
        over = self._over
        self.close()
        if over is not None:
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

    def resumeProducing(self) -> None:
        self._paused = False
        if self._lacks_state and not self.ended:
            self._manners.resync(self.topic)

    def stopProducing(self) -> None:
        """The connection is lost; the application hears of it in its own way."""

    def _release(self) -> None:
        server = consumer(self._send)
        if server is None or server.producer is not self:
            return
        if server.channel is not None:
            server.unregisterProducer()
        server.producer = None  # no ring of references where the connection is gone already

    def _write(self, data: bytes, more: bool = True) -> None:
        message = {"type": "http.response.body", "body": data, "more_body": more}
        loop = asyncio.get_running_loop()
        self._last_write = loop.time()
        try:
            rest = start(self._send(message), self._host)
        except (Exception, asyncio.CancelledError):  # the server's: the connection is gone
            self._give_up()
            return
        if rest is not None:
            self._sending = loop.create_task(rest)
            self._sending.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending = None
        if task.cancelled() or task.exception() is not None:
            self._give_up()
        elif self._lacks_state and not self.ended:
            self._manners.resync(self.topic)


def start(awaitable: Awaitable[None], host: asyncio.Task[Any] | None = None) -> Any:
    """Run an awaitable up to its first wait, without a task.

    Args:
        awaitable: what a server's ``send`` returned.
        host: the task that it is to find itself in meanwhile. A ``send`` that is wrapped in a
            timeout would, when the time is up, cancel the task that it began in: that must not be
            the hub's.

    Returns:
        None when it ended at once; else a coroutine that is the rest of it, for a task.
    """
    steps = awaitable.__await__()
    guest = asyncio.current_task()
    if host is None or guest is None or host is guest:
        return _first(steps)
    # asyncio's documentation has these for whoever runs the steps of coroutines himself.
    loop = asyncio.get_running_loop()
    _leave_task(loop, guest)
    _enter_task(loop, host)
    try:
        return _first(steps)
    finally:
        _leave_task(loop, host)
        _enter_task(loop, guest)


def _first(steps: Generator[Any, Any, None]) -> Any:
    try:
        waited_for = next(steps)
    except StopIteration:
        return None
    return _Rest(steps, waited_for)


class _Rest(Coroutine[Any, None, None]):
    """The steps that are left, for a task; the future that the first one yielded goes to it."""

    __slots__ = ("_steps", "_waited_for")

    def __init__(self, steps: Generator[Any, Any, None], waited_for: Any) -> None:
        self._steps = steps
        self._waited_for: tuple[()] | tuple[Any] = (waited_for,)

    def send(self, value: None) -> Any:
        if self._waited_for:
            (waited_for,), self._waited_for = self._waited_for, ()
            return waited_for
        return next(self._steps)

    def throw(self, error: Any, *rest: Any) -> Any:
        self._waited_for = ()
        if hasattr(self._steps, "throw"):
            return self._steps.throw(error, *rest)
        raise error  # an iterator of another language, which needs no cleaning up

    def close(self) -> None:
        if hasattr(self._steps, "close"):
            self._steps.close()

    def __await__(self) -> Generator[Any, Any, None]:
        raise TypeError("it is for a task")
