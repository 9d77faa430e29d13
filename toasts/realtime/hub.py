"""The hub: it reads the states of topics and has them delivered to the streams of this process.

There is one hub for each event loop. Hints wake topics. The hub reads the states of all topics that
woke in one query, on a thread and a connection of its own, compares each with the state that was
sent last and writes the difference.

Its methods run on its loop, unless they say that any thread may call them.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

from .brokers.base import Broker
from .dispatcher import Dispatcher
from .endings import Endings
from .hint_handler import HintHandler
from .publisher import HintPublisher
from .reader import Reader
from .registry import Registry
from .revalidation import Revalidator
from .scheduler import Scheduler
from .servers.hypercorn import ListeningSockets
from .shutdown import on_stop
from .slow_reader import SlowReader
from .sources import Source
from .streams.subscription import Subscription
from .supervision import end_tasks, supervised
from .ticker import Interval, Ticker
from .timing import Timing
from .worker import Worker, WorkerThread, close_threads, detach_threads

logger = logging.getLogger("toasts.realtime")
T = TypeVar("T")

TICK_INTERVAL = 1.0
"""Seconds between two ticks, and between two reads of everything while no broker listens."""
READ_BACKOFF_MAX = 2.0
"""Seconds. Pages wait for what is read: a database that is back is asked again soon."""
BACKOFF_MAX = 10.0
"""Seconds; of the broker's loop."""
DRAIN_TIMEOUT = 30.0
"""Seconds after which a process that was to stop, but goes on, accepts streams again."""


class Hub:
    """The streams of one event loop, and the loops that serve them.

    Create it on that event loop. It starts with its first stream.

    Args:
        source: reads and encodes the states of topics.
        broker: carries hints between processes.
        timing: its periods.
        max_per_group: subscriptions of one user or owner; the oldest above it is ended.
        internals: whether to use what is known of the insides of servers and asyncio.
    """

    def __init__(
        self,
        source: Source,
        broker: Broker,
        timing: Timing,
        max_per_group: int,
        internals: bool = True,
    ) -> None:
        self.source = source
        self.broker = broker
        self.timing = timing
        self.max_per_group = max_per_group
        self.internals = internals
        self.listening = False
        """Whether the broker listens, so that hints arrive."""
        self.contexts: dict[Any, Any] = {}
        """What the streams of one encoder share, as stored by the code that creates them."""
        self._loop = asyncio.get_running_loop()
        self._sockets: ListeningSockets | None = None
        self._draining_until = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._retirement: asyncio.Task[None] | None = None
        self._last_used = self._loop.time()
        self.registry = Registry()
        self.scheduler = Scheduler(self._loop, self.registry.topics)
        self.dispatcher = Dispatcher(source, self._drop_failed, internals)
        self.worker = Worker(self._loop, source.open, timing.call_timeout)
        slow = Worker(self._loop, source.open, timing.call_timeout)
        self._workers = (self.worker, slow)
        self.slow_reader = SlowReader(slow, source, self.dispatcher)
        self.reader = Reader(self.worker, source, self.scheduler, self.dispatcher, self.slow_reader)
        self.publisher = HintPublisher(self._loop, self.wake, self._publish)
        self.ticker = Ticker(
            self.registry, timing.ticks_per_visit, self._drop_failed, self._loop.time()
        )
        self.revalidator = Revalidator(self.registry, self._revoked, self.drop)
        self.endings = Endings(self.registry, source.take_signed, self.drop)
        handlers = (self.scheduler, self.revalidator, self.endings)
        self._hint_handler = HintHandler(source, self.registry, *handlers)

    # Subscriptions.

    def subscribe(
        self,
        subscription: Subscription,
        owner: str = "",
        also: str = "",
        arrived: float = math.inf,
    ) -> None:
        """Add a subscription. The topic's state is delivered to it with the next read.

        Args:
            subscription: the subscription.
            owner: the user to count it for, if the topic does not belong to one user.
            also: another user whose rights it depends on. It is rechecked by each of these names.
            arrived: when its request arrived, by `time.monotonic`. It is ended again if the streams
                of one of the names were ended since then.
        """
        if self._loop.time() < self._draining_until:
            subscription.end(self.source.bye("restart"))
            return
        if self.endings.apply_to(arrived, subscription.topic, owner, also):
            subscription.end(self.source.bye("rotate"))
            return
        self.start()
        self.registry.add(subscription, owner, also)
        while len(group := self.registry.group(subscription)) > self.max_per_group:
            self.drop(next(iter(group)), "superseded")
        self.revalidator.check_new(owner or subscription.topic, also)
        self.wake([subscription.topic])

    def unsubscribe(self, subscription: Subscription) -> None:
        """Remove a subscription. The topic's state goes with the last one. Idempotent."""
        self.registry.remove(subscription)

    def drop(self, subscription: Subscription, reason: str) -> None:
        """End a subscription and remove it.

        Args:
            subscription: the subscription.
            reason: ``auth``, ``restart``, ``rotate`` or ``superseded``.
        """
        subscription.end(self.source.bye(reason))
        self.unsubscribe(subscription)

    def _drop_failed(self, subscription: Subscription) -> None:
        logger.exception("A stream of %s failed and is dropped.", subscription.topic)
        self.drop(subscription, "restart")

    def subscriptions(self) -> list[Subscription]:
        """Return all subscriptions."""
        return list(self.registry)

    # The end of the process.

    def watch_server(self, server: Sequence[Any] | None) -> None:
        """End all streams once the server has closed the sockets at this address of its own.

        Args:
            server: ASGI's ``scope["server"]`` of a request that will wait here.
        """
        if self._sockets is None and self.internals:
            self._sockets = ListeningSockets(server)

    def drain_soon(self) -> bool:
        """End every stream, now and for the next 30 seconds: the server stops.

        Call it from any thread.

        Returns:
            Whether there are any streams.
        """
        if self._loop.is_closed():
            return False
        self._loop.call_soon_threadsafe(self._drain)
        return bool(self.registry.topics)

    def _drain(self) -> None:
        self._draining_until = self._loop.time() + DRAIN_TIMEOUT
        for subscription in self.subscriptions():
            self.drop(subscription, "restart")

    def _drain_if_server_stops(self) -> None:
        if self._sockets is not None and self._sockets.closed():
            self._sockets = None  # a stream that still comes has come by another socket
            self._drain()

    # Hints.

    def wake(self, hints: Iterable[str] | None) -> None:
        """Read the topics of these hints soon; None: all topics."""
        if hints is None:
            self.scheduler.add_all()
            return
        self._hint_handler.handle(hints)

    def announce(self, hints: Sequence[str]) -> None:
        """Wake these topics here and in every other process. Call it from any thread."""
        self.publisher.announce(hints)

    # Start and stop.

    @property
    def running(self) -> bool:
        """Whether its loops run."""
        return bool(self._tasks) and not self._loop.is_closed()

    def start(self) -> None:
        """Start the loops. Idempotent."""
        if self._tasks:
            return
        self.ticker.now = self._last_used = self._loop.time()
        self.worker.start()
        on_stop(self)
        self._tasks = [
            self._supervise(self._listen, BACKOFF_MAX),
            self._supervise(self.reader.run),
            self._supervise(self.slow_reader.run),
            self._supervise(self.publisher.run),
            self._supervise(self.revalidator.run),
            self._supervise(self._tick),
        ]

    def _supervise(
        self, run: Callable[[], Awaitable[None]], backoff_max: float | None = None
    ) -> asyncio.Task[None]:
        return self._loop.create_task(
            supervised(run, backoff_max or READ_BACKOFF_MAX),
            name=f"toasts_{run.__qualname__}",
            # An empty context: the request that opens the first stream must not lend its own (the
            # thread-sensitive context, the language, the tracing span) to work that outlives it.
            context=contextvars.Context(),
        )

    async def stop(self) -> None:
        """End the loops, and give back the thread and its connection. Idempotent."""
        tasks, threads = self.halt()
        await end_tasks(tasks)
        await close_threads(threads)

    def halt(self) -> tuple[list[asyncio.Task[None]], list[WorkerThread]]:
        """Return the loops' tasks, which the caller cancels, and the threads, which it ends."""
        tasks, self._tasks = self._tasks, []
        self._sockets, self.listening = None, False
        self.scheduler.stop()
        self.ticker.stop()
        return tasks, detach_threads(self._workers)

    async def run(self, job: Callable[..., T], *args: Any) -> T:
        """Run a blocking function in the hub's thread.

        Raises:
            RuntimeError: the hub has stopped.
            CallTimeout: the function did not return in time.
        """
        return await self.worker.call(job, *args)

    # Its loops.

    async def _listen(self) -> None:
        try:
            await self.broker.listen(self._receive, self._publish)
        finally:
            self.listening = False

    def _receive(self, hints: Iterable[str] | None) -> None:
        if not self.listening:
            self.listening = True
            self.reader.expect_answers()
        self.wake(hints)
        if hints is None:
            self.revalidator.check_all()

    async def _publish(self, hints: Sequence[str]) -> None:
        await self.run(self.broker.publish, hints)

    async def _revoked(self, grants: list[Any]) -> Collection[Any]:
        return await self.run(self.source.revoked, grants)

    async def _tick(self) -> None:
        try:
            await self._tick_for_ever()
        except asyncio.CancelledError:
            # Unless by `stop`, after which a new stream may have started other tasks and a thread:
            # the loop ends, as after a test.
            if asyncio.current_task() in self._tasks:
                await close_threads(detach_threads(self._workers))
            raise

    async def _tick_for_ever(self) -> None:
        reconciler, revalidation = Interval(self._loop.time()), Interval(self._loop.time())
        while True:
            await asyncio.sleep(TICK_INTERVAL)
            now = self._loop.time()
            for worker in self._workers:
                worker.check()
            self.ticker.tick(now)
            self.revalidator.forget_rechecks(now)
            self.endings.forget()
            self._drain_if_server_stops()
            # Without a broker that listens, only these reads find what is new.
            if reconciler.passed(now, self.timing.reconcile if self.listening else TICK_INTERVAL):
                self.wake(None)
            if revalidation.passed(now, self.timing.revalidate):
                self.revalidator.check_all()
            self._retire_if_idle(now)

    def _retire_if_idle(self, now: float) -> None:
        if self.registry.topics:
            self._last_used = now
        elif now - self._last_used > self.timing.idle_timeout:
            self._retirement = self._loop.create_task(self._retire())

    async def _retire(self) -> None:
        if not self.registry.topics:
            await self.stop()
