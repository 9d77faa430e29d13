"""Telling every process which topics may have changed."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Iterable, Sequence
from typing import Any

from ..realtime.brokers.coalescing import CoalescingPublisher
from ..realtime.hub import RECHECK
from .brokers import make_broker
from .hubs import running_hubs
from .source import topic

logger = logging.getLogger("toasts")


@functools.cache
def _publisher() -> CoalescingPublisher:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_publisher.cache_clear)
    return CoalescingPublisher(lambda hints: make_broker().publish(hints))


def announce_users(user_ids: Iterable[Any]) -> None:
    """Tell every process that the toasts of these users may have changed.

    Call it after COMMIT. It never raises.
    """
    announce_topics([topic(user_id) for user_id in user_ids])


def announce_recheck(user_id: Any) -> None:
    """Have every process check at once whether this user's streams may go on. It never raises."""
    announce_topics([RECHECK + topic(user_id)])


def announce_topics(hints: Sequence[str]) -> None:
    """Tell every process that these topics may have changed.

    Call it after COMMIT. It never raises: the caller's write is committed already, and a hint that
    is lost costs seconds, until the reconciler looks.
    """
    try:
        hubs = running_hubs()
        for hub in hubs:
            hub.announce(hints)
        if not hubs:
            _publisher().publish(hints)
    except Exception:
        logger.exception("toasts could not be announced; streams find them within seconds")
