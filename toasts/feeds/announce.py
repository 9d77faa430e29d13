"""Announcing that something in a feed may have changed."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async

from ..db import on_commit_or_now
from ..realtime.hints import PREFIX_WILDCARD
from ..tenants import current_tenant
from .topics import topic_of

if TYPE_CHECKING:
    from .feed import Feed


def announce(feed: str | type[Feed], *topics: str, using: str | None = None) -> None:
    """Announce that these topics may have changed. Every process then sends its pages the change.

    Inside a transaction this happens when it commits, and never if it is rolled back. Outside, it
    happens at once. With autocommit off, call it after your commit. It doesn't raise if the
    announcement can't be sent: pages then get the change within TOASTS_RECONCILE seconds, when the
    engine next reads the database.

    Args:
        feed: the feed, or its name.
        topics: topics, as `Feed.topic` returns them. None given: all topics of the feed, each of
            which is then read again.
        using: the alias of the database whose commit counts. None: the default database.

    Raises:
        ValueError: no feed can have this name.
    """
    name = feed if isinstance(feed, str) else feed.name
    tenant = current_tenant()
    hints = [topic_of(name, topic, tenant) for topic in topics or (PREFIX_WILDCARD,)]
    on_commit_or_now(functools.partial(_send, hints), using)


async_announce = sync_to_async(announce)
"""`announce` for async code. Takes the same arguments."""


def _send(hints: list[str]) -> None:
    # Not at the top: apps import this module before Django has loaded the models of the toasts.
    from ..delivery.announce import announce_topics

    announce_topics(hints)
