"""Who a toast is for: users as callers name them, by instance, primary key or queryset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from numbers import Number
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models

from .db import chunked, database

CHUNK = 1000


def key_of(user: Any) -> Any:
    """A user's primary key, of an instance or a key; ValueError: it is neither."""
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


def existing_key(user: Any) -> Any:
    """A user's primary key; ValueError: there is no such user."""
    return _existing([user])[0]


def _existing(users: list[Any]) -> list[Any]:
    """Their primary keys, without doubles.

    Bare keys are looked up: PostgreSQL checks a foreign key at COMMIT only, far from the mistake.
    """
    keys = {key_of(user): isinstance(user, models.Model) for user in users}
    bare = [key for key, is_instance in keys.items() if not is_instance]
    if bare:
        manager = get_user_model()._default_manager.using(database())
        missing = set(bare) - set(manager.filter(pk__in=bare).values_list("pk", flat=True))
        if missing:
            raise ValueError(f"user: there is none with the primary key {_some(missing)}.")
    return list(keys)


def _some(values: set[Any]) -> str:
    shown = sorted(values, key=str)[:5]
    more = f" and {len(values) - len(shown)} more" if len(values) > len(shown) else ""
    return ", ".join(map(str, shown)) + more


def existing_keys(users: Iterable[Any]) -> Iterator[Any]:
    """The primary keys of these users, without doubles; ValueError: one does not exist."""
    if isinstance(users, str | bytes) or not isinstance(users, Iterable):
        raise ValueError(f"users: must be a queryset or another iterable, not {users!r}.")
    seen: set[Any] = set()
    queryset = _is_of_users(users)
    for chunk in chunked(_keys_of(users) if queryset else users, CHUNK):
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
