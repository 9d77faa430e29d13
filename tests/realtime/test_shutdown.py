"""The farewell on a stop signal: it comes before whatever the process had meant to do."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from toasts.realtime import shutdown
from toasts.realtime.shutdown import LAST_WORDS, SIGNALS, ListeningSockets, SignalHandler, on_stop

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
    said: list[Any] = []

    def servers(got: int, frame: FrameType | None) -> None:
        said.append((got, one.drained, other.drained))

    signal.signal(number, servers)
    one, other = Hub(), Hub()
    on_stop(one)
    on_stop(other)
    os.kill(os.getpid(), number)
    assert said == [(number, 1, 1)]


def test_it_is_installed_once() -> None:
    hub = Hub()
    on_stop(hub)
    handlers = [signal.getsignal(number) for number in SIGNALS]
    for _ in range(3):
        on_stop(hub)
        on_stop(Hub())
    assert [signal.getsignal(number) for number in SIGNALS] == handlers
    assert all(not isinstance(handler.previous, SignalHandler) for handler in handlers)


def test_a_server_that_sets_its_own_afterwards_is_wrapped_with_the_next_hub() -> None:
    said: list[int] = []
    on_stop(Hub())
    signal.signal(signal.SIGTERM, lambda number, frame: said.append(number))
    hub = Hub()
    on_stop(hub)
    os.kill(os.getpid(), signal.SIGTERM)
    assert (hub.drained, said) == (1, [signal.SIGTERM])


def test_a_signal_that_is_ignored_stays_so_and_nobody_is_sent_away() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hub = Hub()
    on_stop(hub)
    os.kill(os.getpid(), signal.SIGINT)
    assert hub.drained == 0
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_pythons_own_handler_still_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hub = Hub()
    on_stop(hub)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    assert hub.drained == 1


def test_a_hub_is_not_kept_by_its_farewell() -> None:
    hub = Hub()
    gone = weakref.ref(hub)
    on_stop(hub)
    del hub
    gc.collect()
    assert gone() is None
    signal.getsignal(signal.SIGTERM).hubs.clear()


def test_another_thread_sets_no_handler() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    thread = threading.Thread(target=on_stop, args=[Hub()])
    thread.start()
    thread.join()
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_hub_that_fails_keeps_neither_the_others_nor_the_server_from_stopping() -> None:
    class Broken(Hub):
        def drain_soon(self) -> bool:
            raise RuntimeError("its loop is closed")

    said: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: said.append(number))
    hubs = [Broken(), Hub(), Broken()]
    for hub in hubs:
        on_stop(hub)
    os.kill(os.getpid(), signal.SIGTERM)
    assert (hubs[1].drained, said) == (1, [signal.SIGTERM])


SCRIPT = """
import os, signal, sys, time
from toasts.realtime.shutdown import on_stop
class Hub:
    def __init__(self, parting):
        self.parting = parting
    def drain_soon(self):
        os.write(1, b"drained in %d\\n" % (os.getpid() == parent))
        return self.parting
parent, hub = os.getpid(), Hub(bool(sys.argv[1]))
on_stop(hub)
"""


def _ran(rest: str, parting: bool = False) -> tuple[int, str, float]:
    """The exit code and the output of a process, and the seconds from its "now" to its end."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT + rest, "1" if parting else ""],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        said = process.stdout.readline()
        started = time.monotonic()
        said += process.stdout.read()
        return process.wait(30), said, time.monotonic() - started


def test_where_nothing_was_set_the_process_ends_by_the_signal_at_once() -> None:
    # By the signal itself, as its parent would have seen without us.
    code, output, seconds = _ran("os.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(20)")
    assert (code, output) == (-signal.SIGTERM, "drained in 1\n")
    assert seconds < LAST_WORDS


def test_where_nothing_was_set_it_ends_by_the_signal_after_its_farewells() -> None:
    # Also where its loop hangs, as here: the main thread does nothing else.
    code, output, seconds = _ran("os.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(20)", True)
    assert (code, output) == (-signal.SIGTERM, "drained in 1\n")
    assert LAST_WORDS - 0.2 < seconds < 10


def test_a_second_signal_ends_it_without_waiting_for_the_farewells() -> None:
    code, output, seconds = _ran(
        "os.kill(os.getpid(), signal.SIGTERM)\nos.kill(os.getpid(), signal.SIGTERM)", True
    )
    assert (code, output) == (-signal.SIGTERM, "drained in 1\n")
    assert seconds < LAST_WORDS


def test_a_process_that_ends_by_itself_waits_for_nothing() -> None:
    code, output, seconds = _ran("os.kill(os.getpid(), signal.SIGTERM)\nsys.exit(0)", True)
    assert (code, output) == (0, "drained in 1\n")
    assert seconds < LAST_WORDS


def test_a_forked_child_that_is_told_to_stop_stops_and_leaves_its_parents_streams_alone() -> None:
    code, output, _ = _ran(
        "ready, say = os.pipe()\n"
        "if not (pid := os.fork()):\n"
        "    os.write(say, b'x')\n"  # Python forgets a signal that comes within the fork
        "    while True: time.sleep(0.01)\n"
        "os.read(ready, 1)\n"
        "os.kill(pid, signal.SIGTERM)\n"
        "sys.exit(os.waitpid(pid, 0)[1])",
        True,
    )
    assert (code, output) == (signal.SIGTERM, "")


def test_a_hub_of_a_forked_child_is_drained_there() -> None:
    code, output, _ = _ran(
        "ready, say = os.pipe()\n"
        "if not (pid := os.fork()):\n"
        "    own = Hub(False)\n"
        "    on_stop(own)\n"
        "    os.write(say, b'x')\n"
        "    while True: time.sleep(0.01)\n"
        "os.read(ready, 1)\n"
        "os.kill(pid, signal.SIGTERM)\n"
        "sys.exit(os.waitpid(pid, 0)[1])"
    )
    assert (code, output) == (signal.SIGTERM, "drained in 0\n")


# What a server shows that tells its workers otherwise.


def listener(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    return socket.create_server((host, port))


def test_while_its_sockets_listen_nothing_is_closed_and_when_none_does_all_is() -> None:
    with listener() as one:
        intake = ListeningSockets(one.getsockname())
        assert not intake.closed()
        with socket.create_connection(one.getsockname()) as client, one.accept()[0]:
            assert not intake.closed()
            one.close()
            assert intake.closed()
            client.close()


def test_a_number_given_to_another_socket_is_not_taken_for_the_old_one() -> None:
    one = listener()
    number, intake = one.fileno(), ListeningSockets(one.getsockname())
    one.close()
    with listener() as other:
        assert other.fileno() == number
        assert intake.closed()


def test_one_of_several_that_goes_on_is_enough() -> None:
    with listener() as one, one.dup() as other:
        intake = ListeningSockets(one.getsockname())
        one.close()
        assert not intake.closed()
        other.close()
        assert intake.closed()


@pytest.mark.parametrize(
    "server", [("testserver", "80"), ("127.0.0.1", 1), None, ("/no/path", None)]
)
def test_the_sockets_of_other_addresses_say_nothing(server: Any) -> None:
    with listener() as one:
        intake = ListeningSockets(server)
        one.close()
        assert not intake.closed()


@pytest.mark.parametrize("named", [True, False])
def test_a_unix_socket_is_watched_whether_the_server_names_it_or_not(
    tmp_path: Path, named: bool
) -> None:
    with socket.socket(socket.AF_UNIX) as one, listener():
        one.bind(str(tmp_path / "socket"))
        one.listen()
        intake = ListeningSockets((str(tmp_path / "socket"), None) if named else None)
        assert not intake.closed()
        one.close()
        assert intake.closed()


def test_watching_leaves_every_descriptor_as_it_was(default_timeout: None) -> None:
    with listener() as one, socket.socket() as other:
        one.settimeout(None)
        other.settimeout(None)
        before = sorted(os.listdir("/dev/fd"))
        intake = ListeningSockets(one.getsockname())
        assert not intake.closed()
        assert sorted(os.listdir("/dev/fd")) == before
        assert os.get_blocking(one.fileno())
        assert os.get_blocking(other.fileno())
        with socket.create_connection(one.getsockname()), one.accept()[0]:
            pass


@pytest.fixture
def default_timeout() -> Iterator[None]:
    socket.setdefaulttimeout(5)
    yield
    socket.setdefaulttimeout(None)


def test_where_descriptors_cannot_be_listed_nothing_is_ever_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutdown, "DESCRIPTORS", "/no/such/place")
    with listener() as one:
        intake = ListeningSockets(one.getsockname())
        one.close()
        assert not intake.closed()


async def test_an_asyncio_server_is_seen_to_close_while_its_connections_go_on() -> None:
    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        served.set()

    server = await asyncio.start_server(serve, "127.0.0.1")
    address = server.sockets[0].getsockname()
    intake = ListeningSockets(address)
    reader, writer = await asyncio.open_connection(*address)
    await reader.readexactly(1)
    assert not intake.closed()
    server.close()
    assert intake.closed()
    writer.close()
    await writer.wait_closed()
    await served.wait()
