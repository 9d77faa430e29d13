"""Streams that are ended by name, also those whose requests are on their way."""

from __future__ import annotations

from time import monotonic

import pytest

from tests.conftest import until
from tests.support.memory_source import Client, Table, make_stream, running
from toasts.realtime import endings
from toasts.realtime.brokers.local import LocalBroker
from toasts.realtime.hub import Hub
from toasts.realtime.streams.buffered import BufferedStream

pytestmark = pytest.mark.usefixtures("fast_ticks")


async def test_a_signed_hint_ends_the_streams_that_it_names(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        named, other = Client(hub, "t"), Client(hub, "u")
        await until(lambda: named.raw and other.raw)
        hub.wake(["=forged t", "=signed t"])
        await until(lambda: named.over)
        assert named.raw == b"= \nbye rotate\n"
        assert not other.over


def _subscribe(
    hub: Hub, topic: str, arrived: float, owner: str = "", also: str = ""
) -> BufferedStream:
    stream = make_stream(topic)
    hub.subscribe(stream, owner, also, arrived)
    return stream


@pytest.mark.parametrize("names", [("t",), ("u", "t"), ("u", "", "t"), ("u", "owner", "t")])
async def test_an_ending_applies_to_a_stream_whose_request_had_arrived_before(
    table: Table, names: tuple[str, ...]
) -> None:
    async with running(table, LocalBroker()) as hub:
        before = monotonic()
        hub.wake(["=signed t"])
        stream = _subscribe(hub, names[0], before, *names[1:])
        assert await stream.pull() == b"bye rotate\n"
        assert hub.subscriptions() == []


async def test_an_ending_applies_to_no_other_stream_and_to_none_that_comes_later(
    table: Table,
) -> None:
    async with running(table, LocalBroker()) as hub:
        before = monotonic()
        hub.wake(["=signed t", "=forged u"])
        kept = [
            _subscribe(hub, "u", before),
            _subscribe(hub, "u", before, "owner", "another"),
            _subscribe(hub, "t", monotonic()),
        ]
        assert set(hub.subscriptions()) == set(kept)


async def test_a_signed_hint_that_arrives_again_ends_nothing(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        hub.wake(["=signed t"])
        back = Client(hub, "t")
        await until(lambda: back.raw)
        hub.wake(["=signed t"])
        assert hub.subscriptions() == [back.stream]
        hub.wake(["=signed t again"])
        await until(lambda: back.over)


async def test_the_clients_of_many_streams_are_asked_to_spread(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endings, "AT_ONCE_MAX", 2)
    async with running(table, LocalBroker()) as hub:
        clients = [Client(hub, topic) for topic in ("t", "t", "u")]
        await until(lambda: all(client.raw for client in clients))
        hub.wake(["=signed t u"])
        await until(lambda: all(client.over for client in clients))
        assert {client.raw for client in clients} == {b"= \nbye restart\n"}


async def test_more_names_than_are_remembered_count_as_everybody(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endings, "NAMES_MAX", 2)
    async with running(table, LocalBroker()) as hub:
        before = monotonic()
        hub.wake(["=signed t u v"])
        stream = _subscribe(hub, "w", before)
        assert await stream.pull() == b"bye rotate\n"


async def test_an_ending_is_forgotten_when_no_request_can_be_that_old(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(table, LocalBroker()) as hub:
        before = monotonic()
        hub.wake(["=signed t"])
        hub.endings.forget()
        assert hub.endings.apply_to(before, "t")
        monkeypatch.setattr(endings, "MEMORY", 0.0)
        hub.endings.forget()
        assert not hub.endings.apply_to(before, "t")
