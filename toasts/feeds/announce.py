"""Saying that something in a feed may have changed."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.db import transaction

from .topics import FAMILY, topic_of

if TYPE_CHECKING:
    from .feed import Feed


def announce(feed: str | type[Feed], *topics: str, using: str | None = None) -> None:
    """Have the pages that hear these topics told what changed, in every process.

    Inside a transaction that is done when it commits, and never when it is rolled back; outside, at
    once. It never raises: a hint that is lost costs seconds, until the next look at the database.

    Args:
        feed: the feed, or its name.
        topics: what `Feed.topic` returned for those who hear it; none: all topics of the feed, each
            of which is then read anew.
        using: the alias of the database whose commit counts; None: the default one.

    Raises:
        ValueError: there can be no feed of this name.
    """
    name = feed if isinstance(feed, str) else feed.name
    hints = [topic_of(name, topic) for topic in topics or (FAMILY,)]
    transaction.on_commit(functools.partial(_send, hints), using=using)


async_announce = sync_to_async(announce)
"""`announce` for async code; takes the same arguments."""


def _send(hints: list[str]) -> None:
    from ..delivery.announce import announce_topics

    announce_topics(hints)
