"""The Redis broker on real servers: messages, rights and connections."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from redis.exceptions import AuthenticationError, RedisClusterException, RedisError

from tests.conftest import signed_in, until
from tests.support.memory_source import Client, Table, running
from tests.support.redis_listener import listening, publish_hints
from tests.support.redis_server import RedisCluster, RedisServer
from tests.support.streams import StreamReader
from toasts import async_create_toast
from toasts.delivery import brokers, source
from toasts.delivery.hubs import current_hub
from toasts.models.toast import Toast
from toasts.realtime.brokers import redis as module
from toasts.realtime.brokers.base import HINTS_MAX_BYTES
from toasts.realtime.brokers.redis import RedisBroker
from toasts.realtime.brokers.redis_cluster import SHARDS, redis_broker

# Publishing and listening.


async def test_three_thousand_hints_arrive_in_few_messages(broker: RedisBroker) -> None:
    hints = [f"user:{number}" for number in range(3000)]
    async with listening(broker) as listener:
        await publish_hints(broker, *hints)
        await until(lambda: len(listener.received) >= 3000)
        assert listener.received == hints
        wakes = [wake for wake in listener.wakes if wake]
    assert len(wakes) == 5
    assert all(len(",".join(f'"{hint}"' for hint in wake)) < HINTS_MAX_BYTES for wake in wakes)


async def test_any_text_is_transmitted(broker: RedisBroker, sharded: RedisBroker) -> None:
    hints = ["user:é", "\U0001f600", 'a"b\\c', "\u2028", "line\nbreak", "nul\0", "FLUSHALL\r\n"]
    for each in (broker, sharded):
        async with listening(each) as listener:
            await publish_hints(each, *hints)
            await until(lambda: len(listener.received) >= len(hints))
            assert sorted(listener.received) == sorted(hints)


async def test_messages_on_other_channels_are_not_received(
    broker: RedisBroker, redis_server: RedisServer
) -> None:
    async with listening(broker) as listener:
        redis_server.command("PUBLISH", f"{broker.channel}2", '["a"]')
        redis_server.command("PUBLISH", broker.channel, '["b"]')
        await until(lambda: listener.received)
        assert listener.received == ["b"]


async def test_options_in_the_url_are_honoured(redis_server: RedisServer, channel: str) -> None:
    url = f"{redis_server.url}/3?client_name=site&decode_responses=True&socket_timeout=0.2"
    broker = redis_broker(url, channel)
    async with listening(broker) as listener:
        await asyncio.sleep(0.3)  # longer than the timeout, which does not apply to listeners
        await publish_hints(broker, "a")
        await until(lambda: listener.received == ["a"])
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


def test_publishing_no_hints_opens_no_connection() -> None:
    redis_broker("redis://127.0.0.1:1", "c").publish([])
    redis_broker("redis+cluster://127.0.0.1:1", "c").publish([])


async def test_a_server_that_cannot_be_reached_is_an_error_at_once() -> None:
    for url in ("redis://127.0.0.1:1", "redis+cluster://127.0.0.1:1"):
        broker = redis_broker(url, "c")
        started = time.monotonic()
        with pytest.raises((RedisError, RedisClusterException)):
            await asyncio.to_thread(broker.publish, ["a"])
        with pytest.raises((RedisError, RedisClusterException)):
            await broker.listen(print, lambda hints: asyncio.sleep(0))
        assert time.monotonic() - started < 5


async def test_a_password_is_required_and_used(channel: str) -> None:
    server = RedisServer(requirepass="secret").start()
    try:
        broker = redis_broker(f"redis://:secret@127.0.0.1:{server.port}", channel)
        async with listening(broker) as listener:
            await publish_hints(broker, "a")
            await until(lambda: listener.received == ["a"])
        wrong = redis_broker(f"redis://:other@127.0.0.1:{server.port}", channel)
        with pytest.raises(AuthenticationError):
            await publish_hints(wrong, "a")
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
        broker = redis_broker(url.replace("//", "//toasts:pw@"), "toasts")
        async with listening(broker) as listener:
            await publish_hints(broker, "a", "b")
            await until(lambda: sorted(listener.received) == ["a", "b"])
        assert [node.command("ACL", "LOG") for node in nodes] == [[]] * len(nodes)


# Many threads, many processes.


@pytest.mark.parametrize("kind", ["one server", "cluster"])
def test_threads_share_a_bounded_number_of_connections(
    kind: str, redis_server: RedisServer, redis_cluster: RedisCluster, channel: str
) -> None:
    nodes = [redis_server] if kind == "one server" else redis_cluster.nodes
    url = redis_server.url if kind == "one server" else redis_cluster.url
    broker = redis_broker(f"{url}?client_name=publisher", channel)
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


async def test_a_forked_child_publishes_on_connections_of_its_own(
    broker: RedisBroker, sharded: RedisBroker
) -> None:
    for each in (broker, sharded):
        async with listening(each) as listener:
            await publish_hints(each, "parent 1")
            child = os.fork()
            if child == 0:
                try:
                    each.publish(["child"])
                finally:
                    os._exit(0)
            await asyncio.to_thread(os.waitpid, child, 0)
            await publish_hints(each, "parent 2")
            await until(lambda: len(listener.received) >= 3)
            assert sorted(listener.received) == ["child", "parent 1", "parent 2"]
            assert not listener.task.done()


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
async def test_no_message_of_another_client_ends_the_connection(
    kind: str, broker: RedisBroker, sharded: RedisBroker,
    redis_server: RedisServer, redis_cluster: RedisCluster,
) -> None:  # fmt: skip
    table = Table()
    forged: list[Any] = ["[" * 100_000, "null", '"x"', '{"a":1}', '[1,null,["x"]]', "", b"\xff\xfe"]
    forged += ['["~0-0","~"]', '["user:1", "!user:1", "!"]', '["!user:1","user:1"]', "9" * 10**6]
    each = broker if kind == "one server" else sharded
    nodes = [redis_server] if kind == "one server" else redis_cluster.nodes

    def send_forged() -> None:
        for message in forged:
            if kind == "one server":
                redis_server.command("PUBLISH", each.channel, message)
            else:
                for shard in range(SHARDS):
                    place = f"{each.channel}:{{{shard}}}"
                    redis_cluster.owner(place).command("SPUBLISH", place, message)

    async with running(table, each) as hub:
        client = Client(hub, "user:1")
        await until(lambda: client.raw == b"= \n" and hub.listening)
        before = [one["id"] for node in nodes for one in node.listeners()]
        await asyncio.to_thread(send_forged)  # the canary must not wait for these commands
        table.put("user:1", 1)
        await publish_hints(each, "user:1")
        await until(lambda: client.raw == b"= \n+ 1:1\n")
        assert [one["id"] for node in nodes for one in node.listeners()] == before
        assert hub.subscriptions() == [client.stream]


# A whole site.


@pytest.mark.django_db(transaction=True)
async def test_a_site_on_redis_shows_a_toast_at_once(
    settings: Any, hubs: None, alice: User, redis_server: RedisServer, channel: str
) -> None:
    settings.TOASTS_BROKER = "redis"
    settings.TOASTS_REDIS_URL = redis_server.url
    settings.TOASTS_CHANNEL = channel
    settings.TOASTS_RECONCILE = 600
    reader = await StreamReader.open(await signed_in(alice))
    await reader.until("sync")
    await until(lambda: current_hub().listening)
    assert brokers.make_broker() is current_hub().broker
    # As in another process: the toast is stored, and only Redis has a hint.
    toast = await Toast.objects.acreate(user=alice, message="hello")
    await asyncio.to_thread(brokers.make_broker().publish, [source.topic(alice.pk)])
    assert (await reader.next()).data["id"] == toast.pk
    await async_create_toast("again", alice)
    assert (await reader.next()).data["message"] == "again"
