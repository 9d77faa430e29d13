"""Topics that several users share: owners, hints for many topics, states that are unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.conftest import until
from tests.support.memory_source import Client, Table, running, settled
from toasts.realtime.brokers.local import LocalBroker

pytestmark = pytest.mark.usefixtures("fast_ticks")


async def test_a_shared_topic_has_more_streams_than_one_user_may_have(table: Table) -> None:
    async with running(table, LocalBroker(), max_per_group=2) as hub:
        clients = [Client(hub, "board", owner=f"user:{number}") for number in range(5)]
        await until(lambda: all(client.raw == b"= \n" for client in clients))


async def test_the_oldest_stream_of_one_owner_is_superseded_whatever_its_topic(
    table: Table,
) -> None:
    async with running(table, LocalBroker(), max_per_group=2) as hub:
        hers = [Client(hub, topic, owner="user:1") for topic in ("a", "b", "c")]
        his = Client(hub, "a", owner="user:2")
        await until(lambda: hers[0].over)
        assert hers[0].raw.endswith(b"bye superseded\n")
        await until(lambda: hers[1].raw and hers[2].raw and his.raw)
        assert not any(client.over for client in (*hers[1:], his))


async def test_a_recheck_of_an_owner_ends_only_the_owners_streams(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        mine = [Client(hub, topic, owner="user:1", grant="lost") for topic in ("a", "b")]
        other = Client(hub, "a", owner="user:2", grant="kept")
        await until(lambda: other.raw and all(client.raw for client in mine))
        table.ended = {"lost", "kept"}
        hub.wake(["!user:1"])
        await until(lambda: all(client.over for client in mine))
        assert all(client.raw.endswith(b"bye auth\n") for client in mine)
        assert not other.over


async def test_a_recheck_just_before_a_stream_of_the_owner_applies_to_it(
    table: Table,
) -> None:
    table.ended = {"lost"}
    async with running(table, LocalBroker()) as hub:
        hub.revalidator.recheck("user:1")
        client = Client(hub, "a", owner="user:1", grant="lost")
        await until(lambda: client.over)


async def test_nothing_is_kept_of_owners_without_streams(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        clients = [Client(hub, "a", owner="user:1") for _ in range(3)]
        for client in clients:
            hub.unsubscribe(client.stream)
        found = hub.registry
        assert (found._groups, found._owners, found.topics) == ({}, {}, {})


async def test_a_hint_with_a_wildcard_wakes_the_topics_of_its_prefix_only(table: Table) -> None:
    names = ["feed:a:1", "feed:a:2", "feed:b:1"]
    async with running(table, LocalBroker()) as hub:
        clients = [Client(hub, name) for name in names]
        await until(lambda: all(client.raw for client in clients) and settled(hub))
        for name in names:
            table.put(name, 1)
        hub.wake(["feed:a:*"])
        await until(lambda: all(client.shown == {1: 1} for client in clients[:2]))
        assert clients[2].shown == {}


async def test_a_topic_may_end_like_a_hint_with_a_wildcard(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        odd, other = Client(hub, "user:*"), Client(hub, "user:1")
        await until(lambda: odd.raw and other.raw and settled(hub))
        for name in ("user:*", "user:1"):
            table.put(name, 1)
        hub.wake(["user:*"])
        await until(lambda: odd.shown == {1: 1})
        assert other.shown == {}


async def test_a_prefix_that_no_feed_has_wakes_nothing(table: Table) -> None:
    """Anybody may forge such hints; each would have every topic of the process read."""
    async with running(table, LocalBroker()) as hub:
        client = Client(hub, "feed:a:1")
        await until(lambda: client.raw and settled(hub))
        reads = len(table.reads)
        hub.wake(["*", "f*", "feed:*", "feed:a*", "feed:b:*", "x:*"])
        await hub.run(list)
        assert hub.scheduler.idle
        assert len(table.reads) == reads


async def test_many_prefixes_at_once_are_one_round(table: Table) -> None:
    table.prefixes = {f"feed:{number}:" for number in range(1000)}
    async with running(table, LocalBroker()) as hub:
        clients = [Client(hub, f"feed:{number}:1") for number in range(3)]
        await until(lambda: all(client.raw for client in clients) and settled(hub))
        for number in range(3):
            table.put(f"feed:{number}:1", 1)
        hub.wake([f"{prefix}*" for prefix in sorted(table.prefixes)])
        assert len(hub.scheduler._prefixes) <= 50
        await until(lambda: all(client.shown == {1: 1} for client in clients))


async def test_many_rechecks_at_once_are_one_of_everybody(table: Table) -> None:
    async with running(table, LocalBroker()) as hub:
        kept, lost = Client(hub, "t", grant="kept"), Client(hub, "u", grant="lost")
        await until(lambda: kept.raw and lost.raw and settled(hub) and table.checks)
        table.ended = {"lost", "late"}
        hub.wake([f"!{number}" for number in range(100_000)])
        assert len(hub.revalidator._rechecks) == 1000
        await until(lambda: lost.over)
        late = Client(hub, "v", grant="late")  # its request was let in before
        await until(lambda: late.over)
        assert not kept.over


class Unknowing(Table):
    """A source that cannot read some of its topics."""

    unknown: frozenset[str] = frozenset()

    def read(self, topics: Sequence[str]) -> Any:
        return {**super().read(topics), **dict.fromkeys(self.unknown)}


async def test_a_state_that_cannot_be_read_now_leaves_the_last_one() -> None:
    table = Unknowing()
    table.put("a", 1)
    table.put("b", 1)
    async with running(table, LocalBroker()) as hub:
        clients = [Client(hub, name) for name in ("a", "b")]
        await until(lambda: all(client.raw for client in clients))
        table.unknown = frozenset("a")
        table.put("a", 2)
        table.put("b", 2)
        hub.wake(None)
        await until(lambda: clients[1].shown == {1: 1, 2: 1})
        assert clients[0].raw == b"= 1:1\n"
        table.unknown = frozenset()
        hub.wake(["a"])
        await until(lambda: clients[0].shown == {1: 1, 2: 1})
