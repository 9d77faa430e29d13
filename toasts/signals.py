"""Signal receivers for what may end a user's streams.

Each of them has every process check at once whether that user's streams may go on.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.core.signals import setting_changed
from django.db import models, transaction
from django.db.models.signals import class_prepared, post_delete, post_save

from .auth.grants import STATUS_FIELDS
from .auth.sessions import is_unexpired, session_owner, stored_session_model
from .db import database
from .delivery.announce import announce_recheck
from .tenants import current_tenant, forget_tenancy
from .users import user_key


def connect_signals() -> None:
    """Connect the receivers. `ToastsConfig.ready` calls it once."""
    for model in apps.get_models(include_auto_created=True):
        _connect_user_model(sender=model)
    class_prepared.connect(_connect_user_model, dispatch_uid="toasts")
    if (session_model := stored_session_model()) is not None:
        post_delete.connect(_session_deleted, sender=session_model, dispatch_uid="toasts")
    user_logged_out.connect(_user_logged_out, dispatch_uid="toasts")
    setting_changed.connect(forget_tenancy, dispatch_uid="toasts")


def _connect_user_model(sender: type[models.Model], **rest: Any) -> None:
    # A proxy and a child of the user model are senders of their own. There is no receiver for any
    # sender: for one of post_delete, Django loads every row that any queryset deletes.
    if issubclass(sender, get_user_model()):
        post_save.connect(_user_changed, sender=sender, dispatch_uid="toasts")
        post_delete.connect(_user_changed, sender=sender, dispatch_uid="toasts")


def _user_changed(
    instance: Any, using: str, update_fields: Collection[str] | None = None, **rest: Any
) -> None:
    # A login saves its time and nothing else.
    if update_fields is None or not STATUS_FIELDS.isdisjoint(update_fields):
        _recheck_after_commit(user_key(instance), using)


def _session_deleted(instance: models.Model, using: str, **rest: Any) -> None:
    # Expired ones are cleared by the thousand. Their streams ended when they expired.
    user_id = session_owner(instance) if is_unexpired(instance) else None
    if user_id is not None:
        _recheck_after_commit(user_id, using)


def _user_logged_out(user: Any, **rest: Any) -> None:
    if user is not None:
        _recheck_after_commit(user_key(user), database())


def _recheck_after_commit(user_id: Any, using: str) -> None:
    connection = transaction.get_connection(using)
    if connection.in_atomic_block or connection.get_autocommit():
        recheck = functools.partial(announce_recheck, user_id, current_tenant())
        transaction.on_commit(recheck, using=using)
    # Otherwise the caller commits by hand, at a time unknown here. The sweep finds the change.
