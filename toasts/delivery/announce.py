"""Announces to every process which topics may have changed."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Iterable, Sequence
from typing import Any

from ..auth.session_keys import remember_successor
from ..realtime.brokers.coalescing import CoalescingPublisher
from ..realtime.hints import RECHECK_LATER_PREFIX, RECHECK_PREFIX, SIGNED_PREFIX
from .brokers import make_broker
from .hubs import running_hubs
from .signed import end_hints, rotation_hint
from .source import owner_name, topic

logger = logging.getLogger("toasts")


@functools.cache
def _publisher() -> CoalescingPublisher:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_publisher.cache_clear)
    return CoalescingPublisher(lambda hints: make_broker().publish(hints))


def announce_users(user_ids: Iterable[Any], tenant: str = "") -> None:
    """Announce to every process that the toasts of users may have changed.

    Call it after COMMIT. It never raises.

    Args:
        user_ids: the users' primary keys.
        tenant: the tenant that was current when the toasts were written.
    """
    announce_topics([topic(user_id, tenant) for user_id in user_ids])


def announce_recheck(user_id: Any, tenant: str = "") -> None:
    """Tell every process to check whether a user's streams may continue. It never raises.

    Args:
        user_id: the user's primary key.
        tenant: the tenant that was current when the user changed.
    """
    announce_topics([RECHECK_PREFIX + owner_name(user_id, tenant)])


def announce_recheck_later(user_id: Any, tenant: str = "") -> None:
    """Tell every process to check a user's streams in half a second. It never raises.

    Args:
        user_id: the user's primary key.
        tenant: the tenant that was current when the user changed.
    """
    announce_topics([RECHECK_LATER_PREFIX + owner_name(user_id, tenant)])


def announce_rotation(user_id: Any, old_key: str, new_key: str, tenant: str = "") -> None:
    """Tell every process that a user's session has a new key. It never raises.

    Args:
        user_id: the user's primary key.
        old_key: the key of the session that is gone.
        new_key: the key of the one that replaces it.
        tenant: the tenant that was current when the session changed.
    """
    remember_successor(old_key, new_key)
    hint = SIGNED_PREFIX + rotation_hint(old_key, new_key)
    announce_topics([hint, RECHECK_LATER_PREFIX + owner_name(user_id, tenant)])


def announce_end(user_ids: Iterable[Any], tenant: str = "") -> None:
    """Tell every process to end the streams of users, who may connect again. It never raises.

    Args:
        user_ids: the users' primary keys.
        tenant: the tenant that was current when they lost a right.
    """
    names = (owner_name(user_id, tenant) for user_id in user_ids)
    announce_topics([SIGNED_PREFIX + hint for hint in end_hints(names)])


def announce_topics(hints: Sequence[str]) -> None:
    """Announce to every process that topics may have changed.

    Call it after COMMIT. It never raises: the caller's write is committed, and a hint that is lost
    only costs the seconds until the next read of everything.

    Args:
        hints: the names of the topics, or other hints of `Hub.wake`.
    """
    try:
        hubs = running_hubs()
        for hub in hubs:
            hub.announce(hints)
        if not hubs:
            _publisher().publish(hints)
    except Exception:
        logger.exception("toasts could not be announced; streams find them within seconds")
