from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from toasts.realtime.outbox import Outbox


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
    outbox = Outbox(wire.send)
    outbox.publish(["user:1", "user:2", "user:1"])
    outbox.publish(["user:3"])
    assert wire.messages == [["user:1", "user:2"], ["user:3"]]


def test_what_gathers_while_one_sends_goes_in_one_message() -> None:
    wire = Wire()
    outbox = Outbox(wire.send)
    with ThreadPoolExecutor(20) as threads:
        first = threads.submit(outbox.publish, ["user:0"])
        assert wire.begun.wait(10)
        others = [threads.submit(outbox.publish, [f"user:{n}"]) for n in range(1, 11)]
        while len(outbox._forming.hints) < 10:
            assert not any(other.done() for other in others)
        wire.go_on.set()
        for done in (first, *others):
            done.result(10)
    assert wire.messages[0] == ["user:0"]
    assert sorted(wire.messages[1]) == sorted(f"user:{n}" for n in range(1, 11))
    assert len(wire.messages) == 2


def test_each_returns_only_once_its_hint_was_sent() -> None:
    sent: set[str] = set()
    outbox = Outbox(lambda hints: sent.update(hints))

    def write(thread: int) -> None:
        for number in range(200):
            outbox.publish([f"{thread}:{number}"])
            assert f"{thread}:{number}" in sent

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert len(sent) == 1600


def test_a_failure_reaches_all_who_were_part_of_it_and_nobody_else() -> None:
    wire = Wire()
    wire.error = OSError("away")
    outbox = Outbox(wire.send)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(outbox.publish, ["user:0"])
        assert wire.begun.wait(10)
        others = [threads.submit(outbox.publish, [f"user:{n}"]) for n in (1, 2)]
        while len(outbox._forming.hints) < 2:
            pass
        wire.go_on.set()
        for failed in (first, *others):
            with pytest.raises(OSError, match="away"):
                failed.result(10)
    wire.error = None
    outbox.publish(["user:3"])
    assert wire.messages[-1] == ["user:3"]
