"""Announcing what Django writes.

On PostgreSQL the trigger does so for every writer, and this is its twin for databases and sites
that have none: a hint too many is harmless. On SQLite neither is needed.
"""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save

from example.messages.models import Message
from toasts import feeds


def connect() -> None:
    """Have every message that is saved or deleted announced when its transaction commits."""
    for signal in (post_save, post_delete):
        signal.connect(_announce, sender=Message, dispatch_uid="example.messages")


def _announce(sender: Any, using: str, **kwargs: Any) -> None:
    feeds.announce("messages", "all", using=using)
