"""Announcing the messages that Django writes.

Databases without the trigger need this. On PostgreSQL the trigger announces every write already,
and a second hint does no harm. On SQLite neither is needed: the engine sees each commit.
"""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save

from example.messages.models import Message
from toasts import feeds


def connect() -> None:
    """Announce every message that is saved or deleted, when its transaction commits."""
    for signal in (post_save, post_delete):
        signal.connect(_announce, sender=Message, dispatch_uid="example.messages")


def _announce(sender: Any, using: str, **kwargs: Any) -> None:
    feeds.announce("messages", "all", using=using)
