"""create_toast and its family: the only code that writes and announces toasts."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from numbers import Number
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Now
from django.utils import timezone

from . import content, live, state
from .conf import conf
from .models import Toast, wire

CHUNK = 1000


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
        user_id=_user_id(user),
        **_content(
            message=message, level=level, title=title, url=url, actions=actions, key=key,
            progress=progress, duration=duration, expires_at=expires_at,
            visible_from=visible_from, data=data,
        ),
    )  # fmt: skip
    toast.save(force_insert=True, using=state.database())
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
    with transaction.atomic(using=state.database()):
        for user_ids in _chunks(_user_ids(users)):
            Toast.objects.using(state.database()).bulk_create(
                Toast(user_id=user_id, **toast) for user_id in user_ids
            )
            told += user_ids
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
    current = Toast.objects.using(state.database()).get(pk=toast.pk)
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
    unread = toasts.using(state.database()).filter(read_at__isnull=True).order_by()
    with transaction.atomic(using=state.database()):
        user_ids = list(unread.values_list("user_id", flat=True).distinct())
        count = unread.update(read_at=Now(), updated_at=Now())
        if user_ids:
            _announce(user_ids)
    return count


def announce(*users: Any) -> None:
    """Have the pages of these users look again, after COMMIT: for rows that others wrote."""
    _announce([_key(user) for user in users])


def _announce(user_ids: list[Any]) -> None:
    connection = transaction.get_connection(state.database())
    if not (connection.in_atomic_block or connection.get_autocommit()):
        return  # the caller commits by hand, and nobody can tell when: streams look within seconds
    transaction.on_commit(functools.partial(live.announce, user_ids), using=state.database())


def _write(toast: Toast, values: dict[str, Any], only_unread: bool = False) -> None:
    rows = Toast.objects.using(state.database()).filter(pk=toast.pk)
    with transaction.atomic(using=state.database()):
        changed = (rows.unread() if only_unread else rows).update(**values)
        if changed:
            _announce([toast.user_id])
        toast.refresh_from_db(using=state.database(), fields=list(values))


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


def _key(user: Any) -> Any:
    """A user's primary key, of an instance or a key."""
    model = get_user_model()
    if isinstance(user, models.Model):
        if not isinstance(user, model):
            raise ValueError(f"user: must be a {model.__name__}, not {type(user).__name__}.")
        if user.pk is None or user._state.adding:
            raise ValueError("user: is not saved yet; save it first.")
        return user.pk
    if user is None or isinstance(user, bool) or hasattr(user, "is_anonymous"):
        raise ValueError(f"user: must be a {model.__name__} or a primary key, not {user!r}.")
    try:
        key = _parsed(model._meta.pk, user)
    except (ValidationError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"user: {user!r} is not a primary key of {model.__name__}.") from error
    if isinstance(user, Number) and key != user:  # 1.5 is not user 1
        raise ValueError(f"user: {user!r} is not a primary key of {model.__name__}.")
    return key


def _parsed(field: Any, value: Any) -> Any:
    key = field.to_python(value)
    if isinstance(field, models.IntegerField):
        field.run_validators(key)  # its range: no database looks up 10**30
    return key


def _user_id(user: Any) -> Any:
    return _existing([user])[0]


def _existing(users: list[Any]) -> list[Any]:
    """Their primary keys, without doubles.

    Bare keys are looked up: PostgreSQL checks a foreign key at COMMIT only, far from the mistake.
    """
    keys = {_key(user): isinstance(user, models.Model) for user in users}
    bare = [key for key, is_instance in keys.items() if not is_instance]
    if bare:
        manager = get_user_model()._default_manager.using(state.database())
        missing = set(bare) - set(manager.filter(pk__in=bare).values_list("pk", flat=True))
        if missing:
            raise ValueError(f"user: there is none with the primary key {_some(missing)}.")
    return list(keys)


def _some(values: set[Any]) -> str:
    shown = sorted(values, key=str)[:5]
    more = f" and {len(values) - len(shown)} more" if len(values) > len(shown) else ""
    return ", ".join(map(str, shown)) + more


def _user_ids(users: Iterable[Any]) -> Iterator[Any]:
    if isinstance(users, str | bytes) or not isinstance(users, Iterable):
        raise ValueError(f"users: must be a queryset or another iterable, not {users!r}.")
    seen: set[Any] = set()
    queryset = _is_of_users(users)
    for chunk in _chunks(_keys_of(users) if queryset else users):
        # A queryset that joins may name a user more than once.
        keys = [
            key for key in dict.fromkeys(chunk if queryset else _existing(chunk)) if key not in seen
        ]
        yield from keys
        seen.update(keys)


def _is_of_users(users: Any) -> bool:
    # Of .values_list("manager_id") the values are meant, not the rows that they are in.
    return (
        isinstance(users, models.QuerySet)
        and issubclass(users.model, get_user_model())
        and users._fields is None  # type: ignore[attr-defined]
    )


def _keys_of(users: Any) -> Iterator[Any]:
    # Of a slice the order is part of what was asked for.
    rows = users if users.query.is_sliced else users.order_by()
    keys: Iterator[Any] = rows.values_list("pk", flat=True).iterator()
    return keys


def _chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
