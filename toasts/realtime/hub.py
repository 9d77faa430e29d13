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
import random
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol, TypeVar

from .broker import Broker
from .shutdown import Intake, on_stop
from .steps import aside
from .subscription import State, Subscription

logger = logging.getLogger("toasts.realtime")
T = TypeVar("T")

RECHECK = "!"
"""A hint that begins so asks to check the right to the topic behind it, not its state."""
FAMILY = "*"
"""A hint that ends so means every topic that begins like it."""
RECHECK_AGAIN = 0.5
"""Seconds until the second look: a logout is announced just before its session is deleted."""
DOUBT = 5.0
"""Seconds for which a doubt about a topic is remembered: longer than letting a stream in takes."""
BATCH = 2000
"""Topics per read."""
DUE_BATCH = 500
"""Those that no hint named, per read: one that a hint names waits for a short read at most."""
SLICE = 200
"""Topics that are told what changed before other work of the loop has its turn."""
SWEEP_PAUSE = 0.2
CLOSES_WITHIN = 5.0
TICK = 1.0
"""Seconds between two ticks, and between two looks at the database while the hub is deaf."""
READ_BACKOFF_MAX = 2.0
"""Pages wait for what is read: a database that is back is asked again soon."""
BACKOFF_MIN, BACKOFF_MAX = 0.2, 10.0
STABLE = 10.0
"""Seconds after which a loop that then fails starts again from the shortest back-off."""
STOPS_WITHIN = 30.0
"""Seconds after which a process that was told to stop, and takes streams still, has them stay."""
_EMPTY: State = {}


class Source(Protocol):
    """Where the state comes from and how it is said.

    `read`, `revoked` and `close` run in the hub's thread, the others on its loop.
    """

    def read(self, topics: Sequence[str]) -> Mapping[str, State | None]:
        """The topics' states; none: empty; None: it can't be read now, what was told stands."""

    def revoked(self, grants: Collection[Any]) -> Collection[Any]:
        """Of these grants, those whose right has ended."""

    def close(self) -> None:
        """Give back what the thread holds."""

    def delta(self, topic: str, told: State, state: State) -> bytes:
        """What those need who were told `told`, now that it is `state`; the two differ."""

    def bye(self, reason: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds."""

    reconcile: float = 5.0
    sweep: float = 20.0
    linger: float = 60.0
    """How long a hub without listeners keeps its thread and connections."""


@dataclass(slots=True, eq=False)
class Topic:
    name: str
    listeners: dict[Subscription, None] = field(default_factory=dict)
    told: State | None = None
    """What its streams were told; None: nothing yet."""


class Hub:
    def __init__(self, source: Source, broker: Broker, timing: Timing, per_topic: int) -> None:
        self.source = source
        self.broker = broker
        self.timing = timing
        self.per_topic = per_topic
        self.listening = False
        self._draining_until = 0.0
        self._intake: Intake | None = None
        self._topics: dict[str, Topic] = {}
        self._held: dict[str, dict[Subscription, None]] = {}
        self._holders: dict[Subscription, str] = {}
        self._woken: dict[Topic, None] = {}
        self._families: dict[str, None] = {}
        self._due: dict[Topic, None] = {}
        self._turn_of_the_due = False
        self._doubted: dict[str, float] = {}
        self._outgoing: dict[str, None] = {}
        self._recheck: set[str] = set()
        self._work = asyncio.Event()
        self._mail = asyncio.Event()
        self._doubt = asyncio.Event()
        self._all_woken = False
        self._due_since: float | None = None
        self._full_read_after = 0.0
        self._full_read: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._retirement: asyncio.Task[None] | None = None
        self._reader: ThreadPoolExecutor | None = None
        self._loop = asyncio.get_running_loop()

    # The registry.

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
        topic = self._topics.get(listener.topic)
        if topic is None:
            topic = self._topics[listener.topic] = Topic(listener.topic)
        topic.listeners[listener] = None
        crowd = self._hold(listener, holder) if holder else topic.listeners
        while len(crowd) > self.per_topic:
            self.drop(next(iter(crowd)), "superseded")
        if (name := holder or listener.topic) in self._doubted:
            self._check([name])
        self.wake([listener.topic])

    def _hold(self, listener: Subscription, holder: str) -> dict[Subscription, None]:
        self._holders[listener] = holder
        crowd = self._held.setdefault(holder, {})
        crowd[listener] = None
        return crowd

    def unsubscribe(self, listener: Subscription) -> None:
        """Forget a listener; its topic's state goes with the last one. Idempotent."""
        topic = self._topics.get(listener.topic)
        if topic is None or listener not in topic.listeners:
            return
        del topic.listeners[listener]
        if not topic.listeners:
            del self._topics[listener.topic]
        holder = self._holders.pop(listener, None)
        if holder is not None:
            del self._held[holder][listener]
            if not self._held[holder]:
                del self._held[holder]

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
            self._intake = Intake(server)

    def drain_soon(self) -> bool:
        """Have every stream end, now and from now on: the server stops. From any thread.

        Returns:
            Whether there are any.
        """
        if self._loop.is_closed():
            return False
        self._loop.call_soon_threadsafe(self._drain)
        return bool(self._topics)

    def _drain(self) -> None:
        self._draining_until = self._loop.time() + STOPS_WITHIN
        for listener in self.listeners():
            self.drop(listener, "restart")

    def listeners(self) -> list[Subscription]:
        return [listener for topic in self._topics.values() for listener in topic.listeners]

    def wake(self, hints: Iterable[str] | None) -> None:
        """Look these topics up soon; None: all of them."""
        if hints is None:
            self._wake_all()
            return
        for hint in hints:
            if hint.startswith(RECHECK):
                self.recheck({hint[len(RECHECK) :]})
            elif (topic := self._topics.get(hint)) is not None:
                self._woken[topic] = None
                self._work.set()
            elif hint.endswith(FAMILY):
                self._families[hint[: -len(FAMILY)]] = None
                self._work.set()

    def _wake_all(self) -> None:
        # A watcher that can't tell users apart says "all" with each commit: reading everything may
        # take half of the time at most.
        self._all_woken = True
        if self._full_read is None and self._due_since is None:
            self._full_read = self._loop.call_at(self._full_read_after, self._wake_everyone)

    def _wake_everyone(self) -> None:
        self._full_read = None
        self._all_woken = False
        self._due_since = self._loop.time()
        self._due.update(dict.fromkeys(self._topics.values()))
        self._work.set()

    def recheck(self, topics: Collection[str]) -> None:
        """Check the right of these topics' listeners now, and again half a second later.

        Those too that subscribe within that time: they were let in before the doubt came.
        """
        self._doubted.update(dict.fromkeys(topics, self._loop.time()))
        known = {name for name in topics if name in self._topics or name in self._held}
        if known:
            self._check(known)
            self._loop.call_later(RECHECK_AGAIN, self._check, known)

    def _check(self, topics: Iterable[str]) -> None:
        self._recheck.update(topics)
        self._doubt.set()

    def announce(self, hints: Sequence[str]) -> None:
        """Wake these topics here and in every other process. From any thread."""
        self._loop.call_soon_threadsafe(self._announce, hints)

    def _announce(self, hints: Sequence[str]) -> None:
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
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="toasts-reader")
        loops = (self._listen, self._read, self._post, self._sweep, self._tick)
        on_stop(self)
        # An empty context: the request that opens the first stream must not lend its own (the
        # thread-sensitive context, the language, the tracing span) to work that outlives it.
        context = contextvars.Context()
        self._tasks = [
            self._loop.create_task(
                _supervised(run, BACKOFF_MAX if run == self._listen else READ_BACKOFF_MAX),
                name=f"toasts{run.__name__}",
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
        if self._full_read is not None:
            self._full_read.cancel()
            self._full_read = None
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
            self._check(self._topics)

    async def _publish(self, hints: Sequence[str]) -> None:
        await self.run(self.broker.publish, hints)

    async def _post(self) -> None:
        """Send what gathered; while one message is under way the next one gathers."""
        while True:
            await self._mail.wait()
            self._mail.clear()
            hints, self._outgoing = list(self._outgoing), {}
            if hints:
                await self._publish(hints)

    async def _read(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            await asyncio.sleep(0)  # what woke in the same moment joins
            while topics := self._next_topics():
                await self._read_batch(topics)
                self._rest_after_all()
            self._rest_after_all()

    def _rest_after_all(self) -> None:
        """When all have had their turn: as long a pause as it took, before the next round."""
        if self._due or self._due_since is None:
            return
        self._full_read_after = 2 * self._loop.time() - self._due_since
        self._due_since = None
        if self._all_woken:
            self._wake_all()

    def _next_topics(self) -> list[Topic]:
        """Those that a hint named, and in between those whose turn it only is."""
        if self._families:
            begins, self._families = tuple(self._families), {}
            named_so = (topic for name, topic in self._topics.items() if name.startswith(begins))
            self._woken.update(dict.fromkeys(named_so))
        named = bool(self._woken) and not (self._due and self._turn_of_the_due)
        self._turn_of_the_due = named  # each its turn: hints without end must not starve the rest
        queue, most = (self._woken, BATCH) if named else (self._due, DUE_BATCH)
        topics = list(islice(queue, most))
        # Taken off before the read: a hint that comes meanwhile must cause another one.
        for topic in topics:
            del queue[topic]
            self._due.pop(topic, None)
        return topics

    async def _read_batch(self, topics: list[Topic]) -> None:
        wanted = [topic for topic in topics if topic.listeners]
        if not wanted:
            return
        try:
            states = await self.run(self.source.read, [topic.name for topic in wanted])
        except Exception:
            self._woken.update(dict.fromkeys(wanted))
            self._work.set()
            raise
        for first in range(0, len(wanted), SLICE):
            self._tell(wanted[first : first + SLICE], states)
            await asyncio.sleep(0)  # a broadcast must not keep the site's pages waiting

    def _tell(self, topics: Sequence[Topic], states: Mapping[str, State | None]) -> None:
        news = []
        for topic in topics:
            state = states.get(topic.name, _EMPTY)
            if state is None or (delta := self._delta(topic, state)) is None:
                continue
            topic.told = state
            for listener in topic.listeners:
                news.append((listener, state, delta))
        # All writes in a row: who reads at the other end need not be woken for each.
        with aside():
            for listener, state, delta in news:
                try:
                    listener.deliver(state, delta)
                except Exception:
                    self._let_go(listener)

    def _delta(self, topic: Topic, state: State) -> bytes | None:
        told = topic.told
        try:
            if told is None or told == state:
                return b""
            return self.source.delta(topic.name, told, state)
        except Exception:
            # Nothing was told, so the next look tries again; the other topics go on.
            logger.exception("%s can't be told what changed", topic.name)
            return None

    def _let_go(self, listener: Subscription) -> None:
        """Drop a listener that failed, so that the others go on."""
        logger.exception("a listener of %s failed and is dropped", listener.topic)
        self.drop(listener, "restart")

    async def _sweep(self) -> None:
        """Check rights whenever somebody doubts them, at a fraction of the time at most."""
        while True:
            await self._doubt.wait()
            self._doubt.clear()
            started = self._loop.time()
            await self._sweep_topics()
            await asyncio.sleep(max(SWEEP_PAUSE, 4 * (self._loop.time() - started)))

    async def _sweep_topics(self) -> None:
        topics, self._recheck = self._recheck, set()
        grants = {listener.grant for name in topics for listener in self._named(name)}
        if not grants:
            return
        try:
            revoked = await self._revoked(list(grants))
        except Exception:
            self._check(topics)
            raise
        for listener in self.listeners() if revoked else ():
            if listener.grant in revoked:
                self.drop(listener, "auth")

    def _named(self, name: str) -> list[Subscription]:
        """The listeners whose right is doubted by this name."""
        topic = self._topics.get(name)
        return [*(topic.listeners if topic is not None else ()), *self._held.get(name, ())]

    async def _revoked(self, grants: list[Any]) -> set[Any]:
        # Little by little: the thread that asks is the one that reads states.
        revoked: set[Any] = set()
        for start in range(0, len(grants), DUE_BATCH):
            revoked.update(await self.run(self.source.revoked, grants[start : start + DUE_BATCH]))
        return revoked

    async def _tick(self) -> None:
        """Every second: pings and rotation; now and then the reconciler and the sweep."""
        reconciled = swept = busy = self._loop.time()
        while True:
            await asyncio.sleep(TICK)
            now = self._loop.time()
            self._tick_listeners(now)
            self._look_whether_it_stops()
            self._doubted = {
                name: since for name, since in self._doubted.items() if now - since < DOUBT
            }
            # Deaf, it has nothing but its own looks.
            if now - reconciled >= (self.timing.reconcile if self.listening else TICK):
                reconciled = now
                self.wake(None)
            if now - swept >= self.timing.sweep:
                swept = now
                self._check(self._topics)
            busy = now if self._topics else busy
            if now - busy > self.timing.linger:
                self._retirement = self._loop.create_task(self._retire())

    def _tick_listeners(self, now: float) -> None:
        for listener in self.listeners():
            try:
                listener.tick(now)
            except Exception:
                self._let_go(listener)
            if listener.ended:
                self.unsubscribe(listener)

    def _look_whether_it_stops(self) -> None:
        if self._intake is not None and self._intake.closed():
            self._intake = None  # a stream that comes all the same came by another
            self._drain()

    async def _retire(self) -> None:
        if not self._topics:
            await self.stop()


async def _supervised(run: Callable[[], Awaitable[None]], longest: float) -> None:
    """Run a loop for ever: whatever breaks it is logged, and it starts again after a back-off."""
    loop = asyncio.get_running_loop()
    failures = 0
    while True:
        started = loop.time()
        try:
            await run()
            raise RuntimeError("it returned, though it is to run for ever")
        except Exception as error:
            failures = 1 if loop.time() - started > STABLE else failures + 1
            # Bounded before the power: after an hour of failures it would be too large for a float.
            most = min(longest, BACKOFF_MIN * 2 ** min(failures, 16))
            delay = random.uniform(BACKOFF_MIN, most)
            # The first failure with its traceback; a database that is down would fill the log.
            text, first = "%s failed (%s); again in %.1f s", failures == 1
            logger.warning(text, run.__name__, error, delay, exc_info=first)
            await asyncio.sleep(delay)
