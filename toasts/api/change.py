"""update_toast, dismiss_toast and their async versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from django.db import models, transaction
from django.db.models.functions import Now

from ..db import database, revive_connection
from ..models.toast import Toast, ToastQuerySet
from ..types import ToastChanges
from .async_twin import async_twin
from .commit import announce_after_commit
from .content import check_size, clean_fields


def update_toast(toast: Toast, **changes: Unpack[ToastChanges]) -> Toast:
    """Change a toast, in the database and on open pages.

    Args:
        toast: the toast; `changes` alone are written, whatever else was changed on the instance.
        changes: any arguments of `create_toast` except the user.

    Returns:
        The same instance, changed.

    Raises:
        ValueError: a change breaks its rule, or names the user. Nothing was written.
        Toast.DoesNotExist: the toast was deleted in the meantime.
    """
    revive_connection()
    if "user" in changes:
        raise ValueError("user: cannot be changed.")
    values = clean_fields(changes)
    if "visible_from" in values and values["visible_from"] is None:
        values["visible_from"] = Now()
    stored = Toast.objects.using(database()).get(pk=toast.pk)
    check_size({**stored.__dict__, **values})
    _write(toast, _rows(toast), {**values, "updated_at": Now()})
    return toast


def dismiss_toast(toast: Toast) -> Toast:
    """Mark a toast read. It leaves every page of its user. Idempotent.

    Args:
        toast: the toast.

    Returns:
        The same instance, with its `read_at`.

    Raises:
        Toast.DoesNotExist: the toast was deleted in the meantime.
    """
    revive_connection()
    if toast.read_at is None:
        _write(toast, _rows(toast).unread(), {"read_at": Now(), "updated_at": Now()})
    return toast


def dismiss_all(toasts: models.QuerySet[Toast]) -> int:
    """Mark all toasts of a queryset read, in two statements.

    Args:
        toasts: a queryset that is not sliced.

    Returns:
        How many of them were unread.
    """
    revive_connection()
    unread = toasts.using(database()).filter(read_at__isnull=True).order_by()
    with transaction.atomic(using=database()):
        user_ids = list(unread.values_list("user_id", flat=True).distinct())
        count = unread.update(read_at=Now(), updated_at=Now())
        if user_ids:
            announce_after_commit(user_ids)
    return count


def _rows(toast: Toast) -> ToastQuerySet:
    return Toast.objects.using(database()).filter(pk=toast.pk)


def _write(toast: Toast, rows: ToastQuerySet, values: Mapping[str, Any]) -> None:
    """Update `rows`, and read the values back into `toast`.

    `rows` contains the toast, or nothing if it was deleted.
    """
    with transaction.atomic(using=database()):
        if rows.update(**values):
            announce_after_commit([toast.user_id])
        toast.refresh_from_db(using=database(), fields=list(values))


async_update_toast = async_twin(update_toast)
async_dismiss_toast = async_twin(dismiss_toast)
