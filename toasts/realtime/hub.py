"""The hub: which streams of this process listen to which topic, and what each is to be told.

One hub per event loop. Hints wake topics; the hub reads the state of all that woke in one query, on
a thread and a connection of its own, compares it with what was told and writes the difference.

The registry's methods are plain functions without an await inside: nothing can come between their
steps, so they need no lock. They run on the hub's loop; what other threads may call says so.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from .brokers.base import Broker
from .dispatcher import Dispatcher
from .registry import Registry, Topic
from .revalidation import Revalidator
from .scheduler import Scheduler
from .shutdown import ListeningSockets, on_stop
from .sources import Source
from .streams.subscription import Subscription
from .supervision import supervised
from .ticker import Ticker

logger = logging.getLogger("toasts.realtime")
T = TypeVar("T")

RECHECK = "!"
"""A hint that begins so asks to check the right to the topic behind it, not its state."""
FAMILY = "*"
"""A hint that ends so means every topic that begins like it."""
CLOSES_WITHIN = 5.0
TICK = 1.0
"""Seconds between two ticks, and between two looks at the database while the hub is deaf."""
GATHERS = 0.002
"""Seconds between two messages of ours: each costs every process more than the hints in it."""
READ_BACKOFF_MAX = 2.0
"""Pages wait for what is read: a database that is back is asked again soon."""
BACKOFF_MAX = 10.0
STOPS_WITHIN = 30.0
"""Seconds after which a process that was told to stop, and takes streams still, has them stay."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds."""

    reconcile: float = 5.0
    sweep: float = 25.0
    linger: float = 60.0
    """How long a hub without listeners keeps its thread and connections."""
    turns: int = 1
    """How many ticks it takes to visit each listener once. Ten thousand are not in any cache."""


class Hub:
    def __init__(self, source: Source, broker: Broker, timing: Timing, per_topic: int) -> None:
        self.source = source
        self.broker = broker
        self.timing = timing
        self.per_topic = per_topic
        self.listening = False
        self._draining_until = 0.0
        self._intake: ListeningSockets | None = None
        self._incoming: deque[str] = deque()
        """What threads announce, for the loop to take."""
        self._called = False
        self._outgoing: dict[str, None] = {}
        self._mail = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._retirement: asyncio.Task[None] | None = None
        self._reader: ThreadPoolExecutor | None = None
        self._loop = asyncio.get_running_loop()
        self.registry = Registry()
        self.contexts: dict[Any, Any] = {}
        """What the streams of one encoder share; whoever makes streams keeps it here."""
        self.scheduler = Scheduler(self._loop, self.registry.topics)
        self.dispatcher = Dispatcher(source, self._let_go)
        self.ticker = Ticker(self.registry, timing.turns, self._let_go, self._loop.time())
        self.revalidator = Revalidator(
            self.registry, self._revoked, lambda one: self.drop(one, "auth")
        )

    # Who listens.

    def subscribe(self, listener: Subscription, holder: str = "") -> None:
        """Add a listener; it is told the topic's state with the next read.

        Args:
            holder: where the topic is not a user's own, whose listener it is: with whose others it
                is counted, and by what name its right is doubted.
        """
        if self._loop.time() < self._draining_until:
            listener.end(self.source.bye("restart"))
            return
        self.start()
        self.registry.add(listener, holder)
        while len(crowd := self.registry.crowd(listener)) > self.per_topic:
            self.drop(next(iter(crowd)), "superseded")
        self.revalidator.check_newcomer(holder or listener.topic)
        self.wake([listener.topic])

    def unsubscribe(self, listener: Subscription) -> None:
        """Forget a listener; its topic's state goes with the last one. Idempotent."""
        self.registry.remove(listener)

    def drop(self, listener: Subscription, reason: str) -> None:
        """Say goodbye to a listener, and forget it."""
        listener.end(self.source.bye(reason))
        self.unsubscribe(listener)

    def served_at(self, server: Sequence[Any] | None) -> None:
        """Watch the sockets at this address of ours: once they are closed, the server stops.

        Args:
            server: ASGI's ``scope["server"]``, of a request that is about to wait here.
        """
        if self._intake is None:
            self._intake = ListeningSockets(server)

    def drain_soon(self) -> bool:
        """Have every stream end, now and from now on: the server stops. From any thread.

        Returns:
            Whether there are any.
        """
        if self._loop.is_closed():
            return False
        self._loop.call_soon_threadsafe(self._drain)
        return bool(self.registry.topics)

    def _drain(self) -> None:
        self._draining_until = self._loop.time() + STOPS_WITHIN
        for listener in self.listeners():
            self.drop(listener, "restart")

    def listeners(self) -> list[Subscription]:
        return list(self.registry)

    def wake(self, hints: Iterable[str] | None) -> None:
        """Look these topics up soon; None: all of them."""
        if hints is None:
            self.scheduler.add_all()
            return
        hints = list(hints)
        woken = list(filter(None, map(self.registry.topics.get, hints)))
        if woken:
            self.scheduler.add(woken)
        if len(woken) < len(hints):
            self._wake_others(hints)

    def _wake_others(self, hints: list[str]) -> None:
        """What else there is among the hints: doubts and families."""
        for hint in hints:
            if hint in self.registry.topics:
                continue
            if hint.startswith(RECHECK):
                self.revalidator.doubt({hint[len(RECHECK) :]})
            elif hint.endswith(FAMILY):
                self.scheduler.add_family(hint[: -len(FAMILY)])

    def announce(self, hints: Sequence[str]) -> None:
        """Wake these topics here and in every other process. From any thread."""
        self._incoming.extend(hints)
        if not self._called:  # to wake the loop costs more than all the rest
            self._called = True
            try:
                self._loop.call_soon_threadsafe(self._announce)
            except BaseException:  # an interrupt, too: or nobody would ever call again
                self._called = False
                raise

    def _announce(self) -> None:
        self._called = False  # first: what comes from now on calls again
        hints = [self._incoming.popleft() for _ in range(len(self._incoming))]
        self.wake(hints)
        self._outgoing.update(dict.fromkeys(hints))
        self._mail.set()

    # Its life.

    @property
    def running(self) -> bool:
        return bool(self._tasks) and not self._loop.is_closed()

    def start(self) -> None:
        """Start the loops; does nothing when they run."""
        if self._tasks:
            return
        self.ticker.now = self._loop.time()
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="toasts-reader")
        loops = (self._listen, self._read, self._post, self.revalidator.run, self._tick)
        on_stop(self)
        # An empty context: the request that opens the first stream must not lend its own (the
        # thread-sensitive context, the language, the tracing span) to work that outlives it.
        context = contextvars.Context()
        self._tasks = [
            self._loop.create_task(
                supervised(run, BACKOFF_MAX if run == self._listen else READ_BACKOFF_MAX),
                name=f"toasts_{run.__qualname__}",
                context=context,
            )
            for run in loops
        ]

    async def stop(self) -> None:
        """End the loops, and give back the thread and its connection. Idempotent."""
        tasks, self._tasks = self._tasks, []
        reader, self._reader = self._reader, None
        self._intake = None
        self.listening = False
        self.scheduler.stop()
        self.ticker.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if reader is not None:
            closing = self._loop.run_in_executor(reader, self.source.close)
            try:
                # A thread that hangs in the database must not keep the process from ending.
                await asyncio.wait_for(closing, CLOSES_WITHIN)
            except TimeoutError:
                logger.warning("the database did not let go of the hub's connection")
            finally:
                reader.shutdown(wait=False)

    async def run(self, job: Callable[..., T], *args: Any) -> T:
        """Do a blocking job in the hub's thread."""
        if self._reader is None:
            raise RuntimeError("the hub has stopped")
        return await self._loop.run_in_executor(self._reader, job, *args)

    # Its loops.

    async def _listen(self) -> None:
        try:
            await self.broker.listen(self._heard, self._publish)
        finally:
            self.listening = False

    def _heard(self, hints: Iterable[str] | None) -> None:
        self.listening = True
        self.wake(hints)
        if hints is None:
            self.revalidator.check(self.registry.topics)

    async def _publish(self, hints: Sequence[str]) -> None:
        await self.run(self.broker.publish, hints)

    async def _post(self) -> None:
        """Send what gathered; what comes meanwhile, and shortly after, gathers for the next."""
        while True:
            await self._mail.wait()
            self._mail.clear()
            hints, self._outgoing = list(self._outgoing), {}
            if hints:
                await self._publish(hints)
                await asyncio.sleep(GATHERS)

    async def _read(self) -> None:
        while True:
            await self.scheduler.work.wait()
            self.scheduler.work.clear()
            await asyncio.sleep(0)  # what woke in the same moment joins
            while topics := self.scheduler.take():
                await self._read_batch([topic for topic in topics if topic.listeners])

    async def _read_batch(self, topics: list[Topic]) -> None:
        if not topics:
            return
        try:
            states = await self.run(self.source.read, [topic.name for topic in topics])
        except Exception:
            self.scheduler.add(topics)
            raise
        await self.dispatcher.tell(topics, states)

    def _let_go(self, listener: Subscription) -> None:
        """Drop a listener that failed, so that the others go on."""
        logger.exception("a listener of %s failed and is dropped", listener.topic)
        self.drop(listener, "restart")

    async def _revoked(self, grants: list[Any]) -> Collection[Any]:
        return await self.run(self.source.revoked, grants)

    async def _tick(self) -> None:
        """Every second: pings and rotation; now and then the reconciler and the sweep."""
        reconciled = swept = busy = self._loop.time()
        while True:
            await asyncio.sleep(TICK)
            now = self._loop.time()
            self.ticker.tick(now)
            self._look_whether_it_stops()
            self.revalidator.forget(now)
            # Deaf, it has nothing but its own looks.
            if now - reconciled >= (self.timing.reconcile if self.listening else TICK):
                reconciled = now
                self.wake(None)
            if now - swept >= self.timing.sweep:
                swept = now
                self.revalidator.check(self.registry.topics)
            busy = now if self.registry.topics else busy
            if now - busy > self.timing.linger:
                self._retirement = self._loop.create_task(self._retire())

    def _look_whether_it_stops(self) -> None:
        if self._intake is not None and self._intake.closed():
            self._intake = None  # a stream that comes all the same came by another
            self._drain()

    async def _retire(self) -> None:
        if not self.registry.topics:
            await self.stop()
