"""The broker that the settings choose: how the processes of this site tell each other."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from django.db import connections
from django.utils.module_loading import import_string

from ..conf import conf
from ..db import database, fresh_connection
from ..realtime.brokers.base import Broker, LocalBroker
from ..realtime.brokers.sqlite import SqliteBroker


@functools.cache
def local() -> LocalBroker:
    """The one of this process."""
    return LocalBroker()


def make_broker() -> Broker:
    """The broker that the settings choose.

    Raises:
        ImportError: the dotted path in TOASTS_BROKER, or psycopg or redis, can't be imported.
        ValueError: TOASTS_REDIS_URL is no URL of a Redis.
    """
    kind = conf.broker if conf.broker != "auto" else _fitting()
    if kind == "local":
        return local()
    if kind == "sqlite":
        return SqliteBroker(_path(str(connections[database()].settings_dict["NAME"])))
    if kind == "postgres":
        return _postgres()
    if kind == "redis":
        return _redis(conf.redis_url, conf.channel)
    broker: Broker = import_string(kind)()
    return broker


def _path(name: str) -> str:
    """The file that a SQLite database's name means; it may be a URI (SQLite, "URI Filenames")."""
    return unquote(urlsplit(name).path) if name.startswith("file:") else name


def _fitting() -> str:
    connection = connections[database()]
    if connection.vendor == "postgresql":
        return "postgres"
    if connection.vendor == "sqlite" and not connection.is_in_memory_db():  # type: ignore[attr-defined]
        return "sqlite"
    return "local"


def _postgres() -> Broker:
    from ..realtime.brokers.postgres import PostgresBroker  # psycopg is an extra

    alias = database()
    return PostgresBroker(
        conf.listen_dsn or functools.partial(_connection_keywords, alias),
        conf.channel,
        functools.partial(_notify, alias),
    )


@functools.cache  # one pool of connections, whoever announces
def _redis(url: str, channel: str) -> Broker:
    from ..realtime.brokers import redis  # an extra

    return redis.make(url, channel)


def _connection_keywords(alias: str) -> dict[str, Any]:
    """What libpq needs of a Django connection's parameters; the rest is Django's and psycopg's."""
    keywords = connections[alias].get_connection_params()
    for name in ("pool", "cursor_factory", "context", "prepare_threshold", "autocommit"):
        keywords.pop(name, None)
    return keywords


def _notify(alias: str, channel: str, messages: Sequence[str]) -> None:
    from ..realtime.brokers.postgres import notify  # psycopg is an extra

    # Called after the commit, in autocommit: a transaction of its own that writes nothing, so it
    # waits for no disk and holds the cluster's notify lock for microseconds. Not by a cursor of
    # Django's: every write pays for this, and so it costs two thirds.
    connection = connections[alias]
    with fresh_connection(), connection.wrap_database_errors:
        connection.close_if_health_check_failed()
        connection.ensure_connection()
        driver = connection.connection
        driver.execute(notify(driver, channel, messages), prepare=False)
