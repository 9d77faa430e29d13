from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.support.memory_source import Table
from tests.support.notify_channel import NotifyChannel
from tests.support.postgres import PostgresServer
from tests.support.redis_server import RedisCluster, RedisServer
from toasts.realtime import hub as hub_module
from toasts.realtime import supervision
from toasts.realtime.brokers import canary
from toasts.realtime.brokers import redis as module
from toasts.realtime.brokers.redis import RedisBroker
from toasts.realtime.brokers.redis_cluster import redis_broker


@pytest.fixture(scope="session")
def engine_database(postgres: PostgresServer) -> str:
    """The URL of a database for the tests of the engine."""
    return postgres.create("engine")


@pytest.fixture
def notify_channel(engine_database: str) -> NotifyChannel:
    """A channel that no other test uses."""
    return NotifyChannel(engine_database)


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delays that are short enough for a test."""
    monkeypatch.setattr(supervision, "BACKOFF_MIN", 0.01)
    monkeypatch.setattr(hub_module, "BACKOFF_MAX", 0.02)
    monkeypatch.setattr(hub_module, "READ_BACKOFF_MAX", 0.02)


@pytest.fixture
def fast_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten ticks of the hub per second."""
    monkeypatch.setattr(hub_module, "TICK_INTERVAL", 0.1)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer().start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    cluster = RedisCluster().start()
    yield cluster
    cluster.remove()


@pytest.fixture
def short_redis_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of the canary that are short enough to wait for."""
    monkeypatch.setattr(module, "SETUP_TIMEOUT", 3.0)
    monkeypatch.setattr(canary, "TIMEOUT", 2.0)
    monkeypatch.setattr(canary, "INTERVAL", 1.2)
    monkeypatch.setattr(hub_module, "BACKOFF_MAX", 0.3)


@pytest.fixture
def channel() -> str:
    """A channel that no other test uses."""
    return f"toasts {secrets.token_hex(4)}"


@pytest.fixture
def broker(redis_server: RedisServer, channel: str) -> RedisBroker:
    return redis_broker(redis_server.url, channel)


@pytest.fixture
def sharded(redis_cluster: RedisCluster, channel: str) -> RedisBroker:
    return redis_broker(redis_cluster.url, channel)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    server = PostgresServer().start()
    yield server
    server.remove()


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    server = RedisServer().start()
    yield server
    server.remove()
