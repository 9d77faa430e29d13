"""Converts the argument `user` or `users` to primary keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from numbers import Number
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models

from .db import chunked, database

CHUNK = 1000
"""How many primary keys one statement takes."""
NAMED_MAX = 5
"""How many unknown primary keys an error message names."""


def key_of(user: Any, argument: str = "user") -> Any:
    """Return the primary key of a user, who need not exist.

    Args:
        user: a saved instance of the user model, or a primary key.
        argument: the name of the caller's argument, for the error.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(user, models.Model):
        return _key_of_instance(user, argument)
    model = get_user_model()
    # An AnonymousUser has no primary key. A bool is an int to Python, but no key.
    if user is None or isinstance(user, bool) or hasattr(user, "is_anonymous"):
        raise ValueError(f"{argument}: must be a {model.__name__} or a primary key, not {user!r}.")
    try:
        key = _parse_key(model._meta.pk, user)
    except (ValidationError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{argument}: {user!r} is not a primary key of {model.__name__}."
        ) from error
    if isinstance(user, Number) and key != user:  # 1.5 is not user 1
        raise ValueError(f"{argument}: {user!r} is not a primary key of {model.__name__}.")
    return key


def _key_of_instance(user: models.Model, argument: str) -> Any:
    if not _is_user_model(user.__class__):  # of a lazy object the class behind it
        name = get_user_model().__name__
        raise ValueError(f"{argument}: must be a {name}, not {type(user).__name__}.")
    key = getattr(user, _key_name())
    if key is None or user._state.adding:
        name = get_user_model().__name__
        raise ValueError(f"{argument}: the {name} is not saved yet; save it first.")
    return key


def user_key(user: Any) -> Any:
    """Return the value that the user model's primary key has for this user.

    That is not always ``user.pk``: a child of the user model (multi-table inheritance) may have a
    primary key of its own.

    Args:
        user: an instance of the user model or of a child, or a stand-in whose ``pk`` is a user's.
    """
    is_user = isinstance(user, models.Model) and _is_user_model(user.__class__)
    return getattr(user, _key_name() if is_user else "pk")


def _key_name() -> str:
    return get_user_model()._meta.pk.attname


def _is_user_model(model: type[Any]) -> bool:
    """Return whether a model is the user model, a child of it, or a migration's state of either."""
    user_model = get_user_model()
    if issubclass(model, user_model):
        return True
    label = user_model._meta.label_lower
    return any(_label_of(base) == label for base in model.__mro__)


def _label_of(model: Any) -> str:
    return model._meta.label_lower if hasattr(model, "_meta") else ""


def _parse_key(field: Any, value: Any) -> Any:
    key = field.to_python(value)
    if isinstance(field, models.IntegerField):
        field.run_validators(key)  # the range: databases fail on 10**30
    return key


def existing_key(user: Any) -> Any:
    """Return the primary key of a user who exists.

    The row of an instance may have been deleted. `StoredUser` finds that out without a query.

    Args:
        user: a saved instance of the user model, or a primary key.

    Raises:
        ValueError: it is neither, or no user has this primary key.
    """
    if isinstance(user, models.Model):
        return key_of(user)
    return _existing([user], "user")[0]


def _existing(users: list[Any], argument: str) -> list[Any]:
    """Return the distinct primary keys of `users`, after one query for all of them.

    Without the query a mistake would show far away: PostgreSQL checks a foreign key at COMMIT.
    """
    keys = dict.fromkeys(key_of(user, argument) for user in users)
    if missing := keys.keys() - _stored(set(keys)):
        raise ValueError(f"{argument}: no user has the primary key {_listed(missing)}.")
    return list(keys)


def _stored(keys: set[Any]) -> set[Any]:
    if not keys:
        return set()
    # No manager: one of the site's own may hide users.
    users: models.QuerySet[Any] = models.QuerySet(get_user_model(), using=database())
    return set(users.filter(pk__in=keys).values_list("pk", flat=True))


def _listed(keys: set[Any]) -> str:
    named = [str(key) for key in sorted(keys, key=str)]
    if len(named) > NAMED_MAX:
        return f"{', '.join(named[:NAMED_MAX])} and {len(named) - NAMED_MAX} more"
    return " or ".join(filter(None, [", ".join(named[:-1]), named[-1]]))


def existing_keys(users: Iterable[Any]) -> Iterator[Any]:
    """Yield the primary keys of users who exist, each once.

    Args:
        users: a queryset of users, or an iterable of instances and primary keys.

    Raises:
        ValueError: `users` is not an iterable, or one of them does not exist.
    """
    if isinstance(users, str | bytes) or not isinstance(users, Iterable):
        raise ValueError(
            f"users: must be a queryset or another iterable, not {users!r}."
            " For one user, call create_toast()."
        )
    keys = _keys_of_queryset(users) if _is_user_queryset(users) else _checked_keys(users)
    return _distinct(keys)


def _is_user_queryset(users: Any) -> bool:
    # In .values_list("manager_id") the users are the values, not the rows.
    return (
        isinstance(users, models.QuerySet) and _is_user_model(users.model) and users._fields is None  # type: ignore[attr-defined]
    )


def _keys_of_queryset(users: Any) -> Iterator[Any]:
    if users.query.combinator:  # such as a union, whose columns Django can't change
        return (user_key(user) for user in users.iterator(chunk_size=CHUNK))
    # The order decides which users a slice or a DISTINCT ON has. Elsewhere it only costs time.
    is_ordered = users.query.is_sliced or users.query.distinct_fields
    rows = users if is_ordered else users.order_by()
    keys: Iterator[Any] = (
        rows.prefetch_related(None).values_list(_key_name(), flat=True).iterator(chunk_size=CHUNK)
    )
    return keys


def _checked_keys(users: Iterable[Any]) -> Iterator[Any]:
    for chunk in chunked(users, CHUNK):
        yield from _existing(chunk, "users")


def _distinct(keys: Iterable[Any]) -> Iterator[Any]:
    # Even a queryset may give a user more than once: if it joins another table.
    seen: set[Any] = set()
    for key in keys:
        if key not in seen:
            seen.add(key)
            yield key
