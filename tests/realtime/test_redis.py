"""Redis, against real servers and a real cluster: how it is cut off, and its shards."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from redis.exceptions import AuthenticationError, RedisClusterException, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.conftest import until
from tests.realtime.memory import Client, Table, running
from tests.realtime.middlebox import Middlebox
from tests.redis_server import RedisCluster, RedisServer
from toasts.realtime import canary
from toasts.realtime import hub as hub_module
from toasts.realtime import redis as module
from toasts.realtime.broker import HINTS_MAX_BYTES, BrokerError
from toasts.realtime.redis import SHARDS, RedisBroker


@pytest.fixture
def short_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary's bounds, short enough to wait for."""
    monkeypatch.setattr(module, "PREPARED_WITHIN", 0.5)
    monkeypatch.setattr(canary, "WITHIN", 0.5)
    monkeypatch.setattr(canary, "EVERY", 0.7)
    monkeypatch.setattr(hub_module, "BACKOFF_MAX", 0.3)


@pytest.fixture
def channel() -> str:
    """A channel that no other test uses."""
    return f"toasts {secrets.token_hex(4)}"


@pytest.fixture
def broker(redis_server: RedisServer, channel: str) -> RedisBroker:
    return module.make(redis_server.url, channel)


@pytest.fixture
def sharded(redis_cluster: RedisCluster, channel: str) -> RedisBroker:
    return module.make(redis_cluster.url, channel)


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    server = RedisServer().start()
    yield server
    server.remove()


class Ear:
    """A broker's listen() under way, what it heard, and the canaries it sent."""

    def __init__(self, broker: RedisBroker) -> None:
        self.broker = broker
        self.wakes: list[list[str] | None] = []
        self.canaries: list[str] = []
        self.drops: set[str] | None = set()
        self.task = asyncio.create_task(broker.listen(self.wake, self.publish))

    def wake(self, hints: Iterable[str] | None) -> None:
        self.wakes.append(None if hints is None else list(hints))

    async def publish(self, hints: Sequence[str]) -> None:
        self.canaries += hints
        kept = [] if self.drops is None else [hint for hint in hints if hint not in self.drops]
        await asyncio.to_thread(self.broker.publish, kept)

    @property
    def heard(self) -> list[str]:
        return [hint for hints in self.wakes for hint in hints or ()]

    async def end(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self.task


@asynccontextmanager
async def listening(broker: RedisBroker) -> AsyncIterator[Ear]:
    ear = Ear(broker)
    try:
        await until(lambda: ear.wakes or ear.task.done())
        yield ear
    finally:
        await ear.end()


async def say(broker: RedisBroker, *hints: str) -> None:
    await asyncio.to_thread(broker.publish, hints)


# Speaking and hearing.


async def test_three_thousand_hints_arrive_in_few_messages(broker: RedisBroker) -> None:
    hints = [f"user:{number}" for number in range(3000)]
    async with listening(broker) as ear:
        await say(broker, *hints)
        await until(lambda: len(ear.heard) >= 3000)
        assert ear.heard == hints
        spoken = [wake for wake in ear.wakes if wake]
    assert len(spoken) == 5
    assert all(len(",".join(f'"{hint}"' for hint in wake)) < HINTS_MAX_BYTES for wake in spoken)


async def test_any_text_travels(broker: RedisBroker, sharded: RedisBroker) -> None:
    hints = ["user:é", "\U0001f600", 'a"b\\c', "\u2028", "line\nbreak", "nul\0", "FLUSHALL\r\n"]
    for each in (broker, sharded):
        async with listening(each) as ear:
            await say(each, *hints)
            await until(lambda: len(ear.heard) >= len(hints))
            assert sorted(ear.heard) == sorted(hints)


async def test_other_channels_are_not_heard(broker: RedisBroker, redis_server: RedisServer) -> None:
    async with listening(broker) as ear:
        redis_server.command("PUBLISH", f"{broker.channel}2", '["a"]')
        redis_server.command("PUBLISH", broker.channel, '["b"]')
        await until(lambda: ear.heard)
        assert ear.heard == ["b"]


async def test_options_in_the_url_are_honoured(redis_server: RedisServer, channel: str) -> None:
    url = f"{redis_server.url}/3?client_name=site&decode_responses=True&socket_timeout=0.2"
    broker = module.make(url, channel)
    async with listening(broker) as ear:
        await asyncio.sleep(0.3)  # past the timeout: it is not for who only listens
        await say(broker, "a")
        await until(lambda: ear.heard == ["a"])
        assert [client["name"] for client in redis_server.listeners()] == ["site"]


async def test_a_listener_has_one_connection_per_server(
    broker: RedisBroker,
    sharded: RedisBroker,
    redis_server: RedisServer,
    redis_cluster: RedisCluster,
) -> None:
    async with listening(broker), listening(sharded):
        assert len(redis_server.listeners()) == 1
        assert [len(node.listeners()) for node in redis_cluster.nodes] == [1, 1, 1]


def test_nothing_to_say_opens_no_connection() -> None:
    module.make("redis://127.0.0.1:1", "c").publish([])
    module.make("redis+cluster://127.0.0.1:1", "c").publish([])


async def test_who_cannot_be_reached_is_an_error_at_once() -> None:
    for url in ("redis://127.0.0.1:1", "redis+cluster://127.0.0.1:1"):
        broker = module.make(url, "c")
        started = time.monotonic()
        with pytest.raises((RedisError, RedisClusterException)):
            await asyncio.to_thread(broker.publish, ["a"])
        with pytest.raises((RedisError, RedisClusterException)):
            await broker.listen(print, lambda hints: asyncio.sleep(0))
        assert time.monotonic() - started < 5


async def test_a_password_is_asked_for_and_given(channel: str) -> None:
    server = RedisServer(requirepass="secret").start()
    try:
        broker = module.make(f"redis://:secret@127.0.0.1:{server.port}", channel)
        async with listening(broker) as ear:
            await say(broker, "a")
            await until(lambda: ear.heard == ["a"])
        wrong = module.make(f"redis://:other@127.0.0.1:{server.port}", channel)
        with pytest.raises(AuthenticationError):
            await say(wrong, "a")
        with pytest.raises(AuthenticationError):
            await wrong.listen(print, lambda hints: asyncio.sleep(0))
    finally:
        server.remove()


async def test_the_rights_that_the_guide_names_are_enough(
    redis_server: RedisServer, redis_cluster: RedisCluster
) -> None:
    rights = {
        redis_server.url: "+publish +subscribe &toasts",
        redis_cluster.url: "+spublish +ssubscribe &toasts:* +cluster|slots +command",
    }
    for url, allowed in rights.items():
        nodes = redis_cluster.nodes if "cluster" in url else [redis_server]
        for node in nodes:
            node.command("ACL", "SETUSER", "toasts", "reset", "on", ">pw", *allowed.split())
        broker = module.make(url.replace("//", "//toasts:pw@"), "toasts")
        async with listening(broker) as ear:
            await say(broker, "a", "b")
            await until(lambda: sorted(ear.heard) == ["a", "b"])
        assert [node.command("ACL", "LOG") for node in nodes] == [[]] * len(nodes)


# Many threads, many processes.


@pytest.mark.parametrize("kind", ["one server", "cluster"])
def test_threads_share_a_bounded_number_of_connections(
    kind: str, redis_server: RedisServer, redis_cluster: RedisCluster, channel: str
) -> None:
    nodes = [redis_server] if kind == "one server" else redis_cluster.nodes
    url = redis_server.url if kind == "one server" else redis_cluster.url
    broker = module.make(f"{url}?client_name=publisher", channel)
    errors: list[Exception] = []

    def publish() -> None:
        try:
            for number in range(20):
                broker.publish([f"user:{number}"])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=publish) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not errors
    for node in nodes:
        names = [client["name"] for client in node.command("CLIENT LIST")]
        assert 0 < names.count("publisher") <= module.CONNECTIONS


async def test_a_forked_child_speaks_on_connections_of_its_own(
    broker: RedisBroker, sharded: RedisBroker
) -> None:
    for each in (broker, sharded):
        async with listening(each) as ear:
            await say(each, "parent 1")
            child = os.fork()
            if child == 0:
                try:
                    each.publish(["child"])
                finally:
                    os._exit(0)
            await asyncio.to_thread(os.waitpid, child, 0)
            await say(each, "parent 2")
            await until(lambda: len(ear.heard) >= 3)
            assert sorted(ear.heard) == ["child", "parent 1", "parent 2"]
            assert not ear.task.done()


def test_a_forked_child_does_not_wait_for_what_its_parents_threads_hold(
    redis_server: RedisServer, channel: str
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(RedisBroker):
        def _make_publisher(self) -> Any:
            begun.set()
            go_on.wait(20)
            return super()._make_publisher()

    broker = Slow(redis_server.url, channel)
    thread = threading.Thread(target=broker.publish, args=(["parent"],))
    thread.start()
    assert begun.wait(10)
    child = os.fork()
    if child == 0:
        try:
            go_on.set()  # the child's copy: its parent's thread still waits
            broker.publish(["child"])
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    go_on.set()
    thread.join(10)
    assert not thread.is_alive()


# Forged messages.


@pytest.mark.parametrize("kind", ["one server", "cluster"])
async def test_whatever_a_stranger_says_the_same_connection_goes_on(
    kind: str, broker: RedisBroker, sharded: RedisBroker,
    redis_server: RedisServer, redis_cluster: RedisCluster,
) -> None:  # fmt: skip
    table = Table()
    forged: list[Any] = ["[" * 100_000, "null", '"x"', '{"a":1}', '[1,null,["x"]]', "", b"\xff\xfe"]
    forged += ['["~0-0","~"]', '["user:1", "!user:1", "!"]', '["!user:1","user:1"]', "9" * 10**6]
    each = broker if kind == "one server" else sharded
    nodes = [redis_server] if kind == "one server" else redis_cluster.nodes
    async with running(table, each) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        before = [one["id"] for node in nodes for one in node.listeners()]
        for message in forged:
            if kind == "one server":
                redis_server.command("PUBLISH", each.channel, message)
            else:
                for shard in range(SHARDS):
                    place = f"{each.channel}:{{{shard}}}"
                    redis_cluster.owner(place).command("SPUBLISH", place, message)
        table.put("user:1", 1)
        await say(each, "user:1")
        await until(lambda: client.raw == b"= \n+ 1:1\n")
        assert [one["id"] for node in nodes for one in node.listeners()] == before
        assert hub.listeners() == [client.stream]


# Cut off.


def kill_listeners(*nodes: RedisServer) -> None:
    for node in nodes:
        for client in node.listeners():
            node.command("CLIENT KILL ID", client["id"])


async def test_a_client_that_is_killed_is_an_error_at_once(
    broker: RedisBroker, redis_server: RedisServer
) -> None:
    async with listening(broker) as ear:
        kill_listeners(redis_server)
        with pytest.raises(RedisConnectionError):
            await asyncio.wait_for(ear.task, 2)
        assert ear.wakes[1:] == [wake for wake in ear.wakes[1:] if wake == []]
    assert redis_server.listeners() == []


async def test_one_killed_client_of_a_cluster_ends_them_all(
    sharded: RedisBroker, redis_cluster: RedisCluster
) -> None:
    async with listening(sharded) as ear:
        kill_listeners(redis_cluster.nodes[1])
        with pytest.raises(RedisConnectionError):
            await asyncio.wait_for(ear.task, 2)
    await until(lambda: not any(node.listeners() for node in redis_cluster.nodes))


@pytest.mark.parametrize("kind", ["one server", "cluster"])
async def test_the_hub_connects_anew_and_looks_up_what_it_missed(
    kind: str, broker: RedisBroker, sharded: RedisBroker,
    redis_server: RedisServer, redis_cluster: RedisCluster, short_bounds: None,
) -> None:  # fmt: skip
    each = broker if kind == "one server" else sharded
    nodes = [redis_server] if kind == "one server" else redis_cluster.nodes
    table = Table()
    async with running(table, each) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        table.put("user:1", 1)  # and nobody says so
        await asyncio.to_thread(kill_listeners, *nodes)
        await until(lambda: client.raw == b"= \n+ 1:1\n")
        await until(lambda: hub.listening)
        table.put("user:1", 2)
        await say(each, "user:1")
        await until(lambda: client.raw == b"= \n+ 1:1\n+ 2:1\n")


async def test_the_hub_comes_through_a_restart_of_the_server(
    own_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "BACKOFF_MAX", 0.3)
    broker = module.make(own_server.url, "c")
    table = Table()
    async with running(table, broker) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        await say(broker, "user:1")  # so that the publisher has a connection that will be dead
        await asyncio.to_thread(own_server.stop)
        await until(lambda: not hub.listening)
        # Nobody hears this; the hub goes on all the same.
        hub.announce(["user:2"])
        table.put("user:1", 1)
        await asyncio.to_thread(own_server.start)
        await until(lambda: hub.listening)
        await until(lambda: client.raw == b"= \n+ 1:1\n")
        table.put("user:1", 2)
        await say(broker, "user:1")
        await until(lambda: client.raw == b"= \n+ 1:1\n+ 2:1\n")


async def test_a_connection_that_the_server_closed_meanwhile_loses_no_hint(
    own_server: RedisServer,
) -> None:
    broker = module.make(own_server.url, "c")
    await say(broker, "before")
    await asyncio.to_thread(own_server.stop)
    await asyncio.to_thread(own_server.start)
    async with listening(broker) as ear:
        await say(broker, "after")
        await until(lambda: ear.heard == ["after"])


async def test_a_channel_that_carries_nothing_is_found_out(
    broker: RedisBroker, redis_server: RedisServer, short_bounds: None
) -> None:
    async with listening(broker) as ear:
        ear.drops = None
        with pytest.raises(BrokerError, match=r"^the channel 'toasts .*' carries nothing to us$"):
            await asyncio.wait_for(ear.task, 3)
    await until(lambda: not redis_server.listeners())


async def test_one_shard_that_carries_nothing_is_found_out(
    sharded: RedisBroker, short_bounds: None
) -> None:
    async with listening(sharded) as ear:
        await until(lambda: len(ear.canaries) >= 2 * SHARDS)
        assert not ear.task.done()
        ear.drops = set(sharded._flock(ear.canaries[-1].split("-")[0] + "-2")[4:5])
        with pytest.raises(BrokerError, match="carries nothing to us"):
            await asyncio.wait_for(ear.task, 3)


async def test_canaries_go_on_for_ever_and_are_nobodys_hint(
    broker: RedisBroker, short_bounds: None
) -> None:
    async with listening(broker) as first, listening(broker) as second:
        await until(lambda: len(first.canaries) >= 3 and len(second.canaries) >= 3)
        assert not first.task.done()
        assert not second.task.done()
        assert first.heard == second.heard == []
    sent = first.canaries + second.canaries
    assert len(set(sent)) == len(sent)


async def test_a_flood_does_not_keep_the_canary_from_being_missed() -> None:
    ears = module._Ears("SUBSCRIBE")
    ears._heard.put_nowait("x")
    async with asyncio.timeout(5):
        async for message in ears.receive(0.1):
            ears._heard.put_nowait(message)  # so that there is always another


@asynccontextmanager
async def behind_middlebox(server: RedisServer) -> AsyncIterator[tuple[Middlebox, str]]:
    box = Middlebox(server.port)
    door = await asyncio.start_server(box.handle, "127.0.0.1", 0)
    try:
        yield box, f"redis://127.0.0.1:{door.sockets[0].getsockname()[1]}"
    finally:
        door.close()
        await box.close()


async def test_a_middlebox_that_swallows_everything_is_found_out(
    redis_server: RedisServer, channel: str, short_bounds: None
) -> None:
    async with (
        behind_middlebox(redis_server) as (box, url),
        listening(module.make(url, channel)) as ear,
    ):
        await say(module.make(redis_server.url, channel), "a")
        await until(lambda: ear.heard == ["a"])
        box.silent = True
        with pytest.raises(BrokerError, match="carries nothing to us"):
            await asyncio.wait_for(ear.task, 5)


async def test_a_middlebox_that_falls_silent_before_we_listen_is_found_out(
    redis_server: RedisServer, channel: str, short_bounds: None
) -> None:
    async with behind_middlebox(redis_server) as (box, url):
        box.silent = True
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(module.make(url, channel).listen(print, ignore), 5)


async def ignore(hints: Sequence[str]) -> None:
    """Publish nothing."""


async def test_behind_a_silent_middlebox_a_listener_still_ends_at_once(
    redis_server: RedisServer, channel: str
) -> None:
    async with (
        behind_middlebox(redis_server) as (box, url),
        listening(module.make(url, channel)) as ear,
    ):
        box.silent = True
        started = asyncio.get_running_loop().time()
        await ear.end()
        assert ear.task.cancelled()
        assert asyncio.get_running_loop().time() - started < 1


async def test_a_writer_waits_seconds_at_most_for_a_redis_that_does_not_answer(
    redis_server: RedisServer, channel: str
) -> None:
    async with behind_middlebox(redis_server) as (box, url):
        broker = module.make(url, channel)
        await say(broker, "a")
        box.silent = True
        started = asyncio.get_running_loop().time()
        with pytest.raises(RedisError):
            await say(broker, "b")
        assert asyncio.get_running_loop().time() - started < 3


# The cluster.


async def test_a_hint_goes_to_one_shard_alone_and_shards_are_on_every_node(
    sharded: RedisBroker, redis_cluster: RedisCluster
) -> None:
    places = await sharded._places()
    assert sorted(len(channels) for channels in places.values()) != [0, 0, SHARDS]
    assert len(places) == 3
    assert sum(map(len, places.values())) == SHARDS
    async with listening(sharded) as ear:
        await until(lambda: len(ear.canaries) == SHARDS)
        await until(lambda: len(ear.wakes) == 1 + SHARDS)
        before = [int(stats(node)["total_commands_processed"]) for node in redis_cluster.nodes]
        for _ in range(50):
            await say(sharded, "user:1")
        after = [int(stats(node)["total_commands_processed"]) for node in redis_cluster.nodes]
        grown = sorted(now - then for then, now in zip(before, after, strict=True))
        assert grown[2] >= 50
        assert grown[1] < 25
        await until(lambda: ear.heard == ["user:1"] * 50)


def stats(node: RedisServer) -> dict[str, Any]:
    found: dict[str, Any] = node.command("INFO", "stats")
    return found


async def test_every_shard_carries(sharded: RedisBroker) -> None:
    hints = list(sharded._flock("user:"))
    assert len({module._shard(hint) for hint in hints}) == SHARDS
    async with listening(sharded) as ear:
        await say(sharded, *hints)
        await until(lambda: sorted(ear.heard) == sorted(hints))


def test_the_shard_of_a_hint_is_the_same_in_every_process() -> None:
    """Processes of two releases may run side by side: these numbers must stay."""
    assert [module._shard(hint) for hint in ("user:1", "user:2", "!user:1", "é", "\ud800")] == [
        2, 8, 7, 14, 3,
    ]  # fmt: skip


async def test_a_node_that_is_down_at_the_start_is_passed_over(
    redis_cluster: RedisCluster, channel: str
) -> None:
    url = redis_cluster.url.replace("//", "//127.0.0.1:1,")
    broker = module.make(url, channel)
    async with listening(broker) as ear:
        await say(broker, "a")
        await until(lambda: ear.heard == ["a"])


async def test_a_slot_that_moves_takes_the_listeners_along(
    sharded: RedisBroker,
    redis_cluster: RedisCluster,
    channel: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_module, "BACKOFF_MAX", 0.3)  # and the canary is still far off
    shard = f"{channel}:{{{module._shard('user:1')}}}"
    table = Table()
    async with running(table, sharded) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        await say(sharded, "user:1")  # the publisher knows the old place
        before = redis_cluster.owner(shard)
        await asyncio.to_thread(redis_cluster.move, shard)
        assert redis_cluster.owner(shard) is not before
        await until(lambda: not hub.listening)
        await until(lambda: hub.listening)
        table.put("user:1", 1)
        await say(sharded, "user:1")
        await until(lambda: client.raw == b"= \n+ 1:1\n")


async def test_a_node_that_restarts_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "BACKOFF_MAX", 0.3)
    cluster = await asyncio.to_thread(RedisCluster().start)
    try:
        broker = module.make(cluster.url, "c")
        table = Table()
        async with running(table, broker) as hub:
            client = Client(hub, "user:1")
            await until(lambda: client.raw == b"= \n" and hub.listening)
            node = cluster.owner(f"c:{{{module._shard('user:1')}}}")
            await asyncio.to_thread(node.stop)
            await until(lambda: not hub.listening)
            table.put("user:1", 1)
            await asyncio.to_thread(node.start)
            await until(lambda: hub.listening, 20)
            await until(lambda: client.raw == b"= \n+ 1:1\n")
            table.put("user:1", 2)
            await say(broker, "user:1")
            await until(lambda: client.raw == b"= \n+ 1:1\n+ 2:1\n")
    finally:
        cluster.remove()


# Addresses.


@pytest.mark.parametrize(
    ("url", "nodes", "first"),
    [
        ("redis+cluster://one", [("one", 6379)], "redis://one:6379"),
        (
            "rediss+cluster://u:p%40ss@one:7000,two:7001/0?client_name=x",
            [("one", 7000), ("two", 7001)],
            "rediss://u:p%40ss@one:7000/0?client_name=x",
        ),
        ("redis+cluster://[::1]:7000", [("::1", 7000)], "redis://[::1]:7000"),
    ],
)
def test_the_url_of_a_cluster_names_one_or_more_of_its_nodes(
    url: str, nodes: list[tuple[str, int]], first: str
) -> None:
    broker = module.make(url, "c")
    assert isinstance(broker, module.ClusterBroker)
    assert broker._nodes == nodes
    assert broker._url_of(*nodes[0]) == first


@pytest.mark.parametrize(
    "url",
    ["", "localhost", "http://x", "redis+cluster://", "redis+cluster://a,,b", "unix+cluster:///x"],
)
def test_what_is_no_url_of_a_redis_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        module.make(url, "c")
