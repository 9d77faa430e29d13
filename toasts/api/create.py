"""create_toast and its family: the only code that writes and announces toasts."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.db import models, transaction
from django.db.models.functions import Now
from django.utils import timezone

from .. import users as recipients
from .. import validation as content
from ..conf import conf
from ..db import chunked, database
from ..delivery.announce import announce_users
from ..models.toast import Toast, wire


def create_toast(
    message: Any,
    user: Any,
    *,
    level: str = "info",
    title: Any = "",
    url: Any = "",
    actions: Iterable[dict[str, str]] = (),
    key: str = "",
    progress: float | None = None,
    duration: float | None = None,
    expires_at: datetime | None = None,
    visible_from: datetime | None = None,
    data: Any = None,
) -> Toast:
    """Show a toast to a user: in the open page milliseconds after COMMIT, else with the next one.

    Args:
        message: the text, at most 2,000 characters; lazy translations are rendered now.
        user: an instance or a primary key.
        level: info, success, warning or error.
        title: a headline, at most 200 characters.
        url: where a click leads: http, https, mailto or relative.
        actions: at most five ``{"name", "label", "url"}``.
        key: a name of your own for it, at most 200 characters.
        progress: per cent, 0 to 100; None: no progress bar.
        duration: seconds on screen; None: from the length of the text, at least 6; 0: stays.
        expires_at: when it is no longer worth showing.
        visible_from: when it is first shown; None: now.
        data: any JSON value for the page's own code.

    Returns:
        The stored toast. Inside a transaction it is announced when that commits, and never when it
        is rolled back, to a savepoint or whole.

    Raises:
        ValueError: an argument breaks its rule, or there is no such user; nothing was written.
    """
    toast = Toast(
        user_id=recipients.existing_key(user),
        **_content(
            message=message, level=level, title=title, url=url, actions=actions, key=key,
            progress=progress, duration=duration, expires_at=expires_at,
            visible_from=visible_from, data=data,
        ),
    )  # fmt: skip
    toast.save(force_insert=True, using=database())
    _announce([toast.user_id])
    return toast


async def async_create_toast(message: Any, user: Any, **fields: Any) -> Toast:
    """`create_toast` for async code: same arguments, same result."""
    return await sync_to_async(create_toast)(message, user, **fields)


def create_toasts(message: Any, users: Iterable[Any], **fields: Any) -> int:
    """Show one toast to each of many users, in one transaction, a statement per thousand.

    Args:
        message: as for `create_toast`.
        users: a queryset of users, or instances and primary keys; who is named twice gets one.
        fields: as for `create_toast`.

    Returns:
        The number of toasts.

    Raises:
        ValueError: an argument breaks its rule, or a user does not exist; nothing was written.
    """
    toast = _content(message=message, **fields)
    told: list[Any] = []
    with transaction.atomic(using=database()):
        for keys in chunked(recipients.existing_keys(users), recipients.CHUNK):
            Toast.objects.using(database()).bulk_create(Toast(user_id=key, **toast) for key in keys)
            told += keys
        _announce(told)
    return len(told)


async def async_create_toasts(message: Any, users: Iterable[Any], **fields: Any) -> int:
    """`create_toasts` for async code."""
    return await sync_to_async(create_toasts)(message, users, **fields)


def update_toast(toast: Toast, **changes: Any) -> Toast:
    """Change a toast in place, on the page too: any argument of `create_toast` but the user.

    Returns:
        The same instance, changed.

    Raises:
        ValueError: a change breaks its rule; nothing was written.
        Toast.DoesNotExist: it was deleted meanwhile.
    """
    values = _aware(content.clean(changes))
    if values.get("visible_from", True) is None:
        values["visible_from"] = Now()
    current = Toast.objects.using(database()).get(pk=toast.pk)
    check_size({**current.__dict__, **values})
    _write(toast, {**values, "updated_at": Now()})
    return toast


async def async_update_toast(toast: Toast, **changes: Any) -> Toast:
    """`update_toast` for async code."""
    return await sync_to_async(update_toast)(toast, **changes)


def dismiss_toast(toast: Toast) -> Toast:
    """Mark a toast read: it leaves every page of its user. Idempotent.

    Raises:
        Toast.DoesNotExist: it was deleted meanwhile.
    """
    if toast.read_at is None:
        _write(toast, {"read_at": Now(), "updated_at": Now()}, only_unread=True)
    return toast


async def async_dismiss_toast(toast: Toast) -> Toast:
    """`dismiss_toast` for async code."""
    return await sync_to_async(dismiss_toast)(toast)


def dismiss_all(toasts: models.QuerySet[Toast]) -> int:
    """Mark all toasts of a queryset read, in two statements; returns how many were unread."""
    unread = toasts.using(database()).filter(read_at__isnull=True).order_by()
    with transaction.atomic(using=database()):
        user_ids = list(unread.values_list("user_id", flat=True).distinct())
        count = unread.update(read_at=Now(), updated_at=Now())
        if user_ids:
            _announce(user_ids)
    return count


def announce(*users: Any) -> None:
    """Have the pages of these users look again, after COMMIT: for rows that others wrote."""
    _announce([recipients.key_of(user) for user in users])


def _announce(user_ids: list[Any]) -> None:
    connection = transaction.get_connection(database())
    if not (connection.in_atomic_block or connection.get_autocommit()):
        return  # the caller commits by hand, and nobody can tell when: streams look within seconds
    transaction.on_commit(functools.partial(announce_users, user_ids), using=database())


def _write(toast: Toast, values: dict[str, Any], only_unread: bool = False) -> None:
    rows = Toast.objects.using(database()).filter(pk=toast.pk)
    with transaction.atomic(using=database()):
        changed = (rows.unread() if only_unread else rows).update(**values)
        if changed:
            _announce([toast.user_id])
        toast.refresh_from_db(using=database(), fields=list(values))


def _content(**fields: Any) -> dict[str, Any]:
    """The shared builder: every field by its rule, and all of them small enough together."""
    values = _aware(content.clean(fields))
    if values.get("visible_from", True) is None:
        del values["visible_from"]  # the database's clock decides
    check_size(values)
    return values


def _aware(values: dict[str, Any]) -> dict[str, Any]:
    for name in ("visible_from", "expires_at"):
        value = values.get(name)
        if value is not None and timezone.is_naive(value) == conf.use_tz:
            kind, call = ("an aware", "timezone.now()") if conf.use_tz else ("a naive", "datetime")
            raise ValueError(f"{name}: must be {kind} datetime (USE_TZ), such as from {call}.")
    return values


def check_size(values: dict[str, Any]) -> None:
    """Whether the fields are small enough together.

    Raises:
        ValueError: they are not; it names the largest.
    """
    if _is_small(values):
        return
    known = {name: values[name] for name in content.CLEANERS if name in values}
    sent = wire(Toast(**known, created_at=timezone.now(), id=2**53).row())
    size = _bytes(sent)
    if size > content.WIRE_MAX:
        largest = max(sent, key=lambda name: _bytes(sent[name]))
        raise ValueError(
            f"{largest}: makes the toast {size} bytes of JSON; at most {content.WIRE_MAX} are"
            " allowed. Send less, or a link to the rest."
        )


def _is_small(values: dict[str, Any]) -> bool:
    """Whether it can't be too large, without making its JSON: a text of 1,000 characters, say."""
    if values.get("data") or values.get("actions"):
        return False
    characters = sum(len(values.get(name, "")) for name in ("message", "title", "url", "key"))
    return 6 * characters + 500 < content.WIRE_MAX  # \u0000 is the longest that one becomes


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
