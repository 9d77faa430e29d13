"""create_toast, create_toasts and their async versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Unpack

from django.db import IntegrityError, transaction
from django.db.models.signals import post_save, pre_save

from ..db import chunked, database, revive_connection
from ..models.toast import StoredUser, Toast
from ..types import Action, Level, LevelName, Text, ToastContent, UserOrKey
from ..users import CHUNK, existing_key, existing_keys
from .async_twin import async_twin
from .commit import announce_after_commit
from .content import clean_content


def create_toast(
    message: Text,
    user: UserOrKey,
    *,
    level: LevelName | Level = "info",
    title: Text = "",
    url: Text = "",
    actions: Iterable[Action] = (),
    key: str = "",
    progress: float | Decimal | None = None,
    duration: float | Decimal | None = None,
    expires_at: datetime | None = None,
    visible_from: datetime | None = None,
    data: Any = None,
) -> Toast:
    """Show a toast to a user: on open pages within milliseconds of COMMIT, else on the next page.

    Args:
        message: the text, 1 to 2,000 characters. Lazy translations are rendered now.
        user: a saved user, or a user's primary key.
        level: ``"info"``, ``"success"``, ``"warning"`` or ``"error"``.
        title: a headline, at most 200 characters.
        url: where a click leads: http, https, mailto or relative; at most 2,000 characters.
        actions: at most five buttons, ``{"name", "label", "url"}``.
        key: your own name for the toast, at most 200 characters. It need not be unique.
        progress: per cent, 0 to 100. None: no progress bar.
        duration: seconds on the screen. None: from the length of the text, at least 6. 0: stays.
        expires_at: when the toast disappears. Aware if USE_TZ is True, else naive.
        visible_from: when it is first shown. None: now, by the database's clock.
        data: any JSON value for the page's own code.

    Returns:
        The stored toast. It is announced when the transaction commits, and never if the
        transaction or its savepoint is rolled back.

    Raises:
        ValueError: an argument breaks its rule, the toast takes more than 8,192 bytes as JSON, or
            there is no such user. Nothing was written. If the user of an instance was deleted in
            the meantime, PostgreSQL requires a transaction around the call to be rolled back.
    """
    revive_connection()
    user_id = existing_key(user)
    content = clean_content(
        {
            "message": message, "level": level, "title": title, "url": url, "actions": actions,
            "key": key, "progress": progress, "duration": duration, "expires_at": expires_at,
            "visible_from": visible_from, "data": data,
        }
    )  # fmt: skip
    return _insert_one(Toast(user_id=user_id, **content))


def _insert_one(toast: Toast) -> Toast:
    # The row of an instance may be gone. The INSERT finds out by itself: another query would take
    # half as long again.
    user_id = toast.user_id
    if _defers_constraints():
        if _has_receivers():  # they get the instance, and must find the key in it
            existing_key(user_id)
        else:
            toast.__dict__["user_id"] = StoredUser(user_id)
    try:
        toast.save(force_insert=True, using=database())
    except IntegrityError as error:
        if any(words in str(error) for words in ("user_id", "FOREIGN KEY")):
            raise ValueError(f"user: no user has the primary key {user_id}.") from error
        raise
    toast.__dict__["user_id"] = user_id
    announce_after_commit([user_id])
    return toast


def _has_receivers() -> bool:
    """Return whether the site's own code gets a signal when a toast is saved."""
    return pre_save.has_listeners(Toast) or post_save.has_listeners(Toast)


def _defers_constraints() -> bool:
    """Return whether the database checks the foreign key only at the end of a transaction."""
    connection = transaction.get_connection(database())
    is_open = connection.in_atomic_block or not connection.get_autocommit()
    return is_open and connection.features.can_defer_constraint_checks


def create_toasts(
    message: Text, users: Iterable[UserOrKey], **content: Unpack[ToastContent]
) -> int:
    """Create one toast for each user, in one transaction.

    There is one INSERT per 1,000 users.

    Args:
        message: as for `create_toast`.
        users: a queryset of users, or an iterable of users and primary keys. A user who is in it
            twice gets one toast.
        content: the other arguments of `create_toast`.

    Returns:
        The number of toasts.

    Raises:
        ValueError: an argument breaks its rule, or a user does not exist. Nothing was written.
    """
    revive_connection()
    cleaned = clean_content({"message": message, **content})
    user_ids: list[Any] = []
    with transaction.atomic(using=database()):
        for chunk in chunked(existing_keys(users), CHUNK):
            _insert(chunk, cleaned)
            user_ids += chunk
        announce_after_commit(user_ids)
    return len(user_ids)


def _insert(user_ids: Sequence[Any], content: Mapping[str, Any]) -> None:
    toasts = (Toast(user_id=user_id, **content) for user_id in user_ids)
    Toast.objects.using(database()).bulk_create(toasts)


async_create_toast = async_twin(create_toast)
async_create_toasts = async_twin(create_toasts)
