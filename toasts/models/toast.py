"""The Toast: a message to one user, its queries, and its form on the wire."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connections, models
from django.db.models import Expression, F, Q, Value, Window
from django.db.models.functions import Cast, Length, Now, RowNumber
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from .. import validation
from ..types import Level
from .fields import UtcDateTimeField


class Row(NamedTuple):
    """The columns of a toast that are sent. Hashable, and cheap to create by the ten thousand.

    ``actions`` and ``data`` are JSON text, which is parsed only when the toast is sent.
    """

    user_id: Any
    id: int
    message: str
    title: str
    level: str
    url: str
    actions: str
    key: str
    progress: int | None
    duration: float | None
    data: str
    created_at: datetime
    expires_at: datetime | None
    read_at: datetime | None = None


_COLUMNS = Row._fields[:-1]
_JSON = ("actions", "data")
UNREAD = Q(read_at__isnull=True)
STARTED = Q(visible_from__lte=Now())
UNEXPIRED = Q(expires_at__isnull=True) | Q(expires_at__gt=Now())


def wire(row: Row) -> dict[str, Any]:
    """Return a toast as the event stream, polling and the HTTP API send it."""
    return {
        "id": row.id,
        "message": row.message,
        "title": row.title,
        "level": row.level,
        "url": row.url,
        "actions": json.loads(row.actions),
        "key": row.key,
        "progress": row.progress,
        "duration": row.duration,
        "data": json.loads(row.data),
        "created_at": moment(row.created_at),
        "expires_at": moment(row.expires_at),
        "read": row.read_at is not None,
    }


def moment(value: datetime | None) -> str | None:
    """Return a time in the format of RFC 3339, in UTC with a Z.

    A naive time, as Django has them if USE_TZ is False, is taken to be in TIME_ZONE.
    """
    if value is None:
        return None
    if value.tzinfo is None:
        value = timezone.make_aware(value)
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _array(keys: Sequence[Any], field: models.Field[Any, Any], connection: Any) -> Any:
    """Return the keys as a parameter for a PostgreSQL array.

    Args:
        keys: values of the field, all of one type.
        field: converts a type of its own, such as a ULID, to one that the driver knows.
        connection: to the database.
    """
    if keys and type(keys[0]) is int:
        # An array literal: the driver takes six times as long to adapt a list.
        return f"{{{','.join(map(str, keys))}}}"
    return [field.get_db_prep_value(key, connection) for key in keys]


class StoredUser(Expression):
    """The primary key of a user as it is stored; NULL if no user has it.

    Args:
        key: the primary key.
    """

    def __init__(self, key: Any) -> None:
        self.column = _user_column()
        super().__init__(output_field=self.column)
        self.key = key

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        return self  # it refers to nothing outside itself

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        quote = connection.ops.quote_name
        table, column = quote(self.column.model._meta.db_table), quote(self.column.column)
        value = self.column.get_db_prep_value(self.key, connection)
        return f"(SELECT {column} FROM {table} WHERE {column} = %s)", (value,)


@functools.cache
def _user_column() -> Any:
    """Return the field of the user model that toasts refer to."""
    user: Any = Toast._meta.get_field("user")
    return user.target_field


class ToastQuerySet(models.QuerySet["Toast"]):
    """A queryset of toasts, newest first by default."""

    def for_user(self, user: Any) -> ToastQuerySet:
        """Return the toasts of a user, given as an instance or a primary key."""
        return self.filter(user=user)

    def unread(self) -> ToastQuerySet:
        """Return the toasts that are not read."""
        return self.filter(UNREAD)

    def started(self) -> ToastQuerySet:
        """Return the toasts that are not scheduled for later, by the database's clock."""
        return self.filter(STARTED)

    def visible(self) -> ToastQuerySet:
        """Return the toasts, read or unread, that have started and not expired."""
        return self.started().filter(UNEXPIRED)

    def active(self) -> ToastQuerySet:
        """Return the active toasts: visible and unread."""
        return self.visible().unread()

    def with_active(self) -> ToastQuerySet:
        """Return the same toasts, each with `is_active`: whether it is in `active`."""
        return self.annotate(is_active=STARTED & UNEXPIRED & UNREAD)

    def newest_active(self, user_ids: Sequence[Any], limit: int) -> Iterator[Row]:
        """Yield the newest `limit` active toasts of each user in one query, oldest first."""
        if connections[self.db].vendor == "postgresql":
            return self._newest_active_lateral(user_ids, limit)
        return self._newest_active_window(user_ids, limit)

    def _newest_active_window(self, user_ids: Sequence[Any], limit: int) -> Iterator[Row]:
        rank = Window(RowNumber(), partition_by=F("user_id"), order_by=F("id").desc())
        texts = {f"{name}_text": Cast(name, models.TextField()) for name in _JSON}
        columns = [f"{name}_text" if name in _JSON else name for name in _COLUMNS]
        rows = (
            self.active()
            .filter(user_id__in=user_ids)
            .annotate(rank=rank, **texts)
            .filter(rank__lte=limit)
            .order_by("id")
            .values_list(*columns)
        )
        return map(Row._make, ((*row, None) for row in rows.iterator()))

    def _newest_active_lateral(self, user_ids: Sequence[Any], limit: int) -> Iterator[Row]:
        distinct = list(dict.fromkeys(user_ids))
        rows = self._newest("newest.*", "ORDER BY newest.id", distinct, limit)
        return map(Row._make, ((*row, None) for row in rows))

    def newest_contents(
        self, user_ids: Sequence[Any], limit: int
    ) -> Iterator[tuple[str, list[int], list[int]]]:
        """Yield the toasts of `newest_active` grouped by content, in no order. PostgreSQL only.

        So a content that thousands of users got is read once. Each item has three parts: the
        columns of a row except user and id, as a JSON array; the users who have such a toast, once
        for each, as positions in `user_ids` that count from 1; and the ids of these toasts.

        A position is right whatever the key's type, and where the column compares without case.
        """
        columns = ", ".join(_COLUMNS[2:])
        return self._newest(
            f"json_build_array({columns})::text, array_agg(position), array_agg(newest.id)",
            f"GROUP BY {columns}",
            user_ids,
            limit,
        )

    def _newest(
        self, wanted: str, end: str, user_ids: Sequence[Any], limit: int
    ) -> Iterator[tuple[Any, ...]]:
        # One probe of the partial index per user, however many unread toasts the user has. A window
        # function would read and sort them all. LIMIT (SELECT ...) hides the limit from the
        # planner, which otherwise chooses a sort for users with more toasts than the average.
        connection = connections[self.db]
        table = connection.ops.quote_name(self.model._meta.db_table)
        field: Any = self.model._meta.get_field("user")
        key_type = field.db_type(connection)
        columns = ", ".join(f"{name}::text" if name in _JSON else name for name in _COLUMNS)
        sql = f"""
            SELECT {wanted}
            FROM unnest(%s::{key_type}[]) WITH ORDINALITY AS wanted(wanted_user, position)
            CROSS JOIN LATERAL (
                SELECT {columns} FROM {table}
                WHERE user_id = wanted.wanted_user AND read_at IS NULL
                  AND visible_from <= statement_timestamp()
                  AND (expires_at IS NULL OR expires_at > statement_timestamp())
                ORDER BY {table}.id DESC LIMIT (SELECT %s)
            ) AS newest
            {end}
        """
        with connection.cursor() as cursor:
            cursor.execute(sql, [_array(user_ids, field, connection), limit])
            yield from cursor  # not fetchall(): a list of ten thousand rows burdens the collector


class Toast(models.Model):
    """A message to one user. It is active until it is read or expires.

    It leaves the screen after its duration, and stays active then.

    Every column except ``user`` and ``message`` has a default in the database. So a plain
    ``INSERT INTO toasts_toast (user_id, message)`` makes a whole toast.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="toasts",
        db_index=False,  # both indexes below begin with the user
    )
    message = models.CharField(max_length=validation.MESSAGE_MAX)
    title = models.CharField(max_length=validation.TITLE_MAX, blank=True, default="", db_default="")
    level = models.CharField(
        max_length=7, choices=Level.choices, default=Level.INFO, db_default=Level.INFO
    )
    url = models.CharField(max_length=validation.URL_MAX, blank=True, default="", db_default="")
    actions = models.JSONField(blank=True, default=list, db_default=Value([], models.JSONField()))
    key = models.CharField(max_length=validation.KEY_MAX, blank=True, default="", db_default="")
    progress = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Per cent, 0 to 100; empty: no progress bar."
    )
    duration = models.FloatField(
        null=True,
        blank=True,
        help_text="Seconds on screen; empty: from the length of the text; 0: stays.",
    )
    data = models.JSONField(blank=True, default=dict, db_default=Value({}, models.JSONField()))
    # The database's clock, not this machine's: a process whose clock is ahead would create toasts
    # that are not visible yet.
    created_at = UtcDateTimeField(db_default=Now(), editable=False)
    updated_at = UtcDateTimeField(db_default=Now(), editable=False)
    visible_from = UtcDateTimeField(db_default=Now(), blank=True)
    expires_at = UtcDateTimeField(null=True, blank=True)
    read_at = UtcDateTimeField(null=True, blank=True)

    objects = ToastQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(F("user"), F("id").desc(), name="toasts_newest"),
            models.Index(
                F("user"), F("id").desc(), condition=Q(read_at__isnull=True), name="toasts_unread"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(level__in=validation.LEVELS), name="toasts_level_known"
            ),
            models.CheckConstraint(
                condition=Q(progress__isnull=True) | Q(progress__range=(0, 100)),
                name="toasts_progress_percent",
            ),
            models.CheckConstraint(
                condition=Q(duration__isnull=True) | Q(duration__gte=0),
                name="toasts_duration_not_negative",
            ),
            models.CheckConstraint(condition=~Q(message=""), name="toasts_message_not_empty"),
            # SQLite does not enforce the length of a varchar.
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("message"), validation.MESSAGE_MAX),
                name="toasts_message_length",
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("title"), validation.TITLE_MAX),
                name="toasts_title_length",
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.message[:80]

    def row(self) -> Row:
        """Return the columns of this toast that are sent."""
        return Row(
            user_id=self.user_id,
            actions=json.dumps(self.actions),
            data=json.dumps(self.data),
            **{
                name: getattr(self, name)
                for name in Row._fields
                if name not in ("user_id", "actions", "data")
            },
        )
