"""What may end a user's streams: each makes every process check whether they may go on."""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db import models, transaction
from django.db.models.signals import post_delete, post_save

from .auth import grants as sessions
from .db import database
from .delivery.announce import announce_recheck


def connect_signals() -> None:
    post_save.connect(_user_changed, sender=get_user_model(), dispatch_uid="toasts")
    post_delete.connect(_user_changed, sender=get_user_model(), dispatch_uid="toasts")
    if (stored := sessions.stored_model()) is not None:
        post_delete.connect(_session_deleted, sender=stored, dispatch_uid="toasts")
    user_logged_out.connect(_logged_out, dispatch_uid="toasts")


def _user_changed(
    instance: Any, using: str, update_fields: Collection[str] | None = None, **rest: Any
) -> None:
    # A login saves its time and nothing else.
    if update_fields is None or not sessions.RIGHTS.isdisjoint(update_fields):
        _doubt_after_commit(instance.pk, using)


def _session_deleted(instance: models.Model, using: str, **rest: Any) -> None:
    # Old ones are cleared by the thousand; their streams ended when they expired.
    user_id = sessions.owner(instance) if sessions.is_alive(instance) else None
    if user_id is not None:
        _doubt_after_commit(user_id, using)


def _logged_out(user: Any, **rest: Any) -> None:
    if user is not None:
        _doubt_after_commit(user.pk, database())


def _doubt_after_commit(user_id: Any, using: str) -> None:
    connection = transaction.get_connection(using)
    if connection.in_atomic_block or connection.get_autocommit():
        transaction.on_commit(functools.partial(announce_recheck, user_id), using=using)
    # Else the caller commits by hand, and nobody can tell when: the sweep will find out.
