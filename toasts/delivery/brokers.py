"""The broker that the settings choose: how the processes of this site exchange hints."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import Any

from django.db import connections
from django.utils.module_loading import import_string

from ..conf import conf
from ..db import fresh_connection, revive_connection
from ..realtime.brokers.base import Broker
from ..realtime.brokers.local import LocalBroker
from ..realtime.brokers.sqlite import SqliteBroker
from ..tenants import home_database
from .connections import database_file

ALONE = 1.0
"""Seconds between two reads of everything, with "auto" on MySQL, MariaDB and other databases."""


@functools.cache
def local() -> LocalBroker:
    """Return the local broker of this process."""
    if hasattr(os, "register_at_fork"):  # a thread of the parent may hold its lock
        os.register_at_fork(after_in_child=local.cache_clear)
    return LocalBroker()


def make_broker() -> Broker:
    """Return the broker that the settings choose.

    Raises:
        ImportError: the dotted path in TOASTS_BROKER, or psycopg or redis, can't be imported.
        ValueError: TOASTS_REDIS_URL is not the URL of a Redis.
    """
    kind = conf.broker if conf.broker != "auto" else _default_kind()
    if kind == "local":
        return local()
    if kind == "sqlite":
        return SqliteBroker(database_file(str(connections[home_database()].settings_dict["NAME"])))
    if kind == "postgres":
        return _postgres()
    if kind == "redis":
        return _redis(conf.redis_url, conf.channel)
    broker: Broker = import_string(kind)()
    return broker


def _default_kind() -> str:
    """Return the kind of broker that fits the database."""
    connection = connections[home_database()]
    if connection.vendor == "postgresql":
        return "postgres"
    if connection.vendor == "sqlite" and not connection.is_in_memory_db():  # type: ignore[attr-defined]
        return "sqlite"
    return "local"


def reconcile_interval() -> float:
    """Return the seconds between two reads of everything that no hint asks for.

    Where nothing carries hints from other processes, these reads alone find what those wrote.
    """
    on_file_or_server = connections[home_database()].vendor in ("postgresql", "sqlite")
    if conf.broker != "auto" or on_file_or_server:
        return conf.reconcile
    return min(conf.reconcile, ALONE)


def _postgres() -> Broker:
    from ..realtime.brokers.postgres import PostgresBroker  # psycopg is an extra

    alias = home_database()
    return PostgresBroker(
        conf.listen_dsn or functools.partial(_connection_keywords, alias),
        conf.channel,
        functools.partial(_notify, alias),
    )


@functools.cache  # one pool of connections for the whole process
def _redis(url: str, channel: str) -> Broker:
    from ..realtime.brokers.redis_cluster import redis_broker  # redis is an extra

    return redis_broker(url, channel)


def _connection_keywords(alias: str) -> dict[str, Any]:
    """Return those parameters of a Django connection that libpq knows.

    The others are Django's and psycopg's.
    """
    keywords = connections[alias].get_connection_params()
    for name in ("pool", "cursor_factory", "context", "prepare_threshold", "autocommit"):
        keywords.pop(name, None)
    return keywords


def _notify(alias: str, channel: str, messages: Sequence[str]) -> None:
    from ..realtime.brokers.postgres import notify  # psycopg is an extra

    # This runs after the commit, in autocommit: a transaction of its own that writes nothing. So it
    # waits for no disk, and holds the notify lock of the cluster for microseconds only. Every write
    # pays for it. Without a cursor of Django's it costs two thirds.
    connection = connections[alias]
    revive_connection(alias)
    with fresh_connection(), connection.wrap_database_errors:
        connection.close_if_health_check_failed()
        connection.ensure_connection()
        notify(connection.connection, channel, messages)
