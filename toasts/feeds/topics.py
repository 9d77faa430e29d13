"""How feeds and their topics are named on the engine."""

from __future__ import annotations

import re

from ..tenants import kind_of

KIND = "feed"
"""The kind of topic, for the engine: what the names of all feeds' topics begin with."""
TOPIC_MAX = 200
"""Characters of a topic."""
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")


def topic_of(feed: str, topic: str, tenant: str = "") -> str:
    """Return the engine's name for a topic of this feed.

    Args:
        feed: the feed's name.
        topic: what the feed itself calls the topic. PREFIX_WILDCARD: all topics of the feed.
        tenant: the tenant whose code runs; empty: the site has none.

    Raises:
        ValueError: no feed can have this name.
    """
    if not _NAME.fullmatch(feed):
        raise ValueError(f"feed: {feed!r} must be 1 to 50 of a-z 0-9 _ -, a letter first.")
    return f"{kind_of(KIND, tenant)}:{feed}:{topic}"


def parts_of(name: str) -> tuple[str, str]:
    """Return the feed's name and its own name for the topic: the reverse of `topic_of`."""
    _, feed, topic = name.split(":", 2)
    return feed, topic
