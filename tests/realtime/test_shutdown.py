"""On a stop signal, all streams end before the process handles the signal as usual."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from toasts.realtime.shutdown import GRACE, SIGNALS, SignalHandler, on_stop

NUMBERS = [signal.SIGTERM, signal.SIGINT]


class Hub:
    def __init__(self) -> None:
        self.drained = 0

    def drain_soon(self) -> bool:
        self.drained += 1
        return False


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
def test_every_hub_is_drained_and_then_the_servers_handler_called(number: int) -> None:
    sent: list[Any] = []

    def servers(got: int, frame: FrameType | None) -> None:
        sent.append((got, one.drained, other.drained))

    signal.signal(number, servers)
    one, other = Hub(), Hub()
    on_stop(one)
    on_stop(other)
    os.kill(os.getpid(), number)
    assert sent == [(number, 1, 1)]


def test_the_signal_handler_is_installed_once() -> None:
    hub = Hub()
    on_stop(hub)
    handlers: list[Any] = [signal.getsignal(number) for number in SIGNALS]
    for _ in range(3):
        on_stop(hub)
        on_stop(Hub())
    assert [signal.getsignal(number) for number in SIGNALS] == handlers
    assert all(not isinstance(handler.previous, SignalHandler) for handler in handlers)


def test_a_server_that_sets_its_own_afterwards_is_wrapped_with_the_next_hub() -> None:
    sent: list[int] = []
    on_stop(Hub())
    signal.signal(signal.SIGTERM, lambda number, frame: sent.append(number))
    hub = Hub()
    on_stop(hub)
    os.kill(os.getpid(), signal.SIGTERM)
    assert (hub.drained, sent) == (1, [signal.SIGTERM])


def test_a_signal_that_is_ignored_stays_so_and_ends_no_stream() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hub = Hub()
    on_stop(hub)
    os.kill(os.getpid(), signal.SIGINT)
    assert hub.drained == 0
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_pythons_own_handler_still_raises_keyboard_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hub = Hub()
    on_stop(hub)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    assert hub.drained == 1


def test_the_signal_handler_does_not_keep_a_hub_alive() -> None:
    hub = Hub()
    gone = weakref.ref(hub)
    on_stop(hub)
    del hub
    gc.collect()
    assert gone() is None
    handler: Any = signal.getsignal(signal.SIGTERM)
    handler.hubs.clear()


def test_no_handler_is_installed_from_another_thread() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    thread = threading.Thread(target=on_stop, args=[Hub()])
    thread.start()
    thread.join()
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_hub_that_fails_keeps_neither_the_others_nor_the_server_from_stopping() -> None:
    class Broken(Hub):
        def drain_soon(self) -> bool:
            raise RuntimeError("its loop is closed")

    sent: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: sent.append(number))
    hubs = [Broken(), Hub(), Broken()]
    for hub in hubs:
        on_stop(hub)
    os.kill(os.getpid(), signal.SIGTERM)
    assert (hubs[1].drained, sent) == (1, [signal.SIGTERM])


SCRIPT = """
import os, signal, sys, time
from toasts.realtime.shutdown import on_stop
class Hub:
    def __init__(self, has_streams):
        self.has_streams = has_streams
    def drain_soon(self):
        os.write(1, b"drained in %d\\n" % (os.getpid() == parent))
        return self.has_streams
parent, hub = os.getpid(), Hub(bool(sys.argv[1]))
on_stop(hub)
"""


def _ran(rest: str, has_streams: bool = False) -> tuple[int, str, float]:
    """Return a process's exit code and output, and the seconds from its first line to its end."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT + rest, "1" if has_streams else ""],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        sent = process.stdout.readline()
        started = time.monotonic()
        sent += process.stdout.read()
        return process.wait(30), sent, time.monotonic() - started


def test_without_a_handler_and_streams_the_process_ends_by_the_signal_at_once() -> None:
    # The parent sees the signal itself, as without the handler.
    code, output, seconds = _ran("os.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(20)")
    assert (code, output) == (-signal.SIGTERM, "drained in 1\n")
    assert seconds < GRACE


def test_without_a_handler_the_process_ends_by_the_signal_after_the_grace_period() -> None:
    # Even if its loop hangs, as it does here.
    code, output, seconds = _ran("os.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(20)", True)
    assert (code, output) == (-signal.SIGTERM, "drained in 1\n")
    assert GRACE - 0.2 < seconds < 10


def test_a_second_signal_ends_the_process_at_once() -> None:
    code, output, seconds = _ran(
        "os.kill(os.getpid(), signal.SIGTERM)\nos.kill(os.getpid(), signal.SIGTERM)", True
    )
    assert (code, output) == (-signal.SIGTERM, "drained in 1\n")
    assert seconds < GRACE


def test_a_process_that_exits_does_not_wait() -> None:
    code, output, seconds = _ran("os.kill(os.getpid(), signal.SIGTERM)\nsys.exit(0)", True)
    assert (code, output) == (0, "drained in 1\n")
    assert seconds < GRACE


def test_a_forked_child_that_gets_a_signal_stops_and_does_not_drain_its_parents_hubs() -> None:
    code, output, _ = _ran(
        "ready, report = os.pipe()\n"
        "if not (pid := os.fork()):\n"
        "    os.write(report, b'x')\n"  # Python loses a signal that arrives during the fork
        "    while True: time.sleep(0.01)\n"
        "os.read(ready, 1)\n"
        "os.kill(pid, signal.SIGTERM)\n"
        "sys.exit(os.waitpid(pid, 0)[1])",
        True,
    )
    assert (code, output) == (signal.SIGTERM, "")


def test_a_hub_of_a_forked_child_is_drained_there() -> None:
    code, output, _ = _ran(
        "ready, report = os.pipe()\n"
        "if not (pid := os.fork()):\n"
        "    own = Hub(False)\n"
        "    on_stop(own)\n"
        "    os.write(report, b'x')\n"
        "    while True: time.sleep(0.01)\n"
        "os.read(ready, 1)\n"
        "os.kill(pid, signal.SIGTERM)\n"
        "sys.exit(os.waitpid(pid, 0)[1])"
    )
    assert (code, output) == (signal.SIGTERM, "drained in 0\n")
