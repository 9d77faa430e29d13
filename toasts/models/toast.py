"""The Toast: one message to one user, and the queries that the product asks of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connections, models
from django.db.models import F, Q, Value, Window
from django.db.models.functions import Cast, Length, Now, RowNumber
from django.db.models.lookups import LessThanOrEqual

from .. import validation as content


class Level(models.TextChoices):
    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


class Row(NamedTuple):
    """A toast as the wire needs it: plain, hashable, cheap to read by the ten thousand.

    ``actions`` and ``data`` are JSON text: they are parsed only when a toast is sent.
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


def wire(row: Row) -> dict[str, Any]:
    """The toast as the page gets it, on the stream, by polling and by the API alike."""
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
    """RFC 3339, in UTC with a Z where the site uses time zones."""
    if value is None:
        return None
    if value.tzinfo is not None:
        value = value.astimezone(UTC)
    return value.isoformat().replace("+00:00", "Z")


def _array(keys: Sequence[Any]) -> Any:
    """Keys as PostgreSQL's array, without doubles."""
    once = list(dict.fromkeys(keys))
    # Its text at once where that is simple: the driver takes six times as long for each.
    return f"{{{','.join(map(str, once))}}}" if once and type(once[0]) is int else once


class ToastQuerySet(models.QuerySet["Toast"]):
    def for_user(self, user: Any) -> ToastQuerySet:
        return self.filter(user=user)

    def unread(self) -> ToastQuerySet:
        return self.filter(read_at__isnull=True)

    def active(self) -> ToastQuerySet:
        """Unread, visible and not expired, by the database's clock."""
        fresh = Q(expires_at__isnull=True) | Q(expires_at__gt=Now())
        return self.unread().filter(fresh, visible_from__lte=Now())

    def newest_active(self, user_ids: Sequence[Any], limit: int) -> Iterator[Row]:
        """The newest `limit` active toasts of each user, oldest first, in one query."""
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
        rows = self._newest("newest.*", "ORDER BY newest.id", user_ids, limit)
        return map(Row._make, ((*row, None) for row in rows))

    def newest_contents(
        self, user_ids: Sequence[Any], limit: int
    ) -> Iterator[tuple[str, list[Any], list[int]]]:
        """What `newest_active` gives, in no order, a content at a time. PostgreSQL only.

        Each is all of a row but its user and id, as a JSON array; the users who have it, once for
        each time that they have it; and the ids of those toasts. What thousands got is read once.
        """
        columns = ", ".join(_COLUMNS[2:])
        return self._newest(
            f"json_build_array({columns})::text, array_agg(user_id), array_agg(newest.id)",
            f"GROUP BY {columns}",
            user_ids,
            limit,
        )

    def _newest(
        self, wanted: str, end: str, user_ids: Sequence[Any], limit: int
    ) -> Iterator[tuple[Any, ...]]:
        # One probe of the partial index per user, however many unread toasts a user has: a window
        # would read and sort them all. So would this for users who have more than the average, if
        # the planner knew the limit: LIMIT (SELECT ...) hides it, and a plan without a sort wins.
        connection = connections[self.db]
        table = connection.ops.quote_name(self.model._meta.db_table)
        key_type = self.model._meta.get_field("user").db_type(connection)
        columns = ", ".join(f"{name}::text" if name in _JSON else name for name in _COLUMNS)
        sql = f"""
            SELECT {wanted} FROM unnest(%s::{key_type}[]) AS woken(its_user)
            CROSS JOIN LATERAL (
                SELECT {columns} FROM {table}
                WHERE user_id = woken.its_user AND read_at IS NULL
                  AND visible_from <= statement_timestamp()
                  AND (expires_at IS NULL OR expires_at > statement_timestamp())
                ORDER BY {table}.id DESC LIMIT (SELECT %s)
            ) AS newest
            {end}
        """
        with connection.cursor() as cursor:
            cursor.execute(sql, [_array(user_ids), limit])
            yield from cursor  # one at a time: ten thousand rows kept are work for the collector


class Toast(models.Model):
    """One message to one user: shown until it is read, hidden or expired.

    Every column but ``user`` and ``message`` has a database default, so that a plain
    ``INSERT INTO toasts_toast (user_id, message)`` makes a whole toast.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="toasts",
        db_index=False,  # both indexes below begin with it
    )
    message = models.CharField(max_length=content.MESSAGE_MAX)
    title = models.CharField(max_length=content.TITLE_MAX, blank=True, default="", db_default="")
    level = models.CharField(
        max_length=7, choices=Level.choices, default=Level.INFO, db_default=Level.INFO
    )
    url = models.CharField(max_length=content.URL_MAX, blank=True, default="", db_default="")
    actions = models.JSONField(blank=True, default=list, db_default=Value([], models.JSONField()))
    key = models.CharField(max_length=content.KEY_MAX, blank=True, default="", db_default="")
    progress = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Per cent, 0 to 100; empty: no progress bar."
    )
    duration = models.FloatField(
        null=True,
        blank=True,
        help_text="Seconds on screen; empty: from the length of the text; 0: stays.",
    )
    data = models.JSONField(blank=True, default=dict, db_default=Value({}, models.JSONField()))
    # The database's clock, not this machine's: a process whose clock runs ahead would hide what
    # it sends.
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    visible_from = models.DateTimeField(db_default=Now(), blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

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
                condition=Q(level__in=content.LEVELS), name="toasts_level_known"
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
            # SQLite does not hold a varchar to its length.
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("message"), content.MESSAGE_MAX),
                name="toasts_message_length",
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("title"), content.TITLE_MAX),
                name="toasts_title_length",
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.message[:80]

    def row(self) -> Row:
        """This toast as the wire needs it."""
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
