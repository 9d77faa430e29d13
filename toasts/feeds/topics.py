"""What feeds and their topics are called on the engine."""

from __future__ import annotations

import re

KIND = "feed"
FAMILY = "*"
"""In a topic's place: all topics of the feed."""
TOPIC_MAX = 200
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,49}")


def topic_of(feed: str, topic: str) -> str:
    """The engine's topic.

    Raises:
        ValueError: there can be no feed of this name.
    """
    if not _NAME.fullmatch(feed):
        raise ValueError(f"feed: {feed!r} must be 1 to 50 of a-z 0-9 _ -, a letter first.")
    return f"{KIND}:{feed}:{topic}"


def parts_of(name: str) -> tuple[str, str]:
    """The feed's name and what it calls its topic."""
    _, feed, topic = name.split(":", 2)
    return feed, topic
