from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from toasts.realtime.brokers.coalescing import CoalescingPublisher


class Wire:
    """What was sent; the first sending waits until it is let through."""

    def __init__(self) -> None:
        self.messages: list[list[str]] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.error: Exception | None = None

    def send(self, hints: Sequence[str]) -> None:
        self.messages.append(list(hints))
        self.begun.set()
        assert self.go_on.wait(10)
        if self.error is not None:
            raise self.error


def test_one_thread_alone_sends_at_once() -> None:
    wire = Wire()
    wire.go_on.set()
    outbox = CoalescingPublisher(wire.send)
    outbox.publish(["user:1", "user:2", "user:1"])
    outbox.publish(["user:3"])
    assert wire.messages == [["user:1", "user:2"], ["user:3"]]


def test_what_gathers_while_one_sends_goes_in_one_message_that_one_more_waits_for() -> None:
    wire = Wire()
    outbox = CoalescingPublisher(wire.send)
    with ThreadPoolExecutor(20) as threads:
        first = threads.submit(outbox.publish, ["user:0"])
        assert wire.begun.wait(10)
        others = [threads.submit(outbox.publish, [f"user:{n}"]) for n in range(1, 11)]
        while sum(other.done() for other in others) < 9:
            assert not first.done()
        wire.go_on.set()
        for done in (first, *others):
            done.result(10)
    assert wire.messages[0] == ["user:0"]
    assert sorted(wire.messages[1]) == sorted(f"user:{n}" for n in range(1, 11))
    assert len(wire.messages) == 2


def test_all_is_sent_by_the_time_that_all_have_returned_and_a_lone_one_by_its_own() -> None:
    sent: set[str] = set()
    outbox = CoalescingPublisher(sent.update)

    def write(thread: int) -> None:
        for number in range(200):
            outbox.publish([f"{thread}:{number}"])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert len(sent) == 1600
    outbox.publish(["alone"])
    assert "alone" in sent


def test_a_failure_reaches_who_sent_and_stops_nobody_else() -> None:
    wire = Wire()
    wire.error = OSError("away")
    outbox = CoalescingPublisher(wire.send)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(outbox.publish, ["user:0"])
        assert wire.begun.wait(10)
        others = [threads.submit(outbox.publish, [f"user:{n}"]) for n in (1, 2)]
        while not any(other.done() for other in others):
            assert not first.done()
        wire.go_on.set()
        failures = [done.exception(10) for done in (first, *others)]
    assert sum(isinstance(failure, OSError) for failure in failures) == 2
    assert isinstance(failures[0], OSError)
    wire.error = None
    outbox.publish(["user:3"])
    assert wire.messages[-1] == ["user:3"]


def test_one_that_is_interrupted_while_it_waits_leaves_the_turn_to_others() -> None:
    wire = Wire()
    outbox = CoalescingPublisher(wire.send)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(outbox.publish, ["user:0"])
        assert wire.begun.wait(10)
        threads.submit(_interrupt, outbox, threading.get_ident())
        with pytest.raises(KeyboardInterrupt):
            outbox.publish(["user:1"])
        last = threads.submit(outbox.publish, ["user:2"])
        wire.go_on.set()
        first.result(10)
        last.result(10)
    outbox.publish(["user:3"])
    assert wire.messages == [["user:0"], ["user:1", "user:2"], ["user:3"]]


def _interrupt(outbox: CoalescingPublisher, thread: int) -> None:
    while outbox._next is None:
        pass
    # Once more while it waits: one that comes just before it begins to is noticed only afterwards.
    while outbox._next is not None:
        signal.pthread_kill(thread, signal.SIGINT)
        time.sleep(0.2)
