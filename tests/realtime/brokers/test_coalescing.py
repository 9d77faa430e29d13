from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from toasts.realtime.brokers import coalescing as module
from toasts.realtime.brokers.coalescing import CoalescingPublisher


class Wire:
    """Records what was sent. The first send waits for an event."""

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


def test_a_single_thread_publishes_at_once() -> None:
    wire = Wire()
    wire.go_on.set()
    publisher = CoalescingPublisher(wire.send)
    publisher.publish(["user:1", "user:2", "user:1"])
    publisher.publish(["user:3"])
    assert wire.messages == [["user:1", "user:2"], ["user:3"]]


def test_hints_gather_while_one_thread_publishes_and_one_more_publishes_them_all() -> None:
    wire = Wire()
    publisher = CoalescingPublisher(wire.send)
    with ThreadPoolExecutor(20) as threads:
        first = threads.submit(publisher.publish, ["user:0"])
        assert wire.begun.wait(10)
        others = [threads.submit(publisher.publish, [f"user:{n}"]) for n in range(1, 11)]
        while sum(other.done() for other in others) < 9:
            assert not first.done()
        wire.go_on.set()
        for done in (first, *others):
            done.result(10)
    assert wire.messages[0] == ["user:0"]
    assert sorted(wire.messages[1]) == sorted(f"user:{n}" for n in range(1, 11))
    assert len(wire.messages) == 2


def test_all_hints_are_sent_when_all_threads_have_returned() -> None:
    sent: set[str] = set()
    publisher = CoalescingPublisher(sent.update)

    def write(thread: int) -> None:
        for number in range(200):
            publisher.publish([f"{thread}:{number}"])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert len(sent) == 1600
    publisher.publish(["alone"])
    assert "alone" in sent


def test_a_failure_reaches_the_thread_that_published_and_stops_no_other() -> None:
    wire = Wire()
    wire.error = OSError("down")
    publisher = CoalescingPublisher(wire.send)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(publisher.publish, ["user:0"])
        assert wire.begun.wait(10)
        others = [threads.submit(publisher.publish, [f"user:{n}"]) for n in (1, 2)]
        while not any(other.done() for other in others):
            assert not first.done()
        wire.go_on.set()
        failures = [done.exception(10) for done in (first, *others)]
    assert sum(isinstance(failure, OSError) for failure in failures) == 2
    assert isinstance(failures[0], OSError)
    wire.error = None
    publisher.publish(["user:3"])
    assert wire.messages[-1] == ["user:3"]


def test_a_thread_whose_connection_is_never_answered_keeps_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "WAIT_MAX", 0.1)
    hangs, released = threading.Event(), threading.Event()
    sent: list[str] = []

    def send(hints: Sequence[str]) -> None:
        if hints == ["hangs"]:
            hangs.set()
            assert released.wait(10)
        sent.extend(hints)

    publisher = CoalescingPublisher(send)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(publisher.publish, ["hangs"])
        assert hangs.wait(10)
        for number in range(3):
            publisher.publish([f"user:{number}"])
            assert sent[-1] == f"user:{number}"
        hints = [f"{thread}:{number}" for thread in range(8) for number in range(50)]
        list(threads.map(publisher.publish, ([hint] for hint in hints)))
        assert sorted(sent[3:]) == sorted(hints)
        released.set()
        first.result(10)
    publisher.publish(["last"])
    assert sent[-2:] == ["hangs", "last"]


def test_a_thread_that_is_interrupted_while_it_waits_lets_others_publish() -> None:
    wire = Wire()
    publisher = CoalescingPublisher(wire.send)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(publisher.publish, ["user:0"])
        assert wire.begun.wait(10)
        threads.submit(_interrupt, publisher, threading.get_ident())
        with pytest.raises(KeyboardInterrupt):
            publisher.publish(["user:1"])
        last = threads.submit(publisher.publish, ["user:2"])
        wire.go_on.set()
        first.result(10)
        last.result(10)
    publisher.publish(["user:3"])
    assert wire.messages == [["user:0"], ["user:1", "user:2"], ["user:3"]]


def _interrupt(publisher: CoalescingPublisher, thread: int) -> None:
    while publisher._waiting is None:
        pass
    # Again while it waits: an interrupt just before the wait is noticed only after it.
    while publisher._waiting is not None:
        signal.pthread_kill(thread, signal.SIGINT)
        time.sleep(0.2)
